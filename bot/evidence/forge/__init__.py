"""Forges the operator trusts: what they say about a piece of evidence, asked over their own APIs."""

from __future__ import annotations

from bot.evidence.forge.client import Forge
from bot.evidence.forge.look import Forges, make_forges

__all__ = ["Forge", "Forges", "make_forges"]
