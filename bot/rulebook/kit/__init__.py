"""For authors of rules: example pulls, rules shown on them, and the draft of a new rule.

The command line and the tests import from here; rules do not.
"""
