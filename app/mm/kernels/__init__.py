"""Compiled kernels over the node's flat arrays: the only room that knows numba.

Kernels return codes and never raise; app.mm gives the codes their meaning.
"""
