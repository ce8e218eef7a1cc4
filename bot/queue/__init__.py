"""RQ and nothing else: jobs are enqueued, filtered and run in threads here.

Import `enqueue` to ask for work, `threads` to do it.
"""
