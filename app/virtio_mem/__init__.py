"""virtio-mem: the device on the host side, its driver in the guest, and the words between them."""
