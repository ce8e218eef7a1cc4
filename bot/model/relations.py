"""Who is tied to whom: rigs, accounts and e-mail addresses as a graph, and the shortest way between two of them.

Names are compared by skeleton, which is equal wherever the names are equal or equal but for case; e-mail addresses but for
case. So a tie may only ever forbid. What an older commons has no column for ties nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.model.ids import Handle, fold, skeleton
from bot.model.ledger import Rig, RigLink

Node = tuple[str, str]
"""A rig, an account or an e-mail address: what it is, and the form under which it is compared."""
TIES: Mapping[str, str] = {
    "account": "the same DoltHub account",
    "e-mail": "the same owner e-mail",
    "parent": "parent_rig",
    "link": "an active row of rig_links",
    "name": "the same name",
}
"""What joins two nodes, in words."""


def rig_node(handle: str) -> Node:
    """A rig, whether it is registered or not."""
    return "rig", skeleton(handle) or fold(handle)


def account_node(user: str) -> Node:
    """A DoltHub account."""
    return "account", skeleton(user) or fold(user)


@dataclass(frozen=True, slots=True)
class Relations:
    """Ties by node, each with the node it leads to and what it is (a key of TIES)."""

    ties: Mapping[Node, tuple[tuple[Node, str], ...]]

    @classmethod
    def of(cls, rigs: Iterable[Rig], links: Iterable[RigLink], handles: Iterable[Handle] = ()) -> Relations:
        """Ties of these rigs, by active links of any type; `handles` are rigs that act and may not be registered."""
        found: dict[Node, list[tuple[Node, str]]] = {}
        for left, right, tie in _pairs(tuple(rigs), links, handles):
            found.setdefault(left, []).append((right, tie))
            found.setdefault(right, []).append((left, tie))
        return cls({node: tuple(ties) for node, ties in found.items()})

    def path(self, starts: Iterable[Node], goal: Node) -> tuple[Node, tuple[str, ...]] | None:
        """The shortest way from one of `starts` to `goal`: where it starts, and what its ties are. None: no tie is known."""
        queue: deque[tuple[Node, Node, tuple[str, ...]]] = deque((start, start, ()) for start in starts)
        seen = {start for start, _, _ in queue}
        while queue:
            start, at, by = queue.popleft()
            if at == goal:
                return start, by
            for other, tie in self.ties.get(at, ()):
                if other not in seen:
                    seen.add(other)
                    queue.append((start, other, (*by, tie)))
        return None


def _pairs(rigs: tuple[Rig, ...], links: Iterable[RigLink], handles: Iterable[Handle]) -> Iterator[tuple[Node, Node, str]]:
    for rig in rigs:
        here = rig_node(rig.handle)
        if rig.owner:
            yield here, account_node(rig.owner), "account"
        if rig.email.strip():
            yield here, ("e-mail", fold(rig.email)), "e-mail"
        if rig.parent:
            yield here, rig_node(rig.parent), "parent"
    for link in links:
        if link.active:
            left, right = link.pair
            yield rig_node(left), rig_node(right), "link"
    # `wl join` names a rig after its account unless told otherwise: where no owner is known, the name is all there is.
    owned = {rig.handle for rig in rigs if rig.owner}
    for handle in dict.fromkeys((*(rig.handle for rig in rigs), *handles)):
        if handle not in owned:
            yield rig_node(handle), account_node(handle), "name"
