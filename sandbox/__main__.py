"""`python -m sandbox`: starts the look-alike, prints one JSON line with its URL once ready, serves until ended."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sandbox.beside import Beside

WRONG_USE = 2
EXIT_POLL_S = 0.05


class CannotStart(Exception):
    """The process cannot run as asked; the text is one sentence with the fix."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, SIGINT, or (with --until-eof) the end of standard input. Exit status 2: could not start."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        with ExitStack() as stack:
            return _run(options, stack)
    except CannotStart as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return WRONG_USE


def _run(options: argparse.Namespace, stack: ExitStack) -> int:
    try:
        # First of all: doltlite must be loaded before anything loads sqlite3.
        from sandbox.sql import engine

        engine.check_engine()
    except (ImportError, SystemExit) as error:
        raise CannotStart(str(error)) from error

    from sandbox.app import application, new_sandbox
    from sandbox.hub.server import Server
    from sandbox.hub.state import Hub, Settings
    from sandbox.sql.dolt_server import find_dolt
    from sandbox.sql.engines import Engine
    from sandbox.values.records import DoltMissing

    settings = Settings(
        page_size=options.page_size,
        operation_ms=options.operation_ms,
        latency_ms=options.latency_ms,
        row_limit=options.row_limit,
        conflicts_at_start=options.conflicts_at_start,
        v1_only=options.v1_only,
    )
    try:
        found = Engine(find_dolt(options.dolt)) if options.engine == "dolt" or options.dolt else Engine()
        sandbox = new_sandbox(_data(options.data, stack), settings, found)
    except DoltMissing as error:
        raise CannotStart(str(error)) from error
    stack.callback(sandbox.close)
    _play(options.faults, sandbox)
    # Without a seed nothing points at the evidence, until a reset asks for one.
    beside = [_beside(options, stack)] if options.seed != "none" or options.evidence_port is not None else []

    def fill(hub: Hub) -> Mapping[str, object]:
        if not beside:
            beside.append(_beside(options, stack))
        return _seed(hub, "demo" if options.seed == "none" else options.seed, beside[0], server.url)

    try:
        server = Server(options.host, options.port, application(sandbox, fill))
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {options.host}:{options.port} ({error.strerror}); "
            "choose another with --port, or --port 0 for any free one"
        ) from error
    stack.callback(server.server_close)
    ready: dict[str, object] = {"url": server.url, "evidence_url": "", "pid": os.getpid()}
    for each in beside:
        ready |= {"evidence_url": each.pages.base_url, "places": each.places(server.url), "trust": each.trust(server.url)}
    if options.seed != "none":
        ready["seed"] = fill(sandbox.hub)
    if options.webhook:
        _subscribe(sandbox, options.webhook)
    if options.until_eof:
        threading.Thread(target=_end_at_eof, name="standard input", daemon=True).start()
    print(json.dumps(ready), flush=True)
    server.serve_forever(EXIT_POLL_S)
    return 0


