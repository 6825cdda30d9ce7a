"""The guest kernel's memory management: zones, buddy allocator, isolation, migration, hotplug (linux/mm)."""
