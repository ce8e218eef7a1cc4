"""The evidence is a link that can be followed.

An http(s) URL of a pull request, a commit, a deployment or an artifact, alone or in a sentence. For items of type
inference it may be the result itself, in JSON; whether that fits its job is another rule's matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.rulebook import (
    EVIDENCE_LINKS_MAX,
    ChangeKind,
    Completion,
    Finding,
    Level,
    Place,
    PullKind,
    Snapshot,
    links_in,
    quote,
    rule,
    submit_again,
)


@rule(
    Level.FAULT,
    label="Evidence URL",
    asks="There is evidence, it is a link, and `evidence` and `evidence_url` lead to the same place",
    kinds=(PullKind.WORK,),
)
def check(pull: Snapshot) -> Iterator[Finding]:
    done = pull.completion
    if done is None:
        return
    place, again = Place("completions", done.id, "evidence"), submit_again(done.wanted_id)
    inferred = pull.item is not None and pull.item.row.text("type") == "inference"
    if not done.evidence.strip():
        yield check.finding(place, "The completion brings no evidence.", again)
    elif inferred and done.evidence.lstrip().startswith("{"):
        pass  # A result, which is read where its job is.
    elif not pull.links:
        yield check.finding(place, f"The evidence is not a link: {quote(done.evidence)}.", again)
    elif len(pull.links) >= EVIDENCE_LINKS_MAX:
        yield check.finding(
            place,
            f"The evidence holds {EVIDENCE_LINKS_MAX} links or more; only the first {EVIDENCE_LINKS_MAX} are checked.",
            "Submit the one link that shows the work",
            level=Level.DOUBT,
        )
    yield from _other_link(pull, done)


def _other_link(pull: Snapshot, done: Completion) -> Iterator[Finding]:
    """Readers show `wanted.evidence_url` where they do not show the completion: both must lead to the same place."""
    for change in pull.changes.of("wanted", ChangeKind.MODIFIED):
        if change.key != done.wanted_id or "evidence_url" not in change.changed:
            continue
        shown = {link.url for link in links_in(change.new("evidence_url") or "", "")}
        if not shown.issubset({link.url for link in links_in(done.evidence, "")}):
            yield check.finding(
                Place("wanted", change.key, "evidence_url"),
                f"The item's evidence_url leads elsewhere: {quote(change.new('evidence_url'))}.",
                submit_again(done.wanted_id),
                level=Level.DOUBT,
            )
