"""What else the ledger tells of whoever works or posts: stamps around a worker, claims, latest work, items titled alike."""

from __future__ import annotations

from dataclasses import dataclass

from bot.converge.reads import Rows
from bot.dolthub import sql, wire
from bot.model.ids import Handle
from bot.model.kind import PullKind
from bot.model.ledger import ChangeKind, Completion, Wanted
from bot.model.pull import PullState
from bot.model.snapshot import Snapshot, Surroundings

POSTS_COMPARED_MAX = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """Reads under way."""

    tallies: Rows
    claims: Rows
    completions: Rows
    namesakes: Rows

    def surroundings(self) -> Surroundings:
        """Raises HubError."""
        return Surroundings(
            tallies=tuple(wire.read_tally(row) for row in self.tallies.result()),
            claims=tuple(Wanted(row) for row in self.claims.result()),
            completions=tuple(Completion(row) for row in self.completions.result()),
        )

    def others(self, sketch: Snapshot) -> tuple[Wanted, ...]:
        """Items of the same title as a post of this pull, that are not the post itself. Raises HubError."""
        posted = {change.key for change in sketch.changes.of("wanted", ChangeKind.ADDED)}
        return tuple(item for item in map(Wanted, self.namesakes.result()) if item.id not in posted)


def queries(sketch: Snapshot, worker: Handle | None) -> tuple[sql.Query, sql.Query, sql.Query, sql.Query]:
    """What to read, in the order of `Asked`. Only of pulls that are to be decided, and only what their kind has use for."""
    is_open = sketch.pull.state is PullState.OPEN
    about = worker if is_open and sketch.kind is PullKind.WORK else None
    posts = sketch.changes.of("wanted", ChangeKind.ADDED)[:POSTS_COMPARED_MAX] if is_open else ()
    titles = [change.new("title") or "" for change in posts]
    return (
        sql.tallies_around(about) if about else sql.NOTHING,
        sql.claims_of(about) if about else sql.NOTHING,
        sql.latest_completions_of(about) if about else sql.NOTHING,
        sql.items_titled(titles),
    )
