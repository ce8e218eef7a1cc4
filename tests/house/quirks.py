"""What production does beyond DoltHub's contract, how the look-alike plays it, and by which test the bot is known to survive.

The facts were read in DoltHub's documentation, in its own tests of production, and in the code of public clients; those marked
(inferred) are guesses. Where the look-alike plays one on demand, `played` is the name to ask for; `always` where it does so
anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALWAYS = "always"
HUB, CLIENT, WIRE = "tests/contract/test_hub_contract.py", "tests/unit/test_hub_client.py", "tests/unit/test_hub_wire.py"
MERGES = "tests/journeys/test_merges.py"
TROUBLE, ATTACKS = "tests/journeys/test_trouble.py", "tests/faults/test_attacks.py"
V1, LAB, WEB = "tests/contract/test_hub_v1.py", "tests/journeys/test_older_host.py", "tests/journeys/test_webhook_to_review.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One oddity. `number` is that of the look-alike's catalogue; `survived`: tests as `path::name`."""

    number: int
    says: str
    played: str
    survived: tuple[str, ...]


def _q(number: int, played: str, says: str, *survived: str) -> Played:
    return Played(number=number, says=says, played=played, survived=survived)


PLAYED = (
    _q(
        1,
        "redirect",
        "Another host than the one with `www.` misbehaves; a redirect must not carry the token away.",
        f"{CLIENT}::test_a_redirect_is_not_followed",
        f"{HUB}::test_a_read_says_what_to_do_about_what_stays",
    ),
    _q(
        2,
        ALWAYS,
        "v1alpha1 answers 400 for nearly everything, v2 by the contract's codes.",
        f"{CLIENT}::test_each_documented_status_of_each_operation_is_sorted",
        f"{V1}::test_what_a_400_means_is_told_by_its_words",
    ),
    _q(
        3,
        "sql-trouble",
        "A SQL error, a time-out, an unknown branch come as a 200 whose status says so.",
        f"{WIRE}::test_sql_trouble_comes_as_a_200_and_is_never_read_as_rows",
        f"{TROUBLE}::test_a_hub_in_trouble_gets_no_verdict_and_one_clear_line_and_is_gone_on_with_by_itself",
    ),
    _q(
        4,
        "not-json",
        "An answer is a page of HTML, plain text, or empty.",
        f"{HUB}::test_a_read_survives_what_passes",
        f"{WIRE}::test_an_answer_that_cannot_be_read_is_strange_and_quoted_shortly",
    ),
    _q(
        5,
        "overload",
        "429 with Retry-After, 502, 503, connections that hang for minutes.",
        f"{TROUBLE}::test_a_hub_that_asks_for_patience_gets_it",
        f"{HUB}::test_a_read_says_what_to_do_about_what_stays",
    ),
    _q(
        6,
        "no-such-repository",
        "A database that exists is said to be missing, for a while.",
        f"{CLIENT}::test_a_database_that_seems_missing_is_believed_only_when_repeated",
        f"{HUB}::test_a_read_survives_what_passes",
    ),
    _q(
        7,
        "growth",
        "Unknown fields, codes, states and types appear at any time.",
        f"{WIRE}::test_a_pull_grows_without_breaking_the_reader",
        f"{HUB}::test_a_read_survives_what_passes",
    ),
    _q(
        8,
        "hostile-text",
        "Titles, comments, branches and messages are strangers' text: control characters, SQL, HTML, megabytes.",
        f"{HUB}::test_hostile_words_arrive_as_they_are_and_stay_words",
        f"{WIRE}::test_hostile_server_text_reaches_errors_cleaned",
    ),
    _q(
        9,
        ALWAYS,
        "v1alpha1 takes `token X`, v2 takes `Bearer X`; an empty token is refused even on public data.",
        f"{CLIENT}::test_without_token_reads_go_bare_and_writes_do_not_go",
        f"{LAB}::test_a_pull_is_reviewed_once_and_the_review_says_how_to_decide_here",
    ),
    _q(
        10,
        ALWAYS,
        "A v1alpha1 read that carries a token must name a branch or commit.",
        f"{LAB}::test_a_pull_is_reviewed_once_and_the_review_says_how_to_decide_here",
    ),
    _q(
        11,
        "bad-token",
        "A bad or expired token: a 400 with `invalid authorization` in v1alpha1, a 401 in v2.",
        f"{TROUBLE}::test_a_refused_token_is_told_with_the_way_to_mend_it",
        f"{V1}::test_what_a_400_means_is_told_by_its_words",
    ),
    _q(
        12,
        "scoped-token",
        "A token limited by scope is refused on public data that nobody needs a token for.",
        f"{CLIENT}::test_a_refused_token_is_left_out_once_on_public_data",
        f"{HUB}::test_a_read_survives_what_passes",
    ),
    _q(
        13,
        ALWAYS,
        "An operation is shown with a token only, the list of operations to anybody.",
        f"{CLIENT}::test_an_operation_that_may_not_be_followed_has_an_unknown_end",
    ),
    _q(
        15,
        ALWAYS,
        "A write from main onto a branch that exists begins it anew, and its rows are lost.",
        f"{HUB}::test_a_guarded_update_happens_once_and_is_the_commit_message",
    ),
    _q(
        16,
        "several-statements",
        "Two statements in one write: an error, or a success that wrote nothing.",
        f"{HUB}::test_two_statements_are_refused",
    ),
    _q(
        17,
        "commit-message",
        "Each statement is a commit whose message is its text, perhaps with words in front.",
        f"{HUB}::test_a_guarded_update_happens_once_and_is_the_commit_message",
    ),
    _q(
        18,
        "no-op",
        "A write that changes nothing: a 400 at v1alpha1's poll, something unknown in v2 (inferred).",
        f"{TROUBLE}::test_a_write_that_had_nothing_left_to_do_is_read_back_and_the_decision_goes_on",
        f"{V1}::test_a_write_that_changes_nothing_is_told",
    ),
    _q(
        19,
        "check-violated",
        "A violated CHECK reports success and writes nothing.",
        f"{TROUBLE}::test_a_violated_check_is_a_refusal_even_where_it_says_success",
    ),
    _q(
        20,
        "serialization-failure",
        "Another writer won: the operation fails and says to start again.",
        f"{HUB}::test_a_lost_race_is_for_later",
        f"{TROUBLE}::test_a_merge_that_goes_wrong_once_is_never_called_done",
    ),
    _q(
        21,
        ALWAYS,
        "Procedures are refused, and no token deletes a branch.",
        f"{ATTACKS}::test_a_landing_branch_that_somebody_prepared_is_not_used",
    ),
    _q(
        22,
        "unknown-end",
        "A write whose answer is lost may have happened.",
        f"{HUB}::test_a_write_whose_end_nobody_heard_is_not_repeated",
        f"{ATTACKS}::test_every_answer_of_dolthub_is_lost_and_redis_wiped_each_time",
        f"{LAB}::test_words_whose_end_is_never_heard_are_sent_twice_and_no_more",
    ),
    _q(
        23,
        "row-limit",
        "Rows beyond the limit are cut, with a 200.",
        f"{ATTACKS}::test_rows_that_come_cut_are_no_ground_for_a_decision",
        f"{CLIENT}::test_cut_rows_are_never_handed_out",
    ),
    _q(
        24,
        "cell-forms",
        "All cells are text, NULL is null or a key left out, times and booleans come in several forms.",
        f"{WIRE}::test_cells_are_text_or_null_in_whatever_form_they_come",
        f"{ATTACKS}::test_a_landing_cut_short_is_finished_whatever_form_times_come_in",
        f"{V1}::test_an_odd_form_is_read",
    ),
    _q(
        25,
        "stale-branches",
        "Lists of branches lag behind what the API has just written.",
        f"{TROUBLE}::test_a_landing_branch_that_no_list_shows_yet_is_found_all_the_same",
        f"{TROUBLE}::test_a_head_that_moved_while_the_list_of_branches_lags_is_not_merged",
    ),
    _q(
        28,
        "page-end",
        "The last page has no token, an empty one, or the one before again.",
        f"{HUB}::test_a_list_ends_however_its_end_is_said",
    ),
    _q(
        29,
        "page-size",
        "Pages are small, and nothing filters.",
        f"{HUB}::test_pulls_are_listed_newest_first_over_all_pages_and_read_in_full",
        f"{V1}::test_an_odd_form_is_read",
    ),
    _q(
        31,
        "pull-states",
        "States in any case, `merging`, and words nobody knows.",
        f"{WIRE}::test_a_state_is_read_in_any_case_and_an_unknown_one_is_unknown",
    ),
    _q(
        32,
        "colon-keys",
        "v1alpha1's names differ from place to place, some with a colon inside.",
        f"{V1}::test_an_odd_form_is_read",
    ),
    _q(
        33,
        "head-moved",
        "No merge names the head it expects: the branch may move in between.",
        f"{ATTACKS}::test_a_head_that_the_merge_took_and_nobody_reviewed_is_named_with_the_item_and_the_mend",
    ),
    _q(
        34,
        "merge-takes-its-time",
        "A merge is accepted first and ends later: after long, never, or in failure.",
        f"{TROUBLE}::test_a_merge_that_outlasts_our_patience_and_then_succeeds_is_finished_once",
        f"{V1}::test_a_merge_that_fails_later_is_told_by_the_list_of_jobs",
    ),
    _q(
        35,
        "one-merge-at-a-time",
        "While a job runs, a merge fails with a wrong error.",
        f"{TROUBLE}::test_a_merge_that_goes_wrong_once_is_never_called_done",
    ),
    _q(
        37,
        ALWAYS,
        "A second pull for the same branch is a conflict.",
        f"{HUB}::test_a_pull_of_our_own_is_opened_once_merged_once_and_verified",
        f"{V1}::test_what_a_400_means_is_told_by_its_words",
    ),
    _q(
        38,
        ALWAYS,
        "A pull comes from any database of the network, from a fork's main, or from a branch that is gone.",
        f"{ATTACKS}::test_a_fork_that_may_not_be_read_stops_neither_the_sweep_nor_its_own_pull",
        f"{HUB}::test_a_pull_from_the_forks_own_main_is_not_empty",
    ),
    _q(
        40,
        "protected-branch",
        "Branch protection refuses a write or a merge, at once or as a failed job (inferred).",
        f"{HUB}::test_an_operation_is_followed_in_every_form",
    ),
    _q(
        41,
        "odd-comments",
        "Comments come in no order, edited in place, or not yet.",
        f"{TROUBLE}::test_the_order_in_which_comments_are_listed_means_nothing",
        f"{TROUBLE}::test_a_comment_that_is_not_listed_yet_is_not_said_twice",
    ),
    _q(
        42,
        ALWAYS,
        "A comment's id is unique within its pull only; an edited comment keeps it.",
        f"{TROUBLE}::test_an_edited_command_is_not_carried_out_and_an_edited_answer_changes_nothing_on_main",
    ),
    _q(
        44,
        "operation-words",
        "A job's state comes in four vocabularies.",
        f"{HUB}::test_an_operation_is_followed_in_every_form",
        f"{WIRE}::test_an_operations_state_is_read_in_every_known_vocabulary",
    ),
    _q(45, "flat-poll", "v1alpha1's polls are flat or nested, with `done` or `job_status`.", f"{V1}::test_an_odd_form_is_read"),
    _q(
        46,
        "raw-href",
        "An operation's id holds slashes, encoded or raw; a pull's number is text or a number.",
        f"{HUB}::test_an_operation_is_followed_in_every_form",
    ),
    _q(47, "endless-job", "A job never ends.", f"{TROUBLE}::test_a_merge_that_never_ends_is_started_once_and_claims_nothing"),
    _q(
        48,
        "odd-webhook",
        "A webhook comes twice, late, never, out of order, to a wrong path, or in another form.",
        f"{WEB}::test_a_webhook_alone_leads_to_a_review_within_seconds",
        f"{WEB}::test_what_no_webhook_told_is_found_by_the_clock_and_decided_to_the_end",
    ),
    _q(
        52,
        "fast-forward",
        "Where main has not moved, a merge moves main to the branch's head and makes no commit (Dolt; DoltHub: not known).",
        f"{MERGES}::test_work_that_is_merged_by_fast_forward_is_stamped",
        f"{MERGES}::test_a_head_that_was_pushed_on_top_is_not_taken_for_the_fast_forward_that_was_reviewed",
    ),
    _q(
        53,
        "json-null",
        "After a migration, a merge writes JSON `null` for NULL in rows that the branch changed (Dolt 2.3.1).",
        f"{MERGES}::test_work_that_left_main_before_a_migration_is_stamped",
    ),
    _q(
        54,
        ALWAYS,
        "A merge base, and a diff with three dots, is refused at a commit (Dolt; DoltHub: not known).",
        f"{MERGES}::test_a_pull_from_a_branch_of_the_commons_is_reviewed_and_stamped",
        f"{HUB}::test_a_branch_of_the_commons_itself_is_compared_there",
    ),
)


