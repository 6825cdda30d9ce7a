"""Failure files: a guest, its faults and what is done to it, in one file that anybody can play again."""
