"""Holds and overrides, door to door: they stand in our answers, so an empty Redis and a gone comment change nothing."""

from __future__ import annotations

from tests.world import World


def take_away(world: World, pull: int, comment: str) -> None:
    """Its author deletes a comment."""
    world.sandbox.admin("DELETE", "/comments", {"database": world.db.name, "number": pull, "comment_id": comment})


def test_a_held_pull_is_decided_only_once_the_hold_is_lifted(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001")
    world.settle()
    held = world.comment(pull, "otto", "/hold I want to read it first\n\n/accept --qualty 4")
    world.settle()
    take_away(world, pull, held)
    world.push("pia", "wl/polecat-7/w-com-001", "UPDATE completions SET evidence = CONCAT(evidence, '?again')")
    world.redis.flushall()
    world.settle(world.bot())
    assert world.said(pull, "review")[-1].startswith("**WAITING**")
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert "`otto` holds this pull since" in world.said(pull, "answer")[-1]
    assert (world.state(pull), world.count("stamps")) == ("open", 0)
    world.comment(pull, "bo", "/unhold it is as he says")
    world.settle()
    assert world.said(pull, "answer")[-1].startswith("**HOLD LIFTED**")
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert world.said(pull, "answer")[-1].startswith("**ACCEPTED**")
    assert (world.state(pull), world.count("stamps")) == ("merged", 1)
    assert len(world.said(pull, "answer")) == 4


def test_an_overridden_check_lets_a_work_through_and_its_review_says_who_overrode_it(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence="see the third commit")
    world.settle()
    assert world.said(pull, "review")[-1].startswith("**BLOCKED**")
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert "/override evidence_is_a_url --at" in world.said(pull, "answer")[-1]
    said = world.comment(pull, "bo", '/override evidence_is_a_url --because "I have seen the commit"')
    world.settle()
    assert world.said(pull, "answer")[-1].startswith("**OVERRIDDEN** · `evidence_is_a_url`")
    review = world.said(pull, "review")[-1]
    assert review.startswith("**LOOK**")
    assert "Overridden by `bo` on this head." in review
    take_away(world, pull, said)
    world.redis.flushall()
    world.comment(pull, "ana", "/status")
    world.settle(world.bot())
    assert "Overridden on this head: `evidence_is_a_url`, by `bo`" in world.said(pull, "answer")[-1]
    world.comment(pull, "ana", "/accept --quality 4")
    world.settle()
    assert world.said(pull, "answer")[-1].startswith("**ACCEPTED**")
    assert (world.state(pull), world.count("stamps")) == ("merged", 1)


def test_a_new_commit_drops_an_override_and_what_stands_firm_is_never_overridden(world: World) -> None:
    pull = world.hand_in("pia", "polecat-7", "w-com-001", evidence="see the third commit")
    world.settle()
    world.comment(
        pull, "ana", '/override evidence_is_a_url --because "I have seen the commit"\n\n/override rows_are_whole --because x'
    )
    world.settle()
    assert world.said(pull, "review")[-1].startswith("**LOOK**")
    assert "The check `rows_are_whole` cannot be overridden." in world.said(pull, "answer")[-1]
    world.push("pia", "wl/polecat-7/w-com-001", "UPDATE completions SET evidence = 'see the fourth'")
    world.settle()
    assert world.said(pull, "review")[-1].startswith("**BLOCKED**")
