"""Findings: what a person reads of a result: which trial and record, which item, why it matters, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import msgspec

from kg.shapes.checks import load_checks
from kg.shapes.focuses import describe_focus, fold, name_field, read_text
from kg.shapes.graphs import SEVERITIES, PropertyShape, read_shapes
from kg.shapes.judges import Found
from kg.shapes.parts import Part
from kg.shapes.quotes import QUOTE
from kg.shapes.registries import list_gaps, name_registry
from kg.terms import RDFS, iri, kg, mint

_LABEL = iri(f"{RDFS}label")
_WITHHELD = mint("status", "WITHHELD")


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thing to mend in one trial, or in one registry.

    :ivar trial: IRI of the trial; a site, organisation or date that several trials share is found once for each. Empty
        for what a registry cannot hold, which is found once for the registry.
    :ivar focus: IRI of the node that does not conform.
    :ivar path: SPARQL property path with prefixes.
    :ivar record: File names of the trial's records.
    :ivar field: Where ClinicalTrials.gov records state the item, ``text`` where the trial has pages only; empty where
        there is no field for it.
    :ivar card_key: Key of the trial card, where the property has one.
    :ivar severity: One of `SEVERITIES`.
    :ivar message: What is wrong; ``mend`` says how to put it right, ``why`` what it matters for.
    :ivar value: The value that does not conform, as N-Triples; None where something is missing.
    :ivar shape: Local name of the property shape, name of the stored check, or ``evidence-quote``.
    :ivar component: SHACL's name of the broken constraint without its ending: ``MinCount``, ``Datatype`` …
    :ivar who_item: Number of the item in the WHO Trial Registration Data Set.
    :ivar group: ``completeness`` or ``validity``.
    :ivar focus_label: Words of a node that is a part of the trial: an endpoint's measure, an arm's name.
    """

    trial: str
    registry_id: str | None
    registry: str
    sponsor: str | None
    record: str
    focus: str
    path: str
    field: str
    card_key: str | None
    severity: str
    message: str
    mend: str
    why: str
    value: str | None
    shape: str
    who_item: int | None
    item: str
    component: str
    group: str
    focus_label: str = ""


class Checked(msgspec.Struct, frozen=True):
    """A trial that was checked, whether anything was found or not.

    :ivar trial: IRI; of the record where it belongs to no trial.
    :ivar year: Of registration, else of the start; None where neither is stated.
    :ivar found: Everything that was found, which scores are made from.
    :ivar has_study: Whether a record is a study of ClinicalTrials.gov, with fields, and not the text of a page.
    :ivar wanted: Shapes (IRIs, or names of checks) whose findings were asked for; None for all.
    :ivar is_withheld: Whether the registry holds the entry back: one finding says so (``check_withheld_entry``), and
        none that something is not stated.
    """

    trial: str
    registry_id: str | None
    title: str | None
    registry: str
    sponsor: str | None
    year: int | None
    study_types: tuple[str, ...]
    record: str
    found: tuple[Found, ...]
    has_study: bool = True
    wanted: frozenset[str] | None = None
    is_withheld: bool = False

    @property
    def findings(self) -> list[Finding]:
        """What was found of what was asked for, worst first."""
        wanted = [one for one in self.found if self.wanted is None or one.shape in self.wanted]
        findings = sort_findings(_explain(self, one) for one in fold(wanted))
        return [one for one in findings if one.group != "completeness"] if self.is_withheld else findings


def describe_trials(part: Part, found: Iterable[Found]) -> list[Checked]:
    """Trials of a part with what was found in each; what is not asked of a trial is left out."""
    by_trial: dict[str, list[Found]] = {trial: [] for trial in part.trials}
    for one in found:
        for trial in part.find_trials(one.focus):
            by_trial[trial].append(one)
    return [_describe_trial(part, trial, by_trial[trial]) for trial in sorted(by_trial)]


