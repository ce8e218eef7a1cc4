"""`python -m tests.soak.audit HUB COMMONS`: reads a commons over HTTP as anybody could, and says whether the bot kept its word.

It shares no code with the bot and asks it nothing: pulls, comments and rows are all there is. What it holds the bot to:
each decision is answered; what was answered as done is done, once, by somebody who may; nothing else was merged, closed or
stamped; nothing is said twice, unless Redis was wiped, a process killed and the comment list lagging within `window_s`
seconds, and then twice at most, in the same words.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0
TRIES = 3
ROWS = 500
"""Rows read at a time; a hub cuts longer answers."""
MARK = re.compile(r"`stampbot/1 (?P<kind>\S+) (?P<about>\S+) (?P<outcome>\S+) (?P<head>\S+) (?P<digest>\S+) (?P<n>\d+)`")
DECISIONS = ("accept", "reject", "close")
MAY_DECIDE = 3
"""Trust from which a rig's owner decides, where the operator says nothing else."""
BY_HAND = "by hand: "
"""People who press a button of the page instead of writing a command say so, in a comment that begins like this."""
UNCHANGED = "Nothing was changed."
"""How a refusal ends that found nothing done."""

Row = Mapping[str, str | None]


# --- what is there --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One comment; the parts of its mark are empty unless it is the bot's and ends in one."""

    id: str
    author: str
    body: str
    at: datetime
    kind: str = ""
    about: str = ""
    outcome: str = ""
    head: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One pull with all that was said below it, oldest first."""

    number: int
    title: str
    state: str
    creator: str
    branch: str
    comments: tuple[Said, ...]

    def by_hand(self, deed: str) -> frozenset[str]:
        """Who said that they did this by hand."""
        return frozenset(c.author for c in self.comments if c.body.startswith(BY_HAND + deed))

    def owns_up(self) -> bool:
        """Whether an accept was refused and the answer does not say that nothing was changed."""
        asked = (c for c in self.comments if _decision(c) == "accept")
        refusals = (a for comment in asked for a in _answers(self, comment) if a.outcome == "refused")
        return any(UNCHANGED not in a.body for a in refusals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A commons as it stands: its pulls, its rows on main, and the heads that were merged into main, oldest last."""

    bot: str
    pulls: tuple[Pull, ...]
    tables: Mapping[str, tuple[Row, ...]]
    merged_heads: tuple[str, ...]


class Reader:
    """Reads one commons over DoltHub's API, without a token."""

    def __init__(self, hub: str, commons: str, bot: str) -> None:
        self._base = f"{hub}/api/v2/databases/{commons}"
        self._bot = bot

    def read(self) -> Books:
        """Everything there is. Raises OSError if the hub does not answer."""
        numbers = sorted(int(p["pull_number"]) for p in self._pages("/pulls"))
        return Books(
            bot=self._bot,
            pulls=tuple(map(self._pull, numbers)),
            tables={name: tuple(self._table(name, key)) for name, key in _TABLES},
            merged_heads=tuple(self._merged_heads()),
        )

    def _pull(self, number: int) -> Pull:
        found = self._ask(f"/pulls/{number}")["data"]
        comments = sorted(map(self._said, self._pages(f"/pulls/{number}/comments")), key=lambda c: c.at)
        return Pull(
            number=number,
            title=found["title"],
            state=found["state"],
            creator=found["creator"],
            branch=found["from_branch"]["branch_name"],
            comments=tuple(comments),
        )

    def _said(self, comment: Mapping[str, str]) -> Said:
        parts: dict[str, str] = {}
        match = MARK.fullmatch(comment["body"].rstrip().rpartition("\n")[2])
        if match is not None and comment["author"] == self._bot:
            parts = {name: match[name] for name in ("kind", "about", "outcome", "head", "digest")}
        at = datetime.fromisoformat(comment["created_at"])
        return Said(id=comment["comment_id"], author=comment["author"], body=comment["body"], at=at, **parts)

    def _table(self, name: str, key: str) -> Iterable[Row]:
        return self._rows(f"SELECT * FROM {name} ORDER BY {key}")

    def _merged_heads(self) -> Iterable[str]:
        """Second parents along main's own line, newest first."""
        rows = self._rows("SELECT commit_hash, parent_hash, parent_index FROM dolt_commit_ancestors ORDER BY 1, 3")
        parents = {(row["commit_hash"], str(row["parent_index"])): row["parent_hash"] for row in rows}
        branches = self._pages("/branches")
        at: str | None = next(b["head_commit_sha"] for b in branches if b["name"] == "main")
        while at is not None:
            merged = parents.get((at, "1"))
            if merged is not None:
                yield merged
            at = parents.get((at, "0"))

    def _rows(self, sql: str) -> Iterable[Row]:
        for offset in range(0, 10**6, ROWS):
            data = self._ask("/sql", {"ref": "main", "q": f"{sql} LIMIT {ROWS} OFFSET {offset}"})["data"]
            if data["status"] != "success":
                raise OSError(f"the hub does not answer {sql!r}: {data.get('message')}")
            names = [column["name"] for column in data["columns"]]
            yield from (dict(zip(names, row, strict=True)) for row in data["rows"])
            if len(data["rows"]) < ROWS:
                return

    def _pages(self, path: str) -> Iterable[Any]:
        token = ""
        while True:
            page = self._ask(path + (f"?{urllib.parse.urlencode({'page_token': token})}" if token else ""))
            yield from page["data"]
            token = page.get("meta", {}).get("next_page_token") or ""
            if not token:
                return

    def _ask(self, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._base + path, data=data, headers={"Content-Type": "application/json"})
        for tried in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                    return json.load(answer)
            except OSError:
                if tried == TRIES:
                    raise
                time.sleep(tried)
        raise AssertionError("unreachable")


