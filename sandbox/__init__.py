"""A DoltHub look-alike over doltlite, for the demo, the tests and for trying a rule: `python -m sandbox`.

It imports nothing of `bot`; of `bot` only `demo` starts it.
"""
