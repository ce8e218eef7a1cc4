"""The HTTP side: both APIs, users and rights, jobs, webhooks, planned faults.

Import `app` for the whole WSGI application.
"""
