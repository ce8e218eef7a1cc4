"""PROCESS without secrets: the prober. It fetches the links of strangers and stores what it saw.

It may import `evidence`, `queue`, `store`, `model` and `log`, and nothing else of the bot.
"""
