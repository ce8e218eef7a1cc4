"""The graph of commits as a real engine walks it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.sql.ancestry import Ancestry

# Recorded with Dolt 2.3.1: a history of branches and merges (parents by commit, first parent first), the steps in which a table
# changed, and those of them that `dolt_diff_<table>` shows at the head.
HEAD = "10"
PARENTS = {
    "1": ("9", "6"), "6": ("5",), "5": ("8", "9"), "8": ("7",), "7": ("11",), "11": ("0",), "0": ("4",), "4": (), "9": ("2",),
    "2": ("7",), "10": ("3", "1"), "3": ("7", "9"),
}  # fmt: skip
CHANGED = {
    ("0", "11"), ("2", "9"), ("3", "10"), ("5", "6"), ("7", "2"), ("7", "3"), ("7", "8"), ("8", "5"), ("9", "1"), ("9", "5"),
    ("11", "7"),
}  # fmt: skip
SHOWN = {("0", "11"), ("2", "9"), ("3", "10"), ("5", "6"), ("7", "8"), ("8", "5"), ("9", "5"), ("11", "7")}


def test_a_diff_table_shows_the_steps_that_dolt_shows() -> None:
    assert CHANGED - set(Ancestry(PARENTS).unshown(HEAD)) == SHOWN


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, dict[str, tuple[str, ...]]]:
    """A head that holds every commit, and the parents of each."""
    count = draw(st.integers(1, 12))
    parents: dict[str, tuple[str, ...]] = {"0": ()}
    for commit in range(1, count):
        above = draw(st.lists(st.integers(0, commit - 1), min_size=1, max_size=2, unique=True))
        parents[str(commit)] = tuple(map(str, above))
    loose = tuple(c for c in parents if all(c not in above for above in parents.values()))
    return "head", {**parents, "head": loose}


@given(history=histories())
def test_each_commit_is_compared_with_one_child(history: tuple[str, dict[str, tuple[str, ...]]]) -> None:
    head, parents = history
    every = {(parent, child) for child, above in parents.items() for parent in above}
    shown = every - set(Ancestry(parents).unshown(head))
    assert sorted(parent for parent, _ in shown) == sorted(parents.keys() - {head})
