"""Inference jobs, and the results that are submitted for them."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from bot.rulebook import RowChange, Snapshot
from rules.inference_fits_its_job import check
from tests.build import (
    COMPLETION,
    EVIDENCE,
    ITEM,
    a_snapshot,
    a_wanted,
    added,
    changes_of,
    claims,
    hands_in,
    modified,
    removed,
    work,
)
from tests.rules.table import PASS, found, told

FAULT = (f"fault completions.{COMPLETION}.evidence",)
DOUBT = (f"doubt completions.{COMPLETION}.evidence",)
BAD_JOB = (f"fault wanted.{ITEM}.description",)
NO_JOB = (f"doubt wanted.{ITEM}.description",)
ASKED = {"prompt": "what is 6*7", "model": "llama3.2:1b", "seed": 7, "max_tokens": 100}


def job(**other: object) -> str:
    """The job, with something else in it; None takes a part out."""
    return json.dumps({name: value for name, value in (ASKED | other).items() if value is not None})


def result(output: str = "42", **other: object) -> str:
    """What `wl infer run` writes, with something else in it; None takes a part out."""
    digest = "sha256:" + sha256(output.encode()).hexdigest()
    whole = {"output": output, "output_hash": digest, "model": "llama3.2:1b", "seed": 7} | other
    return json.dumps({name: value for name, value in whole.items() if value is not None})


def handed(evidence: str | None, description: str | None = job(), kind: str = "inference") -> Snapshot:
    changes = work(wanted=hands_in(evidence_url=evidence), completion=added("completions", evidence=evidence))
    return a_snapshot(changes=changes, items=(a_wanted(type=kind, description=description),))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (handed(result()), PASS),
        (handed("\n " + result(note="extra")), PASS),
        (handed(result("naïve <b>\u2028 \\ \"")), PASS),
        (handed(result(seed=None), job(seed=None)), PASS),
        (handed(result(seed=0), job(seed=None)), PASS),
        (handed(EVIDENCE, "no job", kind="feature"), PASS),
        (handed(EVIDENCE, "no job", kind="research"), PASS),
        (a_snapshot(changes=changes_of(hands_in()), items=(a_wanted(type="inference"),)), PASS),
        (a_snapshot(changes=work(), items=()), PASS),
        # No result and no link: told by another rule.
        (handed("it says 42"), PASS),
        (handed(None), PASS),
        (handed(result(output_hash="sha256:00")), FAULT),
        (handed(result(output_hash="sha256:" + "0" * 64)), FAULT),
        (handed(result(output_hash="sha256:" + "f" * 64)), FAULT),
        (handed(result(output_hash=sha256(b"42").hexdigest())), FAULT),
        (handed(result(output="")), FAULT),
        (handed(result(model=None)), FAULT),
        (handed(result(model=["llama3.2:1b"])), FAULT),
        (handed(result(model="llama3.2:3b")), FAULT),
        (handed(result(seed=8)), FAULT),
        (handed("\n " + result(seed=8)), FAULT),
        (handed(result(seed=None)), FAULT),
        (handed(result(seed=-1), job(seed=None)), FAULT),
        (handed(result(seed=1), job(seed=None)), FAULT),
        (handed(result(seed="7")), FAULT),
        (handed(result(seed=7.0)), FAULT),
        (handed(result(seed=True)), FAULT),
        (handed(result(seed=8, model="m")), FAULT * 2),
        (handed("{" * 100_000), FAULT),
        (handed('{"output": ' + "[" * 500 + "]" * 500 + "}"), FAULT),
        (handed('{"output": NaN}'), FAULT),
        (handed(EVIDENCE), DOUBT),
        (handed(result(), "It stops at ten."), NO_JOB),
        (handed(result(seed=99), None), NO_JOB),
        (handed(result(output_hash="sha256:00"), "[]"), (*FAULT, *NO_JOB)),
    ],
)  # fmt: skip
def test_a_result_fits_its_job(snapshot: Snapshot, expected: tuple[str, ...]) -> None:
    assert found(check, snapshot) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (added("wanted", type="inference", description=job()), PASS),
        (added("wanted", type="inference", description=job(seed=None, max_tokens=None)), PASS),
        (added("wanted", type="inference", description=job(seed=-1, temperature=0)), PASS),
        (added("wanted", type="feature", description="It stops at ten."), PASS),
        (claims({"type": "inference", "description": "on main already"}), PASS),
        (removed("wanted", type="inference", description="gone"), PASS),
        (added("wanted", type="inference", description=None), BAD_JOB),
        (added("wanted", type="inference", description="what is 6*7"), BAD_JOB),
        (added("wanted", type="inference", description="[]"), BAD_JOB),
        (added("wanted", type="inference", description="null"), BAD_JOB),
        (added("wanted", type="inference", description=job(prompt="")), BAD_JOB),
        (added("wanted", type="inference", description=job(model=None)), BAD_JOB),
        (added("wanted", type="inference", description=job(seed=2**63)), BAD_JOB),
        (added("wanted", type="inference", description=job(seed=True)), BAD_JOB),
        (added("wanted", type="inference", description=job(max_tokens="many")), BAD_JOB),
        (modified("wanted", {"type": "inference", "description": job()}, description="never mind"), BAD_JOB),
        (modified("wanted", type="inference"), BAD_JOB),
    ],
)
def test_an_inference_item_asks_for_a_job(row: RowChange, expected: tuple[str, ...]) -> None:
    assert found(check, a_snapshot(changes=changes_of(row))) == expected


def test_what_is_wrong_is_named() -> None:
    assert told(check, handed(result(seed=8))) == "The inference ran with seed `8`, and the job asks for `7`."
    assert told(check, handed('{"output": "42"}')) == (
        "The evidence is `{'output': '42'}`, which lacks output_hash, model.".replace("'", '"')
    )
    assert told(check, a_snapshot(changes=changes_of(added("wanted", type="inference", description=job(seed="x"))))) == (
        f"Item `{ITEM}` asks for an inference with `"
        '{"prompt": "what is 6*7", "model": "llama3.2:1b", "seed": "x…`, where `seed` is not a whole number.'
    )
