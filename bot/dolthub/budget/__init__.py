"""How many requests the bot may send to DoltHub, and how the rate follows trouble.

Import `rate_limiter` for the limiter, `shared` for the budget that all processes share.
"""
