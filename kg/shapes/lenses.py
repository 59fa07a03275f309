"""What the results of one path of a node can depend on, so that equal cases are put to an engine only once.

A registry writes the same few patterns half a million times: one title that is a text with words in it, one status of
the vocabulary, no collaborator. SHACL Core judges each property shape by nothing but the values at its path, and most
constraints look at little of a value: its kind, datatype, class, vocabulary, on which side of a bound it lies, whether
a pattern fits. A *lens* reduces the values of a path to that much, its *view*. Two nodes with equal views get equal
results, so the engine is asked once per view and its answer remembered. What a lens does not understand stays whole in
the view (then nothing is saved, and nothing is lost); an answer that names a value is never remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from pyoxigraph import NamedNode

from kg.shapes.parts import A, Part
from kg.shapes.paths import read_list
from kg.shapes.triples import Triples, index_triples
from kg.terms import RDF, SH, XSD

Values = Callable[[str, dict[str, list[str]], Part], Sequence[str]]
"""Values at a path, from a node, what is said of it, and the graph around it."""
Known = tuple[tuple[str, str], ...]
"""Shape and constraint of each result that names no value."""

_BOUNDS = ("minInclusive", "maxInclusive", "minExclusive", "maxExclusive")
_LENGTHS = ("minLength", "maxLength")
_COUNTS = ("minCount", "maxCount")
_OTHERS = ("lessThan", "lessThanOrEquals")
_RAW = ("hasValue", "in", "equals", "disjoint", "languageIn", "flags")
_PLAIN = ("datatype", "nodeKind")
_SILENT = frozenset(("path", "name", "description", "severity", "message", "group", "order"))
_CACHED = 50_000
_SHORT = 80
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_FORMS = {
    f"^^<{XSD}integer>": re.compile(r"-?\d{1,18}"),
    f"^^<{XSD}decimal>": re.compile(r"-?\d{1,18}(?:\.\d{1,9})?"),
    f"^^<{XSD}boolean>": re.compile(r"true|false"),
}
_DATE = f"^^<{XSD}date>"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class CannotLook(Exception):  # noqa: N818  # nothing is wrong: the shapes are beyond lenses, and every node is judged
    """The shapes hold something that lenses do not understand."""


class Needs(msgspec.Struct):
    """What the constraints of the shapes at one path look at."""

    cap: int = 1
    is_whole: bool = False
    has_class: bool = False
    patterns: list[re.Pattern[str]] = []
    bounds: list[Decimal] = []
    lengths: list[int] = []
    others: list[str] = []
    inner: list[Any] = []
    most_views: int = 0


class Lens:
    """One path from the nodes of one class, with the shapes that judge it.

    :ivar shapes: IRIs of the property shapes at this path.
    :ivar follows: Steps of a path of several; ``inverse`` the predicate of an inverse one.
    :ivar predicate: The only step of a plain path; ``is_plain`` where its values are compared with no others.
    :ivar reaches: Whether the shapes look at what is said of the values.
    :ivar known: Answers of the engine by view; None where the answer names a value and must be asked again.
    """

    def __init__(self, kind: str, steps: tuple[str, ...], needs: Needs, shapes: frozenset[str]) -> None:
        self.values, self.needs, self.shapes = _VALUES[kind](steps), needs, shapes
        self.follows = steps if kind == "sequence" else ()
        self.predicate = steps[0] if kind == "predicate" else ""
        self.is_plain = kind == "predicate" and not needs.others
        self.inverse = steps[0] if kind == "inverse" else ""
        self.known: dict[Hashable, Known | None] = {}
        self.views: dict[str, Hashable] = {}
        self.reaches = bool(needs.inner)
        self._depends = needs.has_class or self.reaches
        self._is_textual = not (needs.is_whole or needs.lengths or needs.bounds or self._depends)

    def look(self, node: str, described: dict[str, list[str]], part: Part) -> Hashable:
        """The view of a node's values at this path."""
        values = self.values(node, described, part)
        if not values:
            return self._compare(described, values, part) if self.needs.others else 0
        if len(values) == 1:
            view: Hashable = self.view(values[0], part)
        else:
            views = [self.view(value, part) for value in values]
            count = min(len(values), self.needs.cap)
            if self.needs.most_views:
                view = (count, frozenset((one, min(views.count(one), self.needs.most_views)) for one in views))
            else:
                view = (count, frozenset(views))
        return (view, self._compare(described, values, part)) if self.needs.others else view

    def view(self, value: str, part: Part) -> Hashable:
        """What the constraints can see of one value."""
        found = self.views.get(value)
        if found is None:
            found = self._view(value, part)
            is_own = self._depends and value in part.nodes
            if not is_own and len(value) < _SHORT:
                if len(self.views) > _CACHED:
                    self.views.clear()
                self.views[value] = found
        return found

    def _view(self, value: str, part: Part) -> Hashable:
        needs = self.needs
        if self._is_textual and value[0] == value[-1] == '"' and "\\" not in value:  # plain text, the commonest literal
            text = value[1:-1]
            return ("", "", *[pattern.search(text) is not None for pattern in needs.patterns])
        if value[0] == "<":
            text, kind = value[1:-1], "iri"
        elif value[0] == '"':
            end = value.rindex('"')
            text, kind = value[1:end], value[end + 1 :]
            if "\\" in text:
                text = unescape(text)
        else:
            return value
        seen: list[Hashable] = [kind, value if needs.is_whole or not is_well_formed(text, kind) else ""]
        seen += [pattern.search(text) is not None for pattern in needs.patterns]
        seen += [(len(text) > length) - (len(text) < length) for length in needs.lengths]
        if needs.bounds:
            number = _to_number(text)
            seen += [value] if number is None else [(number > one) - (number < one) for one in needs.bounds]
        if needs.has_class:
            seen.append(tuple(sorted(part.find(value).get(A, ()))))
        seen += [lens.look(value, part.find(value), part) for lens in needs.inner]
        return tuple(seen)

    def _compare(self, described: dict[str, list[str]], values: Sequence[str], part: Part) -> Hashable:
        """How the values stand to those of the properties they are compared with."""
        seen = []
        for other in self.needs.others:
            theirs = described.get(other, ())
            order = compare(values[0], theirs[0]) if len(values) == len(theirs) == 1 else None
            whole = (tuple(values), tuple(theirs)) if order is None and values and theirs else None
            seen.append((bool(theirs), order, whole))
        return tuple(seen)


