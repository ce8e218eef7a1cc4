"""The fault matrix: every fault the bot has an answer to, what must hold then, and the tests that show it.

`make faults` runs those tests, the long ones too, and prints the matrix with what held and how often it was tried.
"""

from __future__ import annotations

from dataclasses import dataclass

BOTS = "tests/faults/test_processes.py::"
REDIS = "tests/faults/test_redis_trouble.py::"
HUB = "tests/faults/test_hub_moments.py::"
WORDS = "tests/faults/test_words_once.py::"
NEVER = "tests/faults/test_never_both.py::"
KILLS = "tests/faults/test_real_kills.py::test_what_a_killed_bot_began_is_finished_by_the_next_one_exactly_once"
CRASHES = "tests/faults/test_crash_points.py::test_a_decision_that_dies_at_every_effect_happens_exactly_once"
ATTACKS = "tests/faults/test_attacks.py::"
TROUBLE = "tests/journeys/test_trouble.py::"
DOOR = "tests/journeys/test_webhook_to_review.py::"
KINDS = "tests/journeys/test_kinds.py::"
QUARANTINE = "tests/journeys/test_quarantine.py::"
SOAK = "tests/soak/test_soak.py::"
WORKER = "tests/unit/test_worker.py::"
SITUATIONS = "tests/evidence/test_situations.py::"
LOOKING = "tests/unit/test_looking.py::"
FORGES = "tests/evidence/test_forges.py::"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault. `tests`: node ids of test functions; all their cases count."""

    number: int
    fault: str
    holds: str
    tests: tuple[str, ...]


ROWS: tuple[Row, ...] = (
    Row(
        number=1,
        fault="a webhook is lost",
        holds="the clock's next sweep finds the pull, and it is decided to the end",
        tests=(f"{DOOR}test_what_no_webhook_told_is_found_by_the_clock_and_decided_to_the_end",),
    ),
    Row(
        number=2,
        fault="a webhook comes twenty times, at once and out of order",
        holds="one review",
        tests=(
            f"{DOOR}test_a_webhook_delivered_twenty_times_at_once_and_in_any_order_is_one_review",
            "tests/unit/test_scratch.py::test_five_knocks_at_once_are_one_job",
        ),
    ),
    Row(
        number=3,
        fault="a forged webhook: wrong secret, or right secret and lies",
        holds="404, or an early look; nothing is decided by it",
        tests=(
            f"{DOOR}test_a_forged_webhook_is_an_early_look_and_nothing_else",
            "tests/unit/test_web.py::test_a_wrong_secret_is_told_from_nothing_else_that_is_not_there",
        ),
    ),
    Row(
        number=4,
        fault="a webhook's body is too long, too deep, a surrogate, NaN, 5,000 digits, a list, empty, UTF-16, a form",
        holds="4xx, never 5xx, and the door lives on",
        tests=(
            f"{DOOR}test_what_is_no_webhook_is_refused_by_the_live_door_which_lives_on",
            "tests/unit/test_web.py::test_a_body_that_cannot_be_meant_is_refused_and_queues_nothing",
            "tests/unit/test_web.py::test_no_bytes_break_the_door",
        ),
    ),
    Row(
        number=5,
        fault="a body comes a byte a second, on 200 connections",
        holds="other requests are answered within a second",
        tests=(f"{DOOR}test_slow_bodies_and_idle_connections_keep_nobody_waiting",),
    ),
    Row(
        number=6,
        fault="Redis is down when a webhook comes",
        holds="503 within seconds, and the next sweep finds the pull",
        tests=(
            f"{DOOR}test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull",
            "tests/unit/test_web.py::test_redis_away_is_503_within_a_second_and_heals_by_itself",
        ),
    ),
    Row(
        number=7,
        fault="Redis is frozen (SIGSTOP) when a webhook comes",
        holds="503 within two seconds, and the next sweep finds the pull",
        tests=(
            f"{DOOR}test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull",
            "tests/unit/test_web.py::test_a_frozen_redis_is_503_within_two_seconds",
        ),
    ),
    Row(
        number=8,
        fault="Redis is killed in the middle of a job",
        holds="each effect once; the workers are back when Redis is",
        tests=(
            f"{REDIS}test_redis_killed_in_the_middle_of_a_job_costs_seconds_and_nothing_is_done_twice",
            f"{WORKER}test_lanes_survive_redis_going_and_coming_back",
        ),
    ),
    Row(
        number=9,
        fault="Redis is wiped again and again while thirty decisions run; also while the list of comments lags",
        holds="all are carried out, once, and answered once",
        tests=(
            f"{REDIS}test_redis_wiped_again_and_again_leaves_every_decision_carried_out_once",
            f"{WORDS}test_a_wipe_of_redis_while_the_list_lags_makes_nobody_say_a_thing_again",
        ),
    ),
    Row(
        number=10,
        fault="Redis is full (maxmemory)",
        holds="503 at the door, told in the log; the next sweep finds the pull",
        tests=(f"{DOOR}test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull",),
    ),
    Row(
        number=11,
        fault="a worker is frozen past its lease while another takes over",
        holds="no effect twice; whoever wakes finds everything done, and says and does nothing that came too late",
        tests=(
            f"{BOTS}test_a_worker_that_slept_past_its_lease_wakes_to_find_everything_done",
            f"{WORDS}test_who_slept_between_the_note_and_the_word_does_not_say_it",
            f"{NEVER}test_who_slept_over_the_end_of_a_command_does_nothing_for_it",
            f"{NEVER}test_rows_that_another_try_brought_by_its_own_pull_are_no_reason_to_refuse",
        ),
    ),
    Row(
        number=12,
        fault="killed before and after each remote call of each decision",
        holds="one merge, one stamp, one answer",
        tests=(CRASHES, KILLS),
    ),
    Row(
        number=13,
        fault="random kill -9 of everything while people work",
        holds="every decision once, answered once; nothing lost",
        tests=(f"{SOAK}test_what_people_decide_in_a_storm_is_done_once_and_answered_once",),
    ),
    Row(
        number=14,
        fault="SIGTERM, once or twice",
        holds="the job at hand is finished or handed over, the second ends at once; the next process sweeps first and finishes",
        tests=(
            f"{BOTS}test_a_worker_that_has_to_end_in_the_middle_of_a_job_hands_it_over_at_once",
            f"{WORKER}test_a_job_that_cannot_finish_before_the_end_gives_its_lease_back",
            f"{BOTS}test_a_worker_that_is_told_twice_to_end_ends_at_once_and_the_next_one_finishes",
            f"{WORKER}test_a_signal_lets_the_job_at_hand_finish_and_ends_with_0",
        ),
    ),
    Row(
        number=15,
        fault="a worker dies between taking a job and writing down that it has it",
        holds="the pull, or the sweep, is come to within about a minute",
        tests=(f"{BOTS}test_a_job_whose_worker_died_with_it_in_hand_is_found_again",),
    ),
    Row(
        number=16,
        fault="RQ runs a finished job again",
        holds="no effect",
        tests=(f"{BOTS}test_a_finished_job_that_is_run_again_changes_nothing",),
    ),
    Row(
        number=17,
        fault="a job runs out of time in the middle of a remote call",
        holds="gone on with, once",
        tests=(f"{BOTS}test_a_job_that_runs_out_of_time_at_the_hub_is_gone_on_with_once",),
    ),
    Row(
        number=18,
        fault="a write is answered 500 and was done",
        holds="it counts as done",
        tests=(f"{HUB}test_what_is_called_failed_and_was_done_counts_as_done",),
    ),
    Row(
        number=19,
        fault="a merge never finishes, or outlasts our patience",
        holds="started once; nothing is claimed or refused; finished once if it ends after all",
        tests=(
            f"{TROUBLE}test_a_merge_that_never_ends_is_started_once_and_claims_nothing",
            f"{TROUBLE}test_a_merge_that_outlasts_our_patience_and_then_succeeds_is_finished_once",
            f"{TROUBLE}test_a_landing_merge_that_outlasts_our_patience_is_finished_once",
            f"{NEVER}test_nothing_is_refused_while_a_merge_that_was_begun_may_still_come_about",
            f"{NEVER}test_a_hold_that_comes_while_a_merge_is_running_refuses_nothing_that_comes_about",
        ),
    ),
    Row(
        number=20,
        fault="a merge fails with a conflict, or otherwise",
        holds="no stamp, one clear answer",
        tests=(
            f"{KINDS}test_a_merge_that_conflicts_only_on_dolthub_is_refused_once",
            f"{KINDS}test_a_pull_that_conflicts_is_refused_once_and_nothing_is_changed",
            f"{TROUBLE}test_a_merge_that_goes_wrong_once_is_never_called_done",
        ),
    ),
    Row(
        number=21,
        fault="the head moves between review and /accept",
        holds="refused, and the new head is named",
        tests=(f"{HUB}test_an_accept_of_a_head_that_moved_meanwhile_is_refused_and_names_the_new_one",),
    ),
    Row(
        number=22,
        fault="the head moves between the last look and the merge",
        holds="found out after the merge: no stamp, told loudly",
        tests=(
            f"{ATTACKS}test_a_head_that_the_merge_took_and_nobody_reviewed_is_named_with_the_item_and_the_mend",
            f"{KINDS}test_a_push_between_the_last_look_and_the_merge_is_found_out_and_not_stamped",
        ),
    ),
    Row(
        number=23,
        fault="a write says Success and wrote nothing (a CHECK)",
        holds="rows are read back, so it is noticed and told",
        tests=(f"{TROUBLE}test_a_violated_check_is_a_refusal_even_where_it_says_success",),
    ),
    Row(
        number=24,
        fault="two validators accept at once, fifty rounds; another tool stamps in between",
        holds="one stamp a work, and both are answered",
        tests=(
            f"{HUB}test_of_two_validators_in_one_moment_the_first_stamps_and_both_are_answered",
            f"{KINDS}test_two_validators_at_once_make_one_stamp_and_both_are_answered",
            f"{ATTACKS}test_another_tool_that_accepts_between_our_merge_and_our_stamp_is_named_as_the_first",
        ),
    ),
    Row(
        number=25,
        fault="a write finds nothing left to do, and says an error or success",
        holds="what is there decides",
        tests=(f"{TROUBLE}test_a_write_that_had_nothing_left_to_do_is_read_back_and_the_decision_goes_on",),
    ),
    Row(
        number=26,
        fault="the answer to a comment, or to any call, is lost after it was done",
        holds="said once, done once",
        tests=(f"{ATTACKS}test_every_answer_of_dolthub_is_lost_and_redis_wiped_each_time", CRASHES),
    ),
    Row(
        number=27,
        fault="the list of comments lags",
        holds="said once, and what was refused is not done after all",
        tests=(
            f"{NEVER}test_a_merge_that_was_refused_is_not_made_after_all_while_the_answer_is_not_listed_yet",
            f"{NEVER}test_rows_that_were_refused_do_not_land_after_all_while_the_answer_is_not_listed_yet",
            f"{NEVER}test_after_a_wipe_nothing_is_done_for_a_command_whose_answer_may_be_hidden",
            f"{TROUBLE}test_a_comment_that_is_not_listed_yet_is_not_said_twice",
            f"{TROUBLE}test_a_refused_merge_is_not_tried_again_and_again_while_the_answer_is_not_listed_yet",
        ),
    ),
    Row(
        number=28,
        fault="DoltHub is away: 503, 429 with Retry-After, HTML, silence, cut connections",
        holds="no verdict changes, one line in the log, gone on with by itself",
        tests=(
            f"{TROUBLE}test_a_hub_in_trouble_gets_no_verdict_and_one_clear_line_and_is_gone_on_with_by_itself",
            f"{TROUBLE}test_a_hub_that_asks_for_patience_gets_it",
        ),
    ),
    Row(
        number=29,
        fault="the token is refused",
        holds="nothing is answered, the log says how to mend it, and then it goes on",
        tests=(
            f"{TROUBLE}test_a_refused_token_is_told_with_the_way_to_mend_it",
            f"{TROUBLE}test_a_token_that_is_refused_at_a_merge_answers_nobody_and_goes_on_when_it_is_mended",
        ),
    ),
    Row(
        number=30,
        fault="a forge is down or limits us",
        holds="unknown, never dead, looked at again",
        tests=(
            f"{FORGES}test_trouble_of_the_forge_is_nobodys_fault",
            f"{FORGES}test_a_forge_that_is_away_is_nobodys_fault",
            f"{FORGES}test_a_forge_that_keeps_failing_is_left_alone_for_a_while",
            f"{FORGES}test_the_end_of_a_limit_is_waited_for",
        ),
    ),
    Row(
        number=31,
        fault="our own network is down",
        holds="nothing is called dead",
        tests=(
            f"{LOOKING}test_nothing_is_dead_while_no_control_answers",
            f"{LOOKING}test_every_way_to_be_dead_is_doubted",
            f"{LOOKING}test_nothing_is_dead_while_half_of_the_hosts_are_silent",
        ),
    ),
    Row(
        number=32,
        fault="an evidence host plays each of the hostile servers",
        holds="bounded time and memory, the right code",
        tests=(
            f"{SITUATIONS}test_what_a_hostile_server_costs_is_bounded",
            f"{SITUATIONS}test_what_a_hostile_handshake_costs_is_bounded",
            f"{SITUATIONS}test_a_whole_prober_full_of_bombs_stays_within_the_same_bound",
        ),
    ),
    Row(
        number=33,
        fault="each static case of the corpus of hostile URLs",
        holds="only the addresses that its case allows are dialled",
        tests=("tests/evidence/test_corpus.py::test_no_socket_goes_where_its_case_does_not_say",),
    ),
    Row(
        number=34,
        fault="a name server that rebinds",
        holds="what is dialled is what was judged",
        tests=(
            "tests/evidence/test_rebinding.py::test_what_is_dialled_is_what_was_judged_and_the_name_is_asked_for_once",
            "tests/evidence/test_rebinding.py::test_looking_again_is_judged_again",
        ),
    ),
    Row(
        number=35,
        fault="evidence flips 200, 404, 200",
        holds="never dead: sightings must agree, and one answer clears them",
        tests=(
            "tests/evidence/test_answers.py::test_dead_sightings_add_up_and_one_answer_clears_them",
            f"{FORGES}test_dead_sightings_are_counted_on_and_forgotten_when_it_is_back",
        ),
    ),
    Row(
        number=36,
        fault="Redis has no disk to save to, and takes no writes",
        holds="503 at the door, and the next sweep finds the pull",
        tests=(f"{DOOR}test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull",),
    ),
    Row(
        number=37,
        fault="Redis is locked by somebody else (CLIENT PAUSE)",
        holds="503 at the door, and the next sweep finds the pull",
        tests=(f"{DOOR}test_a_webhook_that_redis_did_not_hear_is_a_503_and_the_next_sweep_finds_the_pull",),
    ),
    Row(
        number=38,
        fault="Redis is lost while nobody runs",
        holds="no command is replayed, nothing is written at all",
        tests=(f"{REDIS}test_redis_lost_while_nobody_ran_replays_nothing",),
    ),
    Row(
        number=39,
        fault="ten old /accepts at the first start",
        holds="each is asked about, none is carried out",
        tests=(
            f"{REDIS}test_accepts_older_than_the_bot_are_asked_about_and_never_carried_out",
            f"{KINDS}test_a_decision_older_than_the_first_review_wants_to_be_confirmed",
        ),
    ),
    Row(
        number=40,
        fault="the clock jumps an hour forth and back",
        holds="decisions come to their end, once",
        tests=(f"{BOTS}test_a_clock_that_jumps_an_hour_decides_nothing_twice_and_forgets_nothing",),
    ),
    Row(
        number=41,
        fault="two bots by mistake, with one token and a Redis each",
        holds="each deed once, whichever bot does it; doctor reports the second one",
        tests=(
            f"{BOTS}test_two_bots_by_mistake_each_with_a_redis_of_its_own_do_each_deed_once",
            "tests/journeys/test_operator.py::test_the_doctor_reports_a_second_bot_with_the_same_token",
        ),
    ),
    Row(
        number=42,
        fault="a pull that breaks the bot, or cannot be read",
        holds="told once for each reason, left alone if it breaks the bot five times; the others are found and decided",
        tests=(
            "tests/journeys/test_stuck.py::test_a_look_that_fails_three_times_for_one_reason_is_said_once_whatever_the_error",
            "tests/journeys/test_one_bad_pull.py::test_a_landing_pull_that_cannot_be_closed_ends_no_sweep",
            f"{QUARANTINE}test_a_poisonous_pull_is_left_alone_told_once_and_tried_again_when_it_changes",
            f"{QUARANTINE}test_a_pull_that_kills_its_worker_is_counted_too",
            f"{TROUBLE}test_one_pull_that_cannot_be_read_keeps_no_other_from_being_found",
            f"{TROUBLE}test_a_broken_row_in_a_pull_is_a_finding_and_never_crashes",
            f"{TROUBLE}test_a_broken_row_on_main_is_judged_and_never_crashes",
            f"{WORKER}test_trouble_is_one_line_and_the_lane_goes_on",
        ),
    ),
    Row(
        number=43,
        fault="webhooks by the thousand, also about pulls that nobody opened",
        holds="never more jobs than pulls, nor looks than a share of the budget; a sweep finds the rest; nothing is said again",
        tests=(
            f"{DOOR}test_a_flood_about_made_up_pulls_keeps_no_real_one_waiting_and_leaves_nothing_behind",
            "tests/faults/test_door.py::test_a_flood_of_webhooks_is_taken_whole_and_the_process_does_not_grow",
            f"{DOOR}test_a_flood_of_webhooks_is_a_look_or_two_a_pull",
            f"{DOOR}test_a_webhook_delivered_twenty_times_at_once_and_in_any_order_is_one_review",
        ),
    ),
    Row(
        number=44,
        fault="a pull of 5,000 rows, of ten megabytes of text, of 200 links",
        holds="one short review for a bounded price",
        tests=(
            f"{HUB}test_a_pull_beyond_measure_gets_one_short_review_for_a_bounded_price",
            "tests/unit/test_hub_diff.py::test_rows_too_large_to_read_are_counted",
        ),
    ),
    Row(
        number=45,
        fault="the answer to a query comes cut",
        holds="an error, never a pass",
        tests=(
            f"{ATTACKS}test_rows_that_come_cut_are_no_ground_for_a_decision",
            "tests/unit/test_hub_client.py::test_cut_rows_are_never_handed_out",
        ),
    ),
    Row(
        number=46,
        fault="a comment of 60 KB with a thousand commands",
        holds="one answer, no deed, no more time than its length",
        tests=(
            f"{HUB}test_a_thousand_commands_in_one_comment_are_one_answer_and_no_deed",
            "tests/unit/test_grammar.py::test_reading_takes_bounded_time_however_long_and_repetitive_the_text",
        ),
    ),
    Row(
        number=47,
        fault="branch, fork or pull are deleted in the middle",
        holds="no crash, no half, the others go on",
        tests=(
            f"{HUB}test_what_is_deleted_in_the_middle_of_a_decision_leaves_no_crash_and_no_half",
            "tests/journeys/test_variations.py::test_a_pull_whose_fork_is_gone_is_never_called_ready_again_nor_merged",
            f"{TROUBLE}test_one_pull_that_cannot_be_read_keeps_no_other_from_being_found",
        ),
    ),
    Row(
        number=48,
        fault="a supervisor starts everything again during all of this, on a hub in trouble",
        holds="every decision once, answered once; nothing lost",
        tests=(f"{SOAK}test_what_people_decide_in_a_storm_is_done_once_and_answered_once",),
    ),
    Row(
        number=49,
        fault="each process of `stampbot run` is killed, its Redis as well, just after a decision was written",
        holds="each is started again; one review, one merge, one stamp, one answer",
        tests=("tests/faults/test_run.py::test_each_process_is_killed_and_a_decision_is_carried_out_once",),
    ),
    Row(
        number=50,
        fault="a stranger's page takes the prober over",
        holds="no secret of the other processes can be reached from it",
        tests=(
            "tests/faults/test_prober_wall.py::test_no_way_out_of_the_prober_leads_to_a_secret_and_names_are_resolved",
            "tests/faults/test_prober_wall.py::"
            "test_the_redis_that_comes_along_keeps_its_data_and_gives_the_prober_its_own_rights_only",
        ),
    ),
)
