"""One run of a contender written in Python, in a process of its own: `python -m benchmarks.contender ours`.

Reads `{"urls": [...], "threads": n}` from standard input, writes what it measured. Start-up and imports are not measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

TIMEOUT_S = 15.0
BODY_MAX_BYTES = 256 * 1024
WARM_UP = 16
"""Looks before the clock runs."""

Runner = Callable[[Sequence[str], int], list[str]]


def ours(urls: Sequence[str], threads: int) -> list[str]:
    """`bot.evidence.probe` with everything it checks. This machine is allowed, or it would refuse to look."""
    from bot.evidence import FetchPolicy, networks, probe

    policy = FetchPolicy(allow=networks(("127.0.0.0/8",)))

    def look(url: str) -> str:
        return probe(url, policy=policy, now=lambda: datetime.now(UTC)).seen.value

    return _threaded(look, urls, threads)


def plain(urls: Sequence[str], threads: int) -> list[str]:
    """`requests.get` as anybody would write it, its digest taken like ours."""
    import requests

    def look(url: str) -> str:
        response = requests.get(url, timeout=TIMEOUT_S)
        hashlib.sha256(response.content).hexdigest()
        return "reachable" if response.status_code == 200 else str(response.status_code)

    return _threaded(look, urls, threads)


def bare(urls: Sequence[str], threads: int) -> list[str]:
    """Streams of asyncio, so many at once as the others have threads: request, answer, digest; nothing checked."""

    async def look(url: str) -> str:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read(-1)
        writer.close()
        head, _, body = answer[:BODY_MAX_BYTES].partition(b"\r\n\r\n")
        hashlib.sha256(body).hexdigest()
        return "reachable" if head.startswith(b"HTTP/1.1 200 ") else head[:12].decode("latin-1")

    async def look_at_all() -> list[str]:
        seen: list[str] = []
        waiting = iter(urls)

        async def lane() -> None:
            for url in waiting:
                seen.append(await look(url))

        await asyncio.gather(*(lane() for _ in range(threads)))
        return seen

    return asyncio.run(look_at_all())


RUNNERS: dict[str, Runner] = {"ours": ours, "requests": plain, "asyncio": bare}


def _threaded(look: Callable[[str], str], urls: Sequence[str], threads: int) -> list[str]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(look, urls))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@click.command()
@click.argument("name", type=click.Choice(sorted(RUNNERS)))
def main(name: str) -> None:
    """Look at the URLs of standard input once, and print seconds, CPU seconds and what was seen, as JSON."""
    order = json.load(sys.stdin)
    urls, threads = order["urls"], order["threads"]
    run = RUNNERS[name]
    run(urls[:WARM_UP], min(threads, WARM_UP))
    cpu_s, began = _cpu_s(), time.perf_counter()
    seen = run(urls, threads)
    took_s = time.perf_counter() - began
    json.dump({"took_s": took_s, "cpu_s": _cpu_s() - cpu_s, "seen": Counter(seen)}, sys.stdout)


if __name__ == "__main__":
    main()
