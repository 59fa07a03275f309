"""No regular expression of ``kg`` takes longer than its text grows.

A pattern that looks quadratic is mended (a repeat gets a bound, a search a place where it may begin) or, where a caller
bounds its text, judged in `EXCEPTIONS` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest

from kg.ask import ages, hints, intents, single_facts
from kg.ask.words import HINTS
from kg.shapes.registries import load_registries
from tests.patterns.found import Pattern, list_held, list_modules, list_uses, list_written
from tests.patterns.pumps import is_endless, parse
from tests.patterns.shapes import choose_work, find_all, find_bad_pump, match_once

pytestmark = pytest.mark.no_cover  # what is measured here is work, and tracing multiplies it

EXCEPTIONS = {
    "kg.locations._S3_USER": "reads a source of the command line, which its user gives",
    "kg.locations:hide_secrets": "reads a source of the command line, or an error's text that `explain` has cut",
    "kg.locations:explain": "reads an error's text, cut to 4,000 characters",
    "kg.orders._KEY": "reads stored queries, which ship with kg",
    "kg.queries._SELECTED": "reads stored queries, which ship with kg",
    "kg.templates._TOKEN": "reads stored queries, which ship with kg",
    "kg.shapes.lints._CLASS": "reads patterns of shapes that `re` has compiled: every class in them is closed",
}
"""Patterns that may grow faster than their text, and why nobody can make use of it."""


def _list_intents() -> Iterable[str]:
    return (text for intent in intents.INTENTS for text in (intent.says, intent.also) if text)


ASSEMBLED: dict[str, Callable[[], Iterable[str | Pattern]]] = {
    "kg.ask.ages:_list_ages": lambda: (group + ages._NO_HOUSE for group in ages._GROUPS),
    "kg.ask.filters:has_words": lambda: (),  # a name, escaped
    "kg.ask.filters:split_values": lambda: (" or ", r" (?:and|or) "),
    "kg.ask.hints:_find_strange_antigen": lambda: (hints._BINDING + "CD99",),
    "kg.ask.hints:hint_at": lambda: HINTS,
    "kg.ask.intents:own_words": _list_intents,
    "kg.ask.plans:_find_spans": _list_intents,
    "kg.ask.single_facts:_list_words": single_facts._list_words,
    "kg.extract.amounts:compile_any": lambda: (),  # makes patterns that modules hold
    "kg.fields:_find_line": lambda: (),  # a name, escaped
    "kg.fields:_is_pattern": lambda: (),  # what a declaration says; compiled to see whether it can be, never searched
    "kg.remote_files:_match_folders": lambda: (),  # a source of the command line
    "kg.sources.folders:_match_part": lambda: (),  # a source of the command line
    "kg.web.tokens:_compile": lambda: (),  # tests/web measures all of them on runs of each kind
    "kg.extract.presence:_is_qualified": lambda: (),  # words, escaped
    "kg.shapes.lenses:_add_need": lambda: (),  # patterns of shapes, which `kg.shapes.lints` has let pass
    "kg.shapes.lints:find_pattern_fault": lambda: (),  # compiles a pattern and does not run it
    "kg.shapes.registries:load_registries": lambda: (one.ids for one in load_registries()),
}
"""Patterns that functions put together, by the place of the call; each place gives what it makes of our own tables."""


@cache
def _list_patterns(module: str) -> tuple[tuple[str, Pattern], ...]:
    """Name and pattern of all that a module holds, writes or puts together."""
    loaded = next(one for one in list_modules() if one.__name__ == module)
    written = [(name, pattern) for name, pattern in list_written(loaded) if pattern]
    made = [
        (name, one if isinstance(one, re.Pattern) else re.compile(one, re.IGNORECASE))
        for name, make in ASSEMBLED.items()
        if name.startswith(f"{module}:")
        for one in make()
    ]
    return (*((one.name, one.pattern) for one in list_held(loaded)), *written, *made)


def _find_faults(module: str) -> dict[str, str]:
    """Names of a module's patterns that grow too fast, each with its text and the texts that show it."""
    uses = list_uses(next(one for one in list_modules() if one.__name__ == module))
    faults = {}
    for name, pattern in _list_patterns(module):
        used = uses.get(name.rpartition(".")[2], set())
        if pump := find_bad_pump(pattern, choose_work(used)):
            faults[name] = f"{pattern.pattern!r} on {pump}"
    return faults


MODULES = [one.__name__ for one in list_modules()]


@pytest.mark.parametrize("module", MODULES)
def test_no_pattern_grows_faster_than_its_text(module: str) -> None:
    """Twice the text costs at most 2.6 times the work, on texts made against every endless repeat."""
    faults = _find_faults(module)
    allowed = {name for name in EXCEPTIONS if re.match(rf"{re.escape(module)}[.:][^.]*$", name)}
    assert not {name: told for name, told in faults.items() if name not in allowed}
    assert allowed <= faults.keys(), "an exception that is none any more: take it away"


def test_every_pattern_that_a_run_puts_together_is_listed() -> None:
    """A call of ``re`` whose pattern the source does not tell stands in `ASSEMBLED`, and nothing else does."""
    found = {name for module in list_modules() for name, pattern in list_written(module) if pattern is None}
    assert found == ASSEMBLED.keys()


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w+@",
        r"(a+)+$",
        r"(?:v\.?)?\s?[1-6](?![\d.]*\w)",
        r"(?:/|[/\w -]*/)",
        r"\W{0,2}(?:(?:is|are)\s)?(?:\+|(?:\w+\s){0,2}express)",
        r"\b(?:time|of) (?:of |to |the |signed )*$",
        r".*(?:\d|mab|nib)",
        r"\b[A-Z][\w&'’-]*(?:\s(?:of\s|and\s|the\s)*[A-Z][\w&'’-]*)+",
        r"no [^.]*remission",
        r'"(?:[^"\\]|\\.)*"',
        r"(?:\w+, )+and",
        r"\s+$",
        r"(?=\w*\d)[A-Z]",
    ],
)
def test_a_pattern_that_grows_too_fast_is_found(pattern: str) -> None:
    """One of each shape that was found in ``kg``, and the shapes of textbooks."""
    assert find_bad_pump(re.compile(pattern)) is not None


@pytest.mark.parametrize(
    "pattern",
    [r"\w{1,20}@", r"(?<!\w)\w+@", r"[^\n]+", r"no [^.]{0,60}remission", r"\bx\w*", r"(?<!\s)\s+$", r"\S+\s?"],
)
def test_a_pattern_with_a_bound_passes(pattern: str) -> None:
    """A bound, a place where a search may begin, or a repeat that takes what it passes over."""
    assert find_bad_pump(re.compile(pattern)) is None


def test_a_pattern_that_looks_once_is_run_once() -> None:
    """What only ``fullmatch`` is called of goes through its text from one place."""
    once: Any = re.compile(r"[a-z]+://\S+:\d+")
    assert find_bad_pump(once, match_once) is None
    assert find_bad_pump(once, find_all) is not None
    assert is_endless(parse(once))
