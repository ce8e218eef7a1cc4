"""Where else the evidence of a pull was submitted: in completions on main, and in other open pulls.

Spellings do not matter: what is found by its text is read as evidence and compared as the thing it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.converge.bot import Site
from bot.dolthub import sql
from bot.evidence import Evidence, same_thing, spelling
from bot.model.evidence import Probe
from bot.model.ledger import Completion, Row
from bot.model.links import links_in
from bot.model.snapshot import Snapshot, Use

THEIR_LINKS_MAX = 100
"""More than are checked of one's own, so that nothing is submitted unseen behind many others and anew by itself."""
Things = tuple[tuple[str, tuple[Evidence, ...]], ...]
"""By link as written: what it is by its text, and what it turned out to be (a renamed repository's, a short link's goal)."""


def things(sketch: Snapshot, probes: Iterable[Probe], site: Site) -> Things:
    """What this pull submits."""
    done, goals = sketch.completion, {probe.url: probe.final_url for probe in probes if probe.final_url}
    if done is None:
        return ()
    urls = tuple(link.url for link in sketch.links) or (done.evidence,)
    return tuple((url, tuple(site.classify(each) for each in dict.fromkeys((url, goals.get(url, url))))) for url in urls)


def search(handed: Things) -> sql.Query:
    """The query for completions that may hold one of these things."""
    return sql.completions_like(spelling(each) for _, alike in handed for each in alike)


def uses(sketch: Snapshot, handed: Things, rows: Iterable[Row], site: Site) -> tuple[Use, ...]:
    """Every other place of each thing: completions first. This pull's own completion, and what its rig did for its item before,
    are no other place."""
    return tuple(dict.fromkeys((*_on_main(sketch, handed, rows, site), *_in_pulls(sketch, handed, site))))


def _on_main(sketch: Snapshot, handed: Things, rows: Iterable[Row], site: Site) -> Iterator[Use]:
    mine = {change.key for change in sketch.changes.of("completions")}
    for other in map(Completion, rows):
        ours = (other.wanted_id, other.completed_by) == (sketch.item_id, sketch.worker)
        if other.id in mine or ours:
            continue
        for url in _met(handed, other.evidence, site):
            yield Use(url=url, completion=other.id, item=other.wanted_id, rig=other.completed_by)


def _in_pulls(sketch: Snapshot, handed: Things, site: Site) -> Iterator[Use]:
    if not handed:
        return
    for standing in site.store.pulls.verdicts():
        if standing.pull == sketch.pull.number or (standing.item, standing.rig) == (sketch.item_id, sketch.worker):
            continue
        for url in _met(handed, standing.evidence, site):
            yield Use(url=url, pull=standing.pull, item=standing.item, rig=standing.rig)


def same_evidence(one: str, other: str, site: Site) -> bool:
    """Whether two cells of evidence submit one and the same thing, however it is spelled."""
    mine = tuple((each.url, (site.classify(each.url),)) for each in links_in(one, "", THEIR_LINKS_MAX))
    return any(_met(mine, other, site))


def _met(handed: Things, text: str, site: Site) -> Iterator[str]:
    """Links of ours whose thing stands in somebody else's evidence."""
    theirs = [site.classify(each) for each in ([link.url for link in links_in(text, "", THEIR_LINKS_MAX)] or [text])]
    for url, alike in handed:
        if any(same_thing(one, other) for one in alike for other in theirs):
            yield url