def unescape(text: str) -> str:
    r"""The characters that an N-Triples string stands for.

    >>> unescape(r'a \"b\"')
    'a "b"'
    """
    return _ESCAPE.sub(
        lambda found: chr(int(found[1] or found[2], 16)) if found[1] or found[2] else _read_escape(found[3]), text
    )


def _read_escape(char: str) -> str:
    return _PLAIN_ESCAPES.get(char, char)


def is_well_formed(text: str, kind: str) -> bool:
    """Whether a value surely has its datatype's form; False where that takes an engine to say.

    >>> is_well_formed("words", ""), is_well_formed("1e3", "^^<http://www.w3.org/2001/XMLSchema#integer>")
    (True, False)
    """
    if kind in ("", "iri") or kind[0] == "@":
        return True
    if kind == _DATE and _DAY.fullmatch(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
        return True
    form = _FORMS.get(kind)
    return form is not None and form.fullmatch(text) is not None


def compare(left: str, right: str) -> int | None:
    """Order of two numbers or two days of one datatype: -1, 0, 1; None where it takes an engine to say."""
    one, two = left.rpartition('"'), right.rpartition('"')
    if one[2] != two[2] or not (is_well_formed(one[0][1:], one[2]) and is_well_formed(two[0][1:], two[2])):
        return None
    if one[2] == _DATE:
        return (one[0] > two[0]) - (one[0] < two[0])
    if one[2] in _FORMS and "boolean" not in one[2]:
        a, b = Decimal(one[0][1:]), Decimal(two[0][1:])
        return (a > b) - (a < b)
    return None


def _to_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def grind_lenses(shapes: str) -> dict[str, tuple[Lens, ...]]:
    """Lenses by class (IRI as N-Triples) for a shapes graph (N-Triples).

    :raises CannotLook: the shapes hold something that lenses do not understand.
    """
    triples = index_triples(shapes)
    lenses: dict[str, list[Lens]] = {}
    for node in list(triples):
        found = triples[node]
        if any(f"{SH}{name}" in found for name in ("targetNode", "targetObjectsOf", "targetSubjectsOf")):
            raise CannotLook
        for target in found.get(f"{SH}targetClass", ()):
            lenses.setdefault(str(target), []).extend(_grind_node(triples, node))
    return {target: tuple(group) for target, group in lenses.items()}


def _grind_node(triples: Triples, node: Any) -> list[Lens]:
    """Lenses for the property shapes of a node shape, one for each path."""
    if _own(triples, node) - _SILENT - {"targetClass", "property"}:
        raise CannotLook
    by_path: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
    for shape in triples[node].get(f"{SH}property", ()):
        by_path.setdefault(_read_path(triples, triples[shape][f"{SH}path"][0]), []).append(shape)
    return [_grind_path(triples, path, group) for path, group in by_path.items()]


def _own(triples: Triples, node: Any) -> set[str]:
    """What SHACL says of a shape, by local name."""
    return {name.removeprefix(SH) for name in triples[node] if name.startswith(SH)}


def _grind_path(triples: Triples, path: tuple[str, tuple[str, ...]], shapes: Sequence[Any]) -> Lens:
    needs = Needs()
    for shape in shapes:
        for name, objects in triples[shape].items():
            if name.startswith(SH):
                for value in objects:
                    _add_need(triples, needs, name.removeprefix(SH), value)
    names = frozenset(shape.value for shape in shapes if isinstance(shape, NamedNode))
    return Lens(*path, needs, names)


def _add_need(triples: Triples, needs: Needs, name: str, value: Any) -> None:
    if name in _SILENT or name in _PLAIN:
        return
    if name in _COUNTS:
        needs.cap = max(needs.cap, int(value.value) + 1)
    elif name in _RAW:
        needs.is_whole = True
        needs.others += [str(value)] if name in ("equals", "disjoint") else []
    elif name == "class":
        needs.has_class = True
    elif name == "pattern":
        needs.patterns.append(re.compile(value.value))
    elif name in _BOUNDS:
        needs.bounds.append(Decimal(value.value))
    elif name in _LENGTHS:
        needs.lengths.append(int(value.value))
    elif name in _OTHERS:
        needs.others.append(str(value))
    elif name in ("node", "qualifiedValueShape"):
        inner = _grind_node(triples, value)
        if any(lens.reaches or lens.follows or lens.inverse or lens.needs.has_class for lens in inner):
            raise CannotLook
        needs.inner += inner
    elif name in ("qualifiedMinCount", "qualifiedMaxCount"):
        needs.most_views = max(needs.most_views, int(value.value) + 1)
    elif name == "not" and not _own(triples, value) - _SILENT - {"in", "hasValue"}:
        needs.is_whole = True
    else:
        raise CannotLook


def _read_path(triples: Triples, node: Any) -> tuple[str, tuple[str, ...]]:
    """Kind and steps of a path."""
    if isinstance(node, NamedNode):
        return "predicate", (str(node),)
    found = triples[node]
    if f"{RDF}first" in found:
        kind, steps = "sequence", tuple(read_list(triples, node))
    elif f"{SH}inversePath" in found:
        kind, steps = "inverse", tuple(found[f"{SH}inversePath"])
    elif f"{SH}alternativePath" in found:
        kind, steps = "alternative", tuple(read_list(triples, found[f"{SH}alternativePath"][0]))
    else:
        raise CannotLook
    return kind, tuple(_read_step(triples, step) for step in steps)


def _read_step(triples: Triples, step: Any) -> str:
    """A predicate as N-Triples, after ``^`` where it is followed backwards."""
    if isinstance(step, NamedNode):
        return str(step)
    (back,) = triples[step].get(f"{SH}inversePath", ()) or (None,)
    if not isinstance(back, NamedNode):
        raise CannotLook
    return f"^{back}"


def _at_predicate(steps: tuple[str, ...]) -> Values:
    (predicate,) = steps
    return lambda node, described, part: described.get(predicate, ())


def _at_inverse(steps: tuple[str, ...]) -> Values:
    (predicate,) = steps
    return lambda node, described, part: part.find_incoming(predicate).get(node, ())


def _at_alternative(steps: tuple[str, ...]) -> Values:
    return lambda node, described, part: list(
        dict.fromkeys(value for predicate in steps for value in described.get(predicate, ()))
    )


def _at_sequence(steps: tuple[str, ...]) -> Values:
    def follow(node: str, described: dict[str, list[str]], part: Part) -> list[str]:
        near = [node]
        for step in steps:
            near = [far for one in near for far in take_step(one, step, part)]
        return list(dict.fromkeys(near))

    return follow


def take_step(node: str, step: str, part: Part) -> Sequence[str]:
    """Nodes one step on; ``^`` before a predicate goes backwards."""
    if step[0] == "^":
        return part.find_incoming(step[1:]).get(node, ())
    return part.find(node).get(step, ())


_VALUES: dict[str, Callable[[tuple[str, ...]], Values]] = {
    "predicate": _at_predicate,
    "inverse": _at_inverse,
    "alternative": _at_alternative,
    "sequence": _at_sequence,
}
