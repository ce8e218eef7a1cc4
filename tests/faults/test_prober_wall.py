"""What strangers' pages may break into: a prober that was taken over, and what it finds behind its wall."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.prober.acl import prober_acl
from bot.prober.landlock import files_in, version
from bot.processes.redis_server import kept_server
from bot.store import Keys, make_redis
from tests.patience import STATE_WAIT_S, until

needs_landlock = pytest.mark.skipif(not version(), reason="this kernel has no Landlock")

# As a program that runs inside the prober: it tries each way to the secrets, and prints which of them succeeded.
_INTRUDER = """
import ctypes, json, os, socket, sys
from bot.prober.landlock import confine, readable
parent, secret_file, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if sys.argv[4] == "confined":
    confine(readable())
libc = ctypes.CDLL(None, use_errno=True)

def attempt(way):
    try:
        return bool(way())
    except OSError:
        return False

def write():
    with open(os.path.join(folder, "made"), "w") as file:
        return file.write("x")

print(json.dumps({
    "environment of the parent": attempt(lambda: open(f"/proc/{parent}/environ", "rb").read()),
    "memory of the parent": attempt(lambda: open(f"/proc/{parent}/mem", "rb").fileno() >= 0),
    "open files of the parent": attempt(lambda: os.readlink(f"/proc/{parent}/fd/0")),
    "files of secrets": attempt(lambda: open(secret_file, "rb").read()),
    "folders": attempt(lambda: os.listdir(folder) is not None),
    "writing": attempt(write),
    "attaching": libc.ptrace(16, parent, 0, 0) == 0 and (libc.waitpid(parent, None, 0), libc.ptrace(17, parent, 0, 0)) != (),
    "programs": attempt(lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]) == 0),
    "names": attempt(lambda: socket.getaddrinfo("localhost", 80)),
}))
"""


def intrude(tmp_path: Path, how: str) -> dict[str, Any]:
    """The intruder beside a process with a secret in its environment, and a file with one."""
    secret_file = tmp_path / "token"
    secret_file.write_text("T0KEN", "utf-8")
    environment = {**os.environ, "STAMPBOT_HUB_TOKEN": "T0KEN"}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment) as holder:
        try:
            arguments = (str(holder.pid), str(secret_file), str(tmp_path), how)
            done = subprocess.run(
                [sys.executable, "-c", _INTRUDER, *arguments], capture_output=True, text=True, timeout=STATE_WAIT_S, check=True
            )
        finally:
            holder.kill()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@needs_landlock
def test_no_way_out_of_the_prober_leads_to_a_secret_and_names_are_resolved(tmp_path: Path) -> None:
    found = intrude(tmp_path, "confined")
    assert found == {**dict.fromkeys(found, False), "names": True}


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="without root, attaching may be refused to everybody")
def test_without_the_wall_each_of_these_ways_is_open(tmp_path: Path) -> None:
    """So the test above can fail."""
    found = intrude(tmp_path, "free")
    assert found == dict.fromkeys(found, True)


def test_certificates_that_the_address_of_redis_names_stay_readable() -> None:
    assert files_in("rediss://h/0?ssl_ca_certs=/etc/redis/ca.pem&db=1") == ("/etc/redis/ca.pem",)


def test_the_redis_that_comes_along_keeps_its_data_and_gives_the_prober_its_own_rights_only() -> None:
    # A socket's path may have about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="sb-kept-", dir="/tmp"))
    kept = kept_server(Path(os.path.relpath(folder)), prober_acl)
    assert {each.name: oct(each.stat().st_mode)[-3:] for each in folder.iterdir()} == {
        "redis.conf": "600",
        "settings.sh": "600",
    }
    for value in ("kept", None):
        server = subprocess.Popen(kept.command, stdout=subprocess.DEVNULL)
        try:
            until(kept.answers)
            operator = make_redis(kept.url)
            if value:
                operator.set("what", value)
            assert operator.get("what") == b"kept"
            stranger: Any = make_redis(kept.prober_url)
            stranger.set(Keys().slot("host.example"), "1")
            for command in (("GET", "what"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    stranger.execute_command(*command)
            with pytest.raises(redis.exceptions.AuthenticationError):
                make_redis(f"unix://{kept.socket}").get("what")
        finally:
            server.terminate()
            server.wait(STATE_WAIT_S)
    shutil.rmtree(folder)
