"""Findings as flat rows and as a standard ``sh:ValidationReport``; counts by severity and item."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from kg.shapes.findings import Finding
from kg.shapes.graphs import SEVERITIES, read_shapes
from kg.shapes.triples import KSH
from kg.terms import PREFIXES, iri, literal


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


def write_turtle(findings: Iterable[tuple[Finding, str]]) -> Iterator[str]:
    """Findings as a standard ``sh:ValidationReport``, piece by piece.

    :param findings: Each with what became of it since a baseline (``ksh:change``), or nothing; what was mended is no
        result of this report and stands under ``ksh:mended``.
    """
    yield "".join(f"@prefix {prefix}: {iri(namespace)} .\n" for prefix, namespace in PREFIXES.items())
    yield f"@prefix ksh: {iri(KSH)} .\n\n[] a sh:ValidationReport"
    conforms = True
    for one, change in findings:
        conforms = conforms and change == "mended"
        yield _write_node("ksh:mended" if change == "mended" else "sh:result", one, change)
    yield f" ;\n    sh:conforms {'true' if conforms else 'false'} .\n"


def to_turtle(findings: Iterable[Finding]) -> str:
    """The same as one text."""
    return "".join(write_turtle((one, "") for one in findings))


def _write_node(link: str, one: Finding, change: str) -> str:
    parts = [*_write_result(one), *([f"ksh:change {literal(change)}"] if change else [])]
    return f" ;\n    {link} [\n        " + " ;\n        ".join(parts) + "\n    ]"


def _write_result(one: Finding) -> Iterator[str]:
    """The parts of one ``sh:ValidationResult``; a registry, which is no node, stands as text."""
    path = _paths().get(one.shape, one.path)
    is_core = one.shape in _paths() and one.trial
    yield "a sh:ValidationResult"
    yield f"sh:focusNode {iri(one.focus) if one.focus else literal(one.registry)}"
    if path:
        yield f"sh:resultPath {path}"
    if one.value:
        yield f"sh:value {one.value}"
    yield f"sh:resultSeverity sh:{one.severity.title()}"
    yield f"sh:sourceShape ksh:{one.shape}"
    yield f"sh:sourceConstraintComponent {'sh' if is_core else 'ksh'}:{one.component}ConstraintComponent"
    yield f"sh:resultMessage {literal(f'{one.message} {one.mend}')}@en"


@cache
def _paths() -> dict[str, str]:
    return {shape.name: shape.turtle_path for shape in read_shapes().properties.values()}
