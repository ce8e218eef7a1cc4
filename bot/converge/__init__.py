"""The verb: bring one pull to where it should be. Observe, judge, plan, perform.

Import `converge.converge` to look at a pull, `bot` for the parts it needs.
"""
