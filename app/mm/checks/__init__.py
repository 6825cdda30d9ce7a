"""The laws of memory: what each says, whether a node keeps it, and which kernels really break it."""
