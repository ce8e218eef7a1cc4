"""All stories, played on one engine, and what was recorded of the real one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fidelity import definitions, graphs, shapes
from tests.fidelity.story import Answer, Story, play
from tests.sandbox.store_client import Engine, StoreClient

CORPUS = Path(__file__).resolve().parents[1] / "corpora" / "dolt-answers.json"
Answers = dict[str, dict[str, Answer]]
"""By story, then by step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a real Dolt answered, and which."""

    version: str
    answers: Answers


def stories() -> tuple[Story, ...]:
    """All of them."""
    return (*shapes.stories(), *graphs.stories(), *definitions.stories())


def played(engine: Engine, folder: Path) -> Iterator[tuple[Story, dict[str, Answer]]]:
    """Each story with its answers."""
    store = StoreClient(folder, engine)
    try:
        for number, story in enumerate(stories()):
            yield story, play(store, story, number)
    finally:
        store.close()


def recorded() -> Corpus:
    """The corpus."""
    found = json.loads(CORPUS.read_text(encoding="utf-8"))
    return Corpus(version=found["dolt"], answers=found["answers"])


def record(corpus: Corpus) -> None:
    """Writes the corpus: one line an answer, so that a difference of versions can be read."""
    lines = [f'{{"dolt": {json.dumps(corpus.version)}, "answers": {{']
    for at, (story, answers) in enumerate(corpus.answers.items()):
        lines.append(f"{json.dumps(story)}: {{")
        shown = [f"{json.dumps(about)}: {json.dumps(answer, ensure_ascii=False)}" for about, answer in answers.items()]
        lines.append(",\n".join(shown))
        lines.append("}," if at + 1 < len(corpus.answers) else "}")
    CORPUS.write_text("\n".join([*lines, "}}", ""]), encoding="utf-8")


def has_dolt() -> bool:
    """Whether there is a dolt on PATH, or where STAMPBOT_DOLT says."""
    return shutil.which(os.environ.get("STAMPBOT_DOLT") or "dolt") is not None
