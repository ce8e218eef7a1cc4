"""Where the seed's evidence lies: the evidence pages and the look-alikes, by short names that texts of evidence begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping

Places = Mapping[str, str]
"""Base address (``http://HOST:PORT``) by name: `pages`, `github`, `gitlab`, `npm` and so on."""

_AT = re.compile(r"([a-z]+):(/(?!/).*)")


def placed(evidence: str, places: Places) -> str:
    """Evidence as it is submitted: `github:/acme/relay/pull/1` at that place, `/ok` on the evidence pages, all else as it is.

    Raises KeyError for a place that is not told.
    """
    match = _AT.fullmatch(evidence)
    if match is not None:
        return places[match[1]] + match[2]
    return places["pages"] + evidence if evidence.startswith("/") else evidence