def _describe_trial(part: Part, trial: str, found: Sequence[Found]) -> Checked:
    described = part.nodes.get(trial, {})
    registry_id = read_text(described.get(kg("registryId"), ()))
    registry = name_registry(registry_id, read_text(described.get(kg("dataSource"), ())))
    types = tuple(value[1:-1] for value in described.get(kg("studyType"), ()))
    sponsors = described.get(kg("sponsor"), ())
    dates = described.get(kg("firstPostDate")) or described.get(kg("startDate")) or ()
    year = read_text(part.find(dates[0]).get(_LABEL, ())) if dates else None
    records = [part.find(iri(one)) for one in part.trials[trial]]
    files = [read_text(record.get(kg("fileName"), ())) or "" for record in records]
    gaps = list_gaps(registry)
    properties = read_shapes().properties
    return Checked(
        trial.strip("<>"),
        registry_id,
        read_text(described.get(kg("title"), ())),
        registry,
        read_text(part.find(sponsors[0]).get(_LABEL, ())) if sponsors else None,
        int(year[:4]) if year and year[:4].isdecimal() else None,
        types,
        ", ".join(sorted(filter(None, files))),
        tuple(
            describe_focus(part, one)
            for one in found
            if (shape := properties.get(one.shape)) is None
            or not (shape.not_for.intersection((*types, *_read_modalities(part, one.focus))) or shape.who_item in gaps)
        ),
        any((read_text(record.get(kg("recordFormat"), ())) or "").startswith("ctgov") for record in records),
        is_withheld=set(described.get(kg("status"), ())) == {_WITHHELD},
    )


def _read_modalities(part: Part, focus: str) -> list[str]:
    return [value[1:-1] for value in part.find(focus).get(kg("modality"), ())]


def _explain(trial: Checked, one: Found) -> Finding:
    """A result in words; quotes and stored checks have theirs elsewhere than in the shapes."""
    shape = _find_shape(one.shape)
    what, mend = split_message(shape.message)
    if one.note:
        what = one.note
    return Finding(
        trial=trial.trial,
        registry_id=trial.registry_id,
        registry=trial.registry,
        sponsor=trial.sponsor,
        record=trial.record,
        focus=one.focus.strip("<>"),
        path=shape.path,
        field=name_field(shape.field, one.role, trial.has_study),
        card_key=shape.card_key,
        severity=shape.severity,
        message=what,
        mend=mend,
        why=shape.comment,
        value=one.value,
        shape=shape.name,
        who_item=shape.who_item,
        item=shape.item,
        component=one.component,
        group=shape.group,
        focus_label=one.label,
    )


@cache
def _find_shape(name: str) -> PropertyShape:
    shapes = read_shapes().properties
    if name in shapes:
        return shapes[name]
    if name == QUOTE:
        return _QUOTE_SHAPE
    check = load_checks()[name]
    return PropertyShape(
        check.name,
        check.path,
        check.path,
        None,
        check.field,
        check.severity,
        f"{check.message} {check.mend}",
        check.why,
        check.item,
        "validity",
        check.who_item,
        frozenset(),
        False,
        "",
    )


_QUOTE_SHAPE = PropertyShape(
    QUOTE,
    "kg:exactWords",
    "kg:exactWords",
    None,
    "",
    "violation",
    "The quote does not stand in its record. Build the graph again; if it stays, mend the rule that quotes.",
    "An answer is only as good as the words that it shows.",
    "quote in the record",
    "validity",
    None,
    frozenset(),
    False,
    "",
)


def split_message(message: str) -> tuple[str, str]:
    """What is wrong, and how to mend it.

    >>> split_message("No phase is stated. Look for it in the title.")
    ('No phase is stated.', 'Look for it in the title.')
    """
    what, dot, mend = message.partition(". ")
    return what + dot.strip(), mend


def find_registry_gaps(registries: Iterable[str]) -> list[Finding]:
    """Items that the registries cannot hold, each once for the registry and for no trial."""
    return [
        Finding(
            trial="",
            registry_id=None,
            registry=registry,
            sponsor=None,
            record="",
            focus="",
            path=shape.path,
            field=name_field(shape.field),
            card_key=shape.card_key,
            severity="info",
            message=f"{registry} has no field for this item: {shape.item}. {list_gaps(registry)[shape.who_item]}.",
            mend="Look in another registry of the trial, or ask its contact; nothing can be mended in these records.",
            why=shape.comment,
            value=None,
            shape=shape.name,
            who_item=shape.who_item,
            item=shape.item,
            component="NoField",
            group=shape.group,
        )
        for registry in sorted(set(registries))
        for shape in sorted(read_shapes().properties.values(), key=lambda one: one.name)
        if shape.who_item and shape.who_item in list_gaps(registry) and shape.group == "completeness"
    ]


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by trial, worst first, in a total order."""
    return sorted(
        findings,
        key=lambda one: (
            one.trial,
            SEVERITIES.index(one.severity),
            one.shape,
            one.focus,
            one.value or "",
            one.component,
            one.message,
        ),
    )
