"""The web page of the sandbox: databases, pulls, comments, and a form to act as any user.

Import `page`.
"""
