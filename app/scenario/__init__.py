"""Scenarios: small starts, interleaved acts, and what every policy makes of them, as data."""
