"""Conformance: what virtio-mem demands of device and driver, row by row, with a test of each row."""
