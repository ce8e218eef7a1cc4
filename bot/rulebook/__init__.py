"""The public face for rule authors: a rule imports this package, jsonschema and the standard library, nothing else.

    @rule(Level.FAULT, kinds=(PullKind.WORK,))
    def check(pull: Snapshot) -> Iterator[Finding]:
        if pull.handed_in is None:
            yield check.finding(Place("completions"), "The pull submits no completion.", "wl done …")

The file's docstring gives title and documentation, the file's name is the rule's name.
"""

from __future__ import annotations

from bot.model.cells import CELLS_SHOWN_MAX
from bot.model.cells import to_show as cells_to_show
from bot.model.evidence import Probe, Seen, look_again_at
from bot.model.finding import Finding, Judgement, Level, Place, RuleCrash, Verdict
from bot.model.history import Commit, Move
from bot.model.ids import CompletionId, Database, Handle, User, WantedId, fold, skeleton
from bot.model.kind import LANDING_PREFIX, ORDINARY_TABLES, Form, PullKind
from bot.model.ledger import (
    INDISPENSABLE,
    PRIMARY_KEYS,
    TERMINAL_STATUSES,
    ChangeKind,
    Changes,
    Completion,
    Rig,
    RigLink,
    Row,
    RowChange,
    Wanted,
    read_time,
    same_cell,
)
from bot.model.links import EVIDENCE_LINKS_MAX, Link, links_in
from bot.model.pull import BranchRef, Pull, PullState
from bot.model.reasons import Reason, reason_of
from bot.model.relations import TIES, Node, Relations, account_node, rig_node
from bot.model.snapshot import Rival, Snapshot, Tally, Use
from bot.model.unsafe_links import Danger, UnsafeLink, unsafe_links
from bot.rulebook.catalog import Catalog, CatalogError, find, load
from bot.rulebook.judge import judge
from bot.rulebook.kit.gallery import having
from bot.rulebook.phrases import clock, day, quote, short, start_over, submit_again, typed, writer
from bot.rulebook.rule import REVIEWED, MisfitError, Rule, Said, Waits, rule

__all__ = (
    "CELLS_SHOWN_MAX",
    "EVIDENCE_LINKS_MAX",
    "INDISPENSABLE",
    "LANDING_PREFIX",
    "ORDINARY_TABLES",
    "PRIMARY_KEYS",
    "REVIEWED",
    "TERMINAL_STATUSES",
    "TIES",
    "BranchRef",
    "Catalog",
    "CatalogError",
    "ChangeKind",
    "Changes",
    "Commit",
    "Completion",
    "CompletionId",
    "Danger",
    "Database",
    "Finding",
    "Form",
    "Handle",
    "Judgement",
    "Level",
    "Link",
    "MisfitError",
    "Move",
    "Node",
    "Place",
    "Probe",
    "Pull",
    "PullKind",
    "PullState",
    "Reason",
    "Relations",
    "Rig",
    "RigLink",
    "Rival",
    "Row",
    "RowChange",
    "Rule",
    "RuleCrash",
    "Said",
    "Seen",
    "Snapshot",
    "Tally",
    "UnsafeLink",
    "Use",
    "User",
    "Verdict",
    "Waits",
    "Wanted",
    "WantedId",
    "account_node",
    "cells_to_show",
    "clock",
    "day",
    "find",
    "fold",
    "having",
    "judge",
    "links_in",
    "load",
    "look_again_at",
    "quote",
    "read_time",
    "reason_of",
    "rig_node",
    "rule",
    "same_cell",
    "short",
    "skeleton",
    "start_over",
    "submit_again",
    "typed",
    "unsafe_links",
    "writer",
)
