"""A query is cut into the tokens of the grammar, in time that grows with its length and no faster."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.web.limits import QueryRefused, check_query
from kg.web.tokens import cut_tokens

NAIVE = re.compile(
    r"""
      (?P<comment>\#[^\n\r]*)
    | (?P<iri><[^<>"{}|^`\\\x00-\x20]*>)
    | (?P<string>\"{3}(?:\"{0,2}(?:[^"\\]|\\.))*\"{3} | '{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}
        | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*')
    | (?P<open>[{(\[]) | (?P<close>[})\]])
    | (?P<variable>[?$]\w+)
    | (?P<name>(?:[^\W\d](?:[\w.-]*[\w-])?)?:(?:(?:[\w:.-]|%[0-9A-Fa-f]{2}|\\.)*(?:[\w:-]|%[0-9A-Fa-f]{2}|\\.))?)
    | (?P<word>@?[A-Za-z_]\w*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<space>\s+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""The grammar of SPARQL 1.1, section 19.8, as it reads: right, and quadratic."""
SIGNS = [
    *"\"'\\\n<>aéZ²٣1.-:%_?$@#{([])}eE+^;,!\t \x00", '"""', "'''", '\\"', "\\'",
    "%41", "%4", "😀", "SERVICE", "a-",
]  # fmt: skip
UNITS = {
    "hyphens": "a-", "dots": "a.", "beyond-ascii": "é", "beyond-ascii-hyphens": "é-", "superscripts": "²-",
    "digits-beyond-ascii": "٣-", "emoji": "😀", "numbers": "1.1", "exponents": "1e", "signed-exponents": "1e+",
    "leading-dots": ".1", "double": '"', "double-escaped": '"\\"', "double-lines": '"\n', "double-letters": '"a-',
    "single": "'", "single-escaped": "'\\'", "single-lines": "'\n", "both": "\"'\\\"\\'", "long-double": '"""\\"',
    "long-single": "'''\\'", "long-spaced": '""" ', "escapes": "\\u00e9", "half-escapes": "\\u", "backslashes": "\\",
    "iri": "<", "iri-letters": "<a", "iri-hyphens": "<a-", "iri-whole": "<a>", "comment": "#", "comment-lines": "#\n",
    "colons": ":", "local-dots": ":a.", "local-only-dots": ":..", "local-percent": ":%4", "local-escapes": ":\\.",
    "percent": ":%41", "variables": "?a-", "tags": "@a-", "words": "ab ", "spaces": " ", "brackets": "([{",
    "nul": "\x00", "control": "\x00\x01", "quoted-name": "a-\"\\\"'\\'",
}  # fmt: skip
OPENINGS = ["", '"', "'", '"""', "'''", "<", "a-", ":", "#", "\\"]
FLOOR = 0.004
"""Seconds below which a doubling cannot be told from noise."""


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=60).map("".join))
def test_the_tokens_are_those_of_the_grammar(text: str) -> None:
    """Whatever is left out on the way could not have been there."""
    kinds = {"long_double": "string", "long_single": "string", "double": "string", "single": "string"}
    found = [(kinds.get(kind, kind), word) for kind, word in cut_tokens(text)]
    naive = [(str(one.lastgroup), one[0]) for one in NAIVE.finditer(text)]
    assert found == [one for one in naive if one[0] not in ("space", "comment")]


def read_all(text: str) -> None:
    for _ in cut_tokens(text):
        pass


def check(text: str) -> None:
    with suppress(QueryRefused):
        check_query(text)


def make_text(opening: str, unit: str, size: int) -> str:
    """The opening and the unit again and again, in so many bytes."""
    text = opening + unit * (size // len(unit.encode()))
    return text.encode()[:size].decode(errors="ignore")


def measure(work: Callable[[str], None], text: str) -> float:
    """Seconds of the processor."""
    begun = time.process_time()
    work(text)
    return time.process_time() - begun


def is_linear(work: Callable[[str], None], opening: str, unit: str) -> bool:
    """Whether no doubling from 8 to 64 KB takes more than 2.6 times as long, by the best of up to eight runs."""
    texts = [make_text(opening, unit, size << 10) for size in (8, 16, 32, 64)]
    best = [1e9] * len(texts)
    for _ in range(8):
        best = [min(known, measure(work, text)) for known, text in zip(best, texts, strict=True)]
        if all(after < max(FLOOR, 2.6 * before) for before, after in itertools.pairwise(best)):
            return True
    return False


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_takes_twice_the_time(unit: str) -> None:
    """Whatever begins the text and is never ended; a square would show as four times."""
    assert [opening for opening in OPENINGS if not is_linear(check, opening, UNITS[unit])] == []
    assert is_linear(read_all, "", UNITS[unit])
