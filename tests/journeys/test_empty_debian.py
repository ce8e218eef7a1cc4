"""What `deploy/Dockerfile` does, in an empty Debian: the script builds the bot from the lock, and it works as a user without
rights on a system that cannot be written to.

A container daemon is not needed: debootstrap makes the system, chroot enters it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"),
]
BUILD_TIMEOUT_S = 900
OF_THE_HOST = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")


def ran(*command: str | Path, **more: str) -> str:
    """What a command printed. Fails with all of it where the command failed."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
        env=more or None,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of an empty Debian with Python and the project's files in /src."""
    root = tmp_path_factory.mktemp("debian")
    root.chmod(0o755)
    ran("debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "stable", root)
    for name in OF_THE_HOST:
        if Path("/", name).exists():
            shutil.copy(Path("/", name), root / name)
    shutil.copytree(ROOT, root / "src", ignore=LEFT_OUT)
    yield root
    shutil.rmtree(root, ignore_errors=True)


def test_what_the_image_holds_plays_a_whole_story_without_rights_and_without_writing(debian: Path) -> None:
    pip = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_CERT_FILE"))}
    pip.pop("PIP_FIND_LINKS", None)
    said = ran(
        "chroot", debian, "sh", "/src/deploy/build.sh", "/opt/stampbot", PATH="/usr/sbin:/usr/bin:/bin", HOME="/root", **pip
    )
    assert re.search(r"^stampbot, version \d+\.\d+\.\d+$", said, re.MULTILINE)
    shutil.rmtree(debian / "src")
    # As `read_only` and `tmpfs` of compose.yaml have it; containers have /dev/shm as well.
    inside = f"""
        mount --bind {debian} {debian} && mount -o remount,ro,bind {debian}
        for folder in tmp dev/shm; do mount -t tmpfs -o mode=1777 tmpfs {debian}/$folder; done
        ! chroot --userspec=10001:10001 {debian} sh -c ': > /var/tmp/x' 2>/dev/null || exit 9
        exec chroot --userspec=10001:10001 {debian} /opt/stampbot/bin/stampbot demo --smoke
    """
    told = ran("unshare", "--mount", "sh", "-euc", inside, PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/tmp")
    assert "The whole story succeeded" in told
