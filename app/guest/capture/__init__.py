"""A real machine's memory, from the file that clients/capture.py writes to a guest of the same pages."""