def rows() -> list[tuple[str, str, str]]:
    """The table of docs/sandbox.md: number, what production does, and how to have it played."""
    return [(str(each.number), each.says, each.played if each.played == ALWAYS else f"`{each.played}`") for each in PLAYED]


TRIED: Mapping[int, tuple[str, ...] | str] = {
    1: "Read from documents. A redirect is never followed.",
    2: ("missing-database",),
    3: ("sql-error",),
    4: "Seen on production. Such an answer is trouble, and is asked again.",
    5: "Seen on production. The bot waits and asks again; no verdict comes of it.",
    6: "Seen on production. A missing database is asked for again before it is believed.",
    7: "A field, state or code that is not known changes no verdict.",
    8: ("comment-unchanged",),
    9: "Seen on production. A wrong scheme is refused at the first request.",
    10: "Seen on production. Each read names its branch or commit.",
    11: "A token that is refused stops the bot and is reported, by whichever code.",
    12: "A refused read of public data is asked again without the token.",
    13: "Operations are asked for with the token.",
    15: "Each branch is made at a commit first, and written to afterwards.",
    16: "One write is one statement.",
    17: ("one-commit-a-write",),
    18: ("no-op", "guarded-update"),
    19: ("broken-check",),
    20: ("guarded-update",),
    21: "No procedure is called and no branch is deleted.",
    22: "What was written is read back before anything is written again.",
    23: ("full-page", "page-order"),
    24: ("cells-are-text", "times"),
    25: ("branch-at-commit",),
    28: "A list ends where a page brings nothing new.",
    29: ("pull-states",),
    31: ("pull-states",),
    32: "Each of the names is read.",
    33: ("merge-commit", "pull-follows-branch"),
    34: ("merge-commit", "merged-again"),
    35: "Before a merge the bot waits for the one that runs.",
    37: ("second-pull",),
    38: ("missing-database",),
    40: "A refusal is reported below the pull, and tried again.",
    41: ("comment-unchanged",),
    42: "A comment is remembered by its pull and its id.",
    44: "A state that is not known is one that has not ended; the rows are read instead.",
    45: "Each of the forms is read.",
    46: "The address is used as it came, on the same host only.",
    47: "After a time of its own the bot reads the rows instead.",
    48: "A webhook is a hint. The clock finds what no webhook brought.",
    52: ("merge-commit",),
    53: ("merged-rows",),
    54: ("history", "heights"),
}
"""By number: the rows of `stampbot conformance` that try it, or why no verdict and no row on main depends on it."""


def tried_rows() -> list[tuple[str, str, str]]:
    """The second table of docs/assumptions.md: number, what production does, and how that is tried or why it need not be."""
    how = {number: by if isinstance(by, str) else ", ".join(f"`{each}`" for each in by) for number, by in TRIED.items()}
    return [(str(each.number), each.says, how[each.number]) for each in PLAYED]
