"""vmemsim: simulated guest memory, and the virtio-mem device that grows and shrinks it."""
