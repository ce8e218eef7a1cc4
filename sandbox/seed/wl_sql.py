"""The SQL that the reference client `wl` sends for one step of an item's life, one statement per call.

Source: wl internal/commons/commons.go. Pure text, no database: tests use it to open further pulls. Strings pass through
the same escaping as the reference client's (backslash doubled, then quote doubled).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256


def literal(value: str | float | None) -> str:
    """A MySQL literal: ``NULL``, a number, or a quoted string."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return repr(value)


def tags_literal(tags: Sequence[str]) -> str:
    """A JSON array as a MySQL literal; ``NULL`` for none."""
    return literal(json.dumps(list(tags), ensure_ascii=False)) if tags else "NULL"


def completion_id(wanted_id: str, rig: str) -> str:
    """``c-`` and 16 hex digits, as the reference client shapes it; without its clock, so that a seed is repeatable."""
    return "c-" + sha256(f"{wanted_id}|{rig}".encode()).hexdigest()[:16]


def stamp_id(wanted_id: str, author: str) -> str:
    """``s-`` and 16 hex digits, as the reference client shapes it; without its clock, so that a seed is repeatable."""
    return "s-" + sha256(f"{wanted_id}|{author}".encode()).hexdigest()[:16]


def wanted_id(title: str) -> str:
    """``w-`` and 10 hex digits, as the reference client shapes it; without its salt, so that a seed is repeatable."""
    return "w-" + sha256(title.encode()).hexdigest()[:10]


def register(
    *,
    handle: str,
    display_name: str,
    dolthub_org: str,
    owner_email: str,
    gt_version: str = "hosted",
    trust_level: int = 1,
) -> tuple[str, ...]:
    """``wl join``. On an existing handle it overwrites the old row's owner: nothing in the protocol forbids that."""
    hop_uri = f"hop://{owner_email}/{handle}/"
    row = (handle, display_name, dolthub_org, hop_uri, owner_email, gt_version, trust_level)
    values = ", ".join(literal(cell) for cell in row)
    overwritten = ("display_name", "dolthub_org", "hop_uri", "owner_email", "gt_version")
    updates = ", ".join(f"{column} = VALUES({column})" for column in overwritten)
    return (
        "INSERT INTO rigs (handle, display_name, dolthub_org, hop_uri, owner_email, gt_version, trust_level, "
        f"registered_at, last_seen) VALUES ({values}, NOW(), NOW()) "
        f"ON DUPLICATE KEY UPDATE {updates}, last_seen = NOW()",
    )


def post(
    *,
    item: str,
    title: str,
    description: str,
    project: str,
    kind: str,
    priority: int,
    tags: Sequence[str],
    posted_by: str,
    effort: str,
) -> tuple[str, ...]:
    """``wl post``: one new open item."""
    text = ", ".join(literal(cell) for cell in (item, title, description, project, kind, priority))
    return (
        "INSERT INTO wanted (id, title, description, project, type, priority, tags, posted_by, status, effort_level, "
        f"created_at, updated_at) VALUES ({text}, {tags_literal(tags)}, {literal(posted_by)}, 'open', "
        f"{literal(effort)}, NOW(), NOW())",
    )


def claim(item: str, rig: str) -> tuple[str, ...]:
    """``wl claim``: an open item becomes the rig's."""
    return (
        f"UPDATE wanted SET claimed_by={literal(rig)}, status='claimed', updated_at=NOW() "
        f"WHERE id={literal(item)} AND status='open'",
    )


def done(item: str, rig: str, evidence: str) -> tuple[str, str]:
    """``wl done``: a claimed item goes to review, with one completion (its id: `completion_id`)."""
    its_item, its_rig, its_evidence = literal(item), literal(rig), literal(evidence)
    return (
        f"UPDATE wanted SET status='in_review', evidence_url={its_evidence}, updated_at=NOW() "
        f"WHERE id={its_item} AND status='claimed' AND claimed_by={its_rig}",
        "INSERT IGNORE INTO completions (id, wanted_id, completed_by, evidence, hop_uri, completed_at) "
        f"SELECT {literal(completion_id(item, rig))}, {its_item}, {its_rig}, {its_evidence}, NULL, NOW() FROM wanted "
        f"WHERE id={its_item} AND status='in_review' AND claimed_by={its_rig} "
        f"AND NOT EXISTS (SELECT 1 FROM completions WHERE wanted_id={its_item})",
    )


def update_description(item: str, description: str) -> tuple[str, ...]:
    """``wl update --description``: an open item's text changes."""
    return (
        f"UPDATE wanted SET description={literal(description)}, updated_at=NOW() WHERE id={literal(item)} AND status='open'",
    )


def unclaim(item: str) -> tuple[str, ...]:
    """``wl unclaim``: a claimed item is open again."""
    return (
        f"UPDATE wanted SET claimed_by=NULL, status='open', updated_at=NOW() WHERE id={literal(item)} AND status='claimed'",
    )


def withdraw(item: str) -> tuple[str, ...]:
    """``wl delete``: an open item is withdrawn; its row stays."""
    return (f"UPDATE wanted SET status='withdrawn', updated_at=NOW() WHERE id={literal(item)} AND status='open'",)


def accept(
    item: str, *, completion: str, author: str, subject: str, quality: int, skills: Sequence[str], message: str
) -> tuple[str, str, str]:
    """``wl accept``: stamp, link and end state, in the reference client's order (stamp first)."""
    stamp = literal(stamp_id(item, author))
    valence = literal(json.dumps({"quality": quality, "reliability": quality}))
    return (
        "INSERT INTO stamps (id, author, subject, valence, confidence, severity, context_id, context_type, skill_tags, "
        f"message, hop_uri, created_at) VALUES ({stamp}, {literal(author)}, {literal(subject)}, {valence}, 1.0, "
        f"'leaf', {literal(completion)}, 'completion', {tags_literal(skills)}, {literal(message)}, NULL, NOW())",
        f"UPDATE completions SET validated_by={literal(author)}, stamp_id={stamp}, validated_at=NOW() "
        f"WHERE id={literal(completion)}",
        f"UPDATE wanted SET status='completed', updated_at=NOW() WHERE id={literal(item)} AND status='in_review'",
    )
