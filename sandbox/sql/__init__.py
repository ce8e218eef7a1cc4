"""Dolt's SQL over doltlite: statements translated, databases forked, read, written and merged.

Import `store`.
"""
