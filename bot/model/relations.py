"""Who is tied to whom: rigs, accounts and e-mail addresses as a graph, and the shortest way between two of them.

Names are compared by skeleton, which is equal wherever the names are equal or equal but for case; e-mail addresses but for
case. So a tie may only ever forbid. What an older commons has no column for ties nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.model.ids import Handle, User, fold, skeleton
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
    """Ties by node, each with the node it leads to and what it is (a key of TIES).

    `accounts`: by rig and account, whose it is, as one node of each group that `account` and `name` join. `children`: (child,
    parent) of each `parent` tie, which the child's owner alone writes. `apart`: pairs of groups between which no tie counts.
    """

    ties: Mapping[Node, tuple[tuple[Node, str], ...]]
    accounts: Mapping[Node, Node]
    children: frozenset[tuple[Node, Node]]
    apart: frozenset[frozenset[Node]] = frozenset()

    @classmethod
    def of(
        cls,
        rigs: Iterable[Rig],
        links: Iterable[RigLink],
        handles: Iterable[Handle] = (),
        *,
        apart: Iterable[tuple[User, User]] = (),
    ) -> Relations:
        """Ties of these rigs, by active links of any type; `handles` are rigs that act and may not be registered.

        `apart`: pairs of accounts between which no tie counts, because the operator said so.
        """
        found: dict[Node, list[tuple[Node, str]]] = {}
        children: set[tuple[Node, Node]] = set()
        for left, right, tie in _pairs(tuple(rigs), links, handles):
            found.setdefault(left, []).append((right, tie))
            found.setdefault(right, []).append((left, tie))
            if tie == "parent":
                children.add((left, right))
        ties = {node: tuple(each) for node, each in found.items()}
        accounts = _groups(ties)
        pairs = (frozenset(accounts.get(node, node) for node in map(account_node, pair)) for pair in apart)
        return cls(
            ties=ties,
            accounts=accounts,
            children=frozenset(children),
            # Two names of one account stay one: there is no word against that.
            apart=frozenset(pair for pair in pairs if len(pair) == 2),
        )

    def path(self, starts: Iterable[Node], goal: Node) -> tuple[Node, tuple[str, ...]] | None:
        """The shortest way from one of `starts` to `goal`: where it starts, and what its ties are. None: no tie counts.

        A tie between the two counts. A way through other accounts counts if one of the two took part in it: its first
        step is a link, or a parent that the start's own row names, or its last one is such of the goal. Else a stranger's rows,
        with a copied e-mail address in each, could keep any validator from deciding about any rig.
        """
        found = self._search(starts, goal)
        return (found.start, found.by) if found is not None else None

    def near(self, starts: Iterable[Node]) -> frozenset[Node]:
        """All nodes that any ties lead to from one of `starts`, whether such a way counts or not."""
        seen, waiting = set(starts), deque(starts)
        while waiting:
            for other, _ in self.ties.get(waiting.popleft(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return frozenset(seen)

    def _search(self, starts: Iterable[Node], goal: Node) -> _At | None:
        ends = self._account(goal)
        queue: deque[_At] = deque(
            _At(start, start, self._account(start), self._account(start), False, ())
            for start in starts
            if frozenset((self._account(start), ends)) not in self.apart
        )
        seen = {at.state for at in queue}
        while queue:
            at = queue.popleft()
            if at.node == goal:
                return at
            for other, tie in self.ties.get(at.node, ()):
                step = self._step(at, other, tie, ends)
                if step is not None and step.state not in seen:
                    seen.add(step.state)
                    queue.append(step)
        return None

    def hint(self, starts: Iterable[Node], goal: Node) -> tuple[str, ...]:
        """The ties of a shortest way that does not count, because only other accounts wrote it; empty if there is none."""
        ends = self._account(goal)
        first = tuple(s for s in starts if frozenset((self._account(s), ends)) not in self.apart)
        if self.path(first, goal) is not None:
            return ()
        queue: deque[tuple[Node, tuple[str, ...]]] = deque((start, ()) for start in first)
        seen = set(first)
        while queue:
            at, by = queue.popleft()
            if at == goal:
                return by
            for other, tie in self.ties.get(at, ()):
                if other not in seen:
                    seen.add(other)
                    queue.append((other, (*by, tie)))
        return ()

    def _account(self, node: Node) -> Node:
        return self.accounts.get(node, node)

    def _step(self, at: _At, other: Node, tie: str, ends: Node) -> _At | None:
        """One tie further; None where the way ends at the goal's account and neither of the two took part in it."""
        by = (*at.by, tie)
        if other[0] == "e-mail":
            return _At(at.start, other, at.account, at.origin, at.took_part, by)
        account = self._account(other)
        if account == at.account:
            return _At(at.start, other, account, at.origin, at.took_part, by)
        makers = self._makers(at, other, tie)
        took_part = at.took_part or (at.account == at.origin and at.account in makers)
        if account == ends and at.account != at.origin and not took_part and account not in makers:
            return None
        # Back at the start nothing of the way has been gone.
        return _At(at.start, other, account, at.origin, took_part and account != at.origin, by)

    def _makers(self, at: _At, other: Node, tie: str) -> tuple[Node, ...]:
        """The accounts whose own row makes a tie, as far as the rows tell: of an e-mail address they do not."""
        here, there = at.account, self._account(other)
        match tie:
            case "link":
                return here, there
            case "parent":
                sides = ((here, (at.node, other)), (there, (other, at.node)))
                return tuple(account for account, way in sides if way in self.children)
            case _:
                return ()


@dataclass(frozen=True, slots=True)
class _At:
    """A step on the way. `account`: whose rig was met last; `origin`: that of the start."""

    start: Node
    node: Node
    account: Node
    origin: Node
    took_part: bool
    by: tuple[str, ...]

    @property
    def state(self) -> tuple[Node, Node, Node, bool]:
        """What decides how the way may go on."""
        return self.node, self.account, self.origin, self.took_part


def _groups(ties: Mapping[Node, tuple[tuple[Node, str], ...]]) -> dict[Node, Node]:
    """By node, one node of all that are the same account's."""
    found: dict[Node, Node] = {}
    for first in ties:
        if first in found or first[0] == "e-mail":
            continue
        found[first] = first
        waiting = [first]
        while waiting:
            for other, tie in ties[waiting.pop()]:
                if tie in ("account", "name") and other not in found:
                    found[other] = first
                    waiting.append(other)
    return found


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