_TABLES = (("rigs", "handle"), ("wanted", "id"), ("completions", "id"), ("stamps", "id"))


# --- what it comes to -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that was done to the bot, from the journal of the soak: `wipe`, `lag` and `kill` or `end` matter here."""

    what: str
    at: datetime
    until: datetime


@dataclass(slots=True, kw_only=True)
class Audit:
    """The outcome. Lists hold one sentence for each thing found; `good` if none of them is about what must not be."""

    pulls: int = 0
    decisions: int = 0
    answered: int = 0
    done: int = 0
    refused: int = 0
    reviews: int = 0
    merged: int = 0
    closed: int = 0
    stamps: int = 0
    lost: list[str] = field(default_factory=list)
    """Decisions without an answer, deeds that were answered and are not there, pulls without a review."""
    duplicates: list[str] = field(default_factory=list)
    """Deeds that happened twice."""
    wrong: list[str] = field(default_factory=list)
    """What nobody asked for, or nobody who may; and what the answer says otherwise than the rows."""
    said_twice: list[str] = field(default_factory=list)
    """Words that came twice although they must not."""
    said_twice_excused: list[str] = field(default_factory=list)
    """Words that came twice, with a wipe, a kill and a lag shortly before."""

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong or self.said_twice)


def audit(books: Books, troubles: Sequence[Trouble] = (), window_s: float = 120.0) -> Audit:
    """Hold the books against the promise."""
    found = Audit(
        pulls=sum(p.creator != books.bot for p in books.pulls),
        stamps=len(books.tables["stamps"]),
        merged=sum(p.state == "merged" and p.creator != books.bot for p in books.pulls),
        closed=sum(p.state == "closed" and p.creator != books.bot for p in books.pulls),
        reviews=sum(c.kind == "review" for p in books.pulls for c in p.comments),
    )
    ledger = _Ledger(books)
    accepted: dict[str, list[str]] = defaultdict(list)
    for pull in books.pulls:
        if pull.creator == books.bot:
            _landing(pull, books, found)
            continue
        done = _decisions(pull, ledger, found, accepted)
        _asked_for(pull, done, ledger, found)
        _words(pull, found, troubles, window_s)
        if not any(c.kind == "review" for c in pull.comments):
            found.lost.append(f"#{pull.number} was never reviewed")
    _stamps(books, accepted, ledger, found)
    for head, times in Counter(books.merged_heads).items():
        if times > 1:
            found.duplicates.append(f"the head {head} was merged {times} times")
    return found


