"""Look-alikes of code forges and artifact registries, and the pages that evidence points at.

Import `beside` to start them all.
"""
