"""One simulated guest: memory, devices and a clock; filled by a workload, or as a real machine was found."""
