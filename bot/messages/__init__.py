"""Every text the bot posts, pure. Foreign text enters Markdown through `md` and nowhere else.

Import `reviews`, `answers`, `notices`; `words` for pieces that several texts share.
"""
