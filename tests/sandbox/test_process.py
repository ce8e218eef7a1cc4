"""The process of the look-alike: starts fast, says clearly why it cannot, keeps connections, ends at once."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.patience import STATE_WAIT_S, ends_within
from tests.sandbox_process import SandboxFailed, SandboxProcess, fresh_database

THERE = {
    "pages": "/ok",
    "dolthub": "/repositories/hop/wl-commons/pulls/1",
    "github": "/hop/gastown/pull/1",
    "gitlab": "/hop/gastown/-/merge_requests/1",
    "gitea": "/hop/gastown/pulls/1",
    "bitbucket": "/hop/gastown/pull-requests/1",
    "npm": "/package/relay-client",
    "pypi": "/project/ledger-export/1.0/",
    "oci": "/r/acme/relay",
}
"""A page for people, by place."""


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *options], capture_output=True, text=True, timeout=STATE_WAIT_S, check=False
    )


def test_a_taken_port_is_one_sentence_with_the_mend_and_exit_status_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip() == (
        f"sandbox: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "choose another with --port, or --port 0 for any free one"
    )


def test_a_python_without_doltlite_is_one_sentence_with_the_mend_and_exit_status_2(tmp_path: Path) -> None:
    (tmp_path / "doltlite.py").write_text("raise ImportError('not installed')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    done = subprocess.run(
        [sys.executable, "-m", "sandbox"],
        capture_output=True,
        text=True,
        timeout=STATE_WAIT_S,
        check=False,
        env=environment,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sandbox: The sandbox needs doltlite")
    assert "pip install" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("option", ["--page-size=0", "--operation-ms=-1", "--seed=nothing", "--port=x"])
def test_wrong_options_are_exit_status_2(option: str) -> None:
    assert run(option).returncode == 2


def test_a_data_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxFailed, match=r"exit status 2: .*choose another with --data"):
        SandboxProcess.start("--data", str(tmp_path / "file"))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_takes_its_temporary_files_with_it(signum: int, tmp_path: Path) -> None:
    environment_before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(tmp_path)
    try:
        sandbox = SandboxProcess.start()
    finally:
        if environment_before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = environment_before
    fresh_database(sandbox).claim()
    had_files = any(tmp_path.iterdir())
    with ends_within(2):
        sandbox.process.send_signal(signum)
        status = sandbox.process.wait(STATE_WAIT_S)
    sandbox.stop()
    assert (status, had_files, list(tmp_path.iterdir())) == (0, True, [])


def test_it_ends_when_its_starter_is_gone() -> None:
    sandbox = SandboxProcess.start()
    assert sandbox.process.stdin is not None
    sandbox.process.stdin.close()
    assert sandbox.process.wait(STATE_WAIT_S) == 0


def test_a_connection_is_kept_and_serves_many_requests(own_sandbox: SandboxProcess) -> None:
    connection = http.client.HTTPConnection(str(urlsplit(own_sandbox.base_url).netloc), timeout=STATE_WAIT_S)
    used: set[Any] = set()
    for n in range(20):
        connection.request("POST" if n % 2 else "GET", "/api/v2/user", body=b"{}" if n % 2 else None)
        answer = connection.getresponse()
        answer.read()
        used.add((answer.version, connection.sock.getsockname() if connection.sock else None))
    connection.close()
    assert len(used) == 1
    assert next(iter(used))[0] == 11


@pytest.mark.parametrize(
    "sent",
    [
        b"one two three\r\n\r\n",
        b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /api/v2/user HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v2/user HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /api/v2/user HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /api/v2/databases/%ff/%ff/pulls HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ff?%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /repositories/%00/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_a_broken_request_is_refused_and_the_next_one_served(sandbox_server: SandboxProcess, sent: bytes) -> None:
    parts = urlsplit(sandbox_server.base_url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=STATE_WAIT_S) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(1_000_000)
    assert answer.split(b" ", 2)[1][:1] == b"4"
    assert sandbox_server.get("/_sandbox/health").json() == {"status": "ok"}


def test_a_reset_forgets_everything_and_can_seed_anew(own_sandbox: SandboxProcess) -> None:
    fresh_database(own_sandbox).claim()
    own_sandbox.play({"quirk": 47})
    own_sandbox.get("/api/v2/user")
    own_sandbox.admin("POST", "/reset", {})
    empty = own_sandbox.admin("GET", "/stats")
    seeded = own_sandbox.admin("POST", "/reset", {"seed": "demo"})
    assert (empty["databases"], empty["users"], empty["requests"]) == ([], 0, {})
    assert own_sandbox.admin("GET", "/faults") == []
    assert seeded["commons"] in own_sandbox.admin("GET", "/stats")["databases"]


def test_the_demo_has_a_page_for_every_pull_and_tells_what_it_is_for() -> None:
    with SandboxProcess.start("--seed", "demo", "--webhook", "http://127.0.0.1:1/hook") as sandbox:
        seed = sandbox.ready["seed"]
        base = f"/repositories/{seed['commons']}"
        pages = {pull["number"]: sandbox.get(f"{base}/pulls/{pull['number']}") for pull in seed["pulls"]}
        merged = {"database": seed["commons"], "number": 1, "user": "ana"}
        sandbox.admin("POST", "/merges", merged)
        told = sandbox.admin("GET", "/deliveries", wait="1")["attempts"]
        evidence = sandbox.session.get(f"{sandbox.ready['evidence_url']}/ok", timeout=STATE_WAIT_S).status_code
    assert len(pages) > 10
    assert {answer.status_code for answer in pages.values()} == {200}
    assert all(pull["purpose"] and pull["kind"] and pull["verdict"] for pull in seed["pulls"])
    assert [attempt["payload"]["event_name"] for attempt in told] == ["push", "pull_request"]
    assert evidence == 200


def test_what_runs_beside_a_seed_is_told_answers_and_keeps_its_addresses() -> None:
    with SandboxProcess.start("--seed", "small") as sandbox:
        places, trust = sandbox.ready["places"], sandbox.ready["trust"]
        sandbox.admin("POST", "/reset", {"seed": "demo"})
        missing = {
            place: sandbox.session.get(base + "/none/of/this", timeout=STATE_WAIT_S).status_code
            for place, base in places.items()
        }
        there = {
            place: sandbox.session.get(base + THERE[place], timeout=STATE_WAIT_S).status_code for place, base in places.items()
        }
    assert set(places) == set(THERE)
    assert there == dict.fromkeys(THERE, 200)
    assert missing == dict.fromkeys(THERE, 404)
    trusted = {**trust["forges"], **trust["registries"]}
    assert {place: trusted[base.removeprefix("http://")] for place, base in places.items() if place != "pages"} == {
        place: place for place in THERE if place != "pages"
    }


def test_operations_are_polled_where_the_caller_found_the_server(sandbox_server: SandboxProcess) -> None:
    commons = fresh_database(sandbox_server)
    write = {"from_branch": "main", "to_branch": "main", "q": "DELETE FROM wanted WHERE id = 'w-1'"}
    hosts = ("hub.example:8080", 'evil"><script>', "")
    hrefs = [
        commons.api("POST", "/sql-writes", user="bot", json=write, headers={"Host": host}).json()["data"]["href"]
        for host in hosts
    ]
    commons.clean()
    own = f"{sandbox_server.base_url}/api/v2/operations/"
    assert [href.partition("owners")[0] for href in hrefs] == ["http://hub.example:8080/api/v2/operations/", own, own]
