"""How Linux releases differ: switches, policies of them by name and as text, and what follows from one."""
