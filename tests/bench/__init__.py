"""Benchmarks: speed and memory, all measured in one run (`python -m tests.bench`, which is `make bench`).

Ratios against a yardstick of the same run, medians of several rounds. Nothing here asserts on seconds.
"""
