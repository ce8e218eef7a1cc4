"""Everything a pull is held against, and what in the house does it: rules by name, other places by file, each with its tests.

The page docs/checks.md is made from this. Whoever finds a check that nothing holds adds a line here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of the house that is no rule, and a test that shows what it holds: `path::function`."""

    path: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold, or that a validator must be told, and who sees to it."""

    asks: str
    rules: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    limit: str = ""
    """What cannot be checked, and why: told, not hidden."""


def _by(asks: str, *rules: str, limit: str = "") -> Check:
    return Check(asks=asks, rules=rules, limit=limit)


def _at(asks: str, path: str, shown: str, *rules: str) -> Check:
    return Check(asks=asks, rules=rules, places=(Place(path=path, shown=shown),))


GROUPS: tuple[tuple[str, tuple[Check, ...]], ...] = (
    (
        "The pull",
        (
            _by("It is open and goes to main of this commons", "pull_goes_to_main"),
            _at(
                "A webhook is a hint: pull, branch and author are read from DoltHub",
                "bot/web/app.py",
                "tests/unit/test_web.py::test_a_pull_event_is_one_knock_at_that_pull",
            ),
            _by("Only known tables change; `_meta`, definitions and unknown tables are for humans", "only_known_rows_change",
                "pull_is_one_thing", "columns_are_known"),
            _by("No row goes away", "only_known_rows_change"),
            _by("All changed items are one, the one its branch names", "pull_is_about_one_item"),
            _by("It comes from a branch of its own, named as usual", "branch_is_usual", "landing_branches_are_the_bots"),
            _by("Its branch left main lately", "branch_left_main_lately"),
            _by("What the merge would bring can be told from the answers about it", "merge_can_be_told"),
            _by("The merge is clean: main's rows are those the branch started from; else which row, by whom",
                "main_has_not_moved_under_it"),
            _at(
                "A command is about the head that was reviewed; a later head is reviewed anew",
                "bot/commands/decision.py",
                "tests/commands/test_accept.py::test_refusals_say_why_and_what_helps",
                "not_rejected_before",
            ),
            _by("What its commits say agrees with its rows", "commits_tell_what_they_bring"),
            _by(
                "Its commits are signed",
                limit="DoltHub tells no signature in an answer to SQL, and commits made over its API have none; so nothing is"
                " said about them",
            ),
        ),
    ),
    (
        "Who acts",
        (
            _by("No row of another rig is touched", "rig_belongs_to_its_owner", "edits_come_from_the_poster",
                "registration_is_ones_own", "links_are_asserted_by_their_rigs"),
            _by("The fork's owner owns the rig that acts", "rig_belongs_to_its_owner"),
            _by("The rig is registered on main", "rig_belongs_to_its_owner"),
            _by("The rig is trusted", "rig_has_trust"),
            _by("A claim on the branch was made there and not carried along", "rig_belongs_to_its_owner"),
            _by("The worker is not the only one who could review it", "poster_is_not_the_worker"),
            _by("The worker has no more at hand than a worker can finish", "worker_keeps_up"),
            _by("The worker does not hand in by the dozen", "worker_keeps_up"),
            _by("Stamps around worker and validators are no exchange and no habit", "praise_is_not_exchanged",
                "ratings_tell_work_apart"),
        ),
    ),
    (
        "The item",
        (
            _by("It may move from where it is on main to where the pull puts it", "item_moves_legally"),
            _by("Its status is a word of the protocol", "item_moves_legally"),
            _by("It is not settled on main", "item_moves_legally"),
            _by("It is on main, unless it is posted here", "item_moves_legally"),
            _by("Nobody else has claimed it", "item_moves_legally", "no_rival_is_ahead"),
            _by("What it asks for stays as posted", "locked_fields_stay"),
            _by("Competing pulls and completions are named, with their evidence", "no_rival_is_ahead"),
            _by("One rig has one open pull for it", "branch_is_usual"),
            _by("Its sandbox is not forgotten", "sandbox_is_minded"),
        ),
    ),
    (
        "The work and its evidence",
        (
            _by("In review means exactly one new completion, by the claimer, for this item", "one_fresh_completion"),
            _by("The completion is not yet judged", "one_fresh_completion"),
            _by("No stamp, badge, boot block or trust comes with it", "no_stamps_or_trust"),
            _by("Ids are usable, and free on main", "rows_are_whole", "one_fresh_completion", "post_starts_open"),
            _by("There is evidence", "evidence_is_a_url"),
            _by("The evidence is a link", "evidence_is_a_url"),
            _by("`evidence` and `evidence_url` lead to the same place", "evidence_is_a_url"),
            _at(
                "The link is one that may be followed: http(s), public, without a password",
                "bot/evidence/fetch/address.py",
                "tests/evidence/test_address.py::test_what_is_not_public_is_refused",
                "evidence_is_alive",
            ),
            _by("The link leads to something", "evidence_is_alive"),
            _by("A pull request is merged, in a repository of the project, and not older than the claim", "evidence_is_alive",
                "evidence_is_of_this_claim"),
            _by("A commit is there, on the default branch", "evidence_is_alive"),
            _by("Its author is plausible for this rig", "evidence_is_of_this_claim"),
            _by("It is handed in once", "evidence_is_used_once"),
            _by("Its title names this item, if any", "evidence_is_of_this_claim"),
            _by("Times can be true, and are not faster than the effort", "times_are_sane"),
            _by("An inference ran the job that was asked for, and hashes to what it says", "inference_fits_its_job"),
        ),
    ),
    (
        "Registrations, posts and links",
        (
            _by("One rig, with a handle that works everywhere, is not reserved and looks like nobody else's",
                "registration_is_ones_own"),
            _by("Owner, trust, type and parent of a new rig are its own to say", "registration_is_ones_own",
                "no_stamps_or_trust", "words_are_usual", "times_are_sane"),
            _by("Registering again changes what may change, by its owner", "registration_is_ones_own"),
            _by("Whoever registers knows that addresses become public", "addresses_are_public"),
            _by("A post is open, unclaimed, whole, in usual words, and by a rig of the sender", "post_starts_open",
                "rows_are_whole", "words_are_usual", "rig_belongs_to_its_owner"),
            _by("A post is not wanted already, and its priority is not upside down", "post_is_new", "post_starts_open"),
            _by("A link between rigs is asserted by each for itself", "links_are_asserted_by_their_rigs"),
        ),
    ),
    (
        "Decisions",
        (
            _at(
                "Ratings are whole numbers from 1 to 5, severity is leaf, branch or root, the completion is there",
                "bot/commands/grammar/option.py",
                "tests/unit/test_grammar.py::test_a_wrong_line_is_told_what_is_wrong_where_and_what_was_meant",
            ),
            _at(
                "Nobody stamps their own work, under whatever name",
                "bot/commands/conflict_of_interest.py",
                "tests/commands/test_accept.py::test_nobody_accepts_their_own_work",
                "decision_keeps_the_yearbook",
            ),
            _at(
                "Only validators decide, as a rig of their own",
                "bot/commands/authority.py",
                "tests/commands/test_authority.py::test_a_stranger_is_told_what_is_missing_and_who_can",
            ),
            _by("Nobody holds the pull back", "nobody_holds_it"),
            _at(
                "There is no stamp yet, and nobody settled the item meanwhile",
                "bot/commands/decision_rows.py",
                "tests/commands/test_accept.py::test_what_is_refused_after_the_merge",
            ),
            _at(
                "The columns that are written are there, and every row is read back",
                "bot/converge/landing.py",
                "tests/journeys/test_trouble.py::test_a_violated_check_is_a_refusal_even_where_it_says_success",
                "commons_can_hold_stamps",
            ),
        ),
    ),
    (
        "The bot itself",
        (
            _at(
                "No answer of DoltHub that was cut is taken for whole",
                "bot/dolthub/client.py",
                "tests/unit/test_hub_client.py::test_cut_rows_are_never_handed_out",
                "only_known_rows_change",
            ),
            Check(
                asks="Strangers' text is data everywhere: in SQL, in Markdown, and between quotation marks in a comment",
                places=(
                    Place(
                        path="bot/dolthub/sql/literal.py",
                        shown="tests/unit/test_hub_sql.py::test_a_hostile_literal_stays_one_literal_of_one_statement",
                    ),
                    Place(
                        path="bot/messages/md.py",
                        shown="tests/unit/test_speech.py::test_foreign_text_by_each_door_is_one_harmless_line",
                    ),
                    Place(
                        path="bot/commands/grammar/text.py",
                        shown="tests/unit/test_grammar.py::test_code_quotations_and_html_are_immune",
                    ),
                ),
            ),
            _at(
                "The bot obeys no comment of its own, and no example in one",
                "bot/converge/plan.py",
                "tests/unit/test_plan.py::test_some_are_never_read",
            ),
        ),
    ),
)  # fmt: skip


def checks() -> Iterator[Check]:
    """All of them, in order."""
    for _, group in GROUPS:
        yield from group


def table(group: tuple[Check, ...], first: int) -> Iterator[tuple[str, str, str]]:
    """Rows of the page: number, what is asked, who sees to it."""
    for number, check in enumerate(group, first):
        who = [f"[`{name}`](rules.md#{name})" for name in check.rules]
        who += [f"`{place.path}` (shown by `{place.shown.partition('::')[0]}`)" for place in check.places]
        yield str(number), check.asks, ", ".join(who) + (f"nobody: {check.limit}" if check.limit else "")
