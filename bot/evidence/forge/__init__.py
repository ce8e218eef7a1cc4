"""Forges and registries the operator trusts: described in `apis`, asked over their own APIs by `client`.

Import `look`, `catalog`, `descriptor`.
"""
