"""Where a link in a text begins and ends: as its reader sees it, whatever stands around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.links import links_in

ONE = "https://github.com/acme/relay/pull/123"
OTHER = "https://github.com/acme/relay/pull/124"


def urls(text: str) -> tuple[str, ...]:
    return tuple(link.url for link in links_in(text, "evidence", most=100))


@pytest.mark.parametrize(
    "text",
    [
        f"**{ONE}**",
        f"*{ONE}*",
        f"_{ONE}_",
        f"__{ONE}__",
        f"***{ONE}***",
        f"~~{ONE}~~",
        f"**_{ONE}_**",
        f"_({ONE})_.",
        f"**[{ONE}]({ONE})**",
        f"**Done: {ONE}**",
        f"_merged in {ONE}._",
        f"**{ONE}**, and the tests",
        f"**{ONE}**—merged",
        f"完成**{ONE}**已合并",
        f"* **{ONE}**",
        f"| **{ONE}** |",
        f"|{ONE}|",
    ],
)
def test_emphasis_around_a_link_is_no_part_of_it(text: str) -> None:
    assert urls(text) == (ONE,)


@pytest.mark.parametrize(
    "text",
    [
        f"“{ONE}”",
        f"„{ONE}“",
        f"‘{ONE}’",
        f"‚{ONE}‘",
        f"«{ONE}»",
        f"« {ONE} »",
        f"»{ONE}«",
        f"‹{ONE}›",
        f"「{ONE}」",
        f"『{ONE}』です",
        f"《{ONE}》",
        f"【{ONE}】",
        f"（{ONE}）",
        f"{ONE}（已合并）",
        f"〝{ONE}〞",
        f"＂{ONE}＂",
        f"´{ONE}´",
        f"❝{ONE}❞",
        f"“{ONE}”, merged",
        f"‘{ONE}’已合并",
        f"“**{ONE}**”",
        f"**“{ONE}”**",
    ],
)
def test_quotation_marks_and_brackets_around_a_link_are_no_part_of_it(text: str) -> None:
    assert urls(text) == (ONE,)


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}，done",
        f"{ONE}。",
        f"{ONE}。次のとおり",
        f"{ONE}、",
        f"{ONE}；",
        f"{ONE}：完了",
        f"{ONE}！",
        f"{ONE}？",
        f"{ONE}｡",
        f"{ONE}・",
        f"{ONE}。」",
        f"{ONE}〜",
        f"{ONE}،",
        f"{ONE}؟",
        f"{ONE}।",
        f"{ONE}።",
        f"{ONE}—",
        f"{ONE}—merged on Monday",
        f"{ONE}–",
        f"{ONE} – merged",
        f"{ONE}―",
        f"{ONE}•",
        f"{ONE}!?",
        f"¿{ONE}?",
    ],
)
def test_punctuation_and_dashes_behind_a_link_are_no_part_of_it(text: str) -> None:
    assert urls(text) == (ONE,)


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE},{OTHER}",
        f"{ONE};{OTHER}",
        f"{ONE}|{OTHER}",
        f"{ONE}、{OTHER}",
        f"{ONE}，{OTHER}",
        f"{ONE}・{OTHER}",
        f"“{ONE}”“{OTHER}”",
        f"「{ONE}」「{OTHER}」",
        f"[a]({ONE}),[b]({OTHER})",
        f"**{ONE}**/**{OTHER}**",
        f"_{ONE}_ _{OTHER}_",
        f"{ONE}—{OTHER}",
        f"{ONE}, {OTHER}, {ONE}",
    ],
)
def test_two_links_are_two(text: str) -> None:
    assert urls(text) == (ONE, OTHER)


WHOLE = (
    "https://youtu.be/dQw4w9WgXc_",
    "https://youtu.be/dQw4w9WgXc-",
    "https://example.org/search?q=tok*",
    "https://example.org/~ana",
    "https://example.org/a_b_/c",
    "https://example.org/__init__.py",
    "https://web.archive.org/web/*/https://example.org/a",
    "https://web.archive.org/web/2026/https://example.org/a",
    "https://example.org/?u=https://example.org/a,b;c",
    "https://de.wikipedia.org/wiki/Stamp_(disambiguation)",
    "https://example.org/?id[]=1&id[]=2",
    "https://[2001:db8::1]/a",
    "https://example.org/a|b",
    "https://github.com/acme/relay/compare/main...fix",
    "https://de.wikipedia.org/wiki/Größe",
    "https://fr.wikipedia.org/wiki/L’Équipe",
    "https://en.wikipedia.org/wiki/Michelson–Morley_experiment",
    "https://ja.wikipedia.org/wiki/ジョン・レノン",
    "https://he.wikipedia.org/wiki/צה״ל",
    "https://dejure.org/gesetze/BGB/§823",
)


@pytest.mark.parametrize("url", WHOLE)
def test_what_belongs_to_a_link_stays(url: str) -> None:
    assert urls(url) == (url,)
    assert urls(f"See {url} and this.") == (url,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Another pull than the one that was meant, were the ellipsis left off: as it stands it is refused.
        ("https://github.com/acme/relay/pull/1…", ("https://github.com/acme/relay/pull/1…",)),
        # Browsers read this as github.com.example.org.
        ("https://github.com。example.org/a", ("https://github.com。example.org/a",)),
        ("https://github.com．example.org", ("https://github.com．example.org",)),
        ("https://", ()),
        ("https://...", ()),
        ("https://“a”", ()),
        ("_see https://youtu.be/abc__", ("https://youtu.be/abc_",)),
        ("_done_ https://youtu.be/abc_", ("https://youtu.be/abc_",)),
        ("my_file https://youtu.be/abc_", ("https://youtu.be/abc_",)),
        ("* item https://example.org/search?q=tok*", ("https://example.org/search?q=tok*",)),
    ],
)
def test_a_link_is_never_cut_to_another_one(text: str, found: tuple[str, ...]) -> None:
    assert urls(text) == found


AROUND = ("**", "*", "_", "__", "~~", "“”", "«»", "「」", "（）", "()", "[]", "‘’", '""', "`")
BEHIND = ("", ".", ",", "。", "、", "—", " – merged", " and more", "！")


@given(
    st.sampled_from(WHOLE[4:]),
    st.lists(st.sampled_from(AROUND), max_size=4, unique_by=lambda marks: marks[0]),
    st.sampled_from(BEHIND),
)
def test_a_link_is_the_same_link_whatever_surrounds_it(url: str, around: list[str], behind: str) -> None:
    text = url
    for marks in around:
        opening, closing = (marks[0], marks[1]) if len(marks) == 2 and marks[0] != marks[1] else (marks, marks)
        text = opening + text + closing
    assert urls(f"Work: {text}{behind}") == (url,)


@given(st.text(alphabet='https://a.b/(c)[]*_~“”。—… \n,"', max_size=80))
def test_what_is_found_stands_in_the_text_and_is_found_in_itself(text: str) -> None:
    for url in urls(text):
        assert url in text
        assert urls(url)[:1] == (url,)
