"""The suite. Its processes keep their bytecode, whatever the environment says; else each of hundreds would compile `bot`."""

from __future__ import annotations

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
