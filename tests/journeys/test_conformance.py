"""`stampbot conformance` against the look-alike: all as assumed, and each assumption turned false is told as different."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.conformance.assumption import Outcome
from bot.conformance.catalog import ASSUMPTIONS
from bot.conformance.run import NotScratch, chosen, refuse_real, tried
from bot.conformance.trial import COMMENT, Trial
from bot.dolthub.client import Hub
from bot.dolthub.errors import HubBusy, HubRefused, HubStrange
from bot.dolthub.sql import Query, Statement
from bot.dolthub.wire import Written
from bot.model.ids import CommentId, CommitHash, Database, PullNo, User
from bot.model.ledger import Row
from bot.model.pull import Comment, Pull, PullState, PullSummary
from tests.world import BOT, World

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
ALL = tuple(each.id for each in ASSUMPTIONS)


def trial(world: World, hub: Hub | None = None, name: str = "t1") -> Trial:
    return Trial(hub=hub or world.deps.at(world.commons).hub, db=world.commons, name=name)


def outcomes(found: Trial, *, writes: bool = True) -> dict[str, tuple[Outcome, str]]:
    return {each.id: (each.outcome, each.says) for each in tried(found, chosen(writes=writes))}


def test_the_look_alike_does_what_is_assumed_and_is_left_as_it_was_told(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.merge_by_hand(pull)
    found = trial(world)
    refuse_real(found.hub, found.db)
    assert outcomes(found) == dict.fromkeys(ALL, (Outcome.AS_ASSUMED, ""))
    assert found.clean_up() == (f"the branch {found.branch} (no endpoint deletes one)",)
    assert world.db.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE 'stampbot%'") == [["0"]]


def test_reading_alone_writes_nothing(world: World) -> None:
    world.merge_by_hand(world.hand_in("pia", "polecat-7", "w-com-001"))
    world.asked.clear()
    found = outcomes(trial(world), writes=False)
    assert {outcome for outcome, _ in found.values()} == {Outcome.AS_ASSUMED}
    assert {operation for operation in world.asked if not operation.startswith(("run", "get", "list"))} == set()


class Lying(Hub):
    """A hub of which one method answers otherwise; everything else is what the look-alike answers."""

    def __init__(self, hub: Hub, **instead: Callable[..., Any]) -> None:
        self.__dict__.update(hub.__dict__)
        self.__dict__.update({name: _bound(act, hub, name) for name, act in instead.items()})


def _bound(act: Callable[..., Any], hub: Hub, name: str) -> Callable[..., Any]:
    real = getattr(hub, name)
    return lambda *args, **more: act(real, *args, **more)


def _rows(words: str, change: Callable[[tuple[Row, ...]], tuple[Row, ...]]) -> Mapping[str, Callable[..., Any]]:
    """Answers whose statement holds `words` are changed."""

    def rows(real: Callable[..., tuple[Row, ...]], db: Database, ref: str, query: Query) -> tuple[Row, ...]:
        found = real(db, ref, query)
        return change(found) if words in query.text else found

    def rows_page(real: Callable[..., tuple[Row, ...]], db: Database, ref: str, query: Query, page: int) -> tuple[Row, ...]:
        found = real(db, ref, query, page)
        return change(found) if words in query.text else found

    return {"rows": rows, "rows_page": rows_page}


def _refusing(words: str) -> Mapping[str, Callable[..., Any]]:
    def rows(real: Callable[..., tuple[Row, ...]], db: Database, ref: str, query: Query) -> tuple[Row, ...]:
        if words in query.text:
            raise HubStrange("not known here")
        return real(db, ref, query)

    return {"rows": rows}


def _set(name: str, value: str) -> Callable[[tuple[Row, ...]], tuple[Row, ...]]:
    return lambda rows: tuple(Row.of({**dict(row.cells), name: value}) for row in rows)


def _forgiving_errors(real: Callable[..., tuple[Row, ...]], db: Database, ref: str, query: Query) -> tuple[Row, ...]:
    try:
        return real(db, ref, query)
    except (HubStrange, HubRefused):
        return ()


def _at_main(real: Callable[..., tuple[Row, ...]], db: Database, ref: str, query: Query) -> tuple[Row, ...]:
    found = real(db, ref, query)
    return found if ref == "main" else found[1:]


def _unchecked(real: Callable[..., Written], db: Database, branch: str, statement: Statement) -> Written:
    return real(
        db, branch, Statement(statement.text.replace("'refused'", "'let through'").replace("note <> 'let through'", "1 = 1"))
    )


def _doubled(real: Callable[..., Written], db: Database, branch: str, statement: Statement) -> Written:
    ended = real(db, branch, statement)
    if "note = 'changed'" in statement.text:
        real(db, branch, Statement(statement.text.replace("'changed'", "'changed again'")))
    return ended


def _writing_nothing(real: Callable[..., Written], db: Database, branch: str, statement: Statement) -> Written:
    return real(db, branch, Statement(statement.text.replace("WHERE id = 'none'", "WHERE id = 'a'")))


def _unguarded(real: Callable[..., Written], db: Database, branch: str, statement: Statement) -> Written:
    return real(db, branch, Statement(statement.text.replace(" AND note = 'two'", "")))


def _another_branch(real: Callable[..., None], db: Database, name: str, *, at: CommitHash) -> None:
    real(db, name, at=at)


def _listed(**more: Any) -> Callable[..., tuple[Comment, ...]]:
    def comments(real: Callable[..., tuple[Comment, ...]], db: Database, number: PullNo) -> tuple[Comment, ...]:
        return tuple(replace(each, **more) for each in real(db, number))

    return comments


def _pulls_of_no_state(real: Callable[..., tuple[PullSummary, ...]], db: Database) -> tuple[PullSummary, ...]:
    return tuple(replace(each, state=PullState.UNKNOWN) for each in real(db))


def _still_open(real: Callable[..., Pull], db: Database, number: PullNo) -> Pull:
    return replace(real(db, number), state=PullState.OPEN)


def _made_in_the_future(real: Callable[..., Pull], db: Database, number: PullNo) -> Pull:
    return replace(real(db, number), created_at=NEVER)


def _second_pull(real: Callable[..., PullNo], db: Database, *, title: str, **more: str) -> PullNo:
    return PullNo(999) if title == "second" else real(db, title=title, **more)


def _merging_again(world: World) -> Callable[..., None]:
    def merge(real: Callable[..., None], db: Database, number: PullNo) -> None:
        if world.state(number) == "merged":
            world.db.push("main", "UPDATE rigs SET display_name = 'merged again' WHERE handle = 'polecat-7'")
        else:
            real(db, number)

    return merge


def lies(world: World) -> dict[str, Mapping[str, Callable[..., Any]]]:
    """For each assumption a host of which it is not true."""
    return {
        "read-at-commit": {"rows": _at_main},
        "missing-database": {"database": lambda _real, _db: True},
        "sql-error": {"rows": _forgiving_errors},
        "cells-are-text": _rows("AS nothing", _set("nothing", "NULL")),
        "table-hashes": _refusing("DOLT_HASHOF_TABLE"),
        "diff-functions": _refusing("FROM dolt_schema_diff"),
        "join-of-commits": _rows(" AS OF ", lambda rows: rows[1:]),
        "history": _rows("FROM dolt_log", lambda _rows: ()),
        "heights": _rows("commit_order", _set("commit_order", "1")),
        "page-order": _rows("LIMIT 3 OFFSET 3", lambda rows: rows[1:]),
        "full-page": _rows("AS two", lambda rows: rows[1:]),
        "long-question": _refusing("'00000000000000000999'"),
        "times": {"pull": _made_in_the_future},
        "pull-states": {"pulls": _pulls_of_no_state},
        "clock": {"time": lambda _real, _db: None},
        "branch-at-commit": _rows("stampbot-conformance/t1-at", _set("head", "0" * 32)),
        "one-commit-a-write": {"write": _doubled},
        "no-op": {"write": _writing_nothing},
        "broken-check": {"write": _unchecked},
        "second-pull": {"open_pull": _second_pull, "close": lambda _real, _db, _number: None},
        "comment-unchanged": {"comments": _listed(body=COMMENT.replace("<b>", ""))},
        "right-to-write": {"may_write": lambda _real, _db: False},
        "merge-commit": {"pull": _still_open},
        "merged-rows": _rows("SELECT note AS note", _set("note", "another")),
        "pull-follows-branch": _rows("id = 'late'", lambda _rows: ()),
        "merged-again": {"merge": _merging_again(world)},
        "guarded-update": {"write": _unguarded},
    }


def test_there_is_a_lie_for_each_assumption(world: World) -> None:
    assert tuple(lies(world)) == ALL


@pytest.mark.parametrize("name", ALL)
def test_an_assumption_that_is_not_true_of_a_host_is_told_as_different(world: World, name: str) -> None:
    world.merge_by_hand(world.hand_in("pia", "polecat-7", "w-com-001"))
    found = trial(world, Lying(world.deps.at(world.commons).hub, **lies(world)[name]))
    (each,) = (each for each in ASSUMPTIONS if each.id == name)
    (result,) = tried(found, [each])
    assert (result.outcome, bool(result.says)) == (Outcome.DIFFERENT, True)


@pytest.mark.parametrize(
    "listed",
    [{"author": User("mallory")}, {"updated_at": NEVER}, {"id": CommentId("another")}],
    ids=["author", "edited", "gone"],
)
def test_a_comment_that_comes_back_otherwise_is_different(world: World, listed: Mapping[str, Any]) -> None:
    found = trial(world, Lying(world.deps.at(world.commons).hub, comments=_listed(**listed)))
    (each,) = (each for each in ASSUMPTIONS if each.id == "comment-unchanged")
    assert tried(found, [each])[0].outcome is Outcome.DIFFERENT


def test_what_cannot_be_tried_says_why(world: World) -> None:
    def busy(_real: Callable[..., bool], _db: Database) -> bool:
        raise HubBusy("503")

    found = outcomes(trial(world, Lying(world.deps.at(world.commons).hub, database=busy)), writes=False)
    assert found["missing-database"] == (Outcome.NOT_TRIED, "DoltHub is busy or away: 503")
    assert found["pull-states"] == (Outcome.NOT_TRIED, "there is no pull")


def test_a_database_with_stamps_is_no_scratch(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.review(pull)
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    with pytest.raises(NotScratch, match="holds stamps"):
        refuse_real(world.deps.at(world.commons).hub, world.commons)
    with pytest.raises(NotScratch, match="does not exist"):
        refuse_real(world.deps.at(world.commons).hub, Database("nobody", "nothing"))


def test_the_command_prints_a_report_without_secrets_and_says_what_differs(world: World) -> None:
    environment = {"STAMPBOT_HUB_URL": world.sandbox.base_url, "STAMPBOT_HUB_TOKEN": f"token-{BOT}", "STAMPBOT_COMMONS": ""}
    world.merge_by_hand(world.hand_in("pia", "polecat-7", "w-com-001"))
    ended = CliRunner().invoke(main, ["conformance", str(world.commons), "--yes", "--json"], env=environment)
    report = json.loads(ended.stdout)
    assert (ended.exit_code, [each["id"] for each in report["results"]]) == (0, list(ALL))
    assert {each["outcome"] for each in report["results"]} == {"as assumed"}
    assert "This writes to" in ended.stderr
    assert f"token-{BOT}" not in ended.output
    world.db.play({"quirk": "refused-question", "what": "hashes", "match": {"database": world.db.name}})
    ended = CliRunner().invoke(main, ["conformance", str(world.commons), "--read-only"], env=environment)
    assert ended.exit_code == 1
    shown = re.sub(r"[│┃\s]+", " ", ended.stdout)
    assert "This changes: Every known table is asked for by name: reviews cost more, and stay the same." in shown


def test_the_command_refuses_what_it_must_not_touch(world: World) -> None:
    environment = {"STAMPBOT_HUB_URL": world.sandbox.base_url, "STAMPBOT_COMMONS": ""}
    ended = CliRunner().invoke(main, ["conformance", str(world.commons)], env=environment)
    assert (ended.exit_code, ended.stderr) == (
        2,
        "stampbot: Writing needs an account: set STAMPBOT_HUB_TOKEN, or use --read-only.\n",
    )
    assert CliRunner().invoke(main, ["conformance", "scratch"], env=environment).exit_code == 2
