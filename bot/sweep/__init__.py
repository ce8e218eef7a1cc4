"""Which pulls need a look, and when: comments, heads, main and the list of pulls are polled here.

Import `sweep`.
"""
