"""The grammar of slash-commands, pure: any text becomes commands, problems and hints, in bounded time.

It knows the signatures of commands, not what they do. To read a comment import the package and call `grammar.read`; commands
take their options from `option`, messages about wrong lines come from `errors`.
"""

from bot.commands.grammar.comment import Undecided, one_decision, read

__all__ = ["Undecided", "one_decision", "read"]
