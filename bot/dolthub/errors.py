"""What can go wrong with DoltHub, by what to do next: wait, give up, or call a person."""

from __future__ import annotations

import re


class HubError(Exception):
    """Base of all errors of the hub. The message is one clean line that may quote the server: strangers' text."""


class HubBusy(HubError):
    """Later. Time-out, cut connection, 429, 5xx, an operation still running, a transient `no such repository`.

    `unknown_end`: a write was sent and may or may not have happened; look before it is tried again.
    `retry_after_s`: how long the server asked to wait, if it said so.
    """

    def __init__(self, message: str, *, unknown_end: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.unknown_end = unknown_end
        self.retry_after_s = retry_after_s


class HubUnsettled(HubBusy):
    """Later, for one pull: DoltHub answers, but what it shows does not fit together yet. Other pulls may be well."""


class HubObstructed(HubUnsettled):
    """Later, for one pull: another account has changed what the bot made there on the way to main, again and again."""


class HubRefused(HubError):
    """No, and repeating will not help.

    `status` is the HTTP status (or the one a failed operation carries), `code` the contract's error code
    (DoltHub API v2 contract, ErrorCode); codes may be added, so unknown ones occur.
    """

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def withheld(self) -> bool:
        """Whether it is not the request that is wrong: the branch is protected, or the account lacks a right.

        So the same may go through later, after that was changed. INFERRED: DoltHub has "require approval" and "prevent
        non-PR push", and how they refuse is documented nowhere (expected are 403, 422 and a failed job).
        """
        return self.status == 403 or (self.status != 401 and _WITHHELD.search(str(self)) is not None)


_WITHHELD = re.compile(r"\bprotect(ed|ion)\b|\bapproval|\bapproved\b|permission|\bnot allowed\b|\bnon-?pr\b", re.IGNORECASE)


class HubGone(HubRefused):
    """Not there, or not shown to the bot: a 404, or a ref that does not exist.

    `passing`: DoltHub is known to answer so for a while about things that do exist, so it is believed only when repeated.
    """

    def __init__(self, message: str, *, status: int = 404, code: str = "NOT_FOUND", passing: bool = False) -> None:
        super().__init__(message, status=status, code=code)
        self.passing = passing


class HubConflict(HubRefused):
    """Against the present state: a branch of that name, or a pull for that branch, is already there (409)."""


class HubStrange(HubError):
    """Our picture of DoltHub is wrong, and a person should look: an unreadable answer, cut rows, SQL it does not take.

    `unreadable`: the answer was no API answer at all (HTML, empty body); for a read it is worth another try.
    `too_large`: a bound of the bot was reached: bytes of an answer, pages, commits. Asking again will not help.
    """

    def __init__(self, message: str, *, unreadable: bool = False, too_large: bool = False) -> None:
        super().__init__(message)
        self.unreadable = unreadable
        self.too_large = too_large
