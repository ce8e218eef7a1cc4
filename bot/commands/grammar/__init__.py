"""The grammar of slash-commands, pure: any text becomes commands, errors and hints, in bounded time.

Import `comment` to read a comment; commands use `option` for their options.
"""