class _Ledger:
    """Questions to the rows on main."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.owners = {row["handle"]: row["dolthub_org"] for row in books.tables["rigs"]}
        self.deciders = {r["dolthub_org"] for r in books.tables["rigs"] if int(r["trust_level"] or 0) >= MAY_DECIDE}
        self.items = {row["id"]: row for row in books.tables["wanted"]}
        self.stamps: dict[str | None, list[Row]] = defaultdict(list)
        for stamp in books.tables["stamps"]:
            self.stamps[stamp["context_id"]].append(stamp)

    def work(self, pull: Pull) -> Row | None:
        """The completion on main that a pull brought, by the name of its branch: wl/<rig>/<item>."""
        _, rig, item = pull.branch.split("/", 2) if pull.branch.count("/") >= 2 else ("", "", "")
        rows = self.books.tables["completions"]
        return next((r for r in rows if (r["completed_by"], r["wanted_id"]) == (rig, item)), None)


def _decisions(pull: Pull, ledger: _Ledger, found: Audit, accepted: dict[str, list[str]]) -> set[str]:
    """Look at each decision below a pull; which kinds were carried out."""
    carried_out: set[str] = set()
    for comment in pull.comments:
        word = _decision(comment)
        if comment.author == ledger.books.bot or not word:
            continue
        found.decisions += 1
        name = f"/{word} of {comment.author} below #{pull.number}"
        answers = [c for c in _answers(pull, comment) if c.outcome != "parked"]
        if not answers:
            found.lost.append(f"{name} has no answer: {comment.body!r}")
            continue
        found.answered += 1
        outcomes = {a.outcome for a in answers}
        if len(outcomes) > 1:
            found.wrong.append(f"{name} was answered {' and '.join(sorted(outcomes))}")
        if "done" not in outcomes:
            found.refused += 1
            continue
        found.done += 1
        carried_out.add(word)
        if comment.author not in ledger.deciders:
            found.wrong.append(f"{name} was carried out, and {comment.author} may not decide")
        _is_done(word, comment, name, pull, ledger, found)
        work = ledger.work(pull)
        if word == "accept" and work is not None:
            accepted[str(work["id"])].append(name)
    return carried_out


def _decision(comment: Said) -> str:
    """Which decision a comment is; empty for any other."""
    word = comment.body.split(maxsplit=1)[0].lstrip("/") if comment.body.startswith("/") else ""
    return word if word in DECISIONS else ""


def _answers(pull: Pull, comment: Said) -> list[Said]:
    about = ":" + urllib.parse.quote(comment.id, safe="")
    return [c for c in pull.comments if c.kind == "answer" and c.about.endswith(about)]


def _is_done(word: str, comment: Said, name: str, pull: Pull, ledger: _Ledger, found: Audit) -> None:
    """What was answered as done must stand there."""
    work = ledger.work(pull)
    stamps = ledger.stamps[work["id"]] if work is not None else []
    if word == "accept":
        if pull.state != "merged":
            found.lost.append(f"{name} was carried out, and the pull is {pull.state}")
        if work is not None:
            _is_stamped(comment, name, work, stamps, ledger, found)
        elif pull.branch.startswith("wl/") and not pull.branch.startswith("wl/register/"):
            found.lost.append(f"{name} was carried out, and main holds no completion of it")
    elif word == "close" and pull.state != "closed":
        found.lost.append(f"{name} was carried out, and the pull is {pull.state}")


def _is_stamped(comment: Said, name: str, work: Row, stamps: list[Row], ledger: _Ledger, found: Audit) -> None:
    if len(stamps) != 1:
        (found.duplicates if stamps else found.lost).append(
            f"{name} was carried out, and {work['id']} has {len(stamps)} stamps"
        )
        return
    (stamp,) = stamps
    quality = json.loads(stamp["valence"] or "{}").get("quality")
    item = ledger.items.get(work["wanted_id"])
    reads = {
        "author's owner": (ledger.owners.get(stamp["author"]), comment.author),
        "subject": (stamp["subject"], work["completed_by"]),
        "quality": (str(quality), comment.body.rpartition("--quality ")[2][:1] or str(quality)),
        "completion's stamp": (work["stamp_id"], stamp["id"]),
        "completion's validator": (work["validated_by"], stamp["author"]),
        "item's status": (item["status"] if item is not None else None, "completed"),
    }
    found.wrong.extend(
        f"{name}: the {what} reads {here}, not {there}" for what, (here, there) in reads.items() if here != there
    )
    if ledger.owners.get(stamp["subject"]) == comment.author:
        found.wrong.append(f"{name}: {comment.author} stamped their own work")


def _asked_for(pull: Pull, done: set[str], ledger: _Ledger, found: Audit) -> None:
    """What happened to a pull was asked for by somebody."""
    # Merged, and then somebody was faster: the hub merges whatever is there, so all the bot can do is say so.
    if pull.state == "merged" and "accept" not in done and not pull.by_hand("merge") and not pull.owns_up():
        told = "; ".join(f"{c.about} {c.outcome}: {c.body[:300]!r}" for c in pull.comments if c.kind == "answer")
        found.wrong.append(f"#{pull.number} was merged, and no accept of it was carried out ({told or 'nothing was answered'})")
    if pull.state == "closed" and "close" not in done and not pull.by_hand("close"):
        found.wrong.append(f"#{pull.number} was closed, and nobody asked for it")
    if {"accept", "close"} <= done:
        found.wrong.append(f"#{pull.number} was accepted and closed")


def _stamps(books: Books, accepted: Mapping[str, list[str]], ledger: _Ledger, found: Audit) -> None:
    """Each stamp belongs to one accept, unless its author wrote it by hand, and each work has one at most."""
    stamped = ((ledger.work(p), author) for p in books.pulls for author in p.by_hand("stamp"))
    by_hand = {(work["id"], author) for work, author in stamped if work is not None}
    strange = {
        row["context_id"]
        for row in books.tables["stamps"]
        if (row["context_id"], ledger.owners.get(row["author"])) not in by_hand
    }
    for context, times in Counter(row["context_id"] for row in books.tables["stamps"]).items():
        if times > 1:
            found.duplicates.append(f"{context} has {times} stamps")
        if context in strange and str(context) not in accepted:
            found.wrong.append(f"{context} is stamped, and no accept of it was carried out")
    for work, names in accepted.items():
        if len(names) > 1:
            found.duplicates.append(f"{work} was accepted {len(names)} times: {'; '.join(names)}")


def _landing(pull: Pull, books: Books, found: Audit) -> None:
    """A pull of the bot's own is a tool: it must not be left lying about."""
    if pull.state == "open":
        found.lost.append(f"#{pull.number}, a pull of the bot's own, is still open: {pull.title}")


