"""How names are compared: what is the same, what looks the same, and what does neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.ids import fold, skeleton

ALIKE = {
    "rn and m": ("corrnorant", "cormorant"),
    "vv and w": ("vvolf", "wolf"),
    "zero and O": ("b0-w0rks", "bO-wOrks"),
    "one, l, I and bar": ("1lI|", "llll"),
    "five and S": ("5lick-fox", "slick-fox"),
    "case": ("Ana-Town", "ana-town"),
    "dash, underscore, dot, space": ("ana-town", "ana_t.o wn"),
    "other dashes": ("ana\u2010t\u2013o\u2212wn", "ana-town"),
    "middle dot": ("ana\u00b7town", "anatown"),
    "apostrophe": ("Bo\u2019s Hollow", "bos-hollow"),
    "Cyrillic a": ("\u0430na", "ana"),
    "Cyrillic capitals": ("\u0412\u041e\u0412", "bob"),
    "Cyrillic i, which is an l": ("w\u0456ll", "will"),
    "Greek omicron": ("b\u03bfb", "bob"),
    "Greek nu": ("\u03bdera", "vera"),
    "Armenian o and u": ("b\u0585s\u057d", "bosu"),
    "Cherokee capital": ("\u13aand", "and"),
    "Lisu letter": ("\ua4eena", "ana"),
    "dotless i": ("hal\u0131", "hali"),
    "click, which is a bar": ("ha\u01c0", "hal"),
    "script g": ("\u0261old", "gold"),
    "small capitals": ("\u1d00\u0274\u1d00", "ana"),
    "accents": ("jos\u00e9", "jose"),
    "strokes and hooks": ("\u0127a\u0142\u00f8\u0253", "halob"),
    "ligatures": ("\u00e6on", "aeon"),
    "full width": ("\uff42\uff4f\uff42", "bob"),
    "mathematical": ("\U0001d41bob", "bob"),
    "digits of other scripts": ("town-\u0660\u06f1", "town-0l"),
    "letters without width": ("a\u200bn\u200d\ufeffa\u00ad", "ana"),
    "marks without class": ("ana\u034f\ufe0f", "ana"),
    "fillers": ("\u115fana\u3164\u2800", "ana"),
    "written backwards": ("\u202eana", "ana"),
}
APART = (
    ("polecat-7", "polecat-8"),
    ("town-1", "town-11"),
    ("ana", "anna"),
    ("d", "cl"),
    ("b", "8"),
    ("\u5317\u4eac", "\u5357\u4eac"),
    ("\u0431\u043e\u0431", "bob"),
    ("ana", ""),
)


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=list(ALIKE))
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other) != ""


@pytest.mark.parametrize(("one", "other"), APART)
def test_names_that_can_be_told_apart_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize("name", ["", "---", "\u200b", " . ", "\ud800"])
def test_what_shows_no_letter_has_no_skeleton(name: str) -> None:
    assert skeleton(name) == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana", "ana", True),
        (" ana ", "ana", True),
        ("\uff21na", "ana", True),
        ("stra\u00dfe", "STRASSE", True),
        ("ana-town", "ana_town", False),
        ("\u0430na", "ana", False),
    ],
)
def test_fold_is_about_spelling_and_not_about_looks(one: str, other: str, same: bool) -> None:
    assert (fold(one) == fold(other)) is same


names = st.text(max_size=12) | st.text("rnvw1lI0Oo5sS-_. \u0430\u0456\u200b\u00e9", max_size=12)


@given(names)
def test_a_skeleton_is_its_own_skeleton_and_knows_no_case(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name) == skeleton(fold(name))


@given(st.text("abcdefghjkmopqtuxyz2346789", min_size=1), st.text("abcdefghjkmopqtuxyz2346789", min_size=1))
def test_plain_names_without_twins_are_alike_only_if_they_are_equal(one: str, other: str) -> None:
    assert (skeleton(one) == skeleton(other)) is (one == other)
