"""The trial card: one neutral JSON of what the graph says of a trial, with the words behind every value.

Facts come from the graph. A value that was copied from a structured field has no node of evidence there; its quote
is filled
in by reading the stored record again, with the same reader that wrote the graph.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache, cached_property
from typing import Any

import msgspec
from pyoxigraph import DefaultGraph, Literal, NamedNode, RdfFormat, parse

from kg import rdf
from kg.errors import UsageError, cut
from kg.model import Trial
from kg.pipeline import reread
from kg.queries import to_value
from kg.resources import list_files
from kg.store import Snapshot, list_subjects
from kg.terms import GEO, ID, KG, RDFS, XSD
from kg.vocabularies import load_vocabularies

Card = dict[str, Any]
_LABEL = f"{RDFS}label"
_SCALARS = (
    ("title", "title"),
    ("study_type", "studyType"),
    ("status", "status"),
    ("allocation", "allocation"),
    ("intervention_model", "interventionModel"),
    ("masking", "masking"),
    ("primary_purpose", "primaryPurpose"),
    ("sex", "sex"),
    ("healthy_volunteers", "healthyVolunteers"),
    ("min_age_years", "minAgeYears"),
    ("max_age_years", "maxAgeYears"),
    ("sponsor", "sponsor"),
    ("ethics_review", "ethicsReview"),
    ("start_date", "startDate"),
    ("number_of_arms", "numberOfArms"),
    ("number_of_sites", "numberOfSites"),
    ("data_source", "dataSource"),
)
_LISTS = (
    ("secondary_ids", "secondaryId"),
    ("phases", "phase"),
    ("funder_types", "funderType"),
    ("conditions", "conditionName"),
    ("disease_setting", "diseaseSetting"),
    ("contacts", "contactName"),
)
_SCHEME_ORDER = {"diseaseSetting": "disease-setting", "phase": "phase"}
"""Properties whose values are shown in the order of their vocabulary."""
_SOURCE_DETAIL_LAST = ("donor",)
_DECIMAL = f'"^^<{XSD}decimal>'
_NEVER_MISSING = frozenset({"file", "trial", "records", "evidence", "not_targets", "conflicts"})
"""Keys of the card itself, and lists of which an empty one is the whole truth."""


def find_trials(snapshot: Snapshot, wanted: str) -> list[str]:
    """IRIs of the trials that a user's id means: a registry id, another id of the trial, a record's file name, or an
    IRI.

    :raises UsageError: nothing in this graph has the id.
    """
    engine = snapshot.engine
    candidates = (wanted if wanted.startswith("http") else f"{ID}trial/{wanted}", f"{ID}trial/{wanted.upper()}")
    for iri in candidates:
        try:
            node = NamedNode(iri)
        except ValueError:
            continue
        if next(engine.quads_for_pattern(node, NamedNode(f"{KG}hasRecord"), None, DefaultGraph()), None):
            return [iri]
    found = [iri for name in ("registryId", "secondaryId") for iri in list_subjects(engine, KG + name, Literal(wanted))]
    for record in list_subjects(engine, f"{KG}fileName", Literal(wanted)):
        found.extend(list_subjects(engine, f"{KG}hasRecord", NamedNode(record)))
    if not found:
        raise UsageError(
            f"no trial {cut(wanted)} among {snapshot.manifest.records:,} records",
            mend="`kg query trials` lists them; `kg build` reads more",
        )
    return sorted(set(found))


def list_trials(snapshot: Snapshot) -> list[str]:
    """IRIs of all trials, by the file they were read from."""
    first: dict[str, str] = {}
    for stored in snapshot.list_records():
        trial, file = stored.trial[1:-1], stored.record.file
        first[trial] = min(first.get(trial, file), file)
    return sorted(first, key=lambda iri: (first[iri], iri))


def build_card(snapshot: Snapshot, trial: str) -> Card:
    """The card of a trial (its IRI)."""
    return _Builder(snapshot.focus(trial), trial).build()


def card_key(name: str) -> str:
    """Key of the card that shows a property (its local name).

    >>> card_key("cellSource")
    'interventions.cell_source'
    """
    return _load_card_keys().get(name, name)


@cache
def _load_card_keys() -> dict[str, str]:
    path = next(path for path in list_files("ontology", ".ttl") if path.name == "kg.ttl")
    return {
        triple.subject.value.removeprefix(KG): triple.object.value
        for triple in parse(path=str(path), format=RdfFormat.TURTLE)
        if triple.predicate.value == f"{KG}cardKey"
    }


class Proof(msgspec.Struct, frozen=True):
    """Words behind a statement."""

    field: str
    start: int
    end: int
    quote: str
    rule: str
    basis: str
    record: str
    is_superseded: bool = False


class _Builder:
    """Reads one trial's part of the graph and lays it out as a card."""

    def __init__(self, snapshot: Snapshot, trial: str) -> None:
        self.snapshot, self.trial = snapshot, trial
        self.vocabularies = load_vocabularies()
        self.evidence: list[dict[str, Any]] = []
        self._held: dict[str, dict[str, list[Any]]] = {}

    # -- the graph -----------------------------------------------------------------------------------------------

    def values(self, node: str, name: str) -> list[Any]:
        """Objects of a property (local name or IRI) of a node."""
        if node not in self._held:
            held: dict[str, list[Any]] = defaultdict(list)
            for quad in self.snapshot.engine.quads_for_pattern(NamedNode(node), None, None, DefaultGraph()):
                held[quad.predicate.value].append(quad.object)
            self._held[node] = held
        found = self._held[node].get(name if name.startswith("http") else KG + name, [])
        if name in _SCHEME_ORDER:
            notations = list(self.vocabularies.scheme(_SCHEME_ORDER[name]))
            return sorted(found, key=lambda term: notations.index(self.vocabularies.refer(term.value).notation))
        return sorted(found, key=lambda term: (self._order(node, name, term), str(term)))

    def _order(self, node: str, name: str, term: Any) -> int:
        """Place in the record, so that lists keep its order."""
        predicate = name if name.startswith("http") else KG + name
        return self._structured[1].get((f"<{node}>", f"<{predicate}>", _canonical(str(term))), 1 << 30)

    def first(self, node: str, name: str) -> Any:
        """First object of a property, or None."""
        return next(iter(self.values(node, name)), None)

    def show(self, term: Any) -> Any:
        """A term as the card shows it: a concept's notation, a thing's label, a literal's value."""
        if isinstance(term, NamedNode):
            concept = self.vocabularies.by_iri.get(term.value)
            return concept.notation if concept else to_value(self.first(term.value, _LABEL))
        value = to_value(term)
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value

    def parts(self, node: str, name: str) -> list[str]:
        """IRIs of a node's parts, in the record's order."""
        found = [term.value for term in self.values(node, name)]
        return sorted(found, key=lambda iri: (to_value(self.first(iri, "position")) or 0, iri))

    # -- the words ------------------------------------------------------------------------------------------------

    @cached_property
    def _structured(self) -> tuple[dict[tuple[str, str, str], Proof], dict[tuple[str, str, str], int]]:
        """What the records say when they are read again: words by statement, and the order of the statements."""
        proofs: dict[tuple[str, str, str], Proof] = {}
        order: dict[tuple[str, str, str], int] = {}
        for stored in self._records:
            trial = reread(stored.record)
            if not isinstance(trial, Trial):
                continue
            for one in rdf.describe(trial):
                order.setdefault((one.s, one.p, _canonical(one.o)), len(order))
                if one.fact and one.fact.quote.field:
                    quote = one.fact.quote
                    proofs.setdefault(
                        (one.s, one.p, _canonical(one.o)),
                        Proof(
                            quote.field,
                            quote.start,
                            quote.end,
                            quote.text,
                            one.fact.rule,
                            one.fact.basis,
                            stored.record.file,
                        ),
                    )
        return proofs, order

    @cached_property
    def _records(self) -> list[Any]:
        records = list(self.snapshot.read_records(f"<{self.trial}>"))
        return sorted(records, key=lambda one: one.record.updated, reverse=True)

    @cached_property
    def _proofs(self) -> dict[tuple[str, str, str], list[Proof]]:
        """Evidence nodes of the graph by the statement that they support."""
        found: dict[tuple[str, str, str], list[Proof]] = defaultdict(list)
        for node in self._nodes():
            for iri in list_subjects(self.snapshot.engine, f"{KG}subject", NamedNode(node)):
                held = self.first(iri, "object") or self.first(iri, "objectValue")
                record = self.first(iri, "fromRecord")
                proof = Proof(
                    field=to_value(self.first(iri, "field")),
                    start=to_value(self.first(iri, "start")),
                    end=to_value(self.first(iri, "end")),
                    quote=to_value(self.first(iri, "exactWords")),
                    rule=to_value(self.first(iri, "rule")) or "",
                    basis=self.show(self.first(iri, "basis")),
                    record=to_value(self.first(record.value, "fileName")),
                    is_superseded=bool(self.first(iri, "superseded")),
                )
                found[f"<{node}>", str(self.first(iri, "predicate")), _canonical(str(held))].append(proof)
        return {
            key: sorted(proofs, key=lambda one: (one.is_superseded, one.field, one.start))
            for key, proofs in found.items()
        }

    def _nodes(self) -> list[str]:
        """The trial and everything under its IRI."""
        seen, queue = {self.trial: None}, [self.trial]
        while queue:
            for terms in (self.values(queue[0], "hasRecord"), *self._held[queue.pop(0)].values()):
                for term in terms:
                    if (
                        isinstance(term, NamedNode)
                        and term.value.startswith(f"{self.trial}/")
                        and term.value not in seen
                    ):
                        seen[term.value] = None
                        queue.append(term.value)
        return list(seen)

    def prove(self, about: str, node: str, name: str, term: Any) -> None:
        """Add the words behind what the card will have at ``about``; the value is filled in when the card is whole."""
        predicate = name if name.startswith("http") else KG + name
        key = (f"<{node}>", f"<{predicate}>", _canonical(str(term)))
        proof = next((one for one in self._proofs.get(key, ()) if not one.is_superseded), None) or self._structured[
            0
        ].get(key)
        if proof:
            self.evidence.append(
                {
                    "about": about,
                    "value": None,
                    "quote": proof.quote,
                    "field": proof.field,
                    "start": proof.start,
                    "end": proof.end,
                    "rule": proof.rule,
                    "basis": proof.basis,
                    "record": proof.record,
                }
            )

    def scalar(self, about: str, node: str, name: str) -> Any:
        """The one value of a property, proved."""
        term = self.first(node, name)
        if term is None:
            return None
        value = self.show(term)
        self.prove(about, node, name, term)
        return value

    def several(self, about: str, node: str, name: str) -> list[Any]:
        """All values of a property, each proved."""
        shown = []
        for index, term in enumerate(self.values(node, name)):
            value = self.show(term)
            self.prove(f"{about}.{index}", node, name, term)
            shown.append(value)
        return shown

    # -- the card -------------------------------------------------------------------------------------------------

    def build(self) -> Card:
        card: Card = {
            "file": self._records[0].record.file if self._records else None,
            "trial": self.trial,
            "registry_id": self.scalar("registry_id", self.trial, "registryId"),
        }
        scalars = {key: self.scalar(key, self.trial, name) for key, name in _SCALARS}
        lists = {key: self.several(key, self.trial, name) for key, name in _LISTS}
        card |= {
            "secondary_ids": lists["secondary_ids"],
            "title": scalars["title"],
            "study_type": scalars["study_type"],
            "phases": lists["phases"],
            "status": scalars["status"],
            "enrollment": self._enrollment(),
        }
        card |= {**scalars, **lists}
        card["responsible_party"] = self._responsible_party()
        card["brief_summary"] = self._brief_summary()
        card["arms"] = [self._arm(f"arms.{index}", node) for index, node in enumerate(self.parts(self.trial, "hasArm"))]
        card["interventions"] = [
            self._intervention(f"interventions.{index}", node)
            for index, node in enumerate(self.parts(self.trial, "hasIntervention"))
        ]
        card["endpoints"] = [
            self._endpoint(f"endpoints.{index}", node)
            for index, node in enumerate(self.parts(self.trial, "hasEndpoint"))
        ]
        card["sites"] = [
            self._site(f"sites.{index}", term) for index, term in enumerate(self.values(self.trial, "hasSite"))
        ]
        card["criteria"] = [
            self._criterion(f"criteria.{index}", node)
            for index, node in enumerate(self.parts(self.trial, "hasCriterion"))
        ]
        card["not_targets"] = [
            self._mention(f"not_targets.{index}", term)
            for index, term in enumerate(self.values(self.trial, "hasAntigenMention"))
        ]
        card["conflicts"] = self._conflicts()
        card["records"] = [
            {
                "file": one.record.file,
                "format": one.record.format,
                "sha256": one.record.sha256,
                "updated": one.record.updated or None,
                "iri": one.iri[1:-1],
            }
            for one in self._records
        ]
        for one in self.evidence:
            one["value"] = _find_value(card, one["about"])
        card["evidence"] = self.evidence
        card["not_stated"] = self._not_stated(card)
        return card

    def _enrollment(self) -> Any:
        low, high = self.first(self.trial, "enrollmentMin"), self.first(self.trial, "enrollmentMax")
        if low is None or high is None:
            return None
        value = to_value(low) if low == high else [to_value(low), to_value(high)]
        self.prove("enrollment", self.trial, "enrollmentMin", low)
        return value

    def _responsible_party(self) -> Card | None:
        """Who answers for the record, as it is stated there: the kind, and the name where the record gives one."""
        party = {
            key: self.scalar(f"responsible_party.{key}", self.trial, name)
            for key, name in (("type", "responsiblePartyType"), ("name", "responsibleParty"))
        }
        return party if any(party.values()) else None

    def _brief_summary(self) -> str | None:
        """The words, from the record; None too where a server holds no texts."""
        record = self.first(self.trial, "summarisedIn")
        if record is not None:
            self.prove("brief_summary", self.trial, "summarisedIn", record)
        is_there = bool(self.evidence) and self.evidence[-1]["about"] == "brief_summary"
        return str(self.evidence[-1]["quote"]) if is_there else None

    def _arm(self, about: str, node: str) -> Card:
        return {
            "label": self.scalar(f"{about}.label", node, _LABEL),
            "type": self.scalar(f"{about}.type", node, "armType"),
            "interventions": self.several(f"{about}.interventions", node, "usesIntervention"),
        }

    def _intervention(self, about: str, node: str) -> Card:
        card: Card = {
            "name": self.scalar(f"{about}.name", node, _LABEL),
            "type": self.scalar(f"{about}.type", node, "interventionType"),
            "modality": self.scalar(f"{about}.modality", node, "modality"),
        }
        card["cell_type"] = self.scalar(f"{about}.cell_type", node, "cellType")
        if card["cell_type"] and card["modality"]:
            self.prove(f"{about}.cell_type", node, "modality", self.first(node, "modality"))
        bindings = self.parts(node, "hasBinding")
        card["targets"] = []
        for index, binding in enumerate(bindings):
            term = self.first(binding, "antigen")
            card["targets"].append(self.show(term))
            self.prove(f"{about}.targets.{index}", binding, "antigen", term)
        written = [to_value(self.first(binding, "asWritten")) for binding in bindings]
        card["target_as_written"] = written[0] if len(written) == 1 else written or None
        for binding in bindings:
            self.prove(f"{about}.target_as_written", binding, "antigen", self.first(binding, "antigen"))
        card["logic"] = self.scalar(f"{about}.logic", node, "logic")
        for key, name in (("binder", "binder"), ("binder_type", "binderType")):
            holder = next((binding for binding in bindings if self.first(binding, name) is not None), node)
            card[key] = self.scalar(f"{about}.{key}", holder, name)
        card |= self._source(about, node)
        for key, name in (("costimulation", "costimulation"), ("safety_switch", "safetySwitch"), ("edits", "edit")):
            card[key] = self.several(f"{about}.{key}", node, name)
        card["doses"] = [
            self._dose(f"{about}.doses.{index}", node, dose) for index, dose in enumerate(self.parts(node, "hasDose"))
        ]
        card["dose_escalation"] = self.scalar(f"{about}.dose_escalation", node, "doseEscalation")
        card["lymphodepletion"] = self.several(f"{about}.lymphodepletion", node, "lymphodepletion")
        return card

    def _source(self, about: str, node: str) -> Card:
        """Top value, detail, words and basis of the cell source; a product made either way is ``both``."""
        terms = {self.vocabularies.refer(term.value).notation: term for term in self.values(node, "cellSource")}
        tops = [notation for notation in terms if not self.vocabularies.scheme("cell-source")[notation].broader]
        details = sorted(
            (notation for notation in terms if notation not in tops),
            key=lambda notation: (notation in _SOURCE_DETAIL_LAST, notation),
        )
        top = "both" if len(tops) > 1 else next(iter(tops), None)
        for notation in tops:
            for key in ("cell_source", "cell_source_as_written", "basis"):
                self.prove(f"{about}.{key}", node, "cellSource", terms[notation])
        detail = details[0] if details else None
        if detail:
            self.prove(f"{about}.cell_source_detail", node, "cellSource", terms[detail])
        basis = self.first(node, "sourceBasis")
        return {
            "cell_source": top,
            "cell_source_detail": detail,
            "cell_source_as_written": to_value(self.first(node, "cellSourceAsWritten")),
            "basis": self.show(basis) if basis else None,
            "off_the_shelf": self.scalar(f"{about}.off_the_shelf", node, "offTheShelf"),
        }

    def _dose(self, about: str, product: str, node: str) -> Card:
        card = {
            key: self.show(self.first(node, name))
            for key, name in (("low", "doseLow"), ("high", "doseHigh"), ("unit", "doseUnit"), ("role", "doseRole"))
        }
        self.prove(about, product, "hasDose", NamedNode(node))
        return card

    def _endpoint(self, about: str, node: str) -> Card:
        role = self.first(node, "endpointRole")
        name = self.scalar(f"{about}.name", node, _LABEL)
        self.prove(about, node, _LABEL, self.first(node, _LABEL))
        kinds = self.several(f"{about}.kinds", node, "endpointKind")
        main = self.first(node, "mainKind")
        frame = self.first(node, "timeFrame")
        card: Card = {
            "role": self.show(role) if role else None,
            "name": name,
            "kind": self.show(main) if main else None,
            "kinds": kinds,
            "time_frame": None,
            "time_frame_days": None,
            "anchor": None,
        }
        if frame:
            card |= self._time_frame(frame.value)
            self.prove(f"{about}.time_frame", node, "timeFrame", frame)
            self.prove(f"{about}.time_frame_days", node, "timeFrame", frame)
        card["grading"] = self.scalar(f"{about}.grading", node, "grading")
        return card

    def _time_frame(self, node: str) -> Card:
        low, high = (
            self.show(self.first(node, name)) if self.first(node, name) else None for name in ("minDays", "maxDays")
        )
        listed = sorted(float(self.show(term)) for term in self.values(node, "atDays"))
        days: Any = (
            listed
            if len(listed) > 1
            else [low, high]
            if low is not None and high is not None and low != high
            else high
            if high is not None
            else low
        )
        anchor = self.first(node, "anchor")
        return {
            "time_frame": to_value(self.first(node, _LABEL)),
            "time_frame_days": days,
            "anchor": to_value(anchor) if anchor else None,
        }

    def _site(self, about: str, term: NamedNode) -> Card:
        node = term.value
        self.prove(about, self.trial, "hasSite", term)
        card = {
            key: self.scalar(f"{about}.{key}", node, name)
            for key, name in (("facility", "facility"), ("city", "city"), ("region", "region"), ("country", "country"))
        }
        point = self.first(node, "location")
        for key, name in (("latitude", f"{GEO}lat"), ("longitude", f"{GEO}long")):
            card[key] = self.scalar(f"{about}.{key}", point.value, name) if point else None
        return card

    def _criterion(self, about: str, node: str) -> Card:
        held, low, high, unit = (
            self.first(node, name) for name in ("criterionList", "thresholdLow", "thresholdHigh", "unit")
        )
        op = self.first(node, "comparator")
        value = None if low is None else self.show(low) if low == high else [self.show(low), self.show(high)]
        antigen = self.first(node, "antigen")
        card = {
            "list": self.show(held) if held else None,
            "measure": self.show(self.first(node, "measure")),
            "op": to_value(op) if op else None,
            "value": value,
            "unit": to_value(unit) if unit else None,
            **({"antigen": self.show(antigen)} if antigen else {}),
            **({"negated": True} if self.first(node, "negated") else {}),
        }
        self.prove(about, self.trial, "hasCriterion", NamedNode(node))
        return card

    def _mention(self, about: str, term: NamedNode) -> Card:
        card = {
            "antigen": self.show(self.first(term.value, "antigen")),
            "role": self.show(self.first(term.value, "mentionRole")),
            "quote": None,
        }
        self.prove(about, self.trial, "hasAntigenMention", term)
        if self.evidence and self.evidence[-1]["about"] == about:
            card["quote"] = self.evidence[-1]["quote"]
        return card

    def _conflicts(self) -> list[Card]:
        """Properties on which records disagree, with what each record says."""
        old = {
            (subject, predicate)
            for (subject, predicate, _), proofs in self._proofs.items()
            if any(one.is_superseded for one in proofs)
        }
        found: dict[str, list[Card]] = defaultdict(list)
        for (subject, predicate, value), proofs in sorted(self._proofs.items()):
            if (subject, predicate) in old:
                for proof in proofs:
                    shown = {"value": self._show_text(value), "record": proof.record}
                    key = card_key(predicate[1:-1].removeprefix(KG))
                    if shown not in found[key]:
                        found[key].append(shown)
        newest = [one.record.file for one in self._records]
        return [
            {"key": key, "values": sorted(values, key=lambda one: newest.index(one["record"]))}
            for key, values in sorted(found.items())
        ]

    def _show_text(self, value: str) -> Any:
        if value.startswith("<"):
            return self.show(NamedNode(value[1:-1]))
        return self.show(_parse_term(value))

    def _not_stated(self, card: Card) -> list[str]:
        """Card keys that the records do not tell; a key of an intervention stands by its own name."""
        found = {key: None for key, value in card.items() if key not in _NEVER_MISSING and value in (None, [])}
        if self.first(self.trial, "summarisedIn") is not None:
            found.pop("brief_summary", None)
        for node in (self.trial, *self.parts(self.trial, "hasIntervention")):
            for term in self.values(node, "notStated"):
                found[card_key(term.value.removeprefix(KG)).rpartition(".")[2]] = None
        return sorted(found)


def _find_value(card: Card, about: str) -> Any:
    """What stands at a dotted path of a card."""
    value: Any = card
    for step in about.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _canonical(term: str) -> str:
    """A term as pyoxigraph prints it; only escapes and decimals can be written in more than one way."""
    if term.endswith(_DECIMAL):
        number = term[1 : -len(_DECIMAL)]
        return f'"{number.rstrip("0").rstrip(".") if "." in number else number}{_DECIMAL}'
    return str(_parse_term(term)) if "\\" in term else term


def _parse_term(term: str) -> Any:
    """An N-Triples term as an object."""
    return next(iter(parse(f"<s:s> <p:p> {term} .", format=RdfFormat.N_TRIPLES))).object
