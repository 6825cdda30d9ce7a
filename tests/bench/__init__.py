"""Benchmarks: everything under "Speed and memory", measured in one run (`python -m tests.bench`, `make bench`).

Ratios against a yardstick measured in the same run, medians of several rounds. Nothing here asserts on seconds.
"""
