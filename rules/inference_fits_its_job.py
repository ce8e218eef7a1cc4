"""An inference item asks for a job, and its result is that job's.

The description of an item of type inference is a job in JSON: prompt, model, seed, max_tokens. The evidence for it is the
result in JSON: output, its hash, and the job's own model and seed (wl internal/inference). Nothing is run again here: that
is `wl infer verify`, which reads both and needs them to fit. Where a link is submitted instead, a human has to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from bot.rulebook import ChangeKind, Completion, Finding, Level, Place, Row, RowChange, Snapshot, quote, rule, typed
from bot.rulebook.cells import read_as

_ASKED = frozenset({"type", "description"})


@rule(
    Level.FAULT,
    label="Inference",
    asks="An inference result is of the job that was asked for, and its hash is right",
)
def check(pull: Snapshot) -> Iterator[Finding]:
    for change in pull.changes.of("wanted"):
        if change.kind is not ChangeKind.REMOVED and not _ASKED.isdisjoint(change.changed):
            yield from _asked(change)
    done, item = pull.completion, pull.item
    if done is not None and item is not None and _is_inference(item.row):
        yield from _handed_in(pull, done, item.row)


def _is_inference(row: Row | None) -> bool:
    return row is not None and row.text("type") == "inference"


def _asked(change: RowChange) -> Iterator[Finding]:
    _, wrong = read_as("inference_job", change.new("description") or "")
    if _is_inference(change.after) and wrong:
        yield check.finding(
            Place("wanted", change.key, "description"),
            f"Item {quote(change.key)} asks for an inference with {quote(change.new('description'))}, {wrong}.",
            'Post it as a job: `wl infer post --prompt "<text>" --model <model>`',
        )


def _handed_in(pull: Snapshot, done: Completion, item: Row) -> Iterator[Finding]:
    place = Place("completions", done.id, "evidence")
    again = f"Discard the branch (b in the wl board), then: `wl infer run {typed(done.wanted_id)}`"
    job, no_job = read_as("inference_job", item.text("description"))
    if no_job:
        yield check.finding(
            Place("wanted", item.text("id"), "description"),
            f"The item asks for an inference with {quote(item.get('description'))}, {no_job}: nothing can be held against it.",
            "The poster posts the job anew: `wl infer post`",
            level=Level.DOUBT,
        )
    if not done.evidence.lstrip().startswith("{"):
        if pull.links:
            says = "The item asks for an inference, and a link is no result that can be run again."
            yield check.finding(place, says, again, level=Level.DOUBT)
        return
    result, wrong = read_as("inference_result", done.evidence)
    if wrong:
        yield check.finding(place, f"The evidence is {quote(done.evidence)}, {wrong}.", again)
        return
    if result["output_hash"] != _hash(str(result["output"])):
        yield check.finding(place, "The inference result has an output_hash that is not the hash of its output.", again)
    for name in () if no_job else ("model", "seed"):
        asked, ran = _of(job, name), _of(result, name)
        if asked != ran:
            yield check.finding(
                place, f"The inference ran with {name} {quote(ran)}, and the job asks for {quote(asked)}.", again
            )


def _of(read: Mapping[str, Any], name: str) -> str:
    """Model or seed, as text; a seed that is not given is 0 (wl internal/inference, types.go)."""
    return str(read.get(name) or 0)


def _hash(output: str) -> str:
    return "sha256:" + hashlib.sha256(output.encode("utf-8", "surrogatepass")).hexdigest()
