"""DoltHub over HTTP: errors, SQL text, one connection, two API dialects, the client, and reading what a pull changes.

Import `client`, `diff`, `sql` and `errors`; `requests` and `urllib3` are imported by `connection` alone.
"""
