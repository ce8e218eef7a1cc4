"""Which fields of a job in Redis are believed: a few, each checked against its form. Pure.

A process that can write to Redis can write a job, and RQ believes all of it: functions to import for the job and for its
end, URLs to post to, how often to try again, how long to keep what failed, and packed bytes that may unpack to any size.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final

from bot.model.ids import Commons, PullNo
from bot.store.keys import QUEUES

PACKED_BYTES_MAX: Final = 64 * 1024
DATA_BYTES_MAX: Final = 256 * 1024
"""Four times what the links of the largest pull come to."""
RESULT_TTL_S: Final = 60
FAILURE_TTL_S: Final = 3600
CRASH_RETRIES: Final = 2

_FORMS: Final[Mapping[bytes, re.Pattern[bytes]]] = {
    b"origin": re.compile("|".join(QUEUES).encode()),
    b"status": re.compile(rb"queued|started|finished|failed"),
    b"timeout": re.compile(rb"[1-9][0-9]{0,2}"),
    b"retries_left": re.compile(rb"[0-%d]" % CRASH_RETRIES),
    b"number_of_retries": re.compile(rb"[0-9]{1,3}"),
    b"worker_name": re.compile(rb"[a-z]{1,16}-[0-9a-f]{32}"),
}
_OURS: Final = {b"result_ttl": b"%d" % RESULT_TTL_S, b"failure_ttl": b"%d" % FAILURE_TTL_S}


def filter_job(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The fields of a job's hash that may be believed. What has another form, or no place here, is not there.

    Raises ValueError if what is left is no job: without a queue of the bot, or with more data than the bot's jobs have.
    """
    plain = {name: fields[name] for name, form in _FORMS.items() if name in fields and form.fullmatch(fields[name])}
    if b"origin" not in plain:
        raise ValueError("a job of no queue of ours")
    return {**plain, **_OURS, b"data": _harmless(fields.get(b"data", b""))}


def _harmless(packed: bytes) -> bytes:
    if len(packed) > PACKED_BYTES_MAX:
        raise ValueError("more data than a job of ours has")
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, DATA_BYTES_MAX + 1)
    except zlib.error:
        # RQ takes data that was never packed, too.
        return packed
    if len(data) > DATA_BYTES_MAX or not unpacking.eof:
        raise ValueError("data that unpacks to more than a job of ours has, or to nothing whole")
    # Packed again: RQ unpacks once more, and this might have been packed twice.
    return zlib.compress(data)


class Unlisted(Exception):
    """A job asks for something no worker of the bot does."""


def known_commons(text: object, known: frozenset[Commons]) -> Commons:
    """The commons a job names. Raises Unlisted for one that this bot does not serve."""
    found = next((commons for commons in known if str(commons) == text), None)
    if found is None:
        raise Unlisted("the job names a commons that is not ours")
    return found


def pull_number(number: object) -> PullNo:
    """The number of the pull a job names. Raises Unlisted for anything else."""
    if type(number) is not int or not 0 < number < 10**10:
        raise Unlisted("the job names no pull")
    return PullNo(number)
