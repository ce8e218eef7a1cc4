"""What things cost, in requests to DoltHub: the price list of docs/performance.md, counted."""

from __future__ import annotations

from collections.abc import Callable

from tests.world import World

FIRST_LOOK = 17
NEXT_LOOK = 4
REVIEW_POSTED = 10
ACCEPTED = 79
"""Without the questions whether its five writes have ended."""


def test_looks_and_decisions_cost_what_the_price_list_says(world: World) -> None:
    def costs(act: Callable[[], object]) -> int:
        world.asked.clear()
        act()
        # How often a write is asked for its end depends on how fast it ends.
        return sum(operation != "getOperation" for operation in world.asked)

    assert world.deps.at(world.commons).account  # asked once in the life of a process
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    first = costs(lambda: world.converge(pull))
    world.answer_knocks_at_the_prober()
    posted = costs(lambda: world.converge(pull))
    again = costs(lambda: world.converge(pull))
    world.comment(pull, "ana", "/accept -q 4")
    accepted = costs(lambda: world.converge(pull))
    world.answer_knocks_at_the_prober()
    accepted += costs(lambda: world.converge(pull))
    assert world.state(pull) == "merged"
    assert world.count("stamps") == 1
    prices = {"first look": first, "review posted": posted, "next look": again, "accepted": accepted}
    assert prices == {"first look": FIRST_LOOK, "review posted": REVIEW_POSTED, "next look": NEXT_LOOK, "accepted": ACCEPTED}
