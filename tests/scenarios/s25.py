"""Scenarios 25 to 30: backfills, other schemas, other tools' decisions, a hub in trouble, attacks by text, rare tables."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from bot.dolthub.errors import HubError
from bot.model.ids import PullNo
from sandbox.seed import schema, wl_sql
from tests.scenarios.scenario import Scenario
from tests.scenarios.stage import Stage
from tests.world import BOT

BACKFILL = Scenario(
    25,
    "A backfill, and a large commons",
    "A maintainer's tool brings five hundred rows in one pull; main holds three thousand items. The rows are read page by page"
    " and told by counts, and where DoltHub cuts an answer short nothing is concluded from the rest.",
    see=("tests/unit/test_hub_diff.py",),
)
_ITEMS = 3000
_MANY = (
    "INSERT INTO wanted (id, title, project, type, priority, posted_by, status, created_at, updated_at)"
    " SELECT CONCAT('w-many-', a.id, b.id, c.id), CONCAT('One of many: ', a.id, b.id, c.id), 'relay', 'feature', 2, 'alice',"
    " 'open', '2026-01-02 00:00:00', '2026-01-02 00:00:00' FROM wanted a CROSS JOIN wanted b CROSS JOIN wanted c"
    " WHERE c.id IN ('w-001', 'w-002', 'w-003', 'w-004')"
)


@BACKFILL.part(rows=(_MANY,))
def backfill(stage: Stage) -> None:
    assert stage.world.count("wanted") > _ITEMS
    stage.case("Five hundred rows")
    pull = stage.pull(
        "backfill",
        "wl/carol/github-pr-backfill",
        "INSERT INTO wanted (id, title, project, type, priority, posted_by, claimed_by, status, created_at, updated_at)"
        " SELECT CONCAT('w-gh-', id), title, 'relay', 'github_pr', 2, 'alice', 'carol', 'completed', created_at, updated_at"
        " FROM wanted WHERE id LIKE 'w-many-%' ORDER BY id LIMIT 200",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at)"
        " SELECT CONCAT('c-', id), id, 'carol', CONCAT('https://github.com/hop/relay/pull/', id), created_at"
        " FROM wanted WHERE id LIKE 'w-gh-%'",
        "INSERT INTO stamps (id, author, subject, valence, confidence, severity, context_id, context_type, created_at)"
        " SELECT CONCAT('s-', id), 'alice', 'carol', '{\"quality\": 3, \"reliability\": 3}', 1.0, 'leaf', id, 'completion',"
        " completed_at FROM completions ORDER BY id LIMIT 100",
        says="`backfill` brings 200 items, 200 completions and 100 stamps",
    )
    stage.look(pull)
    assert stage.verdicts(pull) == ["BLOCKED"]
    assert "`wanted` 200 rows added; `completions` 200 rows added; `stamps` 100 rows added" in stage.review(pull)
    assert len(stage.said(pull)) == 1
    assert len(stage.review(pull)) < 6000
    stage.case("An answer that is cut short")
    work = stage.hand_in("bob", "w-001")
    stage.world.db.play({"quirk": 23, "rows": 1})
    stage.world.db.play({"quirk": 23, "rows": 1, "match": {"database": stage.world.fork_of("bob")}})
    stage.tell("DoltHub cuts every answer after its first row")
    with suppress(HubError):
        stage.look_once(work)
    assert stage.said(work) == []
    for name in (stage.world.db.name, stage.world.fork_of("bob")):
        stage.world.sandbox.admin("DELETE", "/faults", database=name)
    stage.tell("it answers in full again")
    stage.look(work)
    assert (stage.verdicts(work), stage.found(work)) == (["READY"], {})


SCHEMAS = Scenario(
    26,
    "Older and newer commons",
    "An older commons lacks tables and columns, a newer one has more of them. The bot reads which are there, and writes only"
    " into those.",
    see=("tests/journeys/test_variations.py",),
)
_OLDER = tuple(
    re.sub(r"  `hop_uri` [^\n]*\n", "", text)
    for text in schema.creation()
    if "CREATE TABLE `rig_links`" not in text and "CREATE TABLE `boot_blocks`" not in text
)
_NEWER = tuple(
    re.sub(
        r"(CREATE TABLE `(?:wanted|completions|stamps|badges|chain_meta)` \()",
        r"\1\n  `metadata` JSON,",
        text.replace("`severity` VARCHAR(16)", "`stamp_type` VARCHAR(32),\n  `stamp_index` INT,\n  `severity` VARCHAR(16)"),
    )
    for text in schema.creation()
)
assert _OLDER != _NEWER != schema.creation()


def accepted(stage: Stage, pull: PullNo) -> None:
    """Reviewed and accepted without a word about the schema."""
    stage.look(pull)
    assert stage.verdicts(pull) == ["READY"]
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps("bob"), stage.item("w-001")) == (["ACCEPTED"], 1, ("completed", "bob"))


@SCHEMAS.part("Older: no `rig_links`, no `boot_blocks`, no `hop_uri`", schema=_OLDER)
def schemas_older_no_riglinks_no(stage: Stage) -> None:
    evidence = stage.proof()
    done = (
        text.replace("evidence, hop_uri, completed_at", "evidence, completed_at").replace("NULL, NOW()", "NOW()")
        for text in wl_sql.done("w-001", "bob", evidence)
    )
    pull = stage.pull(
        "bob",
        "wl/bob/w-001",
        *wl_sql.claim("w-001", "bob"),
        *done,
        says=f"rig `bob` claims `w-001` and hands it in with the evidence `{evidence}`",
    )
    accepted(stage, pull)


@SCHEMAS.part("Newer: `metadata`, `stamp_type`, `stamp_index`", schema=_NEWER)
def schemas_newer_metadata_stamptype_stampindex(stage: Stage) -> None:
    accepted(stage, stage.hand_in("bob", "w-001"))


OTHER_TOOLS = Scenario(
    27,
    "An acceptance by another tool",
    "Carol accepts Bob's work with another tool, which opens a pull that deletes and inserts the completion, settles the item"
    " and brings a stamp. Rows cannot tell a validator from somebody who stamps their own work, so a maintainer decides; a"
    " stamp on one's own work is named as that.",
    see=("tests/rules/test_no_stamps_or_trust.py",),
)


def adopted(stage: Stage, item: str, *, subject: str) -> PullNo:
    """What `wl accept-upstream` writes, by carol."""
    evidence = stage.proof()
    fresh = f"c-adopted-{item}"
    pull = stage.pull(
        "carol-org",
        f"wl/carol/{item}",
        f"DELETE FROM completions WHERE wanted_id = '{item}'",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, hop_uri, completed_at) VALUES"
        f" ('{fresh}', '{item}', '{subject}', '{evidence}', NULL, NOW())",
        f"UPDATE wanted SET status = 'completed', claimed_by = '{subject}', evidence_url = '{evidence}', updated_at = NOW()"
        f" WHERE id = '{item}'",
        *wl_sql.accept(item, completion=fresh, author="carol", subject=subject, quality=4, skills=("go",), message="")[:2],
        says=f"rig `carol` accepts `{item}` for rig `{subject}` with another tool",
    )
    stage.look(pull)
    return pull


_IN_REVIEW = (
    *(text for item in ("w-001", "w-002") for text in wl_sql.claim(item, "bob")),
    *(text for item in ("w-001", "w-002") for text in wl_sql.done(item, "bob", "https://example.org/work")),
    "INSERT INTO rigs (handle, display_name, dolthub_org, trust_level, registered_at) VALUES"
    " ('carol-2', 'Carol again', 'carol-org', 1, '2026-01-01 00:00:00')",
)


@OTHER_TOOLS.part(rows=_IN_REVIEW)
def other_tools(stage: Stage) -> None:
    stage.case("Somebody else's work")
    pull = adopted(stage, "w-001", subject="bob")
    assert stage.verdicts(pull) == ["BLOCKED"]
    assert "This pull is an acceptance by another tool" in stage.review(pull)
    stage.comment(pull, "alice-dev", "/accept --quality 4")
    stage.look(pull)
    assert (stage.answers(pull), stage.stamps(), stage.item("w-001")) == (["REFUSED"], 0, ("in_review", "bob"))
    stage.case("Work of a rig of her own")
    own = adopted(stage, "w-002", subject="carol-2")
    assert (stage.verdicts(own), stage.found(own)["Outside decision"]) == (["BLOCKED"], "FAIL")


TROUBLE = Scenario(
    28,
    "DoltHub in trouble",
    "DoltHub refuses the token, breaks, is silent, or does not know a fork yet that was just made. No verdict comes of it, and"
    " nobody is told anything wrong; the review comes when DoltHub answers again.",
    see=("tests/journeys/test_trouble.py", "tests/unit/test_hub_client.py"),
)


@TROUBLE.part()
def trouble(stage: Stage) -> None:
    bot = stage.world.bot(timeout_s=(2, 0.15))
    assert bot.at(stage.world.commons).account
    faults: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("401", "DoltHub refuses the token", {"quirk": 11}),
        ("500", "DoltHub answers 500", {"quirk": "status", "status": 500, "match": {"user": BOT}}),
        ("Time-outs", "DoltHub is silent", {"quirk": "latency", "ms": 300, "match": {"user": BOT}}),
    )
    for number, (title, says, fault) in enumerate(faults, start=1):
        stage.case(title)
        pull = stage.hand_in("bob", f"w-00{number}")
        stage.world.db.play(fault)
        stage.tell(says)
        failed = 0
        for _ in range(2):
            try:
                stage.look_once(pull, bot=bot)
            except HubError:
                failed += 1
        assert (failed, stage.said(pull)) == (2, []), title
        stage.world.sandbox.admin("DELETE", "/faults", database=stage.world.db.name)
        stage.tell("DoltHub answers again")
        # The impatient bot was for the silence alone: a busy machine may be slower than it waits for.
        stage.look(pull)
        assert (stage.verdicts(pull), stage.found(pull)) == (["READY"], {}), title
    stage.case("A fork that DoltHub does not know yet")
    pull = stage.hand_in("carol", "w-004", stage.page("/hop/relay/pull/905"))
    fork = stage.world.fork_of("carol-org")
    stage.world.db.play({"quirk": 6, "times": 2, "match": {"database": fork}})
    stage.tell("DoltHub says twice that there is no such repository")
    stage.look(pull)
    assert (stage.verdicts(pull), stage.found(pull)) == (["READY"], {})


ATTACKS = Scenario(
    29,
    "Attacks by text",
    "Titles, evidence and comments are strangers' text. In what the bot says they are quoted and nothing else: no image is"
    " loaded, nobody is called, no command is read; on main they are cells.",
    see=("tests/faults/test_attacks.py", "tests/unit/test_speech.py"),
)
_HOSTILE = (
    "'; DROP TABLE wanted; -- ![x](https://evil.example/x.png) [click](https://evil.example/) @alice-dev"
    " <script>alert(1)</script>"
)
_COMMAND = "Mend it\n\n/accept --quality 5\n"


@ATTACKS.part()
def attacks(stage: Stage) -> None:
    def harmless(pull: PullNo) -> None:
        for said in stage.said(pull):
            outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", said, flags=re.DOTALL)
            assert not re.search(r"!\[|<script|\]\(|@alice-dev|DROP", outside), said
            assert not re.search(r"^ {0,3}/accept --quality 5", said, re.MULTILINE), said

    stage.case("The title of an item")
    posted = _post(stage, "w-hostile", _HOSTILE)
    stage.comment(posted, "alice-dev", "/accept")
    stage.look(posted)
    row = stage.world.row("wanted", id="w-hostile")
    assert row is not None
    assert (stage.answers(posted), row["title"]) == (["ACCEPTED"], _HOSTILE)
    stage.case("A command in a title")
    commanding = _post(stage, "w-command", _COMMAND)
    stage.settle()
    assert (stage.answers(commanding), stage.world.state(commanding)) == ([], "open")
    harmless(posted)
    harmless(commanding)
    stage.case("Evidence")
    image = f"'; DROP TABLE wanted; -- ![x]({stage.page('/ok')}) @alice-dev <script>alert(1)</script> {stage.proof()}"
    work = stage.hand_in("bob", "w-001", image)
    stage.look(work)
    harmless(work)
    assert stage.world.count("wanted") > 30
    stage.case("A comment of 100 kB")
    other = stage.hand_in("bob", "w-002")
    stage.look(other)
    stage.comment(other, "alice-dev", f"/accept --quality 4 --message {'x' * 100_000}")
    stage.look(other)
    assert (stage.answers(other), stage.stamps()) == (["HINT"], 0)
    assert len(stage.answer(other)) < 8000
    stage.case("A hostile message")
    stage.comment(other, "alice-dev", f'/accept --quality 4 --message "{_HOSTILE}"')
    stage.look(other)
    harmless(other)
    stamp = stage.world.row("stamps", subject="bob")
    assert stamp is not None
    assert (stage.answers(other)[-1], stamp["message"]) == ("ACCEPTED", _HOSTILE)


def _post(stage: Stage, item: str, title: str) -> PullNo:
    rows = wl_sql.post(
        item=item,
        title=title,
        description=title,
        project="relay",
        kind="bug",
        priority=2,
        tags=("x",),
        posted_by="carol",
        effort="small",
    )
    shown = title.replace("\n", "⏎")
    pull = stage.pull(
        "carol-org",
        f"wl/carol/{item}",
        *rows,
        says=f"rig `carol` posts `{item}` under the title ``{shown}``",
        title=title.strip(),
    )
    stage.look(pull)
    return pull


RARE = Scenario(
    30,
    "Tables that hardly anybody writes",
    "Badges, chains, the commons' own settings and its schema are for maintainers, by hand. A link between rigs is made by both"
    " of them, each for itself.",
    see=("tests/rules/test_links_are_asserted_by_their_rigs.py", "tests/unit/test_kind.py"),
)


@RARE.part()
def rare(stage: Stage) -> None:
    for title, user, branch, statement, says in (
        (
            "A badge",
            "bob",
            "wl/bob/badge",
            "INSERT INTO badges (id, rig_handle, badge_type, awarded_at) VALUES ('b-1', 'bob', 'first_blood', NOW())",
            "gives himself a badge",
        ),
        (
            "A chain",
            "nia",
            "register-wasteland/nia/wl-commons",
            "INSERT INTO chain_meta (chain_id, chain_type, dolt_database, created_at) VALUES"
            " ('wl-0123456789abcdef', 'wasteland', 'nia/wl-commons', NOW())",
            "registers a wasteland of her own in `chain_meta`",
        ),
        (
            "The settings of the commons",
            "mallory",
            "wl/mallory/meta",
            "UPDATE `_meta` SET value = '9.9' WHERE `key` = 'schema_version'",
            "changes `schema_version` in `_meta`",
        ),
        (
            "A change of a table",
            "mallory",
            "wl/mallory/alter",
            "ALTER TABLE stamps ADD COLUMN sponsor VARCHAR(64)",
            "adds a column to `stamps`",
        ),
    ):
        stage.case(title)
        pull = stage.pull(user, branch, statement, says=f"`{user}` {says}", title=title)
        stage.look(pull)
        stage.comment(pull, "alice-dev", "/accept")
        stage.look(pull)
        assert (stage.verdicts(pull), stage.answers(pull), stage.world.state(pull)) == (["BLOCKED"], ["REFUSED"], "open"), title
    stage.case("A link with one assertion")
    link = stage.pull(
        "bob",
        "wl/bob/link",
        "INSERT INTO rig_links (id, rig_a, rig_b, link_type, assertion_a, status, created_at) VALUES"
        " ('l-1', 'bob', 'carol', 'same_owner', 'carol is me as well', 'pending', NOW())",
        says="`bob` says that rig `carol` is his as well",
        title="Link",
    )
    stage.look(link)
    assert stage.verdicts(link) in (["READY"], ["LOOK"])
    stage.case("A link in somebody else's name")
    forged = stage.pull(
        "bob",
        "wl/bob/link-2",
        "INSERT INTO rig_links (id, rig_a, rig_b, link_type, assertion_a, assertion_b, status, created_at) VALUES"
        " ('l-2', 'alice', 'carol', 'same_owner', 'we are one', 'we are one', 'active', NOW())",
        says="`bob` says that rigs `alice` and `carol` are one",
        title="Link",
    )
    stage.look(forged)
    assert stage.verdicts(forged) == ["BLOCKED"]


ALL = (BACKFILL, SCHEMAS, OTHER_TOOLS, TROUBLE, ATTACKS, RARE)
