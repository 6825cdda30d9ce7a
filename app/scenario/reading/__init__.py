"""Scenario files: from text to a script, naming the line of what is wrong."""