def _words(pull: Pull, found: Audit, troubles: Sequence[Trouble], window_s: float) -> None:
    """Each answer once; no review like the one right before it."""
    twice: list[tuple[Said, Said]] = []
    answers: dict[str, list[Said]] = defaultdict(list)
    for comment in pull.comments:
        if comment.kind == "answer" and comment.outcome != "parked":
            answers[comment.about].append(comment)
    for said in answers.values():
        twice += pairwise(said)
    reviews = [c for c in pull.comments if c.kind == "review"]
    twice += [(a, b) for a, b in pairwise(reviews) if a.digest == b.digest]
    for first, second in twice:
        what = f"#{pull.number}: {second.kind} {second.about} came again after {(second.at - first.at).total_seconds():.1f} s"
        third = any(b is first for _, b in twice)
        if third or (first.kind == "answer" and _text(first) != _text(second)):
            found.said_twice.append(f"{what}, {'a third time' if third else 'in other words'}")
        elif _excused(second, troubles, window_s):
            found.said_twice_excused.append(what)
        else:
            found.said_twice.append(what)


def _text(said: Said) -> str:
    return said.body.partition("`stampbot/1 ")[0]


def _excused(said: Said, troubles: Sequence[Trouble], window_s: float) -> bool:
    """Whether a wipe, the end of a process and a lag all fell into the seconds before it."""
    near = {t.what for t in troubles if t.at <= said.at and (said.at - t.until).total_seconds() <= window_s}
    return {"wipe", "lag"} <= near and bool({"kill", "end"} & near)


# --- as a program ---------------------------------------------------------------------------------------------------


def journal(path: Path) -> tuple[Trouble, ...]:
    """The troubles a soak wrote down, one JSON object a line."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    return tuple(
        Trouble(what=e["what"], at=datetime.fromisoformat(e["at"]), until=datetime.fromisoformat(e["until"])) for e in lines
    )


def main() -> int:
    """Exit status 0: all is well, 1: it is not, 3: the hub cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.audit", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("hub", help="origin of the hub, such as http://127.0.0.1:8400")
    parser.add_argument("commons", help="owner/database")
    parser.add_argument("--bot", default="stampbot", help="account of the bot (stampbot)")
    parser.add_argument("--troubles", type=Path, help="journal of a soak: what excuses a word that came twice")
    parser.add_argument("--window", type=float, default=120.0, help="seconds within which it does (120)")
    given = parser.parse_args()
    try:
        books = Reader(given.hub.rstrip("/"), given.commons, given.bot).read()
    except OSError as error:
        print(f"audit: {given.hub} cannot be read: {error}", file=sys.stderr)
        return 3
    found = audit(books, journal(given.troubles) if given.troubles else (), given.window)
    print(json.dumps({**asdict(found), "good": found.good}, indent=2))
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
