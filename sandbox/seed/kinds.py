"""Seeded pulls of the kinds that are seldom sent: what is no work, claim or post, and mostly for maintainers."""

from __future__ import annotations

from sandbox.seed import background as old
from sandbox.seed import wl_sql
from sandbox.seed.people import email_of
from sandbox.seed.shapes import Kind, Script, SeedPull, Verdict, fixed
from sandbox.seed.wl_sql import literal
from sandbox.values.places import placed

COMPETITOR = "c-5d0e1a7f9c3b2468"
BACKFILLED = 36
"""Items, completions and stamps each: more rows than anybody reads one by one."""
_BACKFILLER = "gastownhall-backfill"


def _pull(
    slug: str,
    user: str,
    branch: str,
    *statements: str,
    title: str,
    purpose: str,
    kind: Kind,
    verdict: Verdict,
    opened_h: float,
    item: str | None = None,
    script: Script | None = None,
    evidence: str = "",
) -> SeedPull:
    return SeedPull(
        slug=slug,
        purpose=purpose,
        kind=kind,
        verdict=verdict,
        user=user,
        branch=branch,
        title=title,
        script=script or fixed(statements),
        started_h=opened_h + 0.1,
        opened_h=opened_h,
        item=item,
        evidence=evidence,
    )


def _backfill() -> tuple[str, ...]:
    """Work of long ago as a tool finds it on a forge, with its own stamps (wasteland, tools/githubprbackfill)."""
    numbers = range(1, BACKFILLED + 1)
    by = literal(_BACKFILLER)
    page = "https://github.com/acme/relay/pull"
    wanted = ", ".join(
        f"('w-gh-relay-{n}', 'Merged pull {n} of acme/relay', 'relay', 'github_pr', {by}, 'polecat-7',"
        f" 'completed', '{page}/{n}', NOW(), NOW())"
        for n in numbers
    )
    done = ", ".join(
        f"('c-gh-relay-{n}', 'w-gh-relay-{n}', 'polecat-7', '{page}/{n}', {by}, 's-gh-relay-{n}', NOW(), NOW())"
        for n in numbers
    )
    valence = literal('{"quality": 4, "reliability": 4, "creativity": 3}')
    stamps = ", ".join(
        f"('s-gh-relay-{n}', {by}, 'polecat-7', {valence}, 0.5, 'leaf', 'c-gh-relay-{n}', 'completion', NOW())" for n in numbers
    )
    return (
        f"INSERT INTO rigs (handle, display_name, gt_version, trust_level, rig_type, registered_at, last_seen)"
        f" VALUES ({by}, 'Backfill', 'github-backfill', 0, 'system', NOW(), NOW())",
        "INSERT INTO wanted (id, title, project, type, posted_by, claimed_by, status, evidence_url, created_at, updated_at)"
        f" VALUES {wanted}",
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, validated_by, stamp_id, completed_at, validated_at)"
        f" VALUES {done}",
        "INSERT INTO stamps (id, author, subject, valence, confidence, severity, context_id, context_type, created_at)"
        f" VALUES {stamps}",
    )


def _competing(item: str, rig: str, evidence: str) -> Script:
    """A completion alone, as rigs bring it that never claimed the item (gastownhall/marketplace, SKILL.md)."""
    return lambda places: (
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES"
        f" ({literal(COMPETITOR)}, {literal(item)}, {literal(rig)}, {literal(placed(evidence, places))}, NOW())",
    )


