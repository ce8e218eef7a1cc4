"""The prober's process: it knows no secret, has a lid on memory, and reaches nothing inside; the real one, from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from bot.evidence import probe_key
from bot.model.evidence import Probe, Seen
from bot.model.ids import Commons, PullNo
from bot.prober.environment import MEMORY_MAX_BYTES, needed_environment
from bot.prober.jobs import PROBER_OPEN_FILES
from bot.store import Store
from tests.evidence.servers import HTML, Server, serving
from tests.patience import STATE_WAIT_S
from tests.redis_process import private_redis
from tests.stores import a_store, jobs_of

HOP: Final = Commons("hop", "wl-commons")
START_S: Final = STATE_WAIT_S
ROOT: Final = Path(__file__).parents[2]
SECRETS: Final = {
    "STAMPBOT_HUB_TOKEN": "hub-token-5f1c0d",
    "STAMPBOT_HUB_TOKEN__HOP__WL_COMMONS": "hub-token-of-hop-77ab",
    "STAMPBOT_WEBHOOK_SECRET": "webhook-secret-0123456789abcdef",
    "STAMPBOT_GITHUB_TOKEN": "github-token-9e8d",
    "STAMPBOT_FORGE_TOKEN": "forge-token-1a2b",
    "GITHUB_TOKEN": "another-github-token-3c4d",
    "AWS_SECRET_ACCESS_KEY": "aws-key-aa55aa55",
    "DATABASE_URL": "mysql://root:db-password-e1f2@db/x",
    "HTTP_PROXY": "http://proxy-user:proxy-password-6b7c@127.0.0.1:9",
    "http_proxy": "http://proxy-user:proxy-password-6b7c@127.0.0.1:9",
}
"""What an operator's shell may hold when the prober is started from it."""
_TELLING: Final = tuple(
    text.encode()
    for text in (
        *("hub-token-5f1c0d", "hub-token-of-hop-77ab", "webhook-secret-0123456789abcdef", "github-token-9e8d"),
        *("forge-token-1a2b", "another-github-token-3c4d", "aws-key-aa55aa55", "db-password-e1f2", "proxy-password-6b7c"),
    )
)

needs_proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at processes through /proc")


@dataclass(frozen=True, slots=True)
class Running:
    """A prober at work: its process, the scratch it shares, the server inside that it must not reach, what it saw there."""

    pid: int
    store: Store
    inside: Server
    sheet: Probe


@pytest.fixture(scope="module")
def prober() -> Iterator[Running]:
    """Started as an operator would, in an environment full of secrets, and asked for one look before it is handed out."""
    import redis

    with private_redis() as server, serving(HTML + b"<title>inside</title>") as inside:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        environment = {**kept, **SECRETS, "REDIS_URL": server.url, "STAMPBOT_COMMONS": str(HOP), "STAMPBOT_LOG": "json"}
        process = subprocess.Popen(
            (sys.executable, "-m", "bot", "prober"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        try:
            with redis.Redis.from_url(server.url) as client:
                store = a_store(client, now=lambda: datetime.now(UTC))
                # The server is on a port that is refused already; on port 80 the refusal is about the address alone.
                url = "http://127.0.0.1/"
                jobs_of(store).enqueue_probe(HOP, PullNo(3), (url, inside.url))
                sheet = awaited(store, inside.url, process)
                assert sheet.reason == "port"
                yield Running(process.pid, store, inside, awaited(store, url, process))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def awaited(store: Store, url: str, process: subprocess.Popen[bytes]) -> Probe:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        sheet = store.probes.get(probe_key(url))
        if sheet is not None:
            return sheet
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no fact sheet of {url}")


def test_it_does_its_work_and_reaches_nothing_inside(prober: Running) -> None:
    assert (prober.sheet.seen, prober.sheet.reason) == (Seen.BLOCKED, "private_ip")
    assert (prober.inside.accepted, prober.inside.requests) == (0, [])


@needs_proc
def test_its_environment_holds_what_it_needs_and_nothing_else(prober: Running) -> None:
    found = Path(f"/proc/{prober.pid}/environ").read_bytes()
    names = {entry.partition(b"=")[0].decode() for entry in found.split(b"\0") if entry}
    assert names <= {
        *("PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE", "REDIS_URL", "RES_OPTIONS", "MALLOC_ARENA_MAX"),
        *("STAMPBOT_COMMONS", "STAMPBOT_LOG"),
    }
    assert [text for text in _TELLING if text in found] == []


@needs_proc
def test_its_memory_holds_none_of_the_secrets_it_was_started_with(prober: Running) -> None:
    """Taking variables out of a running process leaves their text on its stack; a new program image does not."""
    assert [text for text in _TELLING if found_in_memory(prober.pid, text)] == []
    # The search does find what is there.
    assert found_in_memory(prober.pid, b"STAMPBOT_COMMONS=hop/wl-commons")


def found_in_memory(pid: int, text: bytes) -> bool:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw") or "[vvar]" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                if text in memory.read(end - start):
                    return True
            except PermissionError:
                pytest.skip("this system lets nobody read the memory of a child")
            except (OSError, OverflowError, ValueError):
                continue
    return False


@needs_proc
def test_its_memory_and_files_have_a_lid_and_it_leaves_no_core(prober: Running) -> None:
    rows = Path(f"/proc/{prober.pid}/limits").read_text().splitlines()[1:]
    limits = {row[:26].strip(): tuple(row[26:].split()[:2]) for row in rows}
    assert limits["Max address space"] == (str(MEMORY_MAX_BYTES),) * 2
    assert limits["Max core file size"] == ("0", "0")
    assert max(int(text) for text in limits["Max open files"]) <= PROBER_OPEN_FILES


def test_of_a_full_environment_only_the_needed_is_kept() -> None:
    needed = {
        "PATH": "/bin",
        "REDIS_URL": "redis://x",
        "STAMPBOT_COMMONS": "hop/wl-commons",
        "STAMPBOT_EVIDENCE_ALLOW": "127.0.0.0/8",
    }
    assert needed_environment({**needed, **SECRETS, "HTTPS_PROXY": "http://p", "SSL_CERT_FILE": "x", "SSLKEYLOGFILE": "x"}) == {
        **needed,
        "RES_OPTIONS": "timeout:2 attempts:2",
        "MALLOC_ARENA_MAX": "2",
    }


@pytest.mark.parametrize(("lid", "most"), [("", 512), ("resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))", 300)])
def test_the_lid_on_memory_holds_and_is_never_lifted(lid: str, most: int) -> None:
    program = (
        f"import resource\n{lid}\n"
        "from bot.prober.environment import limit_memory\n"
        "limit_memory(512 * 1024 * 1024)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 20, resource.getrlimit(resource.RLIMIT_AS)[1] >> 20)\n"
        "try:\n    bytearray(600 * 1024 * 1024)\nexcept MemoryError:\n    print('held')\n"
        "try:\n    resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))\n"
        "except (ValueError, OSError, PermissionError):\n    print('for good')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    for_good = [] if os.geteuid() == 0 else ["for good"]
    assert done.stdout.splitlines()[: 2 + len(for_good)] == [f"{most} {most}", "held", *for_good]
