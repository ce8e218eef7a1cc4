"""Stampbot: the validator's review bot for a Wasteland commons on DoltHub.

Four processes: `web`, `worker`, `prober`, `clock`. One verb: `converge`. docs/architecture.md has the picture.
"""

from __future__ import annotations

__version__ = "0.1.0"
