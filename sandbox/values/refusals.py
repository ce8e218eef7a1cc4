"""The refusals of the look-alike; `str(refusal)` is the text the API shows as `detail`."""

from __future__ import annotations


class HubRefusal(Exception):
    """Base of all refusals that are answers, not faults."""


class NoSuch(HubRefusal):
    """The thing is not there, or not for this caller (v2: 404)."""


class NotAllowed(HubRefusal):
    """A known caller without the permission (v2: 403)."""


class Taken(HubRefusal):
    """Against the present state, as a taken name (v2: 409)."""


class Invalid(HubRefusal):
    """The request itself is wrong (v2: 400)."""


class Impossible(HubRefusal):
    """Well-formed, but it cannot be done now (v2: 422)."""
