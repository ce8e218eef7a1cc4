"""A hub that answers what a sandbox once answered, after a pause: cheap, so that what is measured is the bot.

    python -m benchmarks.replay ANSWERS.json LATENCY_MS

Every pull gets the answers of the one that was recorded. Comments are remembered by pull. Prints its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_COMMENTS = re.compile(r"/pulls/([0-9]+)/comments$")
_PULL = re.compile(r"/pulls/([0-9]+)")


def key_of(method: str, path: str, body: bytes) -> str:
    """What is asked, whichever pull it is asked about."""
    asked = json.dumps(json.loads(body), sort_keys=True) if body else ""
    return f"{method} {_PULL.sub('/pulls/*', path)} {asked}"


class Replay:
    """Recorded answers, and the comments that came since."""

    def __init__(self, answers: Mapping[str, Any], latency_s: float) -> None:
        self._answers = answers
        self._latency_s = latency_s
        self._said: dict[str, list[dict[str, Any]]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until its other end is gone."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"content-length: *([0-9]+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                method, target, _ = head.split(" ", 2)
                await asyncio.sleep(self._latency_s)
                status, document = self._answer(method, target.partition("?")[0], body)
                said = json.dumps(document).encode()
                first = f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {len(said)}\r\n\r\n"
                writer.write(first.encode() + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if (found := _COMMENTS.search(path)) is not None:
            said = self._said.setdefault(found[1], [])
            if method == "GET":
                return 200, {"data": said, "meta": {}}
            at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            comment = {"comment_id": str(len(said) + 1), "author": "stampbot", "created_at": at, "updated_at": at}
            said.append({**comment, "body": json.loads(body)["body"]})
            return 201, {"data": said[-1]}
        found_answer = self._answers.get(key_of(method, path, body))
        if found_answer is None:
            return 404, {"code": "NOT_FOUND", "detail": f"not recorded: {key_of(method, path, body)}"}
        if (asked := _PULL.search(path)) is not None and path.endswith(asked[0]):
            # Under its own number, or all would be said below the one that was recorded.
            return 200, {**found_answer, "data": {**found_answer["data"], "pull_number": int(asked[1])}}
        return 200, found_answer


async def _main(answers: Path, latency_ms: float) -> None:
    replay = Replay(json.loads(answers.read_text("utf-8")), latency_ms / 1000)
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2])))
