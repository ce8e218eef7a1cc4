"""The seeded Wasteland as it stands in a running sandbox: each pull is what its purpose says."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox.seed import background as old
from sandbox.seed import items
from sandbox.seed.history import QUEUE_AGE, SIGNALS
from sandbox.seed.kinds import BACKFILLED, COMPETITOR
from sandbox.seed.pulls import DIGEST_TITLE, PULLS
from sandbox.seed.schema import TABLES
from sandbox.seed.shapes import SeedPull
from sandbox.seed.wl_sql import completion_id, stamp_id, wanted_id
from tests.patience import STATE_WAIT_S
from tests.sandbox_process import FreshDatabase, SandboxFailed, SandboxProcess

COMMONS = "hop/wl-commons"
NUMBERS = {pull.slug: number for number, pull in enumerate(PULLS, start=1)}

Change = tuple[str, str, str]
"""Table, key of the row, and `added`, `modified` or `removed`."""


@pytest.fixture(scope="module")
def demo() -> Iterator[FreshDatabase]:
    """The whole Wasteland, for tests that leave it as it is."""
    with SandboxProcess.start("--seed", "demo") as sandbox:
        yield FreshDatabase(sandbox, COMMONS)


@pytest.fixture
def own_demo() -> Iterator[FreshDatabase]:
    """The whole Wasteland, for one test that changes it."""
    with SandboxProcess.start("--seed", "demo") as sandbox:
        yield FreshDatabase(sandbox, COMMONS)


@pytest.fixture
def small() -> Iterator[FreshDatabase]:
    """The small Wasteland."""
    with SandboxProcess.start("--seed", "small") as sandbox:
        yield FreshDatabase(sandbox, COMMONS)


def fork_of(slug: str) -> str:
    return f"{PULLS[NUMBERS[slug] - 1].user}/wl-commons"


def branch_of(slug: str) -> str:
    return PULLS[NUMBERS[slug] - 1].branch


def hashes(demo: FreshDatabase, database: str, ref: str) -> list[str]:
    return [commit["hash"] for commit in demo.sandbox.admin("GET", "/log", database=database, ref=ref)]


def ends_of(demo: FreshDatabase, slug: str) -> tuple[str, str]:
    """Where the pull's branch left main, and its head; from the histories, not from any merge-base function."""
    of_main = set(hashes(demo, COMMONS, "main"))
    of_branch = hashes(demo, fork_of(slug), branch_of(slug))
    return next(one for one in of_branch if one in of_main), of_branch[0]


def changes(demo: FreshDatabase, slug: str) -> set[Change]:
    """All row changes of the pull's own commits."""
    base, head = ends_of(demo, slug)
    found: set[Change] = set()
    for table in TABLES:
        rows = demo.sql(
            f"SELECT diff_type, COALESCE(to_{table.key}, from_{table.key}) FROM dolt_diff('{base}', '{head}', '{table.name}')",
            ref=branch_of(slug),
            database=fork_of(slug),
        )
        found |= {(table.name, str(key), str(kind)) for kind, key in rows}
    return found


def submitted(item: items.SeedItem, by: str) -> set[Change]:
    return {("wanted", item.id, "modified"), ("completions", completion_id(item.id, by), "added")}


def merge(demo: FreshDatabase, slug: str) -> str:
    head: str = demo.sandbox.admin("POST", "/merges", {"database": COMMONS, "number": NUMBERS[slug], "user": "stampbot"})[
        "head"
    ]
    return head


# --- the commons ---


def test_the_commons_has_its_rigs_and_items(demo: FreshDatabase) -> None:
    counted = demo.sql(
        "SELECT (SELECT COUNT(*) FROM rigs), (SELECT COUNT(*) FROM wanted), (SELECT COUNT(*) FROM completions), "
        "(SELECT COUNT(*) FROM stamps), (SELECT COUNT(*) FROM rig_links)"
    )
    assert counted == [["13", "42", "11", "7", "1"]]
    states = Counter(row[0] for row in demo.sql("SELECT status FROM wanted"))
    assert states == {"open": 23, "completed": 8, "claimed": 5, "in_review": 3, "withdrawn": 3}


def test_main_has_items_in_review_without_a_stamp(demo: FreshDatabase) -> None:
    waiting = demo.sql(
        "SELECT w.id, c.completed_by FROM wanted w JOIN completions c ON c.wanted_id = w.id "
        "WHERE w.status = 'in_review' AND c.stamp_id IS NULL AND c.validated_by IS NULL ORDER BY c.completed_by"
    )
    assert [row[1] for row in waiting] == ["night-shift", "polecat-7", "tin-heron"]


