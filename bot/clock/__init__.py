"""PROCESS: the clock. It enqueues a sweep of each commons at fixed intervals and writes its heartbeat.

Import `clock` to run it, `heartbeat` to read whether it lives.
"""