_EXAMPLES = """\
examples:
  python -m sandbox --seed demo --port 8090
      the demo's commons hop/wl-commons at http://127.0.0.1:8090, a page to act as each of its users
  python -m sandbox --seed small --data ./sandbox-data
      one validator, one worker, one pull; the databases are kept in ./sandbox-data
  python -m sandbox --seed demo --webhook http://127.0.0.1:8000/hooks/dolthub/SECRET
      each event of hop/wl-commons is sent there, as DoltHub sends it
  python -m sandbox --seed demo --faults plan.json --latency-ms 200
      a slow DoltHub with the oddities of a fault plan (docs/sandbox.md)
  python -m sandbox --engine dolt
      the databases lie on a real Dolt

The first line of output is JSON: `url` is the address to open, `places` and `trust` name the forges and registries beside it.
The process ends on SIGTERM or Ctrl-C.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A DoltHub look-alike on this machine, for the demo, for tests and for trying a rule.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what it holds")
    what.add_argument("--seed", choices=("demo", "small", "none"), default="none", help="what it begins with (none)")
    what.add_argument("--data", type=Path, help="folder for the databases (a temporary one, removed at the end)")
    what.add_argument("--engine", choices=("doltlite", "dolt"), default="doltlite", help="what stores the databases (doltlite)")
    what.add_argument("--dolt", metavar="PATH", help="the dolt program (STAMPBOT_DOLT, or dolt on PATH); implies --engine dolt")
    where = parser.add_argument_group("where it listens")
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    where.add_argument("--port", type=int, default=0, help="port to listen on (any free one)")
    where.add_argument("--evidence-port", type=int, help="port of the evidence pages (any free one, with a seed)")
    where.add_argument("--webhook", metavar="URL", help="URL that receives the events of the seeded commons")
    where.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    how = parser.add_argument_group("how it behaves")
    how.add_argument("--faults", type=Path, metavar="FILE", help="JSON file with a fault plan")
    how.add_argument("--latency-ms", type=_natural, default=0, metavar="MS", help="wait before each answer of the API (0)")
    how.add_argument("--operation-ms", type=_natural, default=50, metavar="MS", help="duration of a job (50)")
    how.add_argument("--page-size", type=_positive, default=20, metavar="N", help="items on a page (20)")
    how.add_argument("--row-limit", type=_positive, default=1000, metavar="N", help="rows of one read (1000)")
    how.add_argument("--conflicts-at-start", action="store_true", help="refuse a conflicting merge at once, with 422")
    how.add_argument("--v1-only", action="store_true", help="be a DoltLab without API v2: comments cannot be read")
    return parser


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _data(folder: Path | None, stack: ExitStack) -> Path:
    if folder is None:
        # Jobs may still write while it is removed: what is left over is the system's to clean.
        made = tempfile.TemporaryDirectory(prefix="stampbot-sandbox-", ignore_cleanup_errors=True)
        return Path(stack.enter_context(made))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"cannot use {folder} for data ({error.strerror}); choose another with --data") from error
    return folder


def _play(file: Path | None, sandbox: object) -> None:
    from sandbox.hub.app import Sandbox
    from sandbox.hub.faults import BadPlan

    if file is None or not isinstance(sandbox, Sandbox):
        return
    try:
        sandbox.faults.add(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, BadPlan) as error:
        raise CannotStart(f"cannot play the fault plan {file}: {error}") from error


def _beside(options: argparse.Namespace, stack: ExitStack) -> Beside:
    from sandbox.beside import Beside

    try:
        return Beside(options.host, options.evidence_port or 0, stack)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {options.host}:{options.evidence_port} for the evidence pages ({error.strerror}); "
            "choose another with --evidence-port"
        ) from error


def _seed(hub: object, name: str, beside: Beside, hub_url: str) -> Mapping[str, object]:
    from sandbox.hub.state import Hub, utc_now
    from sandbox.seed.build import seed

    assert isinstance(hub, Hub)
    now = utc_now()
    beside.set_now(now)
    seeded = seed(hub, places=beside.places(hub_url), now=now, name="small" if name == "small" else "demo")
    return {
        "commons": str(seeded.commons),
        "users": list(seeded.users),
        "forks": [str(fork) for fork in seeded.forks],
        "pulls": [
            {"number": p.number, "slug": p.slug, "purpose": p.purpose, "kind": p.kind, "verdict": p.verdict}
            for p in seeded.pulls
        ],
    }


def _subscribe(sandbox: object, url: str) -> None:
    from sandbox.hub.app import Sandbox
    from sandbox.seed.build import COMMONS

    assert isinstance(sandbox, Sandbox)
    sandbox.hub.set_webhook(COMMONS, url)


def _end_at_eof() -> None:
    # Not sys.stdin: its lock, held by this thread, would be in the way when the interpreter ends.
    while os.read(0, 65_536):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _end(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
