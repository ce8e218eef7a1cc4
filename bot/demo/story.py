"""One whole story, played over a sandbox's HTTP as people would: reviews, a refused self-accept, accept, reject, close.

It reads only what everyone can read: comments and rows on main.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

BOT = "stampbot"
ANSWER_TIMEOUT_S = 60.0
REVIEWS_TIMEOUT_S = 120.0
SETTLE_S = 3.0
LOOK_EVERY_S = 0.5
HTTP_TIMEOUT_S = 10.0
MARK = re.compile(
    r"`stampbot/1 (?P<kind>review|answer|notice) (?P<about>\S+) (?P<outcome>\S+) (?P<head>[0-9a-v]{32}) \S+ [0-9]+`"
)

Row = Mapping[str, str | None]


class StoryFailed(Exception):
    """A step of the story failed; the text is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A comment of the bot with its mark read."""

    kind: str
    about: str
    outcome: str
    head: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Where the story's progress goes: a step in words, and how many of how many reviews are there."""

    step: Callable[[str], None]
    reviews: Callable[[int, int], None]


class Stage:
    """A sandbox seen from outside, over DoltHub's API, with a token for each person of the seed."""

    def __init__(self, origin: str, commons: str) -> None:
        self.origin = origin
        self._base = f"{origin}/api/v2/databases/{commons}"

    def pulls(self) -> Mapping[int, str]:
        """State by number, of every pull."""
        found: dict[int, str] = {}
        token = ""
        while True:
            page = self._ask(f"{self._base}/pulls?{urlencode({'page_token': token} if token else {})}")
            found |= {pull["pull_number"]: pull["state"] for pull in page["data"]}
            token = page["meta"].get("next_page_token") or ""
            if not token:
                return found

    def said(self, pull: int) -> tuple[Said, ...]:
        """What the bot said below a pull, oldest first."""
        comments = self._ask(f"{self._base}/pulls/{pull}/comments")["data"]
        ours = (c["body"] for c in comments if c["author"] == BOT)
        return tuple(found for found in map(_said, ours) if found is not None)

    def comment(self, pull: int, author: str, body: str) -> str:
        """Comment as one of the seed's people; the comment's id."""
        answer = self._ask(f"{self._base}/pulls/{pull}/comments", {"body": body}, token=f"token-{author}")
        return str(answer["data"]["comment_id"])

    def rows(self, sql: str) -> tuple[Row, ...]:
        """Rows on main. Only for fixed SQL over ids that the seed or the bot made."""
        data = self._ask(f"{self._base}/sql?{urlencode({'ref': 'main', 'q': sql})}")["data"]
        if data["status"] != "success":
            raise StoryFailed(f"the sandbox could not answer {sql!r}: {data.get('message') or data['status']}")
        names = [column["name"] for column in data["columns"]]
        return tuple(dict(zip(names, row, strict=True)) for row in data["rows"])

    def _ask(self, url: str, body: object = None, *, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - the origin is the sandbox of this demo
        try:
            with urllib.request.urlopen(asked, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            detail = error.read(300).decode("utf-8", "replace")
            raise StoryFailed(f"the sandbox answered {error.code} to {url}: {detail}") from error
        except OSError as error:
            raise StoryFailed(f"the sandbox does not answer at {url}: {error}") from error


def play(stage: Stage, slugs: Mapping[str, int], tell: Teller) -> None:
    """Play the story to its end. `slugs`: number of each seeded pull by its slug. Raises StoryFailed."""
    tell.step(f"{len(slugs)} pulls are open; waiting for a review of each")
    _await_reviews(stage, tuple(slugs.values()), tell)
    _self_accept(stage, slugs["self-accept-bait"], tell)
    _accept(stage, slugs["happy-handshake"], tell)
    _reject(stage, slugs["happy-ledger"], tell)
    _close(stage, slugs["impostor"], tell)


def _await_reviews(stage: Stage, pulls: tuple[int, ...], tell: Teller) -> None:
    missing = set(pulls)
    deadline = time.monotonic() + REVIEWS_TIMEOUT_S
    while missing:
        missing -= {pull for pull in missing if any(s.kind == "review" for s in stage.said(pull))}
        tell.reviews(len(pulls) - len(missing), len(pulls))
        if missing and time.monotonic() > deadline:
            named = ", ".join(f"#{pull}" for pull in sorted(missing))
            raise StoryFailed(f"after {REVIEWS_TIMEOUT_S:.0f} s there is no review on {named}")
        time.sleep(LOOK_EVERY_S if missing else 0)


def _self_accept(stage: Stage, pull: int, tell: Teller) -> None:
    tell.step(f"#{pull}: cleo tries to accept the work of her own second rig")
    answer = _answer(stage, pull, "cleo", f"/accept --quality 5 --at {_reviewed_head(stage, pull)}")
    _expect(answer.outcome == "refused", f"#{pull}: cleo's own work was not refused but {answer.outcome}", answer)
    _expect(stage.pulls()[pull] == "open", f"#{pull}: a refused accept changed the pull")
    _expect(not _stamps_of(stage, "cleo-kiln", "cleo-mill"), f"#{pull}: a stamp of cleo on cleo's work stands on main")


def _accept(stage: Stage, pull: int, tell: Teller) -> None:
    tell.step(f"#{pull}: ana accepts, quality 4")
    before = {row["id"] for row in stage.rows("SELECT id FROM completions")}
    answer = _answer(stage, pull, "ana", f"/accept --quality 4 --at {_reviewed_head(stage, pull)}")
    _expect(answer.outcome == "done", f"#{pull}: the accept ended {answer.outcome}", answer)
    _expect(stage.pulls()[pull] == "merged", f"#{pull}: accepted but {stage.pulls()[pull]}")
    tell.step(f"#{pull}: merged; looking at the rows on main")
    done = [
        row
        for row in stage.rows("SELECT id, wanted_id, completed_by, validated_by, stamp_id FROM completions")
        if row["id"] not in before
    ]
    _expect(len(done) == 1, f"#{pull}: {len(done)} completions came to main, not one")
    completion = done[0]
    stamps = [row for row in stage.rows("SELECT * FROM stamps") if row["context_id"] == completion["id"]]
    _expect(len(stamps) == 1, f"#{pull}: {len(stamps)} stamps for one completion")
    stamp = stamps[0]
    found = (stamp["author"], stamp["subject"], json.loads(stamp["valence"] or "{}").get("quality"))
    _expect(found == ("ana-town", "polecat-7", 4), f"#{pull}: the stamp reads {found}")
    linked = (completion["stamp_id"], completion["validated_by"])
    _expect(linked == (stamp["id"], "ana-town"), f"#{pull}: the completion reads {linked}, the stamp is {stamp['id']}")
    items = {row["id"]: row["status"] for row in stage.rows("SELECT id, status FROM wanted")}
    status = items.get(str(completion["wanted_id"]))
    _expect(status == "completed", f"#{pull}: the item is {status}")
    time.sleep(SETTLE_S)
    receipts = [s for s in stage.said(pull) if s.kind == "answer" and s.about == answer.about and s.outcome == "done"]
    _expect(len(receipts) == 1, f"#{pull}: {len(receipts)} receipts for one accept")


def _reject(stage: Stage, pull: int, tell: Teller) -> None:
    tell.step(f"#{pull}: bo rejects")
    stamps = len(stage.rows("SELECT id FROM stamps"))
    answer = _answer(stage, pull, "bo", "/reject the numbers in the third column are not those of the ledger")
    _expect(answer.outcome == "done", f"#{pull}: the reject ended {answer.outcome}", answer)
    _expect(stage.pulls()[pull] == "open", f"#{pull}: rejected, and then {stage.pulls()[pull]} instead of open")
    _expect(len(stage.rows("SELECT id FROM stamps")) == stamps, f"#{pull}: a reject changed the stamps")


def _close(stage: Stage, pull: int, tell: Teller) -> None:
    tell.step(f"#{pull}: bo closes it")
    answer = _answer(stage, pull, "bo", "/close this fork is not polecat-7's")
    _expect(answer.outcome == "done", f"#{pull}: the close ended {answer.outcome}", answer)
    _expect(stage.pulls()[pull] == "closed", f"#{pull}: closed by command, but {stage.pulls()[pull]}")


def _answer(stage: Stage, pull: int, author: str, body: str) -> Said:
    """Comment, and wait for the answer that closes the comment."""
    comment = stage.comment(pull, author, body)
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while time.monotonic() < deadline:
        for said in stage.said(pull):
            if said.kind == "answer" and said.about.endswith(f":{comment}") and said.outcome != "parked":
                return said
        time.sleep(LOOK_EVERY_S)
    raise StoryFailed(f"#{pull}: no answer to {author}'s {body.partition(' ')[0]} within {ANSWER_TIMEOUT_S:.0f} s")


def _reviewed_head(stage: Stage, pull: int) -> str:
    reviews = [said for said in stage.said(pull) if said.kind == "review"]
    _expect(bool(reviews), f"#{pull}: there is no review")
    return reviews[-1].head


def _stamps_of(stage: Stage, subject: str, author: str) -> bool:
    return any((row["subject"], row["author"]) == (subject, author) for row in stage.rows("SELECT subject, author FROM stamps"))


def _said(body: str) -> Said | None:
    match = MARK.fullmatch(body.rstrip().rpartition("\n")[2])
    if match is None:
        return None
    return Said(kind=match["kind"], about=match["about"], outcome=match["outcome"], head=match["head"], body=body)


def _expect(holds: bool, otherwise: str, answer: Said | None = None) -> None:
    if not holds:
        first = f"; it said: {answer.body.splitlines()[0][:200]}" if answer is not None and answer.body else ""
        raise StoryFailed(otherwise + first)
