"""The page of the look-alike: databases, pulls, one pull with its rows and comments, and a box to act as anybody."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.hub.app import Sandbox
from sandbox.hub.exchange import timestamp
from sandbox.hub.state import Hub, utc_now
from sandbox.pages.markdown import rendered, seen
from sandbox.values.pulls import Pull
from sandbox.values.records import Commit, DatabaseName, StoreError, TableDiff
from sandbox.values.refusals import HubRefusal, NoSuch, NotAllowed

FIRST_TABLES = ("wanted", "completions", "stamps", "rigs")
SHOWN_ROWS = 500
SHOWN_CHANGES = 200
SEARCHED_COMMITS = 5000
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def page(sandbox: Sandbox) -> Blueprint:
    """The blueprint of the pages. Paths are those of DoltHub's own pages, so links to pulls fit."""
    blueprint = Blueprint("page", __name__)
    blueprint.add_app_template_filter(rendered, "markdown")
    blueprint.add_app_template_filter(seen, "seen")
    blueprint.add_app_template_filter(timestamp, "timestamp")
    blueprint.add_app_template_filter(ago, "ago")

    @blueprint.before_app_request
    def refuse_other_origins() -> None:
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not is_same_origin():
            abort(403, "This form was not sent from this page.")

    @blueprint.after_app_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        # Not no-referrer: browsers would then send `Origin: null` with the forms of this page.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    @blueprint.app_context_processor
    def who() -> dict[str, object]:
        names = [user.username for user in sandbox.hub.users()]
        asked = request.values.get("as", "")
        return {"users": names, "me": asked if asked in names else (names[0] if names else "")}

    @blueprint.app_errorhandler(HubRefusal)
    @blueprint.app_errorhandler(StoreError)
    def refused(error: Exception) -> tuple[str, int]:
        status = 403 if isinstance(error, NotAllowed) else 404 if isinstance(error, NoSuch) else 422
        return render_template("refused.html", text=str(error)), status

    @blueprint.app_errorhandler(404)
    def missing(_error: Exception) -> tuple[str, int]:
        return render_template("refused.html", text="There is no such page."), 404

    @blueprint.get("/")
    def databases() -> str:
        hub = sandbox.hub
        rows = [
            (db, hub.store.parent(db), len(pulls), sum(pull.state == "open" for pull in pulls), hub.is_private(db))
            for db in hub.databases()
            for pulls in (hub.pulls(db),)
        ]
        rows.sort(key=lambda row: (row[1] is not None, row[0].owner, row[0].name))
        return render_template("databases.html", rows=rows)

    @blueprint.get("/repositories/<owner>/<name>")
    def database(owner: str, name: str) -> str:
        db = _known(sandbox.hub, owner, name)
        wanted = request.args.get("state", "all")
        pulls = [p for p in sandbox.hub.pulls(db) if wanted in {"all", p.state}]
        return render_template("database.html", db=db, pulls=pulls, state=wanted, tables=_tables(sandbox.hub, db))

    @blueprint.get("/repositories/<owner>/<name>/data/main/<table>")
    def table(owner: str, name: str, table: str) -> str:
        db = _known(sandbox.hub, owner, name)
        tables = _tables(sandbox.hub, db)
        if table not in tables:
            abort(404)
        result = sandbox.hub.store.read(db, "main", f"SELECT * FROM `{table}`", limit=SHOWN_ROWS)
        return render_template("table.html", db=db, table=table, tables=tables, result=result)

    @blueprint.get("/repositories/<owner>/<name>/pulls/<int:number>")
    def pull(owner: str, name: str, number: int) -> str:
        hub = sandbox.hub
        db = _known(hub, owner, name)
        found = hub.pull(db, number)
        changes, trouble = row_changes(hub, found)
        return render_template(
            "pull.html",
            db=db,
            pull=found,
            tables=_tables(hub, db),
            comments=hub.comments(db, number),
            changes=changes,
            trouble=trouble,
            limit=SHOWN_CHANGES,
        )

    @blueprint.post("/repositories/<owner>/<name>/pulls/<int:number>")
    def act(owner: str, name: str, number: int) -> AnyResponse:
        hub = sandbox.hub
        db = _known(hub, owner, name)
        found = hub.pull(db, number)
        me = request.form.get("as", "")
        if hub.user(me) is None:
            raise NotAllowed("Choose a user to act as.")
        _act(hub, found, me, request.form.get("do", ""), request.form.get("body", ""))
        target = url_for("page.pull", owner=owner, name=name, number=number)
        return redirect(f"{target}?as={quote(me, safe='')}#end", 303)

    return blueprint


def is_same_origin() -> bool:
    """False for a request that a page of another origin caused. A program that is no browser sends neither header."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.host
    return request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}


def _act(hub: Hub, pull: Pull, me: str, deed: str, body: str) -> None:
    """Raises NotAllowed, or what the hub refuses."""
    if deed == "comment":
        hub.comment(pull.db, pull.number, me, body.replace("\r\n", "\n").strip())
        return
    if not (hub.may_write(me, pull.db) or (deed in {"close", "reopen"} and me == pull.creator)):
        raise NotAllowed(f"{me} may not do that: no write permission on {pull.db}.")
    if deed == "merge":
        hub.merge_pull(pull.db, pull.number, user=me)
    elif deed == "close":
        hub.update_pull(pull.db, pull.number, user=me, state="closed")
    elif deed == "reopen":
        hub.update_pull(pull.db, pull.number, user=me, state="open")
    else:
        abort(400)


def _known(hub: Hub, owner: str, name: str) -> DatabaseName:
    db = DatabaseName(owner, name)
    if not hub.store.exists(db):
        abort(404)
    return db


def _tables(hub: Hub, db: DatabaseName) -> list[str]:
    """The tables on main, those of the work first."""
    result = hub.store.read(db, "main", "SHOW TABLES")
    names = [row[0] for row in result.rows if row and row[0] is not None]
    return sorted(names, key=lambda name: (FIRST_TABLES.index(name) if name in FIRST_TABLES else 99, name))


def row_changes(hub: Hub, pull: Pull) -> tuple[tuple[TableDiff, ...], str]:
    """What the pull changes (merged: what it changed), and why that cannot be shown, if so."""
    try:
        if pull.merged_as is not None:
            merge = hub.store.log(pull.db, pull.merged_as, limit=1)[0]
            return hub.store.diff(pull.db, merge.parents[0], merge.hash), ""
        head = hub.store.head(pull.from_db, pull.from_branch)
        base = _merge_base(hub, pull, head)
        return hub.store.diff(pull.from_db, base, head), ""
    except (StoreError, IndexError) as error:
        return (), f"The changes cannot be shown: {error}"


def _merge_base(hub: Hub, pull: Pull, head: str) -> str:
    """The newest commit of the source that the target has too. Raises IndexError if there is none."""
    onto = {c.hash for c in hub.store.log(pull.db, pull.to_branch, limit=SEARCHED_COMMITS)}
    common: list[Commit] = [c for c in hub.store.log(pull.from_db, head, limit=SEARCHED_COMMITS) if c.hash in onto]
    return common[0].hash


def ago(at: datetime) -> str:
    """How long ago, in one word and a number: `3 minutes ago`."""
    seconds = max(0, int((utc_now() - at).total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
