"""Texts that make a regular expression work hard, made from its own parse tree.

Only a repeat without an upper bound can make the work grow faster than the text. For each, texts are made of words that
lead to it, many turns of it, and an end that no match has; and of leads and turns that come again and again, since a
search begins anew at every place.
"""

from __future__ import annotations

import importlib
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

# Names of the standard library that nobody has promised; they are alike in Python 3.11 to 3.13.
compiler, ops, trees = (importlib.import_module(f"re._{name}") for name in ("compiler", "constants", "parser"))
POOL = "a1 -/A_(.,:;\n+x\\\"'\u00e9\u2265é\u0301"
"""Signs that a class is tried on, besides those that the pattern names."""
MANY = 1000
"""A repeat with a bound beyond this is as good as endless."""
_SEED = 20261130
_MOST = 120
"""Families of texts that are tried on one pattern."""
_ENDS = ("\x00", "", "\n", "!")
_BYTES = "latin-1"
_CLASSES = (ops.IN, ops.ANY, ops.NOT_LITERAL)
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)

Tree = Sequence[tuple[Any, Any]]


class Pump(msgspec.Struct, frozen=True):
    """A family of texts: ``head``, ``turn`` as often as wanted, ``end``."""

    head: str
    turn: str
    end: str

    def make(self, size: int) -> str:
        """The text of about ``size`` characters."""
        return self.head + self.turn * (size // len(self.turn)) + self.end


def parse(pattern: re.Pattern[Any]) -> Tree:
    """The parse tree of a pattern."""
    tree: Tree = trees.parse(pattern.pattern, pattern.flags)
    return tree


def is_endless(tree: Tree) -> bool:
    """Whether a pattern holds a repeat without a bound; if not, its work at each place is bounded."""
    return any(is_endless_repeat(node) or any(map(is_endless, _list_inner(node))) for node in tree)


def is_endless_repeat(node: tuple[Any, Any]) -> bool:
    return node[0] in _REPEATS and node[1][1] > MANY


def _list_inner(node: tuple[Any, Any]) -> list[Tree]:
    """Trees inside of a node."""
    op, value = node
    if op in _REPEATS:
        return [value[2]]
    if op is ops.BRANCH:
        return list(value[1])
    if op is ops.SUBPATTERN:
        return [value[-1]]
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [value[1]]
    if op is ops.ATOMIC_GROUP:
        return [value]
    if op is ops.GROUPREF_EXISTS:
        return [one for one in value[1:] if one]
    return []


def list_pumps(pattern: re.Pattern[Any]) -> list[Pump]:
    """Families of texts for every endless repeat of a pattern, each once."""
    tree = parse(pattern)
    writer = _Writer(tree, pattern.flags)
    found: dict[tuple[str, str, str], Pump] = {}
    for before, repeat in _find_repeats(tree, []):
        for pump in _make_pumps(writer, before, repeat):
            found.setdefault((pump.head, pump.turn, pump.end), pump)
    pumps = list(found.values())
    return pumps if len(pumps) <= _MOST else random.Random(_SEED).sample(pumps, _MOST)  # noqa: S311  # a fixed seed


def _find_repeats(tree: Tree, before: list[tuple[Any, Any]]) -> Iterator[tuple[list[tuple[Any, Any]], Any]]:
    """Each endless repeat with the nodes that a match goes through before it."""
    for at, node in enumerate(tree):
        lead = [*before, *list(tree)[:at]]
        if is_endless_repeat(node):
            yield lead, node
        for inner in _list_inner(node):
            yield from _find_repeats(inner, lead)


def _make_pumps(writer: _Writer, before: Tree, repeat: tuple[Any, Any]) -> Iterator[Pump]:
    turns, heads = writer.write_some(repeat[1][2]), writer.write_some(before)
    for turn, end in itertools.product(turns, _ENDS):
        yield Pump("", turn, end)
        yield Pump(heads[0], turn, end)
    for head, turn in itertools.product(heads[:4], turns[:6]):
        for end in _ENDS[:2]:
            yield Pump("", head + turn, end)
            yield Pump("", f"{head}{turn} ", end)
        if head:
            yield Pump("", head, _ENDS[1])
            yield Pump("", head + turn * 3, _ENDS[1])
    for one, other in itertools.permutations(turns[:4], 2):
        yield Pump(heads[0], one + other, _ENDS[1])


class _Writer:
    """Writes words that parts of a pattern match."""

    def __init__(self, tree: Tree, flags: int) -> None:
        self._flags = flags
        self._marks = [one for one in dict.fromkeys(_list_literals(tree)) if not one.isalnum()][:8]
        self._signs: dict[int, list[str]] = {}
        self._random = random.Random(_SEED)  # noqa: S311  # a fixed seed, not a secret

    def write_some(self, tree: Tree) -> list[str]:
        """A few words that the tree matches: every sign that a lone class takes, else some of each sort."""
        nodes = list(tree)
        if len(nodes) == 1 and nodes[0][0] is ops.SUBPATTERN:
            return self.write_some(nodes[0][1][-1])
        if len(nodes) == 1 and nodes[0][0] is ops.BRANCH:
            return [one for tree in nodes[0][1][1] for one in self.write_some(tree)[:8]][:24]
        if nodes and nodes[-1][0] in _CLASSES:
            lead = self._write(nodes[:-1], least=True)
            return [lead + sign for sign in self._list_signs(nodes[-1])] or ["a"]
        written = [self._write(nodes, least=least) for least in (True, False, *[None] * 6)]
        return [one for one in dict.fromkeys(written) if one] or ["a" if nodes else ""]

    def _write(self, tree: Tree, *, least: bool | None) -> str:
        return "".join(self._write_node(node, least=least) for node in tree)

    def _write_node(self, node: tuple[Any, Any], *, least: bool | None) -> str:
        op, value = node
        if op is ops.LITERAL:
            return chr(value)
        if op in _CLASSES:
            return self._random.choice(self._list_signs(node) or [""])
        if op is ops.BRANCH:
            return self._write(self._random.choice(value[1]), least=least)
        if op in _REPEATS:
            low, high, body = value
            most = min(high, max(low, 2))
            times = low if least else most if least is False else self._random.randint(low, most)
            return "".join(self._write(body, least=least) for _ in range(times))
        if op is ops.SUBPATTERN:
            return self._write(value[-1], least=least)
        if op is ops.ATOMIC_GROUP:
            return self._write(value, least=least)
        return ""

    def _list_signs(self, node: tuple[Any, Any]) -> list[str]:
        """Signs that a class takes: of the pool, and the first of what it names."""
        if id(node) not in self._signs:
            named = [chr(code) for code in _list_codes(node)]
            pattern = self._compile(node)
            taken = [one for one in dict.fromkeys((*named, *self._marks, *POOL)) if pattern.fullmatch(one)]
            self._signs[id(node)] = taken[:12]
        return self._signs[id(node)]

    def _compile(self, node: tuple[Any, Any]) -> re.Pattern[str]:
        """The node as a pattern of its own; one of bytes is tried as if it were text."""
        state = trees.State()
        state.flags, state.str = self._flags, ""
        pattern: re.Pattern[str] = compiler.compile(trees.SubPattern(state, [node]), self._flags)
        return pattern


def _list_literals(tree: Tree) -> Iterator[str]:
    """Signs that stand in a pattern by themselves."""
    for node in tree:
        if node[0] is ops.LITERAL:
            yield chr(node[1])
        for inner in _list_inner(node):
            yield from _list_literals(inner)


def _list_codes(node: tuple[Any, Any]) -> Iterator[int]:
    """Code points that a class names."""
    op, value = node
    for kind, part in value if op is ops.IN else ():
        if kind is ops.LITERAL:
            yield part
        elif kind is ops.RANGE:
            yield from (part[0], part[1])


def encode(text: str, pattern: re.Pattern[Any]) -> Any:
    """The text as the pattern takes it."""
    return text.encode(_BYTES, "replace") if isinstance(pattern.pattern, bytes) else text