def test_every_stamp_belongs_to_a_completion_and_two_are_rated_in_words(demo: FreshDatabase) -> None:
    stamps = demo.sql(
        "SELECT s.valence, s.created_at FROM stamps s JOIN completions c ON c.stamp_id = s.id AND s.context_id = c.id "
        "WHERE c.completed_by = s.subject AND c.validated_by = s.author ORDER BY s.created_at"
    )
    assert len(stamps) == 7
    assert ["good" in str(valence) for valence, _ in stamps] == [True, True, False, False, False, False, False]


def test_texts_arrive_in_the_rows_as_they_were_written(demo: FreshDatabase) -> None:
    nasty = "Don't choke on a title like '; DROP TABLE stamps; --"
    rows = demo.sql(f"SELECT title, description, JSON_EXTRACT(tags, '$[1]') FROM wanted WHERE id = '{wanted_id(nasty)}'")
    assert rows == [
        [
            nasty,
            "Import **any** text, <b>as text</b>. See [the report](http://127.0.0.1/) and the backslash \\ in it.",
            '"it\'s quoted"',
        ]
    ]


def test_times_in_the_rows_follow_the_seed_not_the_clock_of_writing(demo: FreshDatabase) -> None:
    handed_in = demo.sql(
        f"SELECT completed_at FROM completions WHERE id = '{completion_id(items.HANDSHAKE.id, 'polecat-7')}'",
        ref=branch_of("happy-handshake"),
        database=fork_of("happy-handshake"),
    )
    at = datetime.strptime(str(handed_in[0][0])[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert timedelta(hours=16) < datetime.now(UTC) - at < timedelta(hours=19)


def test_the_yearbook_rule_is_in_the_database(demo: FreshDatabase) -> None:
    with pytest.raises(SandboxFailed):
        demo.push(
            "main",
            "INSERT INTO stamps (id, author, subject, valence) VALUES ('s-1', 'ana-town', 'ana-town', '{}')",
        )
    assert demo.sql("SELECT COUNT(*) FROM stamps WHERE id = 's-1'") == [["0"]]


def test_every_user_has_a_token_and_only_the_trusted_may_write(demo: FreshDatabase) -> None:
    for user in ("ana", "pia", "mallory", "iris", "stampbot"):
        assert demo.sandbox.get("/api/v2/user", user=user).json()["data"]["username"] == user
    write = {"from_branch": "main", "to_branch": "main", "q": "UPDATE wanted SET priority = 4 WHERE id = 'none'"}
    refused = {user: demo.api("POST", "/sql-writes", user=user, json=write).status_code for user in ("pia", "mallory", "iris")}
    assert refused == {"pia": 403, "mallory": 403, "iris": 403}
    assert demo.api("POST", "/sql-writes", user="stampbot", json=write).status_code == 202


# --- the pulls ---


def test_the_pulls_are_open_and_numbered_as_the_table_says(demo: FreshDatabase) -> None:
    found = [demo.api("GET", f"/pulls/{number}").json()["data"] for number in range(1, len(PULLS) + 1)]
    assert [(p["pull_number"], p["state"], p["title"], p["creator"], p["from_branch"]["database"]["owner"]) for p in found] == [
        (n, "open", pull.title, pull.user, pull.user) for n, pull in enumerate(PULLS, start=1)
    ]
    assert [p["from_branch"]["branch_name"] for p in found] == [pull.branch for pull in PULLS]
    assert {p["to_branch"]["branch_name"] for p in found} == {"main"}
    assert demo.api("GET", f"/pulls/{len(PULLS) + 1}").status_code == 404


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("happy-handshake", submitted(items.HANDSHAKE, "polecat-7")),
        ("happy-ledger", submitted(items.LEDGER_CSV, "brass-otter")),
        ("claim-only", {("wanted", items.FIRST_WEEK.id, "modified")}),
        ("dead-evidence", submitted(items.HEARTBEAT_TEST, "brass-otter")),
        ("plain-text-evidence", submitted(items.MERGE_RUNBOOK, "night-shift")),
        ("self-accept-bait", submitted(items.FRAME_SIZES, "cleo-kiln")),
        ("impostor", submitted(items.DUPLICATE_IDS, "polecat-7")),
        ("race-first", submitted(items.DARK_BOARD, "polecat-7")),
        ("race-second", submitted(items.DARK_BOARD, "night-shift")),
        ("stale-fork", submitted(items.GLOSSARY, "tin-heron")),
        ("from-fork-main", submitted(items.EMBLEMS, "first-light")),
        ("registration", {("rigs", "lamp-post", "added")}),
        ("hijack", {("rigs", "bo-hollow", "modified")}),
        ("post", {("wanted", wanted_id(DIGEST_TITLE), "added")}),
        ("smuggled-trust", submitted(items.DROPPED_FRAMES, "slick-fox") | {("rigs", "slick-fox", "modified")}),
        (
            "own-stamp",
            submitted(items.STAMP_AUTHORS, "velvet-crow") | {("stamps", stamp_id(items.STAMP_AUTHORS.id, "ana-town"), "added")},
        ),
        ("conflict", submitted(items.HEARTBEAT_ALERT, "quill-and-rust")),
        ("slow-evidence", submitted(items.HANDBOOK_LINKS, "brass-otter")),
        ("redirected-evidence", submitted(items.WIRE_FORMAT, "hollow-runner")),
        ("not-merged", submitted(QUEUE_AGE, "brass-otter")),
        ("impostor-commit", submitted(old.QUOTED_TITLE, "slick-fox")),
        ("no-such-pull", submitted(old.RATINGS, "hollow-runner")),
        ("private-repository", submitted(old.WELCOME, "velvet-crow")),
        ("done-before", submitted(old.TOWN_MAP, "quill-and-rust")),
        ("reused-evidence", submitted(old.LOG_FILES, "night-shift")),
        ("other-author", submitted(old.GATE_SIGN, "velvet-crow")),
        ("published-package", submitted(SIGNALS, "brass-otter")),
        ("competing", {("completions", COMPETITOR, "added")}),
        ("update", {("wanted", old.BACKPRESSURE.id, "modified")}),
        ("withdrawal", {("wanted", old.SONGBOOK.id, "modified")}),
        ("given-back", {("wanted", old.TEMPLATES.id, "modified")}),
        ("re-registration", {("rigs", "polecat-7", "modified")}),
        ("link", {("rig_links", "rl-polecat-otter", "added")}),
        ("revoked-link", {("rig_links", "rl-bo-hollow-hollow-runner", "modified")}),
        (
            "foreign-accept",
            {
                ("wanted", old.HEALTH_PAGE.id, "modified"),
                ("completions", completion_id(old.HEALTH_PAGE.id, "polecat-7"), "modified"),
                ("stamps", stamp_id(old.HEALTH_PAGE.id, "ana-town"), "added"),
            },
        ),
        ("foreign-close", {("wanted", old.START_UP.id, "modified")}),
        ("badge", {("badges", "b-first-handbook", "added")}),
        ("boot-block", {("boot_blocks", "hollow-runner", "added")}),
        ("chain", {("chain_meta", "wl-00c0ffee00c0ffee", "added")}),
        ("trust", {("rigs", "night-shift", "modified")}),
        ("removal", {("wanted", old.MASCOT.id, "removed")}),
        ("false-landing", {("wanted", old.BOARD_GAMES.id, "modified")}),
        ("settings", {("_meta", "schema_version", "modified")}),
        ("new-table", set()),
        ("schema", set()),
        ("empty", set()),
    ],
)
def test_a_pull_changes_the_rows_that_its_purpose_needs(demo: FreshDatabase, slug: str, expected: set[Change]) -> None:
    assert changes(demo, slug) == expected


