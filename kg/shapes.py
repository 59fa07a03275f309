"""SHACL validation: the shapes of ``shapes/``, two engines that read them, and what they find, by trial.

pyrudof (Rust) does the bulk; pySHACL is the reference and a test compares the two. Both are given the same triples:
those of the trials, and beside them which vocabulary each term belongs to, so that a shape can ask for a term of it.
Severity, message and item come from the source shape, never from an engine: engines drop or replace messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kg.errors import ShapeError, UsageError
from kg.resources import find_root, list_files
from kg.store import Snapshot
from kg.terms import ID, KG, PREFIXES, RDF, RDFS, SH, SKOS, iri, kg, literal
from kg.vocabularies import load_vocabularies

if TYPE_CHECKING:
    from rdflib import Graph

KSH = KG.replace("ontology#", "shapes#")
"""Namespace of the shapes."""
SEVERITIES = ("violation", "warning", "info")
"""Worst first."""
BATCH = 200
"""Trials given to an engine at once; one call has a fixed cost, and memory grows with the batch."""

_CORE = frozenset(
    """
    NodeShape PropertyShape PropertyGroup IRI Literal BlankNode BlankNodeOrIRI BlankNodeOrLiteral IRIOrLiteral
    Violation Warning Info targetClass targetNode targetObjectsOf targetSubjectsOf property path inversePath
    alternativePath zeroOrMorePath oneOrMorePath zeroOrOnePath severity message name description order group
    defaultValue node not and or xone class datatype nodeKind minCount maxCount minExclusive minInclusive
    maxExclusive maxInclusive minLength maxLength pattern flags languageIn uniqueLang equals disjoint lessThan
    lessThanOrEquals qualifiedValueShape qualifiedMinCount qualifiedMaxCount qualifiedValueShapesDisjoint closed
    ignoredProperties hasValue in
    """.split()  # noqa: SIM905
)
"""Terms of SHACL Core (https://www.w3.org/TR/shacl/) that a shape may use; engines ignore misspelt ones."""
_TARGETS = ("targetClass", "targetNode", "targetObjectsOf", "targetSubjectsOf")
_LINKS = ("property", "node", "not", "qualifiedValueShape")
_LIST_LINKS = ("and", "or", "xone")
_LOOKAROUND = ("(?=", "(?!", "(?<")

Triples = dict[Any, dict[str, list[Any]]]
"""Objects by subject and predicate IRI."""


class PropertyShape(msgspec.Struct, frozen=True):
    """What a finding takes from the shape that it comes from.

    :ivar name: Local name in `KSH`.
    :ivar path: SPARQL property path with prefixes, for example ``kg:hasEndpoint/kg:endpointRole``.
    :ivar turtle_path: The same path as Turtle, for reports.
    :ivar card_key: Key of the trial card that shows the property at the end of the path.
    :ivar item: Short name of what is missing or wrong.
    :ivar not_for: Study types (IRIs) of which the item is not asked.
    """

    name: str
    path: str
    turtle_path: str
    card_key: str | None
    severity: str
    message: str
    comment: str
    item: str
    group: str
    who_item: int | None
    not_for: frozenset[str]


class Shapes(msgspec.Struct, frozen=True):
    """The shapes graph as N-Triples, and its property shapes by IRI."""

    text: str
    properties: dict[str, PropertyShape]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thing to mend in one trial.

    :ivar trial: IRI of the trial; a site, organisation or date that several trials share is found once for each.
    :ivar focus: IRI of the node that does not conform.
    :ivar path: SPARQL property path with prefixes.
    :ivar card_key: Key of the trial card, where the property has one.
    :ivar severity: One of `SEVERITIES`.
    :ivar value: The value that does not conform, as N-Triples; None where something is missing.
    :ivar shape: Local name of the property shape; ``evidence-quote`` for a quote that the record does not hold.
    :ivar component: SHACL's name of the broken constraint without its ending: ``MinCount``, ``Datatype`` …
    :ivar who_item: Number of the item in the WHO Trial Registration Data Set.
    """

    trial: str
    registry_id: str | None
    focus: str
    path: str
    card_key: str | None
    severity: str
    message: str
    value: str | None
    shape: str
    who_item: int | None
    item: str
    component: str


class ItemCount(msgspec.Struct, frozen=True):
    """How often one item was found, and in how many trials."""

    shape: str
    item: str
    card_key: str | None
    who_item: int | None
    severity: str
    findings: int
    trials: int


class Summary(msgspec.Struct, frozen=True):
    """Counts by severity, and by item with the worst and commonest first."""

    trials: int
    severities: dict[str, int]
    items: tuple[ItemCount, ...]


class _Group(msgspec.Struct):
    """The statements of one trial, by record, as N-Triples lines."""

    trial: str
    registry_id: str | None
    study_types: frozenset[str]
    records: dict[str, list[str]]


# Shapes


def load_shapes() -> Graph:
    """All shapes as one graph.

    :raises ShapeError: a file is not Turtle, or a shape would silently check nothing.
    """
    from rdflib import Graph

    return Graph().parse(data=read_shapes().text, format="nt")


@cache
def read_shapes() -> Shapes:
    """All shapes of ``shapes/``, linted.

    :raises ShapeError: as in `load_shapes`.
    """
    return compile_shapes(list_files("shapes", ".ttl"))


def compile_shapes(files: Sequence[Path]) -> Shapes:
    """Read and lint shapes files.

    :raises ShapeError: as in `load_shapes`.
    """
    triples: Triples = defaultdict(lambda: defaultdict(list))
    origins: dict[Any, Path] = {}
    lines = []
    for path in files:
        for triple in _read_turtle(path):
            _check_terms(triple, path)
            triples[triple.subject][triple.predicate.value].append(triple.object)
            origins.setdefault(triple.subject, path)
            lines.append(f"{triple.subject} {triple.predicate} {triple.object} .\n")
    shapes = {node for node in triples if _types(triples, node) & {f"{SH}NodeShape", f"{SH}PropertyShape"}}
    users = _check_shapes(triples, shapes, origins)
    for node in sorted(shapes, key=str):
        if node not in users and not any(f"{SH}{target}" in triples[node] for target in _TARGETS):
            raise ShapeError(
                f"{node} has no target and no shape refers to it: it checks nothing",
                where=origins[node].name,
                mend="Give it sh:targetClass, or name it in sh:property or sh:node of another shape",
            )
    _check_recursion(triples, shapes, origins)
    properties = {node.value: _make_property_shape(triples, node) for node in shapes if f"{SH}path" in triples[node]}
    return Shapes("".join(sorted(lines)), properties)


def _read_turtle(path: Path) -> Iterator[Triple]:
    try:
        for quad in parse(path=str(path), format=RdfFormat.TURTLE, rename_blank_nodes=True):
            yield quad.triple
    except SyntaxError as error:
        raise ShapeError(
            f"not Turtle: {error.msg}", where=f"{path.name}:{error.lineno}", mend="Correct the file"
        ) from None
    except OSError as error:
        raise ShapeError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _check_terms(triple: Triple, path: Path) -> None:
    """Refuse terms that an engine would ignore or that nobody declares."""
    for term in (triple.predicate, triple.object):
        if not isinstance(term, NamedNode):
            continue
        name = term.value.removeprefix(SH)
        if name == "deactivated":
            raise ShapeError(
                f"{triple.subject} has sh:deactivated: it checks nothing", where=path.name, mend="Remove the shape"
            )
        if term.value.startswith(SH) and name not in _CORE:
            raise ShapeError(
                f"sh:{name} is no term of SHACL Core",
                where=path.name,
                mend="Look for a misspelling; sh:sparql is not used here",
            )
        if term.value.startswith(KG) and term.value not in read_ontology():
            raise ShapeError(
                f"kg:{term.value.removeprefix(KG)} is not declared",
                where=path.name,
                mend="Declare it in ontology/kg.ttl, or correct it",
            )
    if triple.predicate.value == f"{SH}pattern" and any(look in str(triple.object) for look in _LOOKAROUND):
        raise ShapeError(
            f"{triple.subject} has a pattern that looks around, which pyrudof refuses",
            where=path.name,
            mend="Write it without (?…)",
        )


def _types(triples: Triples, node: Any) -> set[str]:
    return {one.value for one in triples[node].get(f"{RDF}type", ()) if isinstance(one, NamedNode)}


def _check_shapes(triples: Triples, shapes: Collection[Any], origins: Mapping[Any, Path]) -> set[Any]:
    """Check each property shape; give the shapes that other shapes refer to."""
    users = set()
    for node in sorted(shapes, key=str):
        for linked in _refer(triples, node):
            if linked not in shapes:
                raise ShapeError(
                    f"{node} refers to {linked}, which is no shape", where=origins[node].name, mend="Correct the name"
                )
            users.add(linked)
        if f"{SH}PropertyShape" in _types(triples, node):
            missing = [
                name
                for name, one in (
                    ("sh:path", f"{SH}path"),
                    ("sh:message", f"{SH}message"),
                    ("sh:severity", f"{SH}severity"),
                    ("sh:name", f"{SH}name"),
                    ("sh:group", f"{SH}group"),
                    ("rdfs:comment", f"{RDFS}comment"),
                )
                if len(triples[node].get(one, ())) != 1
            ]
            if missing or not isinstance(node, NamedNode):
                raise ShapeError(f"{node} needs an IRI and exactly one {', '.join(missing)}", where=origins[node].name)
    return users


def _refer(triples: Triples, node: Any) -> Iterator[Any]:
    """Shapes that a shape refers to."""
    for name in _LINKS:
        yield from triples[node].get(f"{SH}{name}", ())
    for name in _LIST_LINKS:
        for head in triples[node].get(f"{SH}{name}", ()):
            yield from _read_list(triples, head)


def _read_list(triples: Triples, head: Any) -> Iterator[Any]:
    while f"{RDF}first" in triples[head]:
        yield triples[head][f"{RDF}first"][0]
        head = triples[head][f"{RDF}rest"][0]


def _check_recursion(triples: Triples, shapes: Collection[Any], origins: Mapping[Any, Path]) -> None:
    done: set[Any] = set()

    def visit(node: Any, above: tuple[Any, ...]) -> None:
        if node in above:
            raise ShapeError(
                f"{node} refers to itself, which SHACL leaves undefined",
                where=origins[node].name,
                mend="Break the circle",
            )
        if node not in done:
            for linked in _refer(triples, node):
                visit(linked, (*above, node))
            done.add(node)

    for node in sorted(shapes, key=str):
        visit(node, ())


def _make_property_shape(triples: Triples, node: NamedNode) -> PropertyShape:
    found = triples[node]
    path, turtle_path, last = _write_path(triples, found[f"{SH}path"][0])
    who = found.get(f"{KG}whoItem")
    return PropertyShape(
        name=node.value.removeprefix(KSH),
        path=path,
        turtle_path=turtle_path,
        card_key=read_ontology().get(last),
        severity=found[f"{SH}severity"][0].value.removeprefix(SH).lower(),
        message=found[f"{SH}message"][0].value,
        comment=found[f"{RDFS}comment"][0].value,
        item=found[f"{SH}name"][0].value,
        group=found[f"{SH}group"][0].value.removeprefix(KSH),
        who_item=int(who[0].value) if who else None,
        not_for=frozenset(one.value for one in found.get(f"{KSH}notFor", ())),
    )


def _write_path(triples: Triples, node: Any) -> tuple[str, str, str]:
    """A path as SPARQL, as Turtle, and the IRI of its last property, where there is one.

    :raises ShapeError: a kind of path that no shape has needed yet.
    """
    if isinstance(node, NamedNode):
        short = compact(node.value)
        return short, short, node.value
    if f"{RDF}first" in triples[node]:
        steps = [_write_path(triples, step) for step in _read_list(triples, node)]
        return "/".join(step[0] for step in steps), f"( {' '.join(step[1] for step in steps)} )", steps[-1][2]
    if inverse := triples[node].get(f"{SH}inversePath"):
        sparql, turtle, _ = _write_path(triples, inverse[0])
        return f"^{sparql}", f"[ sh:inversePath {turtle} ]", ""
    if choice := triples[node].get(f"{SH}alternativePath"):
        steps = [_write_path(triples, step) for step in _read_list(triples, choice[0])]
        return (
            "|".join(step[0] for step in steps),
            f"[ sh:alternativePath ( {' '.join(step[1] for step in steps)} ) ]",
            "",
        )
    raise ShapeError(f"the path {node} is of a kind that reports cannot write", mend="Extend kg.shapes._write_path")


def compact(value: str) -> str:
    """An IRI with a prefix where one fits.

    >>> compact("https://w3id.org/trialkg/ontology#phase")
    'kg:phase'
    """
    for prefix, namespace in PREFIXES.items():
        local = value.removeprefix(namespace)
        if local != value and local.replace("-", "").replace("_", "").isalnum():
            return f"{prefix}:{local}"
    return iri(value)


@cache
def read_ontology() -> dict[str, str | None]:
    """Terms that ``ontology/kg.ttl`` declares, with their ``kg:cardKey``."""
    declared: dict[str, str | None] = {}
    for quad in parse(path=str(find_root() / "ontology" / "kg.ttl"), format=RdfFormat.TURTLE):
        if isinstance(quad.subject, NamedNode):
            declared.setdefault(quad.subject.value, None)
            if quad.predicate.value == f"{KG}cardKey" and isinstance(quad.object, Literal):
                declared[quad.subject.value] = quad.object.value
    return declared


@cache
def _background() -> str:
    """What shapes must know beside the trials: the vocabulary of each term, and which properties can be not stated."""
    lines = [
        f"{term.node} {iri(f'{SKOS}inScheme')} {iri(f'{ID}{term.scheme}')} .\n"
        for term in load_vocabularies().by_iri.values()
    ]
    for quad in parse(path=str(find_root() / "ontology" / "kg.ttl"), format=RdfFormat.TURTLE):
        if quad.object == NamedNode(f"{KG}NotStatedItem"):
            lines.append(f"{quad.subject} {quad.predicate} {quad.object} .\n")
    return "".join(sorted(lines))


# Engines: N-Triples in, an N-Triples sh:ValidationReport out


def _run_pyrudof() -> Callable[[str], str]:
    import pyrudof

    rudof = pyrudof.Rudof(pyrudof.RudofConfig())
    try:
        rudof.read_shacl(read_shapes().text, format=pyrudof.ShaclFormat.NTriples, reader_mode=pyrudof.ReaderMode.Strict)
    except pyrudof.RudofError as error:
        raise ShapeError(f"pyrudof refuses the shapes: {error}", mend="Run the lint; see shapes/") from None

    def run(data: str) -> str:
        rudof.reset_data()  # read_data(merge=False) keeps what was read before (0.3.35)
        rudof.read_data(data, format=pyrudof.RDFFormat.NTriples, reader_mode=pyrudof.ReaderMode.Strict)
        rudof.validate_shacl()
        return str(rudof.serialize_shacl_validation_results(format=pyrudof.ResultShaclValidationFormat.NTriples))

    return run


def _run_pyshacl() -> Callable[[str], str]:
    import pyshacl
    from rdflib import Graph

    shapes = load_shapes()

    def run(data: str) -> str:
        graph = Graph().parse(data=data, format="nt")
        _, report, _ = pyshacl.validate(graph, shacl_graph=shapes, inference="none", inplace=True)
        if not isinstance(report, Graph):
            raise ShapeError(f"pySHACL refuses the shapes: {report}", mend="Run the lint; see shapes/")
        return report.serialize(format="nt")

    return run


ENGINES: dict[str, Callable[[], Callable[[str], str]]] = {"pyrudof": _run_pyrudof, "pyshacl": _run_pyshacl}


# Validation


def validate_snapshot(
    snapshot: Snapshot, engine: str = "pyrudof", trials: Iterable[str] | None = None
) -> tuple[Finding, ...]:
    """Check a snapshot, or some of its trials: shapes, and every quote against its record.

    :param trials: IRIs or registry ids; None for all.
    :returns: Findings by trial, worst first.
    """
    run = _start(engine)
    wanted = None if trials is None else frozenset(trials)
    findings: list[Finding] = []
    for batch in _batch(_read_groups(snapshot, wanted)):
        findings.extend(_validate(batch, run))
        findings.extend(found for group in batch for found in _check_group_quotes(snapshot, group))
    return _sort(findings)


def validate_graph(lines: Iterable[str], engine: str = "pyrudof") -> list[Finding]:
    """Check N-Quads lines (graph = record) against the shapes.

    :raises UsageError: there is no such engine.
    :raises ShapeError: the shapes cannot be used.
    """
    run = _start(engine)
    return list(_sort(found for batch in _batch(iter(_group(lines))) for found in _validate(batch, run)))


def check_quotes(snapshot: Snapshot) -> list[Finding]:
    """Evidence whose words do not stand in the record at the place that it names."""
    return list(
        _sort(found for group in _read_groups(snapshot, None) for found in _check_group_quotes(snapshot, group))
    )


def _start(engine: str) -> Callable[[str], str]:
    if engine not in ENGINES:
        raise UsageError(f"{engine!r} is no validation engine", mend=f"Use one of {', '.join(ENGINES)}")
    return ENGINES[engine]()


def _sort(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                one.trial,
                SEVERITIES.index(one.severity),
                one.shape,
                one.focus,
                one.value or "",
                one.component,
            ),
        )
    )


def _batch(groups: Iterator[_Group]) -> Iterator[list[_Group]]:
    while batch := list(islice(groups, BATCH)):
        yield batch


def _read_groups(snapshot: Snapshot, wanted: frozenset[str] | None) -> Iterator[_Group]:
    """Trials of a snapshot; all statements of a trial are in one shard."""
    for lines in snapshot.read_shards(wanted):
        for group in _group(lines):
            if wanted is None or wanted & {group.trial, iri(group.trial), group.registry_id}:
                yield group


def _group(lines: Iterable[str]) -> list[_Group]:
    """Statements by trial. A record of no trial stands for itself, so that its parts are checked all the same."""
    records: dict[str, list[str]] = defaultdict(list)
    trials: dict[str, str] = {}
    registry_ids: dict[str, str] = {}
    study_types: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        head, _, tail = line.rstrip().rpartition(" <")
        record = tail.removesuffix("> .")
        records[record].append(f"{head} .\n")
        if _HAS_RECORD in head:
            trials[record] = head[1 : head.index(">")]
        elif _REGISTRY_ID in head:
            registry_ids[head[1 : head.index(">")]] = head.partition(_REGISTRY_ID)[2].strip('"')
        elif _STUDY_TYPE in head:
            study_types[head[1 : head.index(">")]].add(head.partition(_STUDY_TYPE)[2].strip("<>"))
        elif _IS_TRIAL in head:
            trials.setdefault(record, head[1 : head.index(">")])
    by_trial: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for record, found in records.items():
        by_trial[trials.get(record, record)][record] = found
    return [
        _Group(trial, registry_ids.get(trial), frozenset(study_types.get(trial, ())), found)
        for trial, found in by_trial.items()
    ]


_HAS_RECORD = f"> {kg('hasRecord')} <"
_REGISTRY_ID = f"> {kg('registryId')} "
_STUDY_TYPE = f"> {kg('studyType')} "
_IS_TRIAL = f"> {iri(f'{RDF}type')} {kg('Trial')}"


def _validate(batch: Sequence[_Group], run: Callable[[str], str]) -> Iterator[Finding]:
    data = "".join(line for group in batch for lines in group.records.values() for line in lines)
    owners = _Owners(batch)
    for focus, shape, value, component in _read_report(run(data + _background())):
        for group in owners.find(focus):
            if not shape.not_for & group.study_types:
                yield Finding(
                    trial=group.trial,
                    registry_id=group.registry_id,
                    focus=focus,
                    path=shape.path,
                    card_key=shape.card_key,
                    severity=shape.severity,
                    message=shape.message,
                    value=value,
                    shape=shape.name,
                    who_item=shape.who_item,
                    item=shape.item,
                    component=component,
                )


class _Owners:
    """Finds the trials that a node belongs to: a part by its IRI, a shared site or date by its records."""

    def __init__(self, batch: Sequence[_Group]) -> None:
        self.batch = batch
        self.by_trial = {group.trial: group for group in batch}
        self.shared: dict[str, list[_Group]] = {}

    def find(self, focus: str) -> list[_Group]:
        trial = f"{ID}trial/{focus.removeprefix(f'{ID}trial/').partition('/')[0]}"
        if focus.startswith(trial) and trial in self.by_trial:
            return [self.by_trial[trial]]
        if not self.shared:
            self._index()
        return self.shared.get(iri(focus), [])

    def _index(self) -> None:
        for group in self.batch:
            for subject in {line.partition(" ")[0] for lines in group.records.values() for line in lines}:
                self.shared.setdefault(subject, []).append(group)


def _read_report(text: str) -> Iterator[tuple[str, PropertyShape, str | None, str]]:
    """Focus node, shape, value and constraint of each result of a report; what is nested in a result is left out."""
    results: dict[Any, dict[str, Any]] = defaultdict(dict)
    top = []
    for quad in parse(input=text, format=RdfFormat.N_TRIPLES):
        name = quad.predicate.value.removeprefix(SH)
        if name == "result":
            top.append(quad.object)
        elif name in ("focusNode", "sourceShape", "value", "sourceConstraintComponent"):
            results[quad.subject][name] = quad.object
    properties = read_shapes().properties
    for node in top:
        found = results[node]
        shape = properties.get(getattr(found["sourceShape"], "value", ""))
        if shape is None:
            raise ShapeError(
                f"the engine reports a shape that is not ours: {found['sourceShape']}",
                mend="Give every property shape an IRI",
            )
        component = found["sourceConstraintComponent"].value.removeprefix(SH).removesuffix("ConstraintComponent")
        if component == "Node" and isinstance(found.get("value"), Literal):
            continue  # sh:nodeKind beside it has said it; pyrudof does not test literals with sh:node
        yield found["focusNode"].value, shape, str(found["value"]) if "value" in found else None, component


# Quotes


_QUOTE_PARTS = tuple(f"> {kg(name)} " for name in ("exactWords", "start", "end", "field", "fromRecord"))


def _check_group_quotes(snapshot: Snapshot, group: _Group) -> Iterator[Finding]:
    lines = [
        line
        for found in group.records.values()
        for line in found
        if "/evidence/" in line and any(part in line for part in _QUOTE_PARTS)
    ]
    quotes: dict[str, dict[str, str]] = defaultdict(dict)
    for quad in parse(input="".join(lines), format=RdfFormat.N_TRIPLES):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode | Literal):
            quotes[quad.subject.value][quad.predicate.value.removeprefix(KG)] = quad.object.value
    if quotes:
        texts = {stored.iri[1:-1]: _Text(stored.record.text) for stored in snapshot.read_records(iri(group.trial))}
        for focus, quote in quotes.items():
            fault = _find_fault(quote, texts)
            if fault:
                yield Finding(
                    trial=group.trial,
                    registry_id=group.registry_id,
                    focus=focus,
                    path="kg:exactWords",
                    card_key=None,
                    severity="violation",
                    message=f"{fault} Build the graph again; if it stays, mend the rule that quotes.",
                    value=literal(quote.get("exactWords", "")),
                    shape=QUOTE,
                    who_item=None,
                    item="quote in the record",
                    component="Quote",
                )


QUOTE = "evidence-quote"
"""Name under which a quote is reported that its record does not hold. SHACL Core cannot look into a text."""


class _Text:
    """A record's text, decoded once when a field of it is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree: Any = None

    def read(self, field: str) -> str | None:
        """The string at a field; a number or flag as JSON writes it; None where there is nothing."""
        if field == "text":
            return self.text
        if self.tree is None:
            try:
                self.tree = msgspec.json.decode(self.text.lstrip("\ufeff"))
            except (msgspec.DecodeError, RecursionError):
                return None
        node = self.tree
        for step in field.split("."):
            if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            elif isinstance(node, dict) and step in node:
                node = node[step]
            else:
                return None
        return node if isinstance(node, str) else msgspec.json.encode(node).decode()


def _find_fault(quote: Mapping[str, str], texts: Mapping[str, _Text]) -> str:
    """Why a quote cannot be read again at its place, or nothing. Missing parts are the shapes' business."""
    if (
        not {"exactWords", "start", "end", "field", "fromRecord"} <= quote.keys()
        or not quote["start"].isdecimal()
        or not quote["end"].isdecimal()
    ):
        return ""
    text = texts.get(quote["fromRecord"])
    if text is None:
        return "The record of the quote is not in the snapshot."
    words = text.read(quote["field"])
    if words is None:
        return f"The record has no field {quote['field']}."
    if words[int(quote["start"]) : int(quote["end"])] != quote["exactWords"]:
        return f"The words do not stand in the record at {quote['field']} from {quote['start']} to {quote['end']}."
    return ""


# Reports


def summarise(findings: Iterable[Finding]) -> Summary:
    """Counts by severity and by item."""
    counts: Counter[tuple[str, str, str | None, int | None, str]] = Counter()
    trials: dict[tuple[str, str, str | None, int | None, str], set[str]] = defaultdict(set)
    for one in findings:
        key = (one.shape, one.item, one.card_key, one.who_item, one.severity)
        counts[key] += 1
        trials[key].add(one.trial)
    severities = {
        severity: sum(count for key, count in counts.items() if key[4] == severity) for severity in SEVERITIES
    }
    items = [ItemCount(*key, findings=count, trials=len(trials[key])) for key, count in counts.items()]
    items.sort(key=lambda one: (SEVERITIES.index(one.severity), -one.trials, -one.findings, one.shape))
    return Summary(len({trial for found in trials.values() for trial in found}), severities, tuple(items))


def to_rows(findings: Iterable[Finding]) -> list[dict[str, str | int | None]]:
    """Findings as flat rows for CSV and JSON."""
    return [msgspec.to_builtins(one) for one in findings]


def to_turtle(findings: Iterable[Finding]) -> str:
    """Findings as a standard ``sh:ValidationReport``."""
    found = list(findings)
    paths = {shape.name: shape.turtle_path for shape in read_shapes().properties.values()}
    lines = [
        *(f"@prefix {prefix}: {iri(namespace)} .\n" for prefix, namespace in PREFIXES.items()),
        f"@prefix ksh: {iri(KSH)} .\n\n",
        f"[] a sh:ValidationReport ;\n    sh:conforms {'false' if found else 'true'}",
    ]
    for one in found:
        parts = [
            "a sh:ValidationResult",
            f"sh:focusNode {iri(one.focus)}",
            f"sh:resultPath {paths.get(one.shape, one.path)}",
            *([f"sh:value {one.value}"] if one.value else []),
            f"sh:resultSeverity sh:{one.severity.title()}",
            f"sh:sourceShape ksh:{one.shape}",
            f"sh:sourceConstraintComponent {'ksh' if one.shape == QUOTE else 'sh'}:{one.component}ConstraintComponent",
            f"sh:resultMessage {literal(one.message)}@en",
        ]
        lines.append(" ;\n    sh:result [\n        " + " ;\n        ".join(parts) + "\n    ]")
    return "".join(lines) + " .\n"
