"""What names look like: of databases and owners, and of commits."""

from __future__ import annotations

import re

DATABASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""An owner, or a database."""
PUBLIC_HASH = re.compile(r"[0-9a-v]{32}")
"""A commit, as Dolt shows it."""
