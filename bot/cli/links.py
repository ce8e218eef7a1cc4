"""What the evidence check finds at a link."""

from __future__ import annotations

import sys
from dataclasses import replace

import click
from rich.console import Console

from bot.cli.arguments import as_json
from bot.cli.shared import console, settings_of
from bot.log import visible
from bot.model.evidence import Probe, Seen
from bot.terminal import COULD_NOT_TELL, FINDING, FINE, cells, print_json, table

_STATUS = {Seen.VERIFIED: FINE, Seen.REACHABLE: FINE, Seen.UNKNOWN: COULD_NOT_TELL}


@click.command()
@click.argument("url")
@click.option("--allow", multiple=True, metavar="NETWORK", help="A network that may be reached although it is not public.")
@as_json
def probe(url: str, allow: tuple[str, ...], as_json: bool) -> None:
    """What the evidence check sees at a URL: what it is, verdict, facts, every hop and the address dialled.

    A link of a forge in [forges], of GitHub where STAMPBOT_GITHUB_TOKEN is set, or of a registry in [registries] is looked up
    over its own API.
    Others are fetched once and at once, without the pauses, second tries and network check of the prober.

    \b
    Examples:
      stampbot probe https://example.org/
      stampbot probe http://127.0.0.1:8000/ --allow 127.0.0.0/8
    """
    from bot import wiring
    from bot.evidence import as_known, networks, without_looking
    from bot.evidence import probe as look_at

    settings = settings_of(commons_needed=False)
    try:
        policy = wiring.fetch_policy(settings, allow=networks(allow))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--allow") from error
    forges = wiring.forges(settings)
    what = forges.classify(url)
    seen = forges.look(url, urgent=True) or without_looking(what, wiring.now())
    if seen is None:
        found = as_known(look_at(url, policy=policy, now=wiring.now, doubt_weak_hosts=True), forges.hosts)
        seen = replace(found, kind=what.kind.code, label=what.kind.label, key=what.key)
    if as_json:
        print_json(seen)
    else:
        print_probe(console(), seen)
    sys.exit(status_of_probe(seen))


def status_of_probe(probe: Probe) -> int:
    """Exit status: 0 something answers, 1 it does not or may not be fetched, 3 not known."""
    return _STATUS.get(probe.seen, FINDING)


def print_probe(console: Console, probe: Probe) -> None:
    """What was seen at a link, for people."""
    facts = (
        ("seen", f"{probe.seen.value} ({probe.reason})"),
        ("kind", probe.kind),
        ("key", probe.key),
        ("status", probe.status),
        ("type", probe.content_type),
        ("title", probe.title),
        ("ended at", probe.final_url),
        ("sha256", probe.sha256),
        *((name.replace("_", " "), value) for name, value in probe.facts if name != "title"),
    )
    console.print(table(visible(probe.url), ("fact", ""), [cells(k, v) for k, v in facts if v not in ("", None)]))
    if probe.hops:
        hops = [cells(n, h.url, h.address, h.status or "", h.note) for n, h in enumerate(probe.hops, 1)]
        console.print(table("Hops", ("", "url", "address dialled", "status", "note"), hops))