@pytest.mark.parametrize("pull", PULLS, ids=lambda pull: pull.slug)
def test_a_branch_has_one_commit_per_statement_by_the_fork_owner(demo: FreshDatabase, pull: SeedPull) -> None:
    slug = pull.slug
    of_main = set(hashes(demo, COMMONS, "main"))
    own = [
        commit
        for commit in demo.sandbox.admin("GET", "/log", database=fork_of(slug), ref=branch_of(slug))
        if commit["hash"] not in of_main
    ]
    script = PULLS[NUMBERS[slug] - 1].script(demo.sandbox.ready["places"])
    assert [commit["message"] for commit in reversed(own)] == list(script)
    assert {commit["author"] for commit in own} == {PULLS[NUMBERS[slug] - 1].user}


def test_nothing_lies_in_the_claims_of_the_work(demo: FreshDatabase) -> None:
    """Each submission: the item in review, claimed by the rig that completed it, one address for the evidence."""
    for pull in PULLS:
        if pull.kind != "WORK" or pull.slug == "competing":
            continue
        rows = demo.sql(
            "SELECT w.status, w.claimed_by = c.completed_by, w.evidence_url = c.evidence, c.stamp_id, c.validated_by "
            f"FROM wanted w JOIN completions c ON c.wanted_id = w.id WHERE w.id = '{pull.item}'",
            ref=pull.branch,
            database=f"{pull.user}/wl-commons",
        )
        assert rows == [["in_review", "1", "1", None, None]], pull.slug


