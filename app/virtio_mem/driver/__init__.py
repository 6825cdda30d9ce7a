"""The guest's virtio-mem driver: plugs and unplugs sub-blocks of memory blocks until the target is met."""
