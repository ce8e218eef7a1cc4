"""What the seeded Wasteland wants: the shape of an item, and the items that the seeded pulls are about."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.seed import wl_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedItem:
    """One row of `wanted` as the commons' early history leaves it; times in hours before the seed's `now`."""

    title: str
    about: str
    project: str
    kind: str
    tags: tuple[str, ...]
    by: str
    created_h: float
    hand_id: str | None = None
    priority: int = 2
    effort: str = "small"
    status: str = "open"
    claimed_by: str | None = None
    updated_h: float | None = None

    @property
    def id(self) -> str:
        """The hand-given id, else one of the reference client's shape."""
        return self.hand_id or wl_sql.wanted_id(self.title)


HANDSHAKE = SeedItem(
    hand_id="w-com-004",
    title="Retry the relay handshake after a dropped lease",
    about="A peer that loses its lease in the middle of the handshake never returns. Retry three times, then say so.",
    project="relay",
    kind="bug",
    tags=("relay", "retry", "go"),
    by="ana-town",
    priority=1,
    created_h=400,
)
LEDGER_CSV = SeedItem(
    title="Export the stamp ledger as CSV",
    about="One file per town, header row, UTC times. Auditors ask for it every month.",
    project="ledger",
    kind="feature",
    tags=("ledger", "export"),
    by="bo-hollow",
    effort="medium",
    status="claimed",
    claimed_by="brass-otter",
    created_h=390,
    updated_h=130,
)
FIRST_WEEK = SeedItem(
    title="Write the first-week guide for new rigs",
    about="From joining to the first stamp, with the mistakes everybody makes on the way.",
    project="almanac",
    kind="docs",
    tags=("docs", "onboarding"),
    by="ana-town",
    created_h=350,
)
HEARTBEAT_TEST = SeedItem(
    title="Fix the flaky heartbeat test",
    about="Fails about one run in forty on a busy machine; it waits on the wall clock.",
    project="beacon",
    kind="bug",
    tags=("tests", "flaky"),
    by="bo-hollow",
    priority=1,
    effort="trivial",
    created_h=345,
)
MERGE_RUNBOOK = SeedItem(
    hand_id="w-com-007",
    title="Runbook for a stuck merge",
    about="What to look at, in which order, and when to wake somebody.",
    project="commons",
    kind="docs",
    tags=("docs", "operations"),
    by="cleo-mill",
    created_h=340,
)
FRAME_SIZES = SeedItem(
    title="Compress relay frames above 16 KiB",
    about="Measure first. Anything that slows small frames down is not wanted.",
    project="relay",
    kind="feature",
    tags=("relay", "performance"),
    by="bo-hollow",
    priority=3,
    effort="medium",
    created_h=330,
)
DUPLICATE_IDS = SeedItem(
    title="Refuse duplicate stamp ids on import",
    about="The second row of an id wins silently today. It must be an error that names both lines.",
    project="ledger",
    kind="bug",
    tags=("ledger", "import"),
    by="ana-town",
    priority=0,
    status="claimed",
    claimed_by="polecat-7",
    created_h=320,
    updated_h=140,
)
DARK_BOARD = SeedItem(
    title="Dark theme for the status board",
    about="Follows the system's setting; contrast of at least 4.5 to 1 everywhere.",
    project="beacon",
    kind="design",
    tags=("css", "accessibility"),
    by="bo-hollow",
    priority=3,
    created_h=310,
)
GLOSSARY = SeedItem(
    title="Glossary of Wasteland words",
    about="Rig, town, stamp, wanted, yearbook: one sentence each, no jokes.",
    project="almanac",
    kind="docs",
    tags=("docs",),
    by="cleo-mill",
    priority=3,
    effort="trivial",
    created_h=300,
)
EMBLEMS = SeedItem(
    hand_id="w-com-011",
    title="Collect the town emblem files in one place",
    about="Vector files where they exist; note the licence of each.",
    project="commons",
    kind="community",
    tags=("assets",),
    by="ana-town",
    priority=4,
    effort="trivial",
    created_h=290,
)
DROPPED_FRAMES = SeedItem(
    title="Count dropped frames per peer",
    about="A counter per peer and reason, exposed where the other counters are.",
    project="relay",
    kind="feature",
    tags=("relay", "metrics"),
    by="bo-hollow",
    created_h=280,
)
STAMP_AUTHORS = SeedItem(
    title="Show the author next to each stamp",
    about="Readers cannot tell who vouched for whom without opening every row.",
    project="ledger",
    kind="feature",
    tags=("ledger", "ui"),
    by="bo-hollow",
    created_h=270,
)
HEARTBEAT_ALERT = SeedItem(
    title="Alert when a town misses three heartbeats",
    about="One alert per silence, not one per missed beat.",
    project="beacon",
    kind="feature",
    tags=("beacon", "alerts"),
    by="ana-town",
    priority=1,
    effort="medium",
    created_h=260,
)
HANDBOOK_LINKS = SeedItem(
    title="Check the links of the handbook",
    about="Run on every change; a dead link names the page and the line.",
    project="almanac",
    kind="feature",
    tags=("docs", "ci"),
    by="cleo-mill",
    created_h=250,
)
WIRE_FORMAT = SeedItem(
    hand_id="w-com-012",
    title="Describe the wire format of relay v2",
    about="Byte by byte, with one captured exchange as an example.",
    project="relay",
    kind="docs",
    tags=("relay", "docs", "protocol"),
    by="ana-town",
    effort="medium",
    created_h=240,
)

PULLED = (
    HANDSHAKE,
    LEDGER_CSV,
    FIRST_WEEK,
    HEARTBEAT_TEST,
    MERGE_RUNBOOK,
    FRAME_SIZES,
    DUPLICATE_IDS,
    DARK_BOARD,
    GLOSSARY,
    EMBLEMS,
    DROPPED_FRAMES,
    STAMP_AUTHORS,
    HEARTBEAT_ALERT,
    HANDBOOK_LINKS,
    WIRE_FORMAT,
)
"""The items that the seeded pulls are about."""
