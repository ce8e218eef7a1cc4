"""Generated graphs of commits, with fork points and merges of merges: what diffs and merges say of them."""

from __future__ import annotations

import random

from tests.fidelity.story import Ask, AskBase, Branch, Merge, Step, Story, Write

GRAPHS = 16
ACTS_PER_GRAPH = 14
ASKS_PER_GRAPH = 5
ROWS = 4
CREATION = (
    "CREATE TABLE item (id VARCHAR(8) PRIMARY KEY, note TEXT, n INT, tags JSON)",
    "INSERT INTO item (id, note, n, tags) VALUES ('i0','a',0,'{}'),('i1','b',1,NULL),('i2','c',2,'[1, 2]'),('i3','d',3,'{}')",
)


def stories() -> tuple[Story, ...]:
    """The same ones each time."""
    return tuple(_graph(random.Random(seed), seed) for seed in range(GRAPHS))


def _graph(chance: random.Random, seed: int) -> Story:
    branches = ["main"]
    steps: list[Step] = []
    for act in range(ACTS_PER_GRAPH):
        name = f"c{act}v"
        match chance.choices(("write", "branch", "merge"), (5, 2, 4))[0]:
            case "branch":
                new = f"b{len(branches)}"
                steps.append(Branch(new=new, at=chance.choice(branches)))
                branches.append(new)
            case "merge" if len(branches) > 1:
                source, into = chance.sample(branches, 2)
                steps.append(Merge(source=source, into=into, name=name))
            case _:
                steps.append(Write(sql=_statement(chance, act), on=chance.choice(branches), name=name))
    pairs = [(left, right) for left in branches for right in branches if left < right]
    for left, right in chance.sample(pairs, min(ASKS_PER_GRAPH, len(pairs))):
        steps += [
            AskBase(left=left, right=right),
            _ask("log", f"SELECT commit_hash, commit_order FROM dolt_log('{left}..{right}')"),
            _ask("summary", f"SELECT * FROM dolt_diff_summary('{left}', '{right}')"),
            _ask("stat", f"SELECT * FROM dolt_diff_stat('{left}', '{right}')"),
            _ask(
                "rows",
                "SELECT to_id, to_note, to_n, to_tags, from_id, from_note, from_n, from_tags, diff_type"
                f" FROM dolt_diff('{left}', '{right}', 'item')",
            ),
            _ask("ancestor", f"SELECT HAS_ANCESTOR('{left}', '{right}'), HAS_ANCESTOR('{right}', '{left}')"),
        ]
    steps += [
        _ask("steps of rows", "SELECT to_id, from_commit, to_commit, diff_type FROM dolt_diff_item"),
        _ask("parents", "SELECT commit_hash, parent_hash, parent_index FROM dolt_commit_ancestors"),
        *(Ask(about="items", at=branch, sql="SELECT * FROM item ORDER BY id") for branch in branches),
    ]
    return Story(name=f"graph {seed}", creation=CREATION, steps=tuple(steps))


def _ask(about: str, sql: str) -> Ask:
    return Ask(about=f"{about}: {sql[-24:]}", sql=sql, sorted=True)


def _statement(chance: random.Random, act: int) -> str:
    row = f"i{chance.randrange(ROWS)}"
    return chance.choice(
        (
            f"UPDATE item SET note = 'n{act}' WHERE id = '{row}'",
            f"UPDATE item SET n = {act + 10} WHERE id = '{row}'",
            f"UPDATE item SET tags = '{{\"k{chance.randrange(3)}\": {act}}}' WHERE id = '{row}'",
            f"DELETE FROM item WHERE id = '{row}'",
            f"INSERT INTO item (id, n) VALUES ('x{act}', {act})",
        )
    )
