"""A throw-away certificate authority, and servers it vouches for or does not."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

HOST: Final = "good.example.com"
_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_AUTHORITY: Final = """
[ca]
default_ca = one
[one]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
policy = any
default_md = sha256
copy_extensions = copy
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """`authority`: the file to trust. `good`, `expired`: certificate and key for good.example.com, both signed by it."""

    authority: Path
    good: Path
    expired: Path

    def server(self, which: Path | None = None) -> ssl.SSLContext:
        """What a server needs to show a certificate; `good` if none is named."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(which or self.good)
        return context


def make_certificates(folder: Path) -> Certificates:
    """New keys and certificates in `folder`. Skips the test where openssl is not installed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")

    def run(*arguments: str) -> None:
        subprocess.run((openssl, *arguments), check=True, capture_output=True, cwd=folder)

    (folder / "ca.conf").write_text(_AUTHORITY.format(folder=folder))
    (folder / "index").touch()
    (folder / "serial").write_text("01\n")
    # Two leaves of one name.
    (folder / "index.attr").write_text("unique_subject = no\n")
    run("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=nobody", "-keyout", "ca.key", "-out", "ca.pem")
    name = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    run("req", "-new", *_KEY, *name, "-keyout", "leaf.key", "-out", "leaf.csr")
    for leaf, times in (
        ("good", ("-days", "2")),
        ("expired", ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z")),
    ):
        signing = ("-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "leaf.csr", "-out", f"{leaf}.crt")
        run("ca", "-batch", "-notext", *signing, *times)
        pem = (folder / f"{leaf}.crt").read_text() + (folder / "leaf.key").read_text()
        (folder / f"{leaf}.pem").write_text(pem)
    return Certificates(folder / "ca.pem", folder / "good.pem", folder / "expired.pem")
