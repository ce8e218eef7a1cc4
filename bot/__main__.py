"""The command line `stampbot`, also `python -m bot`.

Exit status: 0 fine · 1 a finding or refusal · 2 wrong use · 3 not known.
"""

from __future__ import annotations

from importlib import import_module

import click

from bot import __version__

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_TOPICS = {
    "demo": "serving",
    "init": "init",
    "run": "run",
    "web": "serving",
    "worker": "serving",
    "prober": "serving",
    "clock": "serving",
    "review": "pulls",
    "check": "pulls",
    "explain": "pulls",
    "converge": "pulls",
    "decide": "pulls",
    "sweep": "commons",
    "queue": "commons",
    "digest": "digests",
    "audit": "audits",
    "revert": "audits",
    "doctor": "doctor",
    "conformance": "conformance",
    "probe": "links",
    "rules": "catalogues",
    "commands": "catalogues",
    "settings": "catalogues",
}
"""The file in bot/cli that holds a command, by the command's name, in the order of the help."""


class _Commands(click.Group):
    """Imports the command that is asked for, and no other: each of the bot's processes is one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_TOPICS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return commands(cmd_name).get(cmd_name)


def commands(*names: str) -> dict[str, click.Command]:
    """The commands of these names, as far as there are any; without a name all of them."""
    return {name: getattr(import_module(f"bot.cli.{_TOPICS[name]}"), name) for name in names or _TOPICS if name in _TOPICS}


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="stampbot")
def main() -> None:
    """The validator's review bot for a Wasteland commons on DoltHub.

    \b
    Without any account, a whole small Wasteland on this machine:
      stampbot demo
    The settings of a new installation, then the bot with them:
      stampbot init
      stampbot explain 'hop/wl-commons#12'
      stampbot run --redis ./data
    """


if __name__ == "__main__":
    main()
