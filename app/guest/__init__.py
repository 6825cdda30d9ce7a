"""One simulated guest: its memory, devices and clock, and the ways to fill it: a workload, or a real machine's capture."""
