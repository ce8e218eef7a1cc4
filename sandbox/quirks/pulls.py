"""Quirks of pulls, merges, comments, operations and webhooks."""

# ruff: noqa: ARG001 - every quirk has the same signature, so that a table can hold them

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sandbox.hub.exchange import Answer, Call, error_answer, timestamp
from sandbox.hub.faults import DeliveryPlan, Params, Play
from sandbox.hub.operations import Failure, JobPlan
from sandbox.hub.state import Hub, utc_now
from sandbox.quirks.register import JOBS, MERGES, PULLS, WRITES, data_of, each, number_of, on_call, on_event, word_of
from sandbox.values.records import DatabaseName, MergeWays

# --- pulls and merging ---


@on_call(31, "pull-states", "the state in other words", *PULLS, how=("capital", "merging", "unknown"))
def pull_states(params: Params, call: Call, hub: Hub) -> Play:
    def other(item: dict[str, object]) -> dict[str, object]:
        words = {"capital": str(item.get("state")).capitalize(), "merging": "merging", "unknown": "under_review"}
        return {**item, "state": words[word_of(params, "how")]}

    return each(other)


@on_call(
    32,
    "colon-keys",
    "v1alpha1 answers with a colon inside some keys",
    *("v1Write", "v1Read", "v1Pull", "v1CreatePull"),
)
def colon_keys(params: Params, call: Call, hub: Hub) -> Play:
    def reshape(call: Call, answer: Answer) -> Answer:
        value = answer.json() if answer.content_type == "application/json" else None
        if not isinstance(value, dict):
            return answer
        odd = {"operation_name", "query", "sql_query", "title", "description"}
        other = {"from_branch": "from_branch_name", "to_branch": "to_branch_name", "author": "creator"}
        return answer.with_json({f"{k}:" if k in odd else other.get(k, k): v for k, v in value.items()})

    return Play(reshape=(reshape,))


@on_call(
    33,
    "head-moved",
    "the source branch is pushed between the merge request and the merge",
    *MERGES,
    push_database="",
    push_branch="",
    sql="",
    push_user="",
)
def head_moved(params: Params, call: Call, hub: Hub) -> Play:
    def push() -> None:
        if call.db is None:
            return
        pull = hub.pull(call.db, int(call.parts["pull_number"]))
        owner, _, name = word_of(params, "push_database").partition("/")
        db = DatabaseName(owner, name) if name else pull.from_db
        branch = word_of(params, "push_branch") or pull.from_branch
        hub.push(db, branch, [word_of(params, "sql")], user=word_of(params, "push_user") or pull.creator)

    return Play(job=JobPlan(before=push))


@on_call(
    34,
    "merge-takes-its-time",
    "a merge that stays running, fails later, or succeeds after long",
    *MERGES,
    "v1Write",
    how=("runs", "fails", "slow"),
    ms=5000,
    detail="failed to push to branch",
)
def merge_takes_its_time(params: Params, call: Call, hub: Hub) -> Play:
    how = params["how"]
    if how == "runs":
        return Play(job=JobPlan(hold=True))
    if how == "slow":
        return Play(job=JobPlan(delay_ms=number_of(params, "ms")))
    return Play(job=JobPlan(fail=Failure(status=422, title="Unprocessable", detail=word_of(params, "detail"))))


@on_call(
    35,
    "one-merge-at-a-time",
    "a merge is refused, or fails with a wrong error, while another job runs",
    *MERGES,
    how=("refused", "fails"),
    detail="failed to push to branch",
)
def one_merge_at_a_time(params: Params, call: Call, hub: Hub) -> Play:
    if call.db is None or all(operation.is_done for operation in hub.operations.of(call.db)):
        return Play()
    if params["how"] == "refused":
        return Play(instead=error_answer(call, 422, "another job is running for this repository"))
    return Play(job=JobPlan(fail=Failure(status=422, title="Unprocessable", detail=word_of(params, "detail"))))


@on_call(36, "silent-abort", "a merge reports success and nothing was merged", *MERGES)
def silent_abort(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(skip=True))


@on_call(52, "fast-forward", "a merge moves main to the head of a branch that left main where it stands", *MERGES)
def fast_forward(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(ways=MergeWays(fast_forward=True)))


@on_call(53, "json-null", "after a migration, a merge writes JSON null for NULL in rows that the branch changed", *MERGES)
def json_null(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(ways=MergeWays(null_documents=True)))


@on_call(
    40,
    "protected-branch",
    "branch protection: refused at once, or the job fails",
    *WRITES,
    *MERGES,
    how=("403", "422", "job"),
    detail="branch is protected",
)
def protected_branch(params: Params, call: Call, hub: Hub) -> Play:
    detail = word_of(params, "detail")
    if params["how"] == "job":
        return Play(job=JobPlan(fail=Failure(status=403, title="Forbidden", detail=detail)))
    return Play(instead=error_answer(call, int(word_of(params, "how")), detail))


