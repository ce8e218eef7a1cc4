"""Slash-commands, pure: the grammar, who may decide, and one file per command."""
