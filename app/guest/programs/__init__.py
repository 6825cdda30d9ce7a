"""What a guest's programs do over time, what that does to its memory, and what its kernel tells of it."""