# --- comments ---


@on_call(
    41,
    "odd-comments",
    "comments come shuffled or reversed, or the last one looks edited, or is not there yet (lag_ms: all that are so young)",
    "listPullComments",
    how=("shuffled", "reversed", "edited", "lagging"),
    body="edited",
    seed=1,
    lag_ms=0,
)
def odd_comments(params: Params, call: Call, hub: Hub) -> Play:
    def reshape(call: Call, answer: Answer) -> Answer:
        found = data_of(answer)
        if found is None or not isinstance(found[1], list) or not found[1]:
            return answer
        comments = list(found[1])
        how = params["how"]
        if how == "shuffled":
            random.Random(number_of(params, "seed")).shuffle(comments)
        elif how == "reversed":
            comments.reverse()
        elif how == "lagging" and (lag_ms := number_of(params, "lag_ms")):
            listed_until = utc_now() - timedelta(milliseconds=lag_ms)
            comments = [c for c in comments if datetime.fromisoformat(c["created_at"]) <= listed_until]
        elif how == "lagging":
            comments.pop()
        else:
            later = datetime.fromisoformat(comments[-1]["created_at"]) + timedelta(seconds=30)
            comments[-1] = {**comments[-1], "body": params["body"], "updated_at": timestamp(later)}
        return answer.with_json({**found[0], "data": comments})

    return Play(reshape=(reshape,))


# --- operations ---


@on_call(
    44,
    "operation-words",
    "an operation's status in other words",
    "getOperation",
    "listOperations",
    how=("pending", "v1", "unknown"),
)
def operation_words(params: Params, call: Call, hub: Hub) -> Play:
    words = {
        "pending": {"queued": "pending", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
        "v1": {"queued": "Pending", "running": "Running", "succeeded": "Success", "failed": "Failure"},
    }.get(word_of(params, "how"), {})
    return each(lambda item: {**item, "status": words.get(str(item.get("status")), "paused")})


@on_call(
    45, "flat-poll", "v1alpha1's polls in other forms: no res_details, `done` for `job_status`", "v1WritePoll", "v1MergePoll"
)
def flat_poll(params: Params, call: Call, hub: Hub) -> Play:
    def reshape(call: Call, answer: Answer) -> Answer:
        value = answer.json()
        if call.operation == "v1MergePoll" and isinstance(value, dict) and "job_status" in value:
            done = value.pop("job_status") == "Completed"
            return answer.with_json({**value, "done": done})
        if not isinstance(value, dict) or not isinstance(value.get("res_details"), dict):
            return answer
        return answer.with_json({"_id": value.get("_id"), "done": True, **value["res_details"]})

    return Play(reshape=(reshape,))


@on_call(
    46,
    "raw-href",
    "an operation's href with raw slashes, or result.pull_id as a number",
    *JOBS,
    "getOperation",
    how=("slashes", "number"),
)
def raw_href(params: Params, call: Call, hub: Hub) -> Play:
    def other(item: dict[str, object]) -> dict[str, object]:
        if params["how"] == "slashes" and "href" in item:
            return {**item, "href": f"{call.origin}/api/v2/operations/{item['id']}"}
        result = item.get("result")
        if params["how"] == "number" and isinstance(result, dict) and "pull_id" in result:
            return {**item, "result": {**result, "pull_id": int(result["pull_id"])}}
        return item

    return each(other)


@on_call(47, "endless-job", "a job that never ends", *JOBS)
def endless_job(params: Params, call: Call, hub: Hub) -> Play:
    return Play(job=JobPlan(hold=True))


# --- webhooks ---


@on_event(
    48,
    "odd-webhook",
    "an event is delivered twice, late, never, after the next one, to a wrong path, or in another form",
    how=("twice", "late", "never", "out of order", "wrong path", "other form"),
    ms=1000,
)
def odd_webhook(params: Params) -> DeliveryPlan:
    how = word_of(params, "how")
    if how == "late":
        return DeliveryPlan(delay_ms=number_of(params, "ms"))
    if how == "other form":
        return DeliveryPlan(reshape=(_other_form,))
    return {
        "twice": DeliveryPlan(copies=2),
        "never": DeliveryPlan(drop=True),
        "out of order": DeliveryPlan(swap_with_next=True),
        "wrong path": DeliveryPlan(path_suffix="-wrong"),
    }[how]


def _other_form(body: dict[str, object]) -> dict[str, object]:
    """The stray forms the documentation shows: no event_name, `Merged.`, an integer pullID, refs the other way round."""
    changed = {k: v for k, v in body.items() if k != "event_name"}
    if "pullID" in body:
        changed |= {"pullID": int(str(body["pullID"])), "action": f"{body['action']}.", "state": str(body["state"]).lower()}
    elif "ref" in body:
        changed["ref"] = str(body["ref"]).removeprefix("refs/heads/")
    else:
        changed["branch"] = f"refs/heads/{body['branch']}"
    return changed