def test_the_backfill_is_more_than_anybody_reads_row_by_row(demo: FreshDatabase) -> None:
    by_table = Counter(table for table, _, kind in changes(demo, "backfill") if kind == "added")
    assert by_table == {"rigs": 1, "wanted": BACKFILLED, "completions": BACKFILLED, "stamps": BACKFILLED}


def test_the_impostor_writes_in_a_rigs_name_that_is_not_theirs(demo: FreshDatabase) -> None:
    claimed = f"SELECT claimed_by FROM wanted WHERE id = '{items.DUPLICATE_IDS.id}'"
    assert demo.sql(claimed, ref=branch_of("impostor"), database="mallory/wl-commons") == [["polecat-7"]]
    assert demo.sql("SELECT dolthub_org FROM rigs WHERE handle = 'polecat-7'") == [["pia"]]
    assert branch_of("impostor").startswith("wl/polecat-7/")


def test_the_hijack_takes_the_rig_over_and_leaves_its_trust(demo: FreshDatabase) -> None:
    owner = "SELECT dolthub_org, owner_email, trust_level FROM rigs WHERE handle = 'bo-hollow'"
    assert demo.sql(owner) == [["bo", "bo@wasteland.example", "3"]]
    taken = demo.sql(owner, ref=branch_of("hijack"), database="mallory/wl-commons")
    assert taken == [["mallory", "mallory@wasteland.example", "3"]]


def test_the_smuggled_trust_goes_from_nothing_to_everything(demo: FreshDatabase) -> None:
    trust = "SELECT trust_level FROM rigs WHERE handle = 'slick-fox'"
    assert demo.sql(trust) == [["0"]]
    assert demo.sql(trust, ref=branch_of("smuggled-trust"), database="mallory/wl-commons") == [["3"]]


def test_the_own_stamp_is_written_in_a_validators_name(demo: FreshDatabase) -> None:
    rows = demo.sql(
        "SELECT s.author, s.subject, w.status, c.validated_by FROM stamps s JOIN completions c ON c.stamp_id = s.id "
        f"JOIN wanted w ON w.id = c.wanted_id WHERE w.id = '{items.STAMP_AUTHORS.id}'",
        ref=branch_of("own-stamp"),
        database="vic/wl-commons",
    )
    assert rows == [["ana-town", "velvet-crow", "completed", "ana-town"]]


def test_forks_lag_as_far_behind_main_as_the_seed_wants(demo: FreshDatabase) -> None:
    of_main = hashes(demo, COMMONS, "main")
    behind = {pull.slug: of_main.index(ends_of(demo, pull.slug)[0]) for pull in PULLS}
    assert behind == {pull.slug: 12 if pull.slug == "stale-fork" else 2 for pull in PULLS}


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("happy-handshake", (200, 0)),
        ("happy-ledger", (200, 0)),
        ("dead-evidence", (404, 0)),
        ("self-accept-bait", (200, 0)),
        ("impostor", (200, 0)),
        ("race-first", (200, 0)),
        ("race-second", (200, 0)),
        ("stale-fork", (200, 0)),
        ("from-fork-main", (200, 0)),
        ("smuggled-trust", (200, 0)),
        ("own-stamp", (200, 0)),
        ("conflict", (200, 0)),
        ("redirected-evidence", (200, 1)),
        ("not-merged", (200, 0)),
        ("impostor-commit", (200, 0)),
        ("no-such-pull", (404, 0)),
        ("private-repository", (404, 0)),
        ("done-before", (200, 0)),
        ("other-author", (200, 0)),
        ("published-package", (200, 0)),
    ],
)
def test_people_see_a_page_where_the_evidence_is_there(demo: FreshDatabase, slug: str, expected: tuple[int, int]) -> None:
    answer = requests.get(evidence_of(demo, slug), timeout=STATE_WAIT_S)
    assert (answer.status_code, len(answer.history)) == expected


