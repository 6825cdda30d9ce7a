"""Kernel facts: what real guests did, done again by simulated ones, fact by fact.

`python -m tests.kernel_facts` (`make facts`) writes the table of all facts to docs/kernel-facts.md.
"""
