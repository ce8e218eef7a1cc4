"""Memory in Redis of the stored judgements of 2,000 open pulls: python -m benchmarks.judgements

The pulls are those of the rules' own examples, in turn; then the same number with hostile text in each field. It fails where
either takes more than MEMORY_MAX_MB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from bot.converge.stored import stored_judgement
from bot.model.finding import Finding, Judgement, Level, Place
from bot.model.ids import PullNo
from bot.rulebook import catalog
from bot.rulebook.judge import judge
from bot.rulebook.kit.examples import EXAMPLES
from bot.rulebook.kit.gallery import COMMONS, KINDS, sane
from bot.store import Keys, StoredJudgement, make_redis
from bot.store.topic import Topic
from tests.redis_process import private_redis

PULLS: Final = 2_000
MEMORY_MAX_MB: Final = 40
HOSTILE: Final = "\U0001f600" * 3_000


def main() -> int:
    """Print the table. Exit status."""
    rules = catalog.find()
    snapshots = (*map(sane, KINDS), *(each.pull for each in EXAMPLES))
    examples = [stored_judgement(snapshot, judge(snapshot, rules), snapshot.taken_at) for snapshot in snapshots]
    place = Place(HOSTILE, HOSTILE, HOSTILE)
    finding = Finding(rule="evidence_is_alive", level=Level.FAULT, place=place, says=HOSTILE, remedy=HOSTILE)
    hostile = [stored_judgement(sane(), Judgement(findings=(finding,) * 100), None)]
    found = {"the rules' examples": memory_mb(examples), "hostile text": memory_mb(hostile)}
    print(f"{PULLS:,} stored judgements in Redis, MB\n\n| pulls | MB |\n| --- | --- |")
    for name, size_mb in found.items():
        print(f"| {name} | {size_mb:.1f} |")
    return 0 if max(found.values()) <= MEMORY_MAX_MB else 1


def memory_mb(documents: Iterable[StoredJudgement]) -> float:
    """What a Redis of its own needs for 2,000 pulls that have these documents in turn."""
    given = tuple(documents)
    with private_redis() as server:
        client = make_redis(server.url)
        topic = Topic(client, Keys().at(COMMONS).pulls("judgement"), StoredJudgement)
        before = _used_bytes(client)
        for number in range(PULLS):
            pull = PullNo(number + 1)
            topic.put({pull: replace(given[number % len(given)], pull=pull)})
        return (_used_bytes(client) - before) / 1e6


def _used_bytes(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


if __name__ == "__main__":
    sys.exit(main())
