"""The resources of DoltHub's API v2 as JSON values (contract v2: Branch, Pull, PullComment, Operation ...)."""

from __future__ import annotations

from sandbox.hub.exchange import timestamp
from sandbox.hub.operations import Operation
from sandbox.values.pulls import Comment, Pull
from sandbox.values.records import Branch, DatabaseName


def ref_shape(db: DatabaseName) -> dict[str, object]:
    return {"owner": db.owner, "name": db.name}


def branch_shape(branch: Branch) -> dict[str, object]:
    return {
        "name": branch.name,
        "head_commit_sha": branch.head,
        "last_updated_at": timestamp(branch.committed_at),
    }


def summary_shape(pull: Pull) -> dict[str, object]:
    shown: dict[str, object] = {
        "pull_number": pull.number,
        "title": pull.title,
        "state": pull.state,
        "created_at": timestamp(pull.created_at),
        "creator": pull.creator,
    }
    if pull.description:
        shown["description"] = pull.description
    return shown


def whole_pull_shape(pull: Pull) -> dict[str, object]:
    return {
        **summary_shape(pull),
        "from_branch": {"database": ref_shape(pull.from_db), "branch_name": pull.from_branch},
        "to_branch": {"database": ref_shape(pull.db), "branch_name": pull.to_branch},
    }


def comment_shape(comment: Comment) -> dict[str, object]:
    return {
        "comment_id": comment.comment_id,
        "author": comment.author,
        "body": comment.body,
        "created_at": timestamp(comment.created_at),
        "updated_at": timestamp(comment.updated_at),
    }


def operation_shape(operation: Operation) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": operation.id,
        "type": operation.kind,
        "status": operation.status,
        "created_at": timestamp(operation.created_at),
        "cancelable": False,
    }
    if operation.failure is not None:
        shown["error"] = {
            "status": operation.failure.status,
            "code": "OPERATION_FAILED",
            "title": operation.failure.title,
            "detail": operation.failure.detail,
        }
    if operation.outcome is not None:
        shown["result"] = dict(operation.outcome.result)
    return shown
