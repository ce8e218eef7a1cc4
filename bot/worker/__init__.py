"""PROCESS: the worker. Its jobs look at one pull, sweep one commons, audit main.

Import `jobs`; the work itself is in `converge`, `sweep` and `audit`.
"""
