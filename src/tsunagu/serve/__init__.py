"""Serve: the composed API (`app`), and the definitions that pipeline and console work with.

The pipeline reads definitions but serves nothing, so the two are entered apart.
"""
