"""The command line `stampbot`, also `python -m bot`.

Exit status: 0 fine · 1 a finding or refusal · 2 wrong use · 3 not known.
"""

from __future__ import annotations

from importlib.metadata import version

import click

from bot.cli import audits, catalogues, commons, conformance, doctor, init, links, pulls, run, serving

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(version("stampbot"), prog_name="stampbot")
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


for command in (
    serving.demo,
    init.init,
    run.run,
    serving.web,
    serving.worker,
    serving.prober,
    serving.clock,
    pulls.review,
    pulls.explain,
    pulls.converge,
    pulls.decide,
    commons.sweep,
    commons.queue,
    audits.audit,
    audits.revert,
    doctor.doctor,
    conformance.conformance,
    links.probe,
    catalogues.rules,
    catalogues.commands,
    catalogues.settings,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
