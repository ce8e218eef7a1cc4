"""PROCESS: the web server. It turns webhooks into jobs and serves health and metrics.

Only the command line and the demo start it; no other room imports from it.
"""