KINDS_PULLS = (
    _pull(
        "competing", "vic", f"wl/velvet-crow/{old.INCIDENTS.id}",
        title=f"[wl] {old.INCIDENTS.title}",
        purpose="A completion for an item that is in review for somebody else: a human compares both.",
        kind="WORK", verdict="LOOK", opened_h=2.9, item=old.INCIDENTS.id,
        script=_competing(old.INCIDENTS.id, "velvet-crow", "/ok"),
        evidence="/ok",
    ),
    _pull(
        "update", "bo", f"wl/bo-hollow/{old.BACKPRESSURE.id}",
        *wl_sql.update_description(old.BACKPRESSURE.id, "When the ledger lags, the relay slows down. Measure it at 10,000."),
        title=f"[wl] {old.BACKPRESSURE.title}",
        purpose="A poster says more precisely what the open item asks for: accepting is merging.",
        kind="EDIT", verdict="READY", opened_h=2.8, item=old.BACKPRESSURE.id,
    ),
    _pull(
        "withdrawal", "rhea", f"wl/quill-and-rust/{old.SONGBOOK.id}", *wl_sql.withdraw(old.SONGBOOK.id),
        title=f"[wl] {old.SONGBOOK.title}",
        purpose="A poster takes an open item back; its row stays, withdrawn.",
        kind="EDIT", verdict="READY", opened_h=2.7, item=old.SONGBOOK.id,
    ),
    _pull(
        "given-back", "rhea", f"wl/quill-and-rust/{old.TEMPLATES.id}", *wl_sql.unclaim(old.TEMPLATES.id),
        title=f"[wl] {old.TEMPLATES.title}",
        purpose="A claimer gives the item back, so that somebody else can take it.",
        kind="EDIT", verdict="READY", opened_h=2.6, item=old.TEMPLATES.id,
    ),
    _pull(
        "re-registration", "pia", "wl/register/polecat-7",
        *wl_sql.register(
            handle="polecat-7", display_name="Polecat Seven", dolthub_org="pia", owner_email=email_of("pia"),
            gt_version="cloud-worker:0.9.4",
        ),
        title="Register rig: polecat-7",
        purpose="An owner registers their rig again, with a newer version: nothing else may change by it.",
        kind="REGISTRATION", verdict="READY", opened_h=2.5,
    ),
    _pull(
        "link", "pia", "wl/polecat-7/rl-polecat-otter",
        "INSERT INTO rig_links (id, rig_a, rig_b, link_type, assertion_a, status, created_at) VALUES"
        " ('rl-polecat-otter', 'polecat-7', 'brass-otter', 'team_member', 'we share a bench', 'pending', NOW())",
        title="Link polecat-7 and brass-otter",
        purpose="One rig says that it belongs with another, which has yet to say so: pending until both have.",
        kind="LINK", verdict="READY", opened_h=2.4,
    ),
    _pull(
        "revoked-link", "bo", "wl/bo-hollow/rl-bo-hollow-hollow-runner",
        "UPDATE rig_links SET status='revoked', revoked_at=NOW(), revoked_by='bo-hollow'"
        " WHERE id='rl-bo-hollow-hollow-runner'",
        title="bo-hollow and hollow-runner part",
        purpose="A link ends that kept two rigs from judging each other: worth a look.",
        kind="LINK", verdict="LOOK", opened_h=2.3,
    ),
    _pull(
        "foreign-accept", "ana", f"wl/ana-town/{old.HEALTH_PAGE.id}",
        *wl_sql.accept(
            old.HEALTH_PAGE.id, completion=wl_sql.completion_id(old.HEALTH_PAGE.id, "polecat-7"), author="ana-town",
            subject="polecat-7", quality=4, skills=("ui",), message="Green where it should be.",
        ),
        title=f"[wl] {old.HEALTH_PAGE.title}",
        purpose="A validator accepts with `wl`: the stamp is in order, and a maintainer merges it by hand.",
        kind="ADMIN", verdict="BY HAND", opened_h=2.2, item=old.HEALTH_PAGE.id,
    ),
    _pull(
        "foreign-close", "bo", f"wl/bo-hollow/{old.START_UP.id}",
        f"UPDATE wanted SET status='completed', updated_at=NOW() WHERE id='{old.START_UP.id}' AND status='in_review'",
        title=f"[wl] {old.START_UP.title}",
        purpose="An item is settled with `wl close`, without a stamp.",
        kind="ADMIN", verdict="BY HAND", opened_h=2.1, item=old.START_UP.id,
    ),
    _pull(
        "badge", "cleo", "badges/tin-heron",
        "INSERT INTO badges (id, rig_handle, badge_type, awarded_at, evidence) VALUES"
        " ('b-first-handbook', 'tin-heron', 'first_handbook', NOW(), 'chapter on evidence')",
        title="A badge for tin-heron",
        purpose="A badge: maintainers give them by hand.",
        kind="ADMIN", verdict="BY HAND", opened_h=2.0,
    ),
    _pull(
        "boot-block", "runner", "boot/hollow-runner",
        "INSERT INTO boot_blocks (handle, source, sheet_json, confidence, version, created_at) VALUES"
        " ('hollow-runner', 'github', '{\"commits\": 41}', 0.4, '1', NOW())",
        title="Boot block for hollow-runner",
        purpose="A rig brings the sheet that is to vouch for it: nobody brings their own.",
        kind="ADMIN", verdict="BLOCKED", opened_h=1.9,
    ),
    _pull(
        "chain", "nils", "register-wasteland/nils/night-commons",
        "INSERT INTO chain_meta (chain_id, chain_type, hop_uri, dolt_database, created_at) VALUES"
        " ('wl-00c0ffee00c0ffee', 'wasteland', 'hop://nils@wasteland.example/night-commons/', 'nils/night-commons', NOW())",
        title="Register wasteland nils/night-commons",
        purpose="Another wasteland registers itself with this one.",
        kind="ADMIN", verdict="BLOCKED", opened_h=1.8,
    ),
    _pull(
        "trust", "ana", "trust/night-shift",
        "UPDATE rigs SET trust_level=2 WHERE handle='night-shift'",
        title="night-shift has earned it",
        purpose="A change of trust, by somebody who may: merged by hand all the same.",
        kind="ADMIN", verdict="BY HAND", opened_h=1.7,
    ),
    _pull(
        "removal", "mallory", "wl/slick-fox/clean-up",
        f"DELETE FROM wanted WHERE id='{old.MASCOT.id}'",
        title="Clean-up",
        purpose="A row is deleted: in a commons rows are withdrawn, and stay.",
        kind="ADMIN", verdict="BLOCKED", opened_h=1.6,
    ),
    _pull(
        "false-landing", "mallory", "stampbot/accept/w-com-004",
        *wl_sql.update_description(old.BOARD_GAMES.id, "Everybody may come."),
        title="[stampbot] Accept w-com-004",
        purpose="Mallory's branch is named like a decision of the bot, and is none.",
        kind="ADMIN", verdict="BLOCKED", opened_h=1.5,
    ),
    _pull(
        "backfill", "ana", "wl/ana-town/github-pr-backfill", *_backfill(),
        title="Backfill: merged pulls of acme/relay",
        purpose="Work of long ago with its stamps, more than a hundred rows: told in counts, merged by hand.",
        kind="BACKFILL", verdict="BLOCKED", opened_h=1.4,
    ),
    _pull(
        "settings", "bo", "settings",
        "UPDATE _meta SET value='1.3' WHERE `key`='schema_version'",
        title="Schema 1.3",
        purpose="The commons' own settings change: for maintainers.",
        kind="FOREIGN", verdict="BLOCKED", opened_h=1.3,
    ),
    _pull(
        "new-table", "cleo", "spider",
        "CREATE TABLE _spider_flags (id VARCHAR(64) NOT NULL, about VARCHAR(255), PRIMARY KEY (id))",
        "INSERT INTO _spider_flags (id, about) VALUES ('f-1', 'slick-fox')",
        title="Flags",
        purpose="A table that no protocol here knows: what it is for only a human can tell.",
        kind="FOREIGN", verdict="BLOCKED", opened_h=1.2,
    ),
    _pull(
        "schema", "otto", "wl/brass-otter/bounties",
        "ALTER TABLE badges ADD COLUMN bounty INT",
        title="Room for bounties",
        purpose="The definition of a table changes: never by a pull that the bot merges.",
        kind="FOREIGN", verdict="BLOCKED", opened_h=1.1,
    ),
    _pull(
        "empty", "otto", "wl/brass-otter/nothing",
        f"UPDATE wanted SET priority={old.GATE_SIGN.priority - 1} WHERE id='{old.GATE_SIGN.id}'",
        f"UPDATE wanted SET priority={old.GATE_SIGN.priority} WHERE id='{old.GATE_SIGN.id}'",
        title="Never mind",
        purpose="Something was written and taken back: the pull changes nothing any more.",
        kind="EMPTY", verdict="BLOCKED", opened_h=1.0,
    ),
)  # fmt: skip
