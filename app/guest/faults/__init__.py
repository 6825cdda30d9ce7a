"""Faults at run time: rules that make a device, a driver or a whole guest fail as real ones do."""
