"""What a piece of evidence is, told from its text alone; and that all spellings of one thing have one key."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.kind import Evidence, Kind
from bot.evidence.kinds import KINDS, KnownHosts, classify, same_thing, spelling
from bot.model.links import Link, links_in

SHA = "0123456789abcdef0123456789abcdef01234567"
DOLT = "0123456789abcdefghijklmnopqrstuv"
DIGEST = "sha256:" + "ab" * 32
GIST = "0123456789abcdef0123456789abcdef"
HOSTS = KnownHosts(
    forges=(
        ("git.example.org", "gitlab"),
        ("tea.example.org:3000", "gitea"),
        ("ghe.example.org", "github"),
        ("lab.example.org", "dolthub"),
        ("127.0.0.1:8123", "github"),
    ),
    registries=(
        ("npm.example.org", "npm"),
        ("py.example.org", "pypi"),
        ("oci.example.org", "oci"),
        ("rust.example.org", "cargo"),
    ),
)

SAME: tuple[tuple[Kind, str, str, tuple[str, ...]], ...] = (
    (
        KINDS["github_pull"],
        "github:pr:hop/gas.town#123",
        "https://github.com/hop/gas.town/pull/123",
        (
            "https://github.com/Hop/Gas.Town/pull/123",
            "http://github.com/hop/gas.town/pull/123",
            "HTTPS://WWW.GitHub.com:443/hop/gas.town/pull/123/",
            "https://github.com./hop/gas.town/pull/123",
            "https://github.com/hop/gas.town/pull/123/files",
            "https://github.com/hop/gas.town/pull/123/files/0123456..89abcde#diff-1",
            "https://github.com/hop/gas.town/pull/123/commits",
            f"https://github.com/hop/gas.town/pull/123/commits/{SHA}",
            "https://github.com/hop/gas.town/pull/123/checks?check_run_id=7",
            "https://github.com/hop/gas.town/pull/123.diff",
            "https://github.com/hop/gas.town/pull/123.patch",
            "https://github.com/hop/gas.town/pull/123?diff=split&w=1",
            "https://github.com/hop/gas.town/pull/123#issuecomment-9",
            "https://github.com/hop/gas.town/%70ull/12%33",
            "https://github.com/x/../hop/./gas.town/pull/123",
            "https://github.com/x/%2e%2E/hop/gas.town/pull/123",
            "https://github.com//hop/gas.town//pull///123",
            "https://patch-diff.githubusercontent.com/raw/hop/gas.town/pull/123.patch",
            "https://api.github.com/repos/hop/gas.town/pulls/123",
            "  https://github.com/hop/gas.town/pull/123\n",
        ),
    ),
    (
        KINDS["github_commit"],
        f"github:commit:hop/wl@{SHA}",
        f"https://github.com/hop/wl/commit/{SHA}",
        (
            f"https://github.com/hop/wl/commit/{SHA.upper()}",
            f"https://github.com/hop/wl/commit/{SHA}.patch",
            f"https://github.com/hop/wl/commit/{SHA}.diff?short_path=1#diff-2",
            f"https://github.com/HOP/wl.git/commit/{SHA}/",
            f"https://api.github.com/repos/hop/wl/commits/{SHA}",
            f"https://api.github.com/repos/hop/wl/git/commits/{SHA}",
        ),
    ),
    (KINDS["github_commit"], "github:commit:hop/wl@0123456", "https://github.com/hop/wl/commit/0123456", ()),
    (
        KINDS["github_issue"],
        "github:issue:hop/wl#7",
        "https://github.com/hop/wl/issues/7",
        ("https://github.com/hop/WL/issues/7#issuecomment-1", "https://api.github.com/repos/hop/wl/issues/7"),
    ),
    (
        KINDS["github_release"],
        "github:release:hop/wl@rel/V1.0",
        "https://github.com/hop/wl/releases/tag/rel/V1.0",
        ("https://github.com/Hop/wl/releases/tag/rel/V1.0/?x=1",),
    ),
    (
        KINDS["github_run"],
        "github:run:hop/wl#19876543210",
        "https://github.com/hop/wl/actions/runs/19876543210",
        (
            "https://github.com/hop/wl/actions/runs/19876543210/job/5",
            "https://github.com/hop/wl/actions/runs/19876543210/attempts/2#summary",
        ),
    ),
    (
        KINDS["github_gist"],
        f"github:gist:{GIST}",
        f"https://gist.github.com/{GIST}",
        (
            f"https://gist.github.com/Ana/{GIST}",
            f"https://gist.github.com/ana/{GIST.upper()}.git",
            f"https://github.com/gist/{GIST}",
        ),
    ),
    (
        KINDS["github_gist"],
        f"github:gist:{GIST}/{SHA}",
        f"https://gist.github.com/{GIST}/{SHA}",
        (f"https://gist.github.com/ana/{GIST}/{SHA}#file-a-py",),
    ),
    (KINDS["github_gist"], "github:gist:1234567", "https://gist.github.com/1234567", ("https://gist.github.com/ana/1234567",)),
    (
        KINDS["github_file"],
        "github:file:hop/wl@main/docs/A-b.md",
        "https://github.com/hop/wl/tree/main/docs/A-b.md",
        (
            "https://github.com/hop/wl/blob/main/docs/A-b.md?plain=1#L3-L9",
            "https://github.com/hop/wl/raw/main/docs/A-b.md",
            "https://github.com/hop/wl/raw/refs/heads/main/docs/A-b.md",
            "https://github.com/hop/wl/blame/main/docs/A-b.md",
            "https://raw.githubusercontent.com/Hop/wl/main/docs/A-b.md",
            "https://raw.githubusercontent.com/hop/wl/refs/heads/main/docs/A-b.md?token=x",
        ),
    ),
    (
        KINDS["github_file"],
        "github:file:hop/wl@main",
        "https://github.com/hop/wl/tree/main",
        ("https://github.com/hop/wl/tree/main/",),
    ),
    (
        KINDS["github_repo"],
        "github:repo:hop/wl",
        "https://github.com/hop/wl",
        ("https://github.com/hop/wl.git", "https://github.com/hop/wl.git.git/", "http://www.github.com/HOP/WL?tab=readme#top"),
    ),
    (
        KINDS["github_pull"],
        "github:pr:ghe.example.org/hop/wl#1",
        "https://ghe.example.org/hop/wl/pull/1",
        ("http://ghe.example.org/Hop/wl/pull/1/files",),
    ),
    (
        KINDS["github_gist"],
        f"github:gist:ghe.example.org/{GIST}",
        f"https://ghe.example.org/gist/{GIST}",
        (f"https://gist.ghe.example.org/ana/{GIST}",),
    ),
    (
        KINDS["github_pull"],
        "github:pr:127.0.0.1:8123/hop/wl#1",
        "http://127.0.0.1:8123/hop/wl/pull/1",
        ("http://127.0.0.1:8123/hop/WL/pull/1/",),
    ),
    (
        KINDS["gitlab_merge_request"],
        "gitlab:mr:gitlab.com/a/b/c!5",
        "https://gitlab.com/a/b/c/-/merge_requests/5",
        (
            "https://gitlab.com/A/b/C/-/merge_requests/5/diffs?commit_id=1#note_2",
            "https://gitlab.com/a/b/c/merge_requests/5",
            "https://www.gitlab.com/a/b/c/-/merge_requests/5/commits/",
            "https://gitlab.com/a/b/c/-/merge_requests/5.patch",
        ),
    ),
    (
        KINDS["gitlab_merge_request"],
        "gitlab:mr:git.example.org/a/b!5",
        "https://git.example.org/a/b/-/merge_requests/5",
        ("http://git.example.org/a/b/-/merge_requests/5",),
    ),
    (
        KINDS["gitlab_commit"],
        f"gitlab:commit:gitlab.com/a/b@{SHA}",
        f"https://gitlab.com/a/b/-/commit/{SHA}",
        (f"https://gitlab.com/a/B/commit/{SHA}.diff", f"https://gitlab.com/a/b/-/commit/{SHA}/pipelines"),
    ),
    (
        KINDS["bitbucket_pull"],
        "bitbucket:pr:bitbucket.org/w/r#9",
        "https://bitbucket.org/w/r/pull-requests/9",
        ("https://bitbucket.org/W/r/pull-requests/9/fix-the-thing/diff", "https://bitbucket.org/w/r/pull-requests/9/"),
    ),
    (KINDS["bitbucket_commit"], f"bitbucket:commit:bitbucket.org/w/r@{SHA}", f"https://bitbucket.org/w/r/commits/{SHA}", ()),
    (
        KINDS["gitea_pull"],
        "gitea:pr:codeberg.org/o/r#4",
        "https://codeberg.org/o/r/pulls/4",
        (
            "https://codeberg.org/O/R/pulls/4/files",
            "https://codeberg.org/o/r/pulls/4.diff",
            "https://codeberg.org/o/r/pulls/4/commits/",
        ),
    ),
    (KINDS["gitea_pull"], "gitea:pr:tea.example.org:3000/o/r#4", "https://tea.example.org:3000/o/r/pulls/4", ()),
    (
        KINDS["gitea_commit"],
        f"gitea:commit:codeberg.org/o/r@{SHA}",
        f"https://codeberg.org/o/r/commit/{SHA}",
        (f"https://codeberg.org/o/r/commit/{SHA}.patch",),
    ),
    (
        KINDS["dolthub_pull"],
        "dolthub:pr:dolthub.com/hop/wl-commons#57",
        "https://www.dolthub.com/repositories/hop/wl-commons/pulls/57",
        (
            "https://dolthub.com/repositories/hop/wl-commons/pulls/57/diff",
            "https://www.dolthub.com/repositories/hop/wl-commons/pulls/57?refName=main",
            "https://www.dolthub.com/api/v2/databases/hop/wl-commons/pulls/57",
        ),
    ),
    (
        KINDS["dolthub_commit"],
        f"dolthub:commit:lab.example.org/hop/wl@{DOLT}",
        f"https://lab.example.org/repositories/hop/wl/commits/{DOLT}",
        (f"https://lab.example.org/repositories/hop/wl/commit/{DOLT}/",),
    ),
    (
        KINDS["npm_package"],
        "npm:npm.example.org/@hop/wl@1.2.3-rc.1",
        "https://npm.example.org/package/@hop/wl/v/1.2.3-rc.1",
        (
            "https://npm.example.org/package/%40hop%2fwl/v/1.2.3-rc.1?activeTab=code",
            "http://npm.example.org/@hop/wl/1.2.3-rc.1",
        ),
    ),
    (
        KINDS["npm_package"],
        "npm:npm.example.org/wl",
        "https://npm.example.org/package/wl",
        ("https://npm.example.org/package/wl/",),
    ),
    (
        KINDS["pypi_package"],
        "pypi:py.example.org/stamp-bot@1.0",
        "https://py.example.org/project/stamp-bot/1.0",
        ("https://py.example.org/project/Stamp_Bot/1.0/#files", "https://py.example.org/pypi/stamp.bot/1.0/json"),
    ),
    (
        KINDS["pypi_package"],
        "pypi:py.example.org/wl",
        "https://py.example.org/project/wl",
        ("https://py.example.org/simple/wl/",),
    ),
    (
        KINDS["oci_image"],
        f"oci:oci.example.org/hop/wl@{DIGEST}",
        f"https://oci.example.org/v2/hop/wl/manifests/{DIGEST}",
        (f"https://oci.example.org/hop/wl@{DIGEST}", f"https://oci.example.org/hop/wl:1.0@{DIGEST}"),
    ),
    (
        KINDS["oci_image"],
        "oci:oci.example.org/hop/wl@v1",
        "https://oci.example.org/v2/hop/wl/manifests/v1",
        ("https://oci.example.org/hop/wl:v1",),
    ),
    (
        KINDS["oci_image"],
        "oci:oci.example.org/hop/wl",
        "https://oci.example.org/r/hop/wl",
        ("https://oci.example.org/r/hop/wl/tags",),
    ),
    (
        KINDS["url"],
        "url:https://demo.example.org/a?b=c",
        "https://demo.example.org/a?b=c",
        ("https://DEMO.example.org:443/x/../a?b=c#top", " https://demo.example.org/a?b=c "),
    ),
)
"""Kind, key, canonical form, and other spellings of the same thing."""

PLAIN_URLS = (
    "https://github.com/",
    "https://github.com/hop",
    "https://github.com/orgs/hop",
    "https://github.com/settings/tokens",
    "https://github.com/hop/..git",
    "https://github.com/hop/...git/pull/1",
    "https://github.com/hop/wl/pull/0",
    "https://github.com/hop/wl/pull/007",
    "https://github.com/hop/wl/pull/12x",
    "https://github.com/hop/wl/pull/1234567890123456789",
    "https://github.com/hop/wl/pull/1/settings",
    "https://github.com/hop/wl/pulls",
    "https://github.com/hop%2Fwl/x/pull/1",
    "https://github.com/-hop/wl/pull/1",
    "https://github.com/hop/wl/commit/abc",
    "https://github.com/hop/wl/commit/main",
    f"https://github.com/hop/wl/commit/{SHA}0",
    "https://github.com/hop/wl/releases/latest",
    "https://github.com/hop/wl/releases/tag/a%2fb",
    "https://github.com/hop/wl/tree/main/a..b",
    "https://github.com/hop/wl/blob/main/a%20b",
    "https://github.com/hop/wl/wiki",
    "https://github.com.evil.example/hop/wl/pull/1",
    "https://evil.example/github.com/hop/wl/pull/1",
    "https://notgithub.com/hop/wl/pull/1",
    "https://github.com:8443/hop/wl/pull/1",
    "https://gist.github.com/ana",
    "https://gist.gitlab.com/ana/1234567",
    "https://gitlab.com/a/-/merge_requests/1",
    "https://gitlab.com/a/b/-/issues/1",
    "https://gitlab.example.org/a/b/-/merge_requests/5",
    "https://tea.example.org/o/r/pulls/4",
    "https://codeberg.org/o/r/issues/4",
    "https://bitbucket.org/w/r/commits/main",
    "https://www.dolthub.com/repositories/hop/wl-commons",
    f"https://www.dolthub.com/repositories/hop/wl/commits/{SHA}",
    "https://rust.example.org/crates/wl/1.0.0",
    "https://registry.example.org/package/wl/v/1.0.0",
    "https://oci.example.org/Hop/wl:v1",
)

NO_URLS = (
    "",
    "done",
    "see https://github.com/hop/wl/pull/1",
    "git@github.com:hop/wl.git",
    "ftp://example.org/a",
    "javascript:alert(1)",
)

REFUSED = (
    ("https://user:pass@github.com/hop/wl/pull/1", "userinfo"),
    ("https://github.com\\@evil.example/hop/wl/pull/1", "backslash"),
    ("https://gíthub.com/hop/wl/pull/1", "non_ascii"),
    ("http://0x7f.1/", "noncanonical_ip"),
    ("https://", "syntax"),
)


@pytest.mark.parametrize(("kind", "key", "canonical", "spellings"), SAME, ids=[row[1] for row in SAME])
def test_all_spellings_of_one_thing_have_its_kind_and_key(
    kind: Kind, key: str, canonical: str, spellings: tuple[str, ...]
) -> None:
    seen = {(e.kind, e.key, e.url) for e in (classify(text, HOSTS) for text in (canonical, *spellings))}
    assert seen == {(kind, key, canonical)}


def test_a_search_for_a_thing_meets_all_its_spellings() -> None:
    """What is looked for by its pieces is found however it is written; escapes and dot segments are looked at in any case."""
    missed = []
    for _, _, url, variants in SAME:
        thing = classify(url, HOSTS)
        for variant in (url, *variants):
            rest = variant.lower()
            for piece in spelling(thing):
                _, met, rest = rest.partition(piece)
                if not met and not any(hiding in variant for hiding in ("%", "/./", "/../", "com//")):
                    missed.append((variant, piece))
            assert same_thing(thing, classify(variant, HOSTS))
    assert missed == []


def test_only_one_thing_is_the_same_thing() -> None:
    firsts = [classify(url, HOSTS) for kind, _, url, _ in SAME if not kind.code.endswith(("_commit", "_gist"))]
    for number, one in enumerate(firsts):
        assert [n for n, other in enumerate(firsts) if same_thing(one, other)] == [number]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (f"https://github.com/o/r/commit/{SHA}", f"https://github.com/o/r/commit/{SHA[:8]}", True),
        ("https://demo.example.org/a/b", "http://www.demo.example.org//a/./b/?", True),
        ("https://demo.example.org/%61?b", "https://demo.example.org/a?b", True),
        ("https://demo.example.org/a", "https://demo.example.org/A", False),
        ("https://demo.example.org/a?b", "https://demo.example.org/a?c", False),
        ("https://demo.example.org/a", "https://demo.example.net/a", False),
        # The oldest gists have numbers, and every other one begins with one.
        ("https://gist.github.com/1", f"https://gist.github.com/{'1' * 32}", False),
        ("https://gist.github.com/1", "https://gist.github.com/12", False),
        (f"https://gist.github.com/{GIST}", f"https://gist.github.com/ana/{GIST}/{SHA}", True),
        (f"https://github.com/o/r/commit/{SHA[:7]}", f"https://github.com/o/r/commit/{SHA[:9]}", True),
        (f"https://github.com/o/r/commit/{SHA}", f"https://github.com/x/r/commit/{SHA}", False),
        ("https://github.com/o/r/issues/7", "https://github.com/o/r/pull/7", True),
        ("https://github.com/o/r/issues/7", "https://github.com/o/r/pull/8", False),
        (f"https://github.com/o/r/commit/{SHA}", f"https://codeberg.org/o/r/commit/{SHA}", False),
        ("https://github.com/o/r/releases/tag/v1", "https://github.com/o/r/releases/tag/v10", False),
        ("see the work", "see the work ", True),
        ("https://a.example.org/x", "https://a.example.org/x/", True),
    ],
)
def test_short_hashes_and_shared_numbers_are_seen_through(one: str, other: str, same: bool) -> None:
    assert same_thing(classify(one), classify(other)) is same
    assert same_thing(classify(other), classify(one)) is same


def test_two_things_of_the_tables_never_share_a_key() -> None:
    keys = [row[1] for row in SAME] + [classify(text, HOSTS).key for text in (*PLAIN_URLS, *NO_URLS, *(t for t, _ in REFUSED))]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("url", PLAIN_URLS)
def test_what_only_looks_like_a_known_thing_is_a_plain_url(url: str) -> None:
    found = classify(url, HOSTS)
    assert (found.kind, found.key, found.host, found.name) == (KINDS["url"], f"url:{found.url}", "", "")


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_url_is_text(text: str) -> None:
    found = classify(text, HOSTS)
    assert (found.kind, found.url) == (KINDS["text"], text)


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_url_nobody_should_read_is_refused_by_name(url: str, reason: str) -> None:
    found = classify(url, HOSTS)
    assert (found.kind, found.url, found.name) == (KINDS["refused"], url, reason)


def test_parts_are_named_for_whoever_asks_the_forge() -> None:
    found = classify(f"https://www.github.com/Hop/WL/blob/{SHA}/a/b.py#L1")
    assert found == Evidence(
        kind=KINDS["github_file"],
        key=f"github:file:hop/wl@{SHA}/a/b.py",
        url=f"https://github.com/hop/wl/tree/{SHA}/a/b.py",
        host="github.com",
        repo="hop/wl",
        name=f"{SHA}/a/b.py",
    )


def test_the_operators_word_about_a_host_goes_before_ours() -> None:
    assert (
        classify("https://codeberg.org/a/b/-/merge_requests/1", KnownHosts((("codeberg.org", "gitlab"),))).kind
        is (KINDS["gitlab_merge_request"])
    )


def test_no_registry_is_known_unless_the_operator_names_it() -> None:
    assert classify("https://npm.example.org/package/wl/v/1.0.0").kind is KINDS["url"]


# --- inference ---------------------------------------------------------------------------------------------------------

RUN = {"output": "42", "output_hash": DIGEST, "model": "m-1", "seed": 7}


def test_two_writings_of_one_inference_have_one_key() -> None:
    bare = {"seed": 7, "model": "m-1", "output_hash": DIGEST.removeprefix("sha256:").upper()}
    one, other = classify(json.dumps(RUN, indent=2)), classify(json.dumps(bare))
    assert one == other
    assert (one.kind, one.url) == (KINDS["inference"], f'{{"model":"m-1","output_hash":"{DIGEST}","seed":7}}')


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**RUN, "seed": True}),
        json.dumps({**RUN, "seed": "7"}),
        json.dumps({**RUN, "model": ""}),
        json.dumps({**RUN, "output_hash": "sha256:12"}),
        json.dumps([RUN]),
        "{" * 60_000,
        '{"seed": ' + "9" * 5000 + "}",
        json.dumps({**RUN, "output": "x" * 70_000}),
    ],
)
def test_json_that_is_no_inference_is_text(text: str) -> None:
    assert classify(text).kind is KINDS["text"]


# --- laws --------------------------------------------------------------------------------------------------------------

HOST_NAMES = """github.com www.github.com gist.github.com api.github.com raw.githubusercontent.com gitlab.com bitbucket.org
    codeberg.org
    dolthub.com npm.example.org py.example.org oci.example.org 127.0.0.1:8123 demo.example.org"""
WORDS = """hop Wl wl.git .git ..git a.b .. . - pull pulls commit commits issues releases tag blob tree refs heads main repos
    gist merge_requests pull-requests repositories package v project pypi json v2 manifests r actions runs api databases @hop
    %40hop wl:v1 1 12 007 1.2.3 3.diff %2e%2e %2E %2f %70ull %25 %%36%31 files diffs é x;y ~u $(a) tags"""
_hosts = st.sampled_from(HOST_NAMES.split())
_words = st.sampled_from(["", "a b", SHA, SHA.upper(), SHA + ".patch", GIST, DOLT, DIGEST, f"wl@{DIGEST}", *WORDS.split()])
_rests = st.sampled_from(["", "?a=b", "#c", "?x#y", "/"])
_urls = st.builds(
    lambda scheme, host, words, rest: f"{scheme}://{host}/{'/'.join(words)}{rest}",
    st.sampled_from(["https", "http", "HTTPS"]),
    _hosts,
    st.lists(_words, max_size=7),
    _rests,
)
_texts = _urls | st.text() | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True) | st.just(json.dumps(RUN))


@given(_texts)
def test_the_canonical_form_of_anything_is_itself(text: str) -> None:
    found = classify(text, HOSTS)
    assert classify(found.url, HOSTS) == found


STARTS = {kind: kind.key.partition("{")[0] or f"{kind.code}:" for kind in KINDS.values()}


def test_no_two_kinds_begin_their_keys_alike() -> None:
    assert [(a, b) for a in KINDS.values() for b in KINDS.values() if a is not b and STARTS[a].startswith(STARTS[b])] == []


@given(_texts)
def test_a_key_begins_as_its_kind_does(text: str) -> None:
    found = classify(text, HOSTS)
    assert found.key.startswith(STARTS[found.kind])


@given(_urls)
def test_parts_can_stand_in_a_path_of_an_api(url: str) -> None:
    found = classify(url, HOSTS)
    if found.host:
        segments = f"{found.repo}/{found.name}".removesuffix("/").split("/")
        assert "" not in segments[found.kind is KINDS["github_gist"] :]
        assert not {".", ".."} & set(segments)
        assert not set("%?#\\ ") & set(found.repo + found.name)
        assert (found.repo + found.name).isascii()


@pytest.mark.parametrize(
    ("end", "kept"),
    [(")" * 60_000, ""), (").]!" * 15_000, ""), ("(]" * 30_000, "("), ("(a))." + "." * 60_000, "(a)")],
    ids=["brackets", "brackets and stops", "brackets of two kinds", "stops"],
)
def test_finding_a_link_takes_time_linear_in_its_sentence(end: str, kept: str) -> None:
    began = time.process_time()
    assert links_in(f"see http://a.example.org/{end} and so on", "x") == (Link(f"http://a.example.org/{kept}", "x"),)
    assert time.process_time() - began < 0.5
