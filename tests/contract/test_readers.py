"""What the tools that read a commons show of a stamp that `/accept` landed: their own questions, asked of real rows.

`readers.sql` holds the questions, each with the function it is of. What a tool makes of an answer in code (Go's integers,
its numbers, its maps) is said here, next to what it comes to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model.ids import CompletionId, stamp_id
from bot.model.policy import RatingStyle
from tests.world import World

READERS = Path(__file__).with_name("readers.sql")
WORKER = "polecat-7"
GT_COLUMNS = ("ALTER TABLE stamps ADD COLUMN stamp_type VARCHAR(32)", "ALTER TABLE stamps ADD COLUMN stamp_index INT")
"""What gt's stamps have beside those of a commons of schema 1.2 (gt internal/doltserver/wl_commons.go)."""


def questions() -> Mapping[str, str]:
    """SQL by the reader's name."""
    parts = re.split(r"^-- ([a-z ]+): \S.*$", READERS.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {name: " ".join(text.split()) for name, text in zip(parts[::2], parts[1::2], strict=True)}


READER = questions()


class Unanswered(Exception):
    """The SQL error that a reader gets."""


def ask(world: World, reader: str, **about: str) -> list[dict[str, str | None]]:
    """Rows as a reader gets them from DoltHub. Raises Unanswered where it gets an error."""
    text = re.sub(r":([a-z]+)\b", lambda name: f"'{about[name[1]]}'", READER[reader])
    data = world.db.api("POST", "/sql", json={"ref": "main", "q": text}).json()["data"]
    if data["status"] != "success":
        raise Unanswered(data["message"])
    return [dict(zip([c["name"] for c in data["columns"]], row, strict=True)) for row in data["rows"]]


def one(world: World, reader: str, **about: str) -> dict[str, str | None]:
    (row,) = ask(world, reader, **about)
    return row


def accept(world: World, item: str, command: str) -> tuple[str, str]:
    """Work of polecat-7's, submitted and accepted; ids of completion and stamp."""
    pull = world.hand_in("pia", WORKER, item)
    world.review(pull)
    world.comment(pull, "ana", command)
    world.settle()
    done = one(world, "item", item=item)
    stamp = stamp_id(world.commons, CompletionId(done["id"] or ""))
    assert (done["completed_by"], done["stamp_id"], done["validated_by"]) == (WORKER, stamp, "ana-town")
    return done["id"] or "", stamp


def as_float(cell: str | None) -> float:
    """Go's strconv.ParseFloat: an error for anything else than a number."""
    return float(cell or "")


def as_ints(valence: str | None) -> tuple[int, int]:
    """Go's json.Unmarshal into integers, its error dropped: what is no whole number stays 0 (wl item view, feed)."""
    read = json.loads(valence or "{}")
    quality, reliability = (value if type(value := read.get(name)) is int else 0 for name in ("quality", "reliability"))
    return quality, reliability


def as_floats(valence: str | None) -> dict[str, float] | None:
    """Go's json.Unmarshal into a map of numbers: none at all where one is a word (gt parseValenceJSON)."""
    read = json.loads(valence or "null")
    return read if isinstance(read, dict) and all(type(v) in (int, float) for v in read.values()) else None


def test_every_reader_shows_what_was_decided(world: World) -> None:
    done, stamp = accept(world, "w-com-001", '/accept -q 4 -r 5 -s branch --skills Go,sql -c 0.8 --message "Clean."')

    assert one(world, "leaderboard") == {
        "completed_by": WORKER,
        "completions": "1",
        "avg_quality": "4",
        "avg_reliability": "5",
    }
    assert one(world, "scoreboard") == {
        "subject": WORKER,
        "stamp_count": "1",
        "weighted_score": "3",
        "unique_towns": "1",
        "avg_quality": "4",
        "avg_reliability": "5",
        "avg_creativity": "0",
    }
    for reader in ("leaderboard skills", "scoreboard skills"):
        tags = json.loads(one(world, reader, rig=WORKER)["skill_tags"] or "")
        assert [tag.lower() for tag in tags] == ["go", "sql"]
    assert one(world, "scoreboard completions", rig=WORKER)["completions"] == "1"
    assert one(world, "scoreboard names", rig=WORKER)["display_name"] == WORKER
    assert one(world, "scoreboard detail severities", rig=WORKER) == {"subject": WORKER, "severity": "branch", "cnt": "1"}
    detail = one(world, "scoreboard detail", rig=WORKER)
    assert (as_float(detail["quality"]), as_float(detail["reliability"])) == (4, 5)
    assert (detail["author"], detail["message"], bool(detail["created_at"])) == ("ana-town", "Clean.", True)
    history = one(world, "scoreboard detail completions", rig=WORKER)
    assert (history["wanted_id"], history["wanted_title"]) == ("w-com-001", "Mend the w-com-001 relay")
    assert history["validated_at"] == detail["created_at"]

    shown = one(world, "item stamp", stamp=stamp)
    assert as_ints(shown["valence"]) == (4, 5)
    assert (shown["author"], shown["subject"], shown["severity"]) == ("ana-town", WORKER, "branch")
    assert (shown["context_id"], shown["context_type"]) == (done, "completion")
    feed = one(world, "profile", rig=WORKER)
    assert (feed["id"], feed["evidence"], as_ints(feed["valence"])) == (stamp, world.evidence + "/ok", (4, 5))
    assert list(one(world, "trust completions", rig=WORKER).values()) == ["1"]
    assert one(world, "trust", rig=WORKER) == {"stamp_count": "1", "avg_quality": "4", "distinct_validators": "1"}

    # gt asks for two columns that a commons of schema 1.2 has not: there its character sheet can show nobody's stamps.
    with pytest.raises(Unanswered, match="stamp_type"):
        ask(world, "character sheet", rig=WORKER)
    world.db.push("main", *GT_COLUMNS)
    sheet = one(world, "character sheet", rig=WORKER)
    assert as_floats(sheet["valence"]) == {"quality": 4, "reliability": 5}
    assert (as_float(sheet["confidence"]), sheet["context_type"], sheet["severity"]) == (0.8, "completion", "branch")
    assert (sheet["stamp_type"], sheet["stamp_index"], sheet["prev_stamp_hash"]) == ("", "-1", "")


def test_ratings_as_words_are_lost_on_every_reader_and_break_one_for_everybody(world: World) -> None:
    world.policy = replace(world.policy, rating=RatingStyle.WORDS)
    _, stamp = accept(world, "w-com-001", "/accept -q good -r 5")

    shown = one(world, "item stamp", stamp=stamp)
    assert json.loads(shown["valence"] or "") == {"quality": "good", "reliability": "excellent"}
    assert as_ints(shown["valence"]) == (0, 0)
    assert as_floats(shown["valence"]) is None
    detail = one(world, "scoreboard detail", rig=WORKER)
    with pytest.raises(ValueError, match='"good"'):
        as_float(detail["quality"])
    # What does not look at the rating still counts the work.
    assert one(world, "leaderboard") == {
        "completed_by": WORKER,
        "completions": "1",
        "avg_quality": "0",
        "avg_reliability": "0",
    }
    scoreboard = one(world, "scoreboard")
    assert (scoreboard["stamp_count"], scoreboard["weighted_score"], scoreboard["avg_quality"]) == ("1", "1", "0")
    assert one(world, "scoreboard completions", rig=WORKER)["completions"] == "1"
    assert one(world, "trust", rig=WORKER) == {"stamp_count": "1", "avg_quality": "0", "distinct_validators": "1"}
    assert one(world, "profile", rig=WORKER)["id"] == stamp
