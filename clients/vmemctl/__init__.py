"""What `vmemctl` is made of: its commands by what they act on, and what they show on a terminal."""
