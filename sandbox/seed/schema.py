"""The tables of a Wasteland commons, schema 1.2, as data, and the statements that create them."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_VERSION = "1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: columns as (name, MySQL type with its constraints), the key's column, and further clauses."""

    name: str
    key: str
    columns: tuple[tuple[str, str], ...]
    clauses: tuple[str, ...] = ()

    def ddl(self) -> str:
        """The CREATE TABLE statement, MySQL wording, every name quoted (`key` is a reserved word)."""
        lines = [f"`{name}` {kind}" for name, kind in self.columns]
        lines.append(f"PRIMARY KEY (`{self.key}`)")
        lines.extend(self.clauses)
        return f"CREATE TABLE `{self.name}` (\n  " + ",\n  ".join(lines) + "\n)"


_NAME = "VARCHAR(255)"
_ID = "VARCHAR(64)"
_URI = "VARCHAR(512)"
_TIME = "TIMESTAMP"

TABLES = (
    Table(name="_meta", key="key", columns=(("key", "VARCHAR(64) NOT NULL"), ("value", "TEXT"))),
    Table(
        name="rigs",
        key="handle",
        columns=(
            ("handle", f"{_NAME} NOT NULL"),
            ("display_name", _NAME),
            ("dolthub_org", _NAME),
            ("hop_uri", _URI),
            ("owner_email", _NAME),
            ("gt_version", "VARCHAR(32)"),
            ("trust_level", "INT DEFAULT 0"),
            ("registered_at", _TIME),
            ("last_seen", _TIME),
            ("rig_type", "VARCHAR(16) DEFAULT 'human'"),
            ("parent_rig", _NAME),
        ),
    ),
    Table(
        name="wanted",
        key="id",
        columns=(
            ("id", f"{_ID} NOT NULL"),
            ("title", "TEXT NOT NULL"),
            ("description", "TEXT"),
            ("project", "VARCHAR(64)"),
            ("type", "VARCHAR(32)"),
            ("priority", "INT DEFAULT 2"),
            ("tags", "JSON"),
            ("posted_by", _NAME),
            ("claimed_by", _NAME),
            ("status", "VARCHAR(32) DEFAULT 'open'"),
            ("effort_level", "VARCHAR(16) DEFAULT 'medium'"),
            ("evidence_url", "TEXT"),
            ("sandbox_required", "TINYINT(1) DEFAULT 0"),
            ("sandbox_scope", "JSON"),
            ("sandbox_min_tier", "VARCHAR(32)"),
            ("created_at", _TIME),
            ("updated_at", _TIME),
        ),
    ),
    Table(
        name="completions",
        key="id",
        columns=(
            ("id", f"{_ID} NOT NULL"),
            ("wanted_id", _ID),
            ("completed_by", _NAME),
            ("evidence", "TEXT"),
            ("validated_by", _NAME),
            ("stamp_id", _ID),
            ("parent_completion_id", _ID),
            ("block_hash", _ID),
            ("hop_uri", _URI),
            ("completed_at", _TIME),
            ("validated_at", _TIME),
        ),
    ),
    Table(
        name="stamps",
        key="id",
        columns=(
            ("id", f"{_ID} NOT NULL"),
            ("author", f"{_NAME} NOT NULL"),
            ("subject", f"{_NAME} NOT NULL"),
            ("valence", "JSON NOT NULL"),
            ("confidence", "FLOAT DEFAULT 1"),
            ("severity", "VARCHAR(16) DEFAULT 'leaf'"),
            ("context_id", _ID),
            ("context_type", "VARCHAR(32)"),
            ("skill_tags", "JSON"),
            ("message", "TEXT"),
            ("prev_stamp_hash", _ID),
            ("block_hash", _ID),
            ("hop_uri", _URI),
            ("created_at", _TIME),
        ),
        # The yearbook rule, the only thing about work that the database itself enforces.
        clauses=("CHECK (NOT (author = subject))",),
    ),
    Table(
        name="badges",
        key="id",
        columns=(
            ("id", f"{_ID} NOT NULL"),
            ("rig_handle", _NAME),
            ("badge_type", "VARCHAR(64)"),
            ("awarded_at", _TIME),
            ("evidence", "TEXT"),
        ),
    ),
    Table(
        name="boot_blocks",
        key="handle",
        columns=(
            ("handle", f"{_NAME} NOT NULL"),
            ("source", "VARCHAR(64) NOT NULL"),
            ("sheet_json", "JSON NOT NULL"),
            ("confidence", "FLOAT NOT NULL"),
            ("version", "VARCHAR(20) NOT NULL"),
            ("created_at", f"{_TIME} NOT NULL"),
        ),
        clauses=("CHECK (confidence BETWEEN 0.0 AND 1.0)",),
    ),
    Table(
        name="chain_meta",
        key="chain_id",
        columns=(
            ("chain_id", f"{_ID} NOT NULL"),
            ("chain_type", "VARCHAR(32)"),
            ("parent_chain_id", _ID),
            ("hop_uri", _URI),
            ("dolt_database", _NAME),
            ("created_at", _TIME),
        ),
    ),
    Table(
        name="rig_links",
        key="id",
        columns=(
            ("id", f"{_ID} NOT NULL"),
            ("rig_a", f"{_NAME} NOT NULL"),
            ("rig_b", f"{_NAME} NOT NULL"),
            ("link_type", "VARCHAR(32) DEFAULT 'same_owner'"),
            ("assertion_a", "TEXT"),
            ("assertion_b", "TEXT"),
            ("status", "VARCHAR(32) DEFAULT 'pending'"),
            ("created_at", _TIME),
            ("completed_at", _TIME),
            ("revoked_at", _TIME),
            ("revoked_by", _NAME),
        ),
        clauses=("UNIQUE KEY uq_rig_pair (rig_a, rig_b)", "CHECK (rig_a != rig_b)"),
    ),
)


def creation() -> tuple[str, ...]:
    """The statements that make an empty commons of this schema."""
    return (
        *(table.ddl() for table in TABLES),
        f"INSERT INTO `_meta` (`key`, value) VALUES ('schema_version', '{SCHEMA_VERSION}')",
    )
