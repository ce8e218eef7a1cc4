"""Rows as they stand on main, whoever wrote them: read, checked, and the way back from a stamp.

Import `checks`, `rows`, `incremental` or `revert`.
"""
