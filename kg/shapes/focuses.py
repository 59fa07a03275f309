"""The node of a finding: its words, the field of the record that it comes from, and which findings say one fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from kg.shapes.graphs import read_shapes
from kg.shapes.judges import Found
from kg.shapes.lenses import unescape
from kg.shapes.parts import Part
from kg.terms import ID, RDFS, iri, kg

_LABEL = iri(f"{RDFS}label")
_IN_TRIAL = f"<{ID}trial/"
_ROLES = ("primary", "secondary", "other")
"""Roles of endpoints, as the fields of ClinicalTrials.gov name them."""


def read_text(values: Sequence[str]) -> str | None:
    """The first literal's text."""
    return unescape(values[0][1 : values[0].rindex('"')]) if values and values[0].startswith('"') else None


def describe_focus(part: Part, one: Found) -> Found:
    """A result with the words of its node, where that is a part of a trial, and the role of an endpoint."""
    if not one.focus.startswith(_IN_TRIAL):
        return one
    described = part.find(one.focus)
    roles = described.get(kg("endpointRole"), ())
    label = read_text(described.get(_LABEL, ())) or ""
    return msgspec.structs.replace(one, label=label, role=roles[0].strip("<>") if roles else "")


def name_field(template: str, role: str = "", has_study: bool = True) -> str:
    """The field or fields of a record, for an endpoint by its role (IRI); a page has one field, its text.

    >>> name_field("outcomesModule.{role}Outcomes.timeFrame", "https://w3id.org/trialkg/id/endpoint-role/secondary")
    'outcomesModule.secondaryOutcomes.timeFrame'
    >>> name_field("a.{role}Outcomes"), name_field("a.{role}Outcomes", has_study=False)
    ('a.primaryOutcomes, a.secondaryOutcomes, a.otherOutcomes', 'text')
    """
    if not template:
        return ""
    if not has_study:
        return "text"
    if "{role}" not in template:
        return template
    known = role.rpartition("/")[2]
    return ", ".join(template.replace("{role}", one) for one in ([known] if known in _ROLES else _ROLES))


def fold(found: Sequence[Found]) -> list[Found]:
    """Leave out what another result of the trial says already (``ksh:saidBy``); that one takes over its words."""
    properties = read_shapes().properties
    given = {(one.shape, one.value) for one in found}
    labels: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    kept = []
    for one in found:
        shape = properties.get(one.shape)
        if (
            shape is not None
            and (shape.said_by, one.value) in given
            and (not shape.said_for or one.role in shape.said_for)
        ):
            labels[shape.said_by, one.value].append(one.label)
        else:
            kept.append(one)
    return [_add_labels(one, labels.get((one.shape, one.value), ())) for one in kept]


def _add_labels(one: Found, labels: Sequence[str]) -> Found:
    words = dict.fromkeys(filter(None, (one.label, *sorted(labels))))
    return msgspec.structs.replace(one, label="; ".join(words)) if labels else one
