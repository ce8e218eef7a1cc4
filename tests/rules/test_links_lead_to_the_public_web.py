"""Addresses in cells."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.unsafe_links import Danger, unsafe_links
from bot.rulebook import RowChange
from rules.links_lead_to_the_public_web import check
from tests.build import a_snapshot, added, changes_of, modified
from tests.rules.table import PASS, found, judged, told

RUNS = (
    *("javascript:alert(1)", "JavaScript:alert(1)", " \tjava\nscript:\talert(1)"),
    *("javascript: alert(1)", "java\u200bscript:alert(1)"),
    *("data:text/html,<script>x</script>", "data:,x", "data:;base64,eA==", "vbscript:msgbox"),
    *("file:///etc/passwd", "file:/etc"),
    *("view-source:https://a.example.com", "blob:https://a.example.com/1", "javascript&#58;alert(1)"),
    *("javascript&colon;alert(1)",),
    *("see [this](javascript:alert(1))", "see [this](<javascript: alert(1)>)", "click javascript:alert(1) now"),
    *(json.dumps({"a": ["javascript:alert(1)"]}), '["\\u006aavascript:alert(1)"]', '{"javascript:alert(1)": 1}'),
    *("javascript%3aalert(1)",),
)  # fmt: skip
SCHEMES = (
    "ftp://acme.org/x",
    "ssh://git@acme.org/x",
    "gopher://acme.org",
    "ws://acme.org",
    "//acme.org/x",
    "\\\\acme\\share",
    "/\\acme.org",
)
PRIVATE = (
    *("http://localhost/", "http://127.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/"),
    *("http://169.254.169.254/latest/meta-data", "https://10.0.0.8:8443/x", "https://build.internal/"),
    *("http://intranet/", "http://a.lan"),
    *("http://[::ffff:10.0.0.1]/", "http://0177.0.0.1/", "http://localhost./"),
    *("http://%6c%6f%63%61%6c%68%6f%73%74/", "http:///x"),
)  # fmt: skip
HONEST = (
    *("", "https://github.com/acme/relay/pull/7", "See https://acme.org/a?b=c#d, please.", "Learn javascript: the good parts"),
    *("Input data: three columns", "file: README.md", "at 12:30 in UTC", "a/b and c//d"),
    *("100% &amp; more", "hop://pia@acme.org/polecat-7/"),
    *(json.dumps({"note": "ratio 3:4", "link": "https://acme.org"}), "C:\\dir is a path", "w:1:2"),
    *("see owner/repo#7", "key: value"),
)  # fmt: skip


@pytest.mark.parametrize("text", RUNS)
def test_what_runs_in_a_browser_is_at_fault_wherever_it_stands(text: str) -> None:
    for row in (added("wanted", description=text), modified("wanted", evidence_url=text), added("rigs", display_name=text)):
        assert {word.split()[0] for word in found(check, a_snapshot(changes=changes_of(row)))} == {"fault"}


@pytest.mark.parametrize("text", [*SCHEMES, *PRIVATE, "https://pia@acme.org/"])
def test_an_address_that_is_not_of_the_public_web_is_at_fault_alone_and_a_doubt_in_a_sentence(text: str) -> None:
    alone = a_snapshot(changes=changes_of(modified("wanted", evidence_url=text)))
    assert [word.split()[0] for word in found(check, alone)][:1] == ["fault"]
    if text[0] not in "/\\":
        prose = a_snapshot(changes=changes_of(modified("wanted", description=f"Run it at {text} and look.")))
        assert {word.split()[0] for word in found(check, prose)} == {"doubt"}


@pytest.mark.parametrize("text", HONEST)
@pytest.mark.parametrize("column", ["description", "hop_uri"])
def test_honest_text_passes(text: str, column: str) -> None:
    assert found(check, a_snapshot(changes=changes_of(modified("wanted", None, **{column: text})))) == PASS


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            modified("wanted", evidence_url="http://169.254.169.254/"),
            "The evidence_url of `w-870be07fbc` holds an address that leads to a host that is not on the public internet:"
            " `http://169.254.169.254/`.",
        ),
        (
            modified("wanted", evidence_url="javascript:alert(1)"),
            "The evidence_url of `w-870be07fbc` holds an address that can run a program in the reader's browser:"
            " `javascript:alert(1)`.",
        ),
    ],
)
def test_the_finding_names_the_cell_and_the_address(row: RowChange, says: str) -> None:
    assert told(check, a_snapshot(changes=changes_of(row))) == says


@given(
    scheme=st.from_regex(r"[a-z][a-z0-9+.-]{1,12}", fullmatch=True), rest=st.from_regex(r"[a-z0-9./?=-]{1,30}", fullmatch=True)
)
def test_any_scheme_but_http_and_https_is_found_alone(scheme: str, rest: str) -> None:
    expected = () if scheme in ("http", "https", "hop") else (Danger.SCHEME,)
    if scheme not in ("http", "https"):
        assert tuple(each.danger for each in unsafe_links(f"{scheme}://{rest}"))[:1] in (expected, (Danger.RUNS,))


@given(st.text(max_size=400))
def test_any_text_can_be_searched(text: str) -> None:
    assert all(each.text for each in unsafe_links(text))


def test_an_address_in_several_cells_is_found_once_and_many_are_counted() -> None:
    twice = changes_of(added("wanted", title="ftp://acme.org/1", description="ftp://acme.org/1"))
    assert told(check, a_snapshot(changes=twice)).startswith("The title and description of `w-")
    many = " ".join(f"ftp://acme.org/{number}" for number in range(20))
    findings = judged(check, a_snapshot(changes=changes_of(added("wanted", description=many)))).findings
    assert len(findings) == 6
    assert "15 more such addresses are written." in [finding.says for finding in findings]
