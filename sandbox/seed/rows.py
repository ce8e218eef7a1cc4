"""The commons' early history as SQL: one multi-row INSERT per table, with times counted back from the seed's `now`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.seed.history import SeedCompletion
from sandbox.seed.items import SeedItem
from sandbox.seed.people import SeedRig
from sandbox.seed.wl_sql import literal, stamp_id, tags_literal
from sandbox.values.places import Places, placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Makes the INSERTs; each method gives one statement, or an empty string when there is nothing to insert."""

    now: datetime
    places: Places

    def at(self, hours_ago: float) -> datetime:
        """A moment of the seed, on the full second."""
        return (self.now - timedelta(hours=hours_ago)).replace(microsecond=0)

    def _time(self, hours_ago: float | None) -> str:
        """A literal of the columns' form: UTC, without a zone."""
        return "NULL" if hours_ago is None else literal(self.at(hours_ago).strftime("%Y-%m-%d %H:%M:%S"))

    def _evidence(self, evidence: str) -> str:
        return literal(placed(evidence, self.places))

    def rigs(self, rigs: Iterable[SeedRig]) -> str:
        return _insert(
            "rigs",
            "handle, display_name, dolthub_org, hop_uri, owner_email, gt_version, trust_level, registered_at, "
            "last_seen, rig_type, parent_rig",
            [
                (
                    literal(one.handle),
                    literal(one.display_name),
                    literal(one.user),
                    literal(f"hop://{one.email}/{one.handle}/"),
                    literal(one.email),
                    literal(one.version),
                    literal(one.trust),
                    self._time(one.registered_h),
                    self._time(one.seen_h),
                    literal(one.rig_type),
                    literal(one.parent),
                )
                for one in rigs
            ],
        )

    def links(self, linked: Iterable[tuple[str, str]]) -> str:
        return _insert(
            "rig_links",
            "id, rig_a, rig_b, link_type, assertion_a, assertion_b, status, created_at, completed_at",
            [
                (
                    literal(f"rl-{a}-{b}"),
                    literal(a),
                    literal(b),
                    "'same_owner'",
                    literal(f"{a} runs {b}"),
                    literal(f"{b} is run by {a}"),
                    "'active'",
                    self._time(340),
                    self._time(330),
                )
                for a, b in linked
            ],
        )

    def items(self, items: Iterable[SeedItem], completions: Iterable[SeedCompletion]) -> str:
        evidence = {completion.item.id: completion.evidence for completion in completions}
        return _insert(
            "wanted",
            "id, title, description, project, type, priority, tags, posted_by, claimed_by, status, effort_level, "
            "evidence_url, created_at, updated_at",
            [
                (
                    literal(item.id),
                    literal(item.title),
                    literal(item.about),
                    literal(item.project),
                    literal(item.kind),
                    literal(item.priority),
                    tags_literal(item.tags),
                    literal(item.by),
                    literal(item.claimed_by),
                    literal(item.status),
                    literal(item.effort),
                    self._evidence(evidence[item.id]) if item.id in evidence else "NULL",
                    self._time(item.created_h),
                    self._time(item.created_h if item.updated_h is None else item.updated_h),
                )
                for item in items
            ],
        )

    def completions(self, completions: Iterable[SeedCompletion]) -> str:
        return _insert(
            "completions",
            "id, wanted_id, completed_by, evidence, validated_by, stamp_id, completed_at, validated_at",
            [
                (
                    literal(one.id),
                    literal(one.item.id),
                    literal(one.by),
                    self._evidence(one.evidence),
                    literal(one.stamp.author if one.stamp else None),
                    literal(stamp_id(one.item.id, one.stamp.author) if one.stamp else None),
                    self._time(one.completed_h),
                    self._time(one.stamp.created_h if one.stamp else None),
                )
                for one in completions
            ],
        )

    def stamps(self, completions: Iterable[SeedCompletion]) -> str:
        return _insert(
            "stamps",
            "id, author, subject, valence, confidence, severity, context_id, context_type, skill_tags, message, created_at",
            [
                (
                    literal(stamp_id(one.item.id, one.stamp.author)),
                    literal(one.stamp.author),
                    literal(one.by),
                    literal(one.stamp.valence),
                    literal(one.stamp.confidence),
                    literal(one.stamp.severity),
                    literal(one.id),
                    "'completion'",
                    tags_literal(one.stamp.skills),
                    literal(one.stamp.message),
                    self._time(one.stamp.created_h),
                )
                for one in completions
                if one.stamp is not None
            ],
        )


def _insert(table: str, columns: str, rows: Sequence[tuple[str, ...]]) -> str:
    """One INSERT of all rows (their cells are literals already); empty for no rows."""
    if not rows:
        return ""
    return f"INSERT INTO {table} ({columns}) VALUES\n" + ",\n".join(f"({', '.join(cells)})" for cells in rows)
