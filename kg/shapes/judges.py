"""Judge a part of the graph: every shape on every node, by one of the engines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator

import msgspec

from kg.errors import ShapeError
from kg.shapes.engines import Result, Run, find_engine, read_results, start_engine
from kg.shapes.lenses import CannotLook, Known, Lens, grind_lenses, take_step
from kg.shapes.parts import A, Part

_MISSING: Known = (("", ""),)
_MOST_KNOWN = 200_000
"""Views remembered per path; beyond, it begins anew, so that memory stays flat."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """One result on one node, before its trial is known. ``shape`` is an IRI, ``value`` N-Triples.

    :ivar note: What a check of our own has to say beside its message.
    :ivar label: The node's own words, where it is a part of a trial; ``role`` is an endpoint's role (IRI).
    """

    focus: str
    shape: str
    component: str
    value: str | None
    note: str = ""
    label: str = ""
    role: str = ""


class Judge:
    """One engine with the shapes, and what it has answered so far.

    :param remembers: Whether equal cases are put to the engine once (``kg.shapes.lenses``); pySHACL, the reference,
        sees every node of the graph.
    """

    def __init__(self, engine: str, shapes: str, remembers: bool | None = None) -> None:
        self.engine = find_engine(engine)
        self.run: Run = start_engine(self.engine, shapes)
        self._lenses: dict[str, tuple[Lens, ...]] | None = None
        if self.engine == "rudof" if remembers is None else remembers:
            try:
                self._lenses = grind_lenses(shapes)
            except CannotLook:
                self._lenses = None
        self._backwards = frozenset(
            step.removeprefix("^")
            for lenses in (self._lenses or {}).values()
            for lens in lenses
            for step in (*lens.follows, *((f"^{lens.inverse}",) if lens.inverse else ()))
            if step.startswith("^")
        )
        self._by_types: dict[tuple[str, ...], tuple[Lens, ...]] = {}

    def judge(self, part: Part) -> list[Found]:
        """All results on the nodes of a part."""
        if self._lenses is None:
            return list(self._read(part.write()))
        part.index_incoming(self._backwards)
        found: list[Found] = []
        waiting = list(self._sift(part, part.nodes, found))
        is_first = True
        while waiting:
            sent = _pick(waiting) if is_first else waiting
            self._ask(part, sent, found)
            done = {node for node, _ in sent}
            waiting = list(self._sift(part, [node for node, _ in waiting if node not in done], found))
            is_first = False
        return found

    def _read(self, data: str) -> Iterator[Found]:
        """The engine's results on a graph."""
        for one in read_results(self.run(data)):
            if one.component == "Node" and (one.value or "").startswith('"'):
                continue  # sh:nodeKind beside it has said it; pyrudof does not test literals with sh:node
            yield _to_found(one)

    def _sift(
        self, part: Part, nodes: Iterable[str], found: list[Found]
    ) -> Iterator[tuple[str, list[tuple[Lens, Hashable]]]]:
        """Add what is known; give the nodes that an engine must see, with their views."""
        for node in nodes:
            described = part.nodes[node]
            views = []
            answers: list[tuple[str, str]] = []
            is_new = False
            for lens in self._find_lenses(described):
                if lens.is_plain:  # the commonest case, without a call
                    values = described.get(lens.predicate)
                    if values is None:
                        view: Hashable = 0
                    elif len(values) == 1:
                        view = lens.views.get(values[0])
                        if view is None:
                            view = lens.view(values[0], part)
                    else:
                        view = lens.look(node, described, part)
                else:
                    view = lens.look(node, described, part)
                known = lens.known.get(view, _MISSING)
                if known is None or known is _MISSING:
                    is_new = True
                elif known:
                    answers += known
                views.append((lens, view))
            if is_new:
                yield node, views
            else:
                found += [Found(node, shape, component, None) for shape, component in answers]

    def _find_lenses(self, described: dict[str, list[str]]) -> tuple[Lens, ...]:
        types = tuple(described.get(A, ()))
        lenses = self._by_types.get(types)
        if lenses is None:
            assert self._lenses is not None  # noqa: S101  # judge() has seen to it
            lenses = self._by_types[types] = tuple(lens for one in sorted(types) for lens in self._lenses.get(one, ()))
        return lenses

    def _ask(self, part: Part, sent: list[tuple[str, list[tuple[Lens, Hashable]]]], found: list[Found]) -> None:
        """Put nodes to the engine with what surrounds them, and remember what it says."""
        lines: set[str] = set()
        for node, views in sent:
            lines.update(_describe(part, node, views))
        by_node: dict[str, list[Found]] = defaultdict(list)
        for found_one in self._read("".join(sorted(lines))):
            by_node[found_one.focus].append(found_one)
        for node, views in sent:
            ours = by_node.get(node, [])
            found += ours
            for lens, view in views:
                answers = [one for one in ours if one.shape in lens.shapes]
                if len(lens.known) > _MOST_KNOWN:
                    lens.known.clear()
                is_general = all(one.value is None for one in answers)
                lens.known[view] = tuple((one.shape, one.component) for one in answers) if is_general else None


def _to_found(one: Result) -> Found:
    if not one.shape:
        raise ShapeError(
            f"the engine reports a shape without an IRI on {one.focus}", mend="Give every property shape an IRI"
        )
    return Found(one.focus, one.shape, one.component, one.value)


def _pick(waiting: list[tuple[str, list[tuple[Lens, Hashable]]]]) -> list[tuple[str, list[tuple[Lens, Hashable]]]]:
    """Nodes that together show every new view; the others are judged by what is learnt from them."""
    claimed: set[tuple[int, Hashable]] = set()
    picked = []
    for node, views in waiting:
        fresh = [
            key
            for lens, view in views
            if lens.known.get(view, _MISSING) in (None, _MISSING) and (key := (id(lens), view)) not in claimed
        ]
        if fresh or any(lens.known.get(view, _MISSING) is None for lens, view in views):
            picked.append((node, views))
            claimed.update(fresh)
    return picked


def _describe(part: Part, node: str, views: list[tuple[Lens, Hashable]]) -> Iterator[str]:
    """A node's statements, and of its neighbours what the shapes look at there."""
    described = part.nodes[node]
    yield from _write(node, described)
    for predicate, values in described.items():
        for value in values:
            if predicate != A and value[0] == "<":
                yield from (f"{value} {A} {one} .\n" for one in part.find(value).get(A, ()))
    for lens, _ in views:
        if lens.reaches:
            for value in lens.values(node, described, part):
                yield from _write(value, part.find(value))
        near = [node]
        for step in lens.follows:
            for one in near:
                yield from _write_step(one, step, part)
            near = [value for one in near for value in take_step(one, step, part)]
        if lens.inverse:
            for subject in part.find_incoming(lens.inverse).get(node, ()):
                yield f"{subject} {lens.inverse} {node} .\n"


def _write_step(node: str, step: str, part: Part) -> Iterator[str]:
    for value in take_step(node, step, part):
        yield f"{value} {step[1:]} {node} .\n" if step[0] == "^" else f"{node} {step} {value} .\n"


def _write(node: str, described: dict[str, list[str]]) -> Iterator[str]:
    for predicate, values in described.items():
        for value in values:
            yield f"{node} {predicate} {value} .\n"
