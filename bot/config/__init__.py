"""Environment and `stampbot.toml` become one frozen `Settings`, or a list of every problem in them.

Import `settings`.
"""
