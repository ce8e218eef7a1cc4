"""What one engine answers beside what the other does."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.fidelity.differences import LISTED_STORIES, alike
from tests.fidelity.playing import Answers
from tests.fidelity.story import Answer

SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One answer that is not the same, and not only by what is listed."""

    story: str
    about: str
    dolt: Answer
    doltlite: Answer

    def __str__(self) -> str:
        lines = [f"{self.story} | {self.about}"]
        lines += [
            f"  {name:8} {json.dumps(answer, ensure_ascii=False)[:SHOWN_CHARS]}"
            for name, answer in (("dolt", alike(self.dolt)), ("doltlite", alike(self.doltlite)))
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The outcome of a comparison. `cases` counts the answers that both engines gave."""

    cases: int
    differences: tuple[Difference, ...]
    played_by_dolt_alone: frozenset[str]
    unlike: frozenset[str]
    """The listed stories that do end in another way."""


def compared(dolt: Answers, doltlite: Answers) -> Compared:
    """A story is compared up to where doltlite refuses a statement that Dolt takes: what follows has no ground there."""
    cases, differences, alone = 0, [], set()
    listed = {each.story for each in LISTED_STORIES}
    unlike = set()
    for story, answers in dolt.items():
        for about, answer in answers.items():
            mine = doltlite.get(story, {}).get(about, {})
            if "refused" in mine and "refused" not in answer:
                alone.add(story.split(";")[0])
                break
            cases += 1
            if alike(answer) != alike(mine) and story in listed:
                unlike.add(story)
                break
            if alike(answer) != alike(mine):
                differences.append(Difference(story=story, about=about, dolt=answer, doltlite=mine))
    return Compared(
        cases=cases,
        differences=tuple(differences),
        played_by_dolt_alone=frozenset(alone),
        unlike=frozenset(unlike),
    )


PLAYED_BY_DOLT_ALONE = frozenset(
    {
        "a check less",
        "a check more",
        "a column made from others",
        "a column made longer",
        "a column made shorter",
        "a column made text",
        "a column more in front",
        "a column of another collation",
        "a column of another type",
        "a column that must be filled",
        "a column with another default",
        "a counter",
        "a foreign key",
        "a key less",
        "a key of another collation",
        "a longer key",
        "a procedure",
        "a table of another name",
        "a table that differs in the case of its name",
        "a trigger",
        "a unique key more",
        "a view",
        "an event",
        "an index less",
        "an index more",
        "another key",
        "dolt_docs",
        "dolt_ignore",
        "dolt_query_catalog",
        "the same table made anew",
        "the table's collation",
        "the table's comment",
    }
)
"""The changes of definition that doltlite cannot make."""
