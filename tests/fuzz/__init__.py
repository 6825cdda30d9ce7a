"""Random guests, policies and schedules: what breaks which law, as scenario files."""
