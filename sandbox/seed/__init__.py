"""The seeded Wasteland: people, items, history, and pulls of every kind.

Import `build`.
"""
