"""Stampbot: the validator's review bot for a Wasteland commons on DoltHub."""

from __future__ import annotations

__version__ = "0.1.0"
