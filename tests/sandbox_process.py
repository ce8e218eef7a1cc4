"""Starts the DoltHub look-alike as its own process, and speaks to its `/_sandbox/` side.

How to use it
-------------
As pytest fixtures, where a conftest imports them (``from tests.sandbox_process import commons, own_sandbox, sandbox_server``):

- ``sandbox_server`` (session): one running process, shared by every test of this pytest worker;
- ``commons`` (function): a database of its own in that process, with users ana (may write), bot (may write), pia and
  mallory (may not), and a table `wanted`. Its name is unique, so tests never meet;
- ``own_sandbox`` (function): a process of its own, for tests that change settings or count everything.

    def test_a_merge_lands(commons: FreshDatabase) -> None:
        fork = commons.fork("pia")
        commons.push("wl/pia/w-1", "UPDATE wanted SET status = 'claimed' WHERE id = 'w-1'", user="pia", database=fork)
        number = commons.open_pull("Claim w-1", creator="pia", from_database=fork, from_branch="wl/pia/w-1")
        answer = commons.api("POST", f"/pulls/{number}/merge", user="bot", json={})

Without pytest: ``with SandboxProcess.start("--seed", "demo") as sandbox: print(sandbox.base_url)``.
Faults: ``commons.play({"quirk": 34, "how": "runs"})`` is matched to that database and is gone when the test ends.
The list of quirks with their parameters: ``sandbox.admin("GET", "/quirks")``.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.patience import STATE_WAIT_S

ENGINE_VARIABLE = "STAMPBOT_TESTS_ENGINE"
"""The engine of the look-alike in tests, where another one than the embedded one is wanted: `make fidelity` sets it."""
READY_TIMEOUT_S = STATE_WAIT_S
ANSWER_TIMEOUT_S = STATE_WAIT_S
POLL_S = 0.01
USERS = ("ana", "bot", "pia", "mallory")
WANTED = (
    "CREATE TABLE wanted (id VARCHAR(64) PRIMARY KEY, title TEXT, status VARCHAR(32), claimed_by VARCHAR(255))",
    "INSERT INTO wanted (id, title, status) VALUES ('w-1', 'First', 'open'), ('w-2', 'Second', 'open')",
)


class SandboxFailed(Exception):
    """The process did not start, or an admin request was refused; the text is what it said."""


class SandboxProcess:
    """One running look-alike. `base_url` has no trailing slash; `ready` is the JSON line it printed."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.base_url: str = ready["url"]
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy stands between a test and its own machine

    @classmethod
    def start(cls, *options: str, timeout_s: float = READY_TIMEOUT_S) -> SandboxProcess:
        """Start on a free port and wait until it answers. Raises SandboxFailed.

        The process ends when this one does, however this one ends: it watches its standard input.
        """
        engine = ("--engine", name) if (name := os.environ.get(ENGINE_VARIABLE)) else ()
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", "--until-eof", *engine, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        patience = threading.Timer(timeout_s, process.kill)
        patience.start()
        line = process.stdout.readline()
        patience.cancel()
        if not line:
            _, said = process.communicate()
            raise SandboxFailed(f"exit status {process.returncode}: {said.strip()}")
        # A full pipe would stop the process: somebody has to read what it says.
        said_lines = process.stderr
        threading.Thread(target=lambda: sys.stderr.writelines(said_lines), daemon=True).start()
        return cls(process, json.loads(line))

    def stop(self, timeout_s: float = 5.0) -> int:
        """End the process; its exit status."""
        self.session.close()
        self.process.terminate()
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return status

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def admin(self, method: str, path: str, body: object = None, **params: str) -> Any:
        """One request under `/_sandbox`; the JSON it answers. Raises SandboxFailed unless 200."""
        url = f"{self.base_url}/_sandbox{path}"
        answer = self.session.request(method, url, json=body, params=params, timeout=ANSWER_TIMEOUT_S)
        if answer.status_code != 200:
            raise SandboxFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def add_user(self, username: str) -> str:
        """A user with the token `token-USERNAME`; the token."""
        self.admin("POST", "/users", {"username": username, "token": f"token-{username}"})
        return f"token-{username}"

    def play(self, *plan: dict[str, object]) -> None:
        """Add faults; see `admin("GET", "/quirks")`."""
        self.admin("POST", "/faults", list(plan))

    def counts(self, **params: str) -> dict[str, int]:
        """How many API requests there were, by operation; filter with database="o/d", user="bot"."""
        counts: dict[str, int] = self.admin("GET", "/requests", **params)["counts"]
        return counts

    def get(self, path: str, *, user: str | None = None, **params: str) -> requests.Response:
        return self.call("GET", path, user=user, params=params)

    def call(self, method: str, path: str, *, user: str | None = None, **more: Any) -> requests.Response:
        """One API request as a user (None: without a token), by v2's or v1alpha1's scheme as the path asks."""
        scheme = "Bearer" if path.startswith("/api/v2/") else "token"
        headers = {**({"Authorization": f"{scheme} token-{user}"} if user else {}), **more.pop("headers", {})}
        return self.session.request(
            method, self.base_url + path, headers=headers, timeout=ANSWER_TIMEOUT_S, allow_redirects=False, **more
        )

    def wait_for(self, operation: requests.Response, *, user: str = "bot", timeout_s: float = STATE_WAIT_S) -> dict[str, Any]:
        """Poll the operation of a 202 until it is done; the operation. Raises SandboxFailed after `timeout_s`."""
        path = operation.json()["data"]["href"].removeprefix(self.base_url)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            found: dict[str, Any] = self.get(path, user=user).json()["data"]
            if found["status"] in {"succeeded", "failed"}:
                return found
            time.sleep(POLL_S)
        raise SandboxFailed(f"still {found['status']} after {timeout_s} s: {path}")


