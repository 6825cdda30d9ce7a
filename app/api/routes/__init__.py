"""Paths and methods: each handler reads a request, asks one operation, and writes the answer."""
