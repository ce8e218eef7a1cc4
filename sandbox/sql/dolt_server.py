"""One `dolt sql-server` of this process: started in a folder, spoken to over MySQL's protocol, ended with this process."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.converters import encoders
from pymysql.cursors import Cursor

from sandbox.values.records import DoltMissing

log = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0
START_POLL_S = 0.05
STOP_TIMEOUT_S = 20.0
WHERE_TO_GET_DOLT = "https://github.com/dolthub/dolt/releases"
# The shell ends the server when its own input ends, which it does however this process ends.
_WITH_THIS_PROCESS = '"$0" "$@" </dev/null & trap "kill $!" TERM; read _; kill $!; wait $!'

_AS_TEXT: Any = dict(encoders)
"""How values go in; none come out as anything but text."""
Row = tuple[str | None, ...]


def find_dolt(named: str | None = None) -> str:
    """The dolt program: the one that is named, or that of STAMPBOT_DOLT, or the one on PATH. Raises DoltMissing."""
    asked = named or os.environ.get("STAMPBOT_DOLT") or "dolt"
    found = shutil.which(asked)
    if found is None:
        raise DoltMissing(f"there is no program {asked!r}; get Dolt 2 from {WHERE_TO_GET_DOLT}, or name it with --dolt PATH")
    return found


def dolt_version(dolt: str) -> str:
    """`2.3.1`, as the program prints it."""
    said = subprocess.run([dolt, "version"], capture_output=True, text=True, check=True, env=_surroundings(Path("/"))).stdout
    return said.split("\n", 1)[0].removeprefix("dolt version").strip()


class DoltServer:
    """A running server. Every method may be called from any thread: each statement has a connection of its own."""

    def __init__(self, root: Path, dolt: str) -> None:
        """Starts it with the databases below `root` and waits until it answers. Raises DoltMissing where it does not."""
        self._port = _free_port()
        surroundings = _surroundings(root / ".home")
        (root / ".home").mkdir(exist_ok=True)
        for key, value in (("user.name", "sandbox"), ("user.email", "sandbox@example.org"), ("metrics.disabled", "true")):
            command = [dolt, "config", "--global", "--add", key, value]
            subprocess.run(command, cwd=root, env=surroundings, check=True, capture_output=True)
        command = [dolt, "sql-server", "--host", "127.0.0.1", "--port", str(self._port), "--loglevel", "error"]
        self._log = (root / "dolt.log").open("ab")
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WITH_THIS_PROCESS, *command],
            cwd=root,
            env=surroundings,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
        )
        self._wait(dolt)

    def _wait(self, dolt: str) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(pymysql.MySQLError):
                self.run("SELECT 1")
                return
            time.sleep(START_POLL_S)
        self.stop()
        raise DoltMissing(f"{dolt} sql-server did not start within {START_TIMEOUT_S:.0f} s; see {self._log.name}")

    @contextlib.contextmanager
    def connection(
        self, place: str | None = None, *, user: str = "root", timeout_s: float | None = None
    ) -> Iterator[Connection[Cursor]]:
        """A connection that stands in a database or at a revision of one (`db/branch`, `db/commit`).

        All cells come as text, or as bytes where they are no text. Raises pymysql.MySQLError.
        """
        connection: Connection[Cursor] = Connection(
            host="127.0.0.1",
            port=self._port,
            user=user,
            database=place,
            autocommit=True,
            conv=_AS_TEXT,
            read_timeout=timeout_s,
        )
        try:
            yield connection
        finally:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.close()

    def run(self, sql: str, *, at: str | None = None) -> tuple[Row, ...]:
        """One statement by the server's own user; the rows it answers."""
        with self.connection(at) as connection:
            return rows_of(connection, sql)

    def kill(self, connection: Connection[Cursor]) -> None:
        """Ends what runs on a connection, if it still runs."""
        with contextlib.suppress(pymysql.MySQLError):
            # Its name in the package has no types.
            number: Any = connection
            self.run(f"KILL {int(number.thread_id())}")

    def stop(self) -> None:
        """Ends the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            log.warning("dolt sql-server did not end within %d s", STOP_TIMEOUT_S)
            self._process.kill()
        self._log.close()


def rows_of(connection: Connection[Cursor], sql: str, arguments: Sequence[str] = ()) -> tuple[Row, ...]:
    """All rows of one statement; `%s` in it stands for the arguments, in turn."""
    with connection.cursor() as cursor:
        cursor.execute(sql, tuple(arguments) or None)
        return tuple(cursor.fetchall())


def _surroundings(home: Path) -> dict[str, str]:
    """The environment of the program: nothing of the user's own configuration, and no report to its makers."""
    return {
        "HOME": str(home),
        "DOLT_ROOT_PATH": str(home),
        "PATH": os.environ.get("PATH", ""),
        "DOLT_DISABLE_EVENT_FLUSH": "1",
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