@dataclass(slots=True)
class FreshDatabase:
    """A database nobody else uses. `name` is `owner/database`; forks get the same database name."""

    sandbox: SandboxProcess
    name: str
    made: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return path_of(self.name)

    def fork(self, owner: str) -> str:
        """A fork with all branches; its name."""
        name: str = self.sandbox.admin("POST", "/forks", {"source": self.name, "owner": owner})["database"]
        self.made.append(name)
        return name

    def push(self, branch: str, *sql: str, user: str = "ana", database: str | None = None, from_branch: str = "main") -> str:
        """Statements committed at once to a branch (made if missing), as anybody; the new head."""
        body = {
            "database": database or self.name,
            "branch": branch,
            "sql": list(sql),
            "user": user,
            "from_branch": from_branch,
        }
        head: str = self.sandbox.admin("POST", "/pushes", body)["head"]
        return head

    def open_pull(self, title: str, *, creator: str, from_database: str, from_branch: str, description: str = "") -> int:
        body = {
            "database": self.name,
            "title": title,
            "description": description,
            "creator": creator,
            "from_database": from_database,
            "from_branch": from_branch,
        }
        number: int = self.sandbox.admin("POST", "/pulls", body)["number"]
        return number

    def claim(self, *, item: str = "w-1", user: str = "pia", title: str = "Claim w-1") -> int:
        """An open pull that claims an item, from the user's fork; its number."""
        fork = f"{user}/{self.name.partition('/')[2]}"
        if fork not in self.made:
            self.fork(user)
        branch = f"wl/{user}/{item}"
        self.push(
            branch,
            f"UPDATE wanted SET status = 'claimed', claimed_by = '{user}' WHERE id = '{item}'",
            user=user,
            database=fork,
        )
        return self.open_pull(title, creator=user, from_database=fork, from_branch=branch)

    def comment(self, number: int, author: str, body: str) -> str:
        made = {"database": self.name, "number": number, "author": author, "body": body}
        comment_id: str = self.sandbox.admin("POST", "/comments", made)["comment_id"]
        return comment_id

    def head(self, branch: str = "main", *, database: str | None = None) -> str:
        log = self.sandbox.admin("GET", "/log", database=database or self.name, ref=branch)
        head: str = log[0]["hash"]
        return head

    def play(self, *plan: dict[str, Any]) -> None:
        """Add faults matched to this database (or to the one a fault names itself)."""
        self.sandbox.play(*({**fault, "match": {"database": self.name, **fault.get("match", {})}} for fault in plan))

    def counts(self) -> dict[str, int]:
        return self.sandbox.counts(database=self.name)

    def api(self, method: str, path: str = "", *, user: str | None = None, **more: Any) -> requests.Response:
        """A v2 request below this database: `api("GET", "/pulls")`."""
        return self.sandbox.call(method, self.path + path, user=user, **more)

    def sql(self, q: str, *, ref: str = "main", database: str | None = None) -> list[list[str | None]]:
        """The rows of a read. Raises SandboxFailed unless it succeeds."""
        path = path_of(database or self.name) + "/sql"
        data = self.sandbox.call("POST", path, json={"ref": ref, "q": q}).json()["data"]
        if data["status"] != "success":
            raise SandboxFailed(data["message"])
        rows: list[list[str | None]] = data["rows"]
        return rows

    def clean(self) -> None:
        """Nothing is left of it: no databases, faults, requests in the log."""
        there = self.sandbox.admin("GET", "/stats")["databases"]
        for name in reversed((self.name, *self.made)):
            self.sandbox.admin("DELETE", "/faults", database=name)
            self.sandbox.admin("DELETE", "/requests", database=name)
            if name in there:
                self.sandbox.admin("DELETE", "/databases", {"database": name})


def path_of(database: str) -> str:
    """The v2 path of `owner/database`."""
    owner, _, name = database.partition("/")
    return f"/api/v2/databases/{quote(owner, safe='')}/{quote(name, safe='')}"


_numbers = itertools.count(1)


def fresh_database(sandbox: SandboxProcess, *, statements: tuple[str, ...] = WANTED) -> FreshDatabase:
    """A new database `hop/wl-commons-N` with its users; `clean()` removes it and its forks."""
    name = f"hop/wl-commons-{next(_numbers)}"
    for user in USERS:
        sandbox.add_user(user)
    sandbox.admin("POST", "/databases", {"database": name, "statements": list(statements), "author": "hop"})
    for user in ("ana", "bot"):
        sandbox.admin("POST", "/grants", {"username": user, "database": name})
    return FreshDatabase(sandbox, name)


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxProcess]:
    """One look-alike for the whole session of this worker."""
    with SandboxProcess.start("--operation-ms", "20") as sandbox:
        yield sandbox


@pytest.fixture
def commons(sandbox_server: SandboxProcess) -> Iterator[FreshDatabase]:
    """A database of its own in the shared look-alike."""
    database = fresh_database(sandbox_server)
    yield database
    database.clean()


@pytest.fixture
def own_sandbox() -> Iterator[SandboxProcess]:
    """A look-alike of its own."""
    with SandboxProcess.start("--operation-ms", "20") as sandbox:
        yield sandbox
