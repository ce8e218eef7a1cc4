"""Which URLs are read, and how they are written afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.fetch.url import Refused, canonical_key, read_location, read_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://good.example.com", "https://good.example.com/"),
        ("HTTP://Good.Example.COM:80/A?b=C#frag", "http://good.example.com/A?b=C"),
        ("https://good.example.com:443?x", "https://good.example.com/?x"),
        ("http://good.example.com./", "http://good.example.com/"),
        ("http://a_b.xn--wrocaw-6db.example.com/", "http://a_b.xn--wrocaw-6db.example.com/"),
        ("http://good.example.com/a%20b/%2e%2e/%0d%0a", "http://good.example.com/a%20b/%2e%2e/%0d%0a"),
        ("http://good.example.com/@me:8080/x", "http://good.example.com/@me:8080/x"),
        ("http://[2606:2800:220:1:248:1893:25C8:1946]/", "http://[2606:2800:220:1:248:1893:25c8:1946]/"),
    ],
)
def test_a_plain_url_is_read_and_written_canonically(text: str, url: str) -> None:
    assert read_url(text).url == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://good.example.com/" + "a" * 2048, "too_long"),
        ("http://127.0.0.1 /", "control_or_space"),
        ("http://good.example.com/\r\nHost: x", "control_or_space"),
        ("http://good.example.com/\x00", "control_or_space"),
        (r"http://127.0.0.1\@good.example.com/", "backslash"),
        ("http://göod.example.com/", "non_ascii"),
        ("http://good.example.com/\u202egnp.exe", "non_ascii"),
        ("http://①②⑦.⓪.⓪.①/", "non_ascii"),
        ("ftp://good.example.com/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("//good.example.com/", "scheme"),
        ("good.example.com/x", "scheme"),
        ("", "scheme"),
        ("http:/127.0.0.1/", "syntax"),
        ("http:///127.0.0.1/", "syntax"),
        ("http://", "syntax"),
        ("http://127.0.0.%31/", "syntax"),
        ("http://good.example.com:80a/", "syntax"),
        ("http://good.example.com:0/", "syntax"),
        ("http://good.example.com:080/", "syntax"),
        ("http://good.example.com:99999/", "syntax"),
        ("http://[fe80::1%25eth0]/", "syntax"),
        ("http://[::1/", "syntax"),
        ("http://-x.example.com/", "syntax"),
        ("http://good.example.com@127.0.0.1/", "userinfo"),
        ("http://:@good.example.com/", "userinfo"),
        ("http://good..example.com/", "bad_hostname"),
        (f"http://{'a' * 64}.example.com/", "bad_hostname"),
        ("http://x-.example.com/", "bad_hostname"),
        ("http://0/", "noncanonical_ip"),
        ("http://127.1/", "noncanonical_ip"),
        ("http://0177.0.0.1/", "noncanonical_ip"),
        ("http://0x7f000001/", "noncanonical_ip"),
        ("http://2130706433/", "noncanonical_ip"),
        ("http://127.0.0.256/", "noncanonical_ip"),
        ("http://good.example.0x1/", "noncanonical_ip"),
    ],
)
def test_anything_two_parsers_could_read_differently_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_url(text)
    assert refusal.value.reason == reason


@given(st.text(alphabet=st.sampled_from("htps:/.@?#[]%\\0127ax-_ \té"), max_size=24))
def test_reading_what_was_written_changes_nothing(tail: str) -> None:
    for text in (tail, "http://" + tail, "https://good.example.com" + tail):
        try:
            target = read_url(text)
        except Refused:
            continue
        assert read_url(target.url) == target


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/x", "https://good.example.com/x"),
        ("y?z#w", "https://good.example.com/a/y?z"),
        ("//other.example.com/", "https://other.example.com/"),
        ("../../../etc", "https://good.example.com/etc"),
    ],
)
def test_a_location_is_read_against_the_page_it_came_from(location: str, url: str) -> None:
    assert read_location(read_url("https://good.example.com/a/b"), location).url == url


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/\\127.0.0.1/", "backslash"),
        ("ht\ntp://x.example.com/", "control_or_space"),
        ("file:///etc/passwd", "scheme"),
        ("http://[", "syntax"),
        ("http://u:p@x.example.com/", "userinfo"),
    ],
)
def test_a_location_is_judged_as_strictly_as_the_first_url(location: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_location(read_url("http://good.example.com/a/b"), location)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://Good.Example.com:443/a/../b?q#x", "https://good.example.com/b?q"),
        ("http://good.example.com", "http://good.example.com./#top"),
        ("http://good.example.com/a/./b/..", "http://good.example.com/a/"),
    ],
)
def test_two_spellings_of_one_url_have_one_key(one: str, other: str) -> None:
    assert canonical_key(one) == canonical_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://good.example.com/a", "https://good.example.com/a"),
        ("http://good.example.com/a", "http://good.example.com/A"),
        ("http://good.example.com/a", "http://good.example.com/a?"),
        ("http://good.example.com/a", "http://good.example.com:81/a"),
    ],
)
def test_two_different_urls_have_two_keys(one: str, other: str) -> None:
    assert canonical_key(one) != canonical_key(other)


def test_a_text_that_is_no_url_has_no_key() -> None:
    assert canonical_key("see the attachment") == ""
