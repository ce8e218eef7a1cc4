"""Fixtures of the look-alike's own tests."""

from __future__ import annotations

from tests.sandbox_process import commons, own_sandbox, sandbox_server

__all__ = ["commons", "own_sandbox", "sandbox_server"]