def test_slow_evidence_is_slow_and_alive(demo: FreshDatabase) -> None:
    begun = time.monotonic()
    assert requests.get(evidence_of(demo, "slow-evidence"), timeout=STATE_WAIT_S).status_code == 200
    assert time.monotonic() - begun >= 2


def test_plain_text_evidence_is_no_url(demo: FreshDatabase) -> None:
    assert re.search("[a-z]+://", evidence_of(demo, "plain-text-evidence")) is None


def evidence_of(demo: FreshDatabase, slug: str) -> str:
    rows = demo.sql(
        f"SELECT evidence FROM completions WHERE wanted_id = '{PULLS[NUMBERS[slug] - 1].item}'",
        ref=branch_of(slug),
        database=fork_of(slug),
    )
    assert len(rows) == 1
    return str(rows[0][0])


def test_one_pull_hands_in_again_what_a_completion_on_main_shows_for_another_item(demo: FreshDatabase) -> None:
    again = evidence_of(demo, "reused-evidence")
    shown = [str(row[0]) for row in demo.sql("SELECT evidence FROM completions") if "/pull/109" in str(row[0])]
    assert len(shown) == 1
    assert again != shown[0]
    assert again.lower().startswith(shown[0])


# --- merging ---


def test_the_conflicting_pull_conflicts_and_leaves_main_alone(demo: FreshDatabase) -> None:
    before = hashes(demo, COMMONS, "main")
    with pytest.raises(SandboxFailed, match="MergeConflict"):
        merge(demo, "conflict")
    assert hashes(demo, COMMONS, "main") == before
    assert demo.api("GET", f"/pulls/{NUMBERS['conflict']}").json()["data"]["state"] == "open"


def test_the_stale_fork_merges_and_takes_nothing_back(own_demo: FreshDatabase) -> None:
    before = hashes(own_demo, COMMONS, "main")[0]
    expected = changes(own_demo, "stale-fork")
    after = merge(own_demo, "stale-fork")
    landed: set[Change] = set()
    for table in TABLES:
        rows = own_demo.sql(
            f"SELECT diff_type, COALESCE(to_{table.key}, from_{table.key}) "
            f"FROM dolt_diff('{before}', '{after}', '{table.name}')"
        )
        landed |= {(table.name, str(key), str(kind)) for kind, key in rows}
    assert landed == expected


def test_all_pulls_but_the_conflict_and_one_of_the_race_can_be_merged_in_turn(own_demo: FreshDatabase) -> None:
    refused = {}
    for pull in PULLS:
        try:
            merge(own_demo, pull.slug)
        except SandboxFailed as no:
            refused[pull.slug] = "MergeConflict" in str(no)
    assert refused == {"race-second": True, "conflict": True}


# --- the seed itself ---


def test_the_small_seed_is_one_validator_one_worker_one_item_one_pull(small: FreshDatabase) -> None:
    assert small.sql("SELECT handle, dolthub_org, trust_level FROM rigs ORDER BY handle") == [
        ["ana-town", "ana", "3"],
        ["polecat-7", "pia", "1"],
    ]
    assert small.sql("SELECT id, status FROM wanted") == [["w-com-004", "open"]]
    assert [p["slug"] for p in small.sandbox.ready["seed"]["pulls"]] == ["happy-handshake"]
    assert changes(small, "happy-handshake") == submitted(items.HANDSHAKE, "polecat-7")


def test_the_small_seed_has_room_for_further_pulls(small: FreshDatabase) -> None:
    small.push("main", "INSERT INTO wanted (id, title) VALUES ('w-com-020', 'More')", user="ana")
    small.push(
        "wl/polecat-7/more", "UPDATE wanted SET priority = 4 WHERE id = 'w-com-004'", user="pia", database="pia/wl-commons"
    )
    number = small.open_pull("More", creator="pia", from_database="pia/wl-commons", from_branch="wl/polecat-7/more")
    assert number == 2


def test_two_seeds_of_the_same_world_have_the_same_ids(demo: FreshDatabase, own_demo: FreshDatabase) -> None:
    for q in (
        "SELECT id, title, status, claimed_by FROM wanted ORDER BY id",
        "SELECT id, completed_by, stamp_id FROM completions ORDER BY id",
        "SELECT handle, trust_level FROM rigs ORDER BY handle",
    ):
        assert demo.sql(q) == own_demo.sql(q)
