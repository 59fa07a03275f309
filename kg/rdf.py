"""From a trial's facts to statements, and from statements to N-Quads. Pure: nothing is read or written here.

Terms are N-Triples strings from the start; building objects first costs five times as much (``benchmarks/``).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kg.model import Arm, Binding, Criterion, Endpoint, Fact, Mention, Product, Quote, Site, TimeFrame, Trial
from kg.terms import (
    GEO,
    PROV,
    RDF,
    RDFS,
    boolean,
    decimal,
    hash_key,
    integer,
    iri,
    kg,
    literal,
    mint,
    mint_under,
    slug,
    typed,
)
from kg.vocabularies import load_vocabularies

A = iri(f"{RDF}type")
LABEL = iri(f"{RDFS}label")
REGISTRY_ID = re.compile(
    r"NCT\d{8}|(?:EUCTR|CTIS)?\d{4}-\d{6}-\d{2}(?:-\d{2}|-[A-Z]{2})?|ChiCTR[-\w]{6,20}|ISRCTN\d{8}|jRCT\w{8,12}"
    r"|JPRN-\w{6,20}|ACTRN\d{14}|CTRI/\d{4}/\d{2,3}/\d{6}|DRKS\d{8}|KCT\d{7}|TCTR\d{11}|IRCT\w{8,20}|NL-?\w{4,12}"
    r"|PACTR\d{15,16}|RBR-[a-z0-9]{5,8}|RPCEC\d{8}|SLCTR/\d{4}/\d{3}|LBCTR\d{10}|PER-\d{3}-\d{2}|ITMCTR\d{10}"
)
"""Ids on which records merge: patterns of the registries of the WHO network. In-house codes never merge records."""
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?")


class Statement(msgspec.Struct, frozen=True, gc=False):
    """A triple in N-Triples terms, and the fact it rests on where it rests on words of the record."""

    s: str
    p: str
    o: str
    fact: Fact | None = None


_TERM_KEYS = {
    "study_type": ("studyType", "study-type"),
    "phases": ("phase", "phase"),
    "status": ("status", "status"),
    "allocation": ("allocation", "allocation"),
    "intervention_model": ("interventionModel", "intervention-model"),
    "masking": ("masking", "masking"),
    "primary_purpose": ("primaryPurpose", "primary-purpose"),
    "sex": ("sex", "sex"),
    "responsible_party_type": ("responsiblePartyType", "responsible-party-type"),
}
_VALUE_KEYS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "registry_id": ("registryId", literal),
    "secondary_ids": ("secondaryId", literal),
    "title": ("title", literal),
    "official_title": ("officialTitle", literal),
    "healthy_volunteers": ("healthyVolunteers", boolean),
    "min_age_years": ("minAgeYears", decimal),
    "max_age_years": ("maxAgeYears", decimal),
    "funder_types": ("funderType", literal),
    "conditions": ("conditionName", literal),
    "number_of_arms": ("numberOfArms", integer),
    "number_of_sites": ("numberOfSites", integer),
    "contacts": ("contactName", literal),
    "data_source": ("dataSource", literal),
    "has_results": ("hasResults", boolean),
    "scientific_contacts": ("scientificContact", literal),
    "responsible_party": ("responsibleParty", literal),
    "ethics_review": ("ethicsReview", literal),
    "ipd_sharing": ("ipdSharing", literal),
}
_DATE_KEYS = {
    "start_date": "startDate",
    "primary_completion_date": "primaryCompletionDate",
    "completion_date": "completionDate",
    "first_post_date": "firstPostDate",
    "first_submit_date": "firstSubmitDate",
    "last_update_date": "lastUpdateDate",
}
_ORGANISATION_KEYS = {"sponsor": "sponsor", "collaborators": "collaborator"}

_WATCHED = {
    "registryId": "registry_id",
    "secondaryId": "secondary_ids",
    "title": "title",
    "studyType": "study_type",
    "phase": "phases",
    "status": "status",
    "enrollmentMin": "enrollment",
    "allocation": "allocation",
    "interventionModel": "intervention_model",
    "masking": "masking",
    "primaryPurpose": "primary_purpose",
    "sex": "sex",
    "healthyVolunteers": "healthy_volunteers",
    "minAgeYears": "min_age_years",
    "maxAgeYears": "max_age_years",
    "sponsor": "sponsor",
    "funderType": "funder_types",
    "startDate": "start_date",
    "conditionName": "conditions",
    "contactName": "contacts",
}
"""Properties of a trial whose absence is said, by the key of the facts that fill them."""


def mint_trial(trial: Trial) -> str:
    """IRI of the trial: from its registry id, or from its text where it has none."""
    registry_id = trial.study.first("registry_id")
    if registry_id and REGISTRY_ID.fullmatch(str(registry_id)):
        return mint("trial", slug(str(registry_id)) if "/" in str(registry_id) else str(registry_id))
    return mint("trial", f"record-{trial.study.record.sha256[:12]}")


def mint_record(trial: Trial) -> str:
    """IRI of the record: from its text."""
    return mint("record", trial.study.record.sha256[:24])


def describe(trial: Trial) -> list[Statement]:
    """Everything that the record says of the trial, as statements.

    The order is that of the record; nothing depends on it.
    """
    return list(_Describer(trial).run())


class _Describer:
    """Holds the trial's IRIs while its parts are written."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.study = trial, trial.study
        self.iri, self.record = mint_trial(trial), mint_record(trial)
        self.vocabularies = load_vocabularies()
        self.products: dict[str, str] = {}
        self.endpoints: set[str] = set()

    def run(self) -> Iterator[Statement]:
        yield Statement(self.iri, A, kg("Trial"))
        yield from self._describe_record()
        yield from self._describe_facts()
        if self.study.parts("eligibility"):  # stated, whether or not the rules can read a criterion from it
            yield Statement(self.iri, kg("eligibilityIn"), self.record)
        yield from self._describe_conditions()
        for position, product in enumerate(self.trial.products):
            yield from self._describe_product(position, product)
        for position, arm in enumerate(self.study.arms):
            yield from self._describe_arm(position, arm)
        for position, endpoint in enumerate(self.trial.endpoints):
            yield from self._describe_endpoint(position, endpoint)
        for position, criterion in enumerate(self.trial.criteria):
            yield from self._describe_criterion(position, criterion)
        yield from self._describe_sites()
        yield from self._describe_mentions()
        yield from self._describe_absences()

    def term(self, scheme: str, notation: str) -> str:
        return self.vocabularies.node(scheme, notation)

    def _describe_record(self) -> Iterator[Statement]:
        record = self.study.record
        yield Statement(self.iri, kg("hasRecord"), self.record)
        for p, o in (
            (A, kg("RegistryRecord")),
            (A, iri(f"{PROV}Entity")),
            (kg("fileName"), literal(record.file)),
            (kg("recordFormat"), literal(record.format)),
            (kg("sha256"), literal(record.sha256)),
        ):
            yield Statement(self.record, p, o)
        if record.updated and _DATE.fullmatch(record.updated):
            yield from self._describe_date(self.record, "lastUpdateDate", Fact(record.updated, _NO_QUOTE))

    def _describe_facts(self) -> Iterator[Statement]:
        for key, facts in self.study.facts.items():
            for fact in facts:
                if key in _TERM_KEYS:
                    name, scheme = _TERM_KEYS[key]
                    yield Statement(self.iri, kg(name), self.term(scheme, str(fact.value)), fact)
                elif key in _VALUE_KEYS:
                    name, write = _VALUE_KEYS[key]
                    yield Statement(self.iri, kg(name), write(fact.value), fact)
                elif key in _DATE_KEYS:
                    yield from self._describe_date(self.iri, _DATE_KEYS[key], fact)
                elif key == "brief_summary":  # a pointer: the words stay in the record (docs/decisions/0012)
                    yield Statement(self.iri, kg("summarisedIn"), self.record, fact)
                elif key in _ORGANISATION_KEYS:
                    yield from self._describe_organisation(_ORGANISATION_KEYS[key], fact)
                elif key == "enrollment":
                    low, high = fact.value if isinstance(fact.value, tuple) else (fact.value, fact.value)
                    yield Statement(self.iri, kg("enrollmentMin"), integer(low), fact)
                    yield Statement(self.iri, kg("enrollmentMax"), integer(high), fact)

    def _describe_date(self, subject: str, name: str, fact: Fact) -> Iterator[Statement]:
        found = _DATE.fullmatch(str(fact.value))
        if found is None:
            return
        year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
        if not 1000 <= year <= 9999 or month > 12 or (day and not month):
            return
        last_month = month or 12
        last_day = calendar.monthrange(year, last_month)[1]
        if day > last_day:
            return
        raw = "-".join(part for part in found.groups() if part)
        node = mint("date", raw)
        yield Statement(subject, kg(name), node, fact)
        yield Statement(node, A, kg("PartialDate"))
        yield Statement(node, LABEL, literal(raw))
        yield Statement(node, kg("earliest"), typed(f"{year:04}-{month or 1:02}-{day or 1:02}", "date"))
        yield Statement(node, kg("latest"), typed(f"{year:04}-{last_month:02}-{day or last_day:02}", "date"))
        yield Statement(node, kg("precision"), literal("day" if day else "month" if month else "year"))

    def _describe_organisation(self, name: str, fact: Fact) -> Iterator[Statement]:
        node = mint("organisation", slug(str(fact.value)))
        yield Statement(self.iri, kg(name), node, fact)
        yield Statement(node, A, kg("Organisation"))
        yield Statement(node, LABEL, literal(str(fact.value)))

    def _describe_conditions(self) -> Iterator[Statement]:
        for fact in self.trial.conditions:
            yield Statement(self.iri, kg("condition"), self.term("condition", str(fact.value)), _soften(fact))
        for fact in self.trial.settings:
            yield Statement(self.iri, kg("diseaseSetting"), self.term("disease-setting", str(fact.value)), fact)

    def _describe_product(self, position: int, product: Product) -> Iterator[Statement]:
        name = str(product.name.value) if product.name else ""
        node = mint_under(self.iri, "intervention", slug(name) if name else "unnamed")
        if node in self.products.values():
            return
        self.products[name] = node
        yield Statement(self.iri, kg("hasIntervention"), node)
        yield Statement(node, A, kg("Intervention"))
        yield Statement(node, kg("position"), integer(position))
        if product.name:
            yield Statement(node, LABEL, literal(name), product.name)
        yield from self._describe_terms(node, "interventionType", "intervention-type", product.type)
        if product.is_cell:
            yield Statement(node, A, kg("CellProduct"))
            yield from self._describe_cells(node, product)

    def _describe_terms(self, node: str, name: str, scheme: str, *facts: Fact | None) -> Iterator[Statement]:
        for fact in facts:
            if fact:
                yield Statement(node, kg(name), self.term(scheme, str(fact.value)), fact)

    def _describe_cells(self, node: str, product: Product) -> Iterator[Statement]:
        yield from self._describe_terms(node, "modality", "modality", product.modality)
        if product.cell_type:
            yield Statement(node, kg("cellType"), self.term("cell-type", str(product.cell_type.value)))
        yield from self._describe_terms(node, "logic", "logic", product.logic)
        yield from self._describe_terms(node, "namedProduct", "product", product.named_product)
        yield from self._describe_terms(node, "costimulation", "costimulation", *product.costimulation)
        yield from self._describe_terms(node, "safetySwitch", "safety-switch", *product.safety_switch)
        yield from self._describe_terms(node, "cellSource", "cell-source", *product.sources)
        if product.sources:
            first = product.sources[0]
            yield Statement(node, kg("sourceBasis"), self.term("basis", first.basis))
            yield Statement(node, kg("cellSourceAsWritten"), literal(first.written or first.quote.text))
        for fact in product.edits:
            yield Statement(node, kg("edit"), literal(str(fact.value)), fact)
        for fact in product.lymphodepletion:
            yield Statement(node, kg("lymphodepletion"), literal(str(fact.value)), fact)
        for name, flag in (("offTheShelf", product.off_the_shelf), ("doseEscalation", product.dose_escalation)):
            if flag:
                yield Statement(node, kg(name), boolean(bool(flag.value)), flag)
        for position, binding in enumerate(product.bindings):
            yield from self._describe_binding(node, position, binding)
        for position, dose in enumerate(product.doses):
            part = mint_under(node, "dose", slug(f"{dose.role} {dose.low:g} {dose.high:g} {dose.unit}"))
            fact = Fact(None, dose.quote, dose.rule)
            yield Statement(node, kg("hasDose"), part, fact)
            yield Statement(part, A, kg("Dose"))
            yield Statement(part, kg("position"), integer(position))
            yield Statement(part, kg("doseLow"), decimal(dose.low))
            yield Statement(part, kg("doseHigh"), decimal(dose.high))
            yield Statement(part, kg("doseUnit"), literal(dose.unit))
            yield Statement(part, kg("doseRole"), self.term("dose-role", dose.role))
        for name, is_there in (
            ("hasBinding", product.bindings),
            ("cellSource", product.sources),
            ("modality", product.modality),
            ("hasDose", product.doses),
            ("lymphodepletion", product.lymphodepletion),
        ):
            if not is_there:
                yield Statement(node, kg("notStated"), kg(name))

    def _describe_binding(self, product: str, position: int, binding: Binding) -> Iterator[Statement]:
        node = mint_under(product, "binding", slug(str(binding.antigen.value)))
        yield Statement(product, kg("hasBinding"), node)
        yield Statement(node, A, kg("Binding"))
        yield Statement(node, kg("position"), integer(position))
        yield Statement(node, kg("antigen"), self.term("antigen", str(binding.antigen.value)), binding.antigen)
        yield Statement(node, kg("asWritten"), literal(binding.written))
        if binding.binder:
            yield Statement(node, kg("binder"), literal(str(binding.binder.value)), binding.binder)
        yield from self._describe_terms(node, "binderType", "binder-type", binding.binder_type)

    def _describe_arm(self, position: int, arm: Arm) -> Iterator[Statement]:
        node = mint_under(self.iri, "arm", slug(str(arm.label.value)))
        yield Statement(self.iri, kg("hasArm"), node)
        yield Statement(node, A, kg("Arm"))
        yield Statement(node, kg("position"), integer(position))
        yield Statement(node, LABEL, literal(str(arm.label.value)), arm.label)
        yield from self._describe_terms(node, "armType", "arm-type", arm.type)
        for fact in arm.interventions:
            used = self.products.get(str(fact.value))
            if used:
                yield Statement(node, kg("usesIntervention"), used, fact)

    def _describe_endpoint(self, position: int, endpoint: Endpoint) -> Iterator[Statement]:
        frame = endpoint.time_frame.value if endpoint.time_frame else None
        node = self._mint_endpoint(endpoint)
        if node in self.endpoints:
            return
        self.endpoints.add(node)
        yield Statement(self.iri, kg("hasEndpoint"), node)
        yield Statement(node, A, kg("Endpoint"))
        yield Statement(node, kg("position"), integer(position))
        yield Statement(node, LABEL, literal(str(endpoint.name.value)), endpoint.name)
        if endpoint.role:
            yield Statement(node, kg("endpointRole"), self.term("endpoint-role", endpoint.role))
        yield from self._describe_terms(node, "endpointKind", "endpoint-kind", *map(_soften, endpoint.kinds))
        for fact in endpoint.kinds[:1]:
            yield Statement(node, kg("mainKind"), self.term("endpoint-kind", str(fact.value)))
        if endpoint.grading:
            yield Statement(node, kg("grading"), literal(str(endpoint.grading.value)), endpoint.grading)
        if endpoint.time_frame is not None and frame is not None:
            yield from self._describe_time_frame(node, endpoint.time_frame, frame)
        else:
            yield Statement(node, kg("notStated"), kg("timeFrame"))

    def _mint_endpoint(self, endpoint: Endpoint) -> str:
        """Role, name and time frame tell endpoints apart; where a record repeats all three, what they measure does."""
        node = mint_under(self.iri, f"endpoint/{endpoint.role or 'unstated'}", slug(str(endpoint.name.value)))
        if endpoint.time_frame is not None:
            node = mint_under(node, "at", _key_of(endpoint.time_frame.value.raw))
        if node not in self.endpoints:
            return node
        described = [
            str(endpoint.name.value),
            *(str(kind.value) for kind in endpoint.kinds),
            str(endpoint.grading and endpoint.grading.value),
        ]
        return mint_under(node, "also", hash_key("\x1f".join(described)))

    def _describe_time_frame(self, endpoint: str, fact: Fact, frame: TimeFrame) -> Iterator[Statement]:
        node = mint("time-frame", _key_of(frame.raw))
        yield Statement(endpoint, kg("timeFrame"), node, _soften(fact))
        yield Statement(node, A, kg("TimeFrame"))
        yield Statement(node, LABEL, literal(frame.raw))
        for name, value in (("minDays", frame.low), ("maxDays", frame.high)):
            if value is not None:
                yield Statement(node, kg(name), decimal(value))
        for day in frame.days:
            yield Statement(node, kg("atDays"), decimal(day))
        if frame.anchor:
            yield Statement(node, kg("anchor"), literal(frame.anchor))
        yield Statement(node, kg("eventDriven"), boolean(frame.event_driven))

    def _describe_criterion(self, position: int, criterion: Criterion) -> Iterator[Statement]:
        low, high = criterion.value if isinstance(criterion.value, tuple) else (criterion.value, criterion.value)
        key = slug(
            " ".join(
                str(part)
                for part in (
                    criterion.list or "either",
                    "no" if criterion.is_negated else "",
                    criterion.measure,
                    criterion.antigen or "",
                    criterion.op or "",
                    "" if low is None else f"{low:g}",
                    "" if high is None else f"{high:g}",
                    criterion.unit or "",
                )
            )
        )
        node = mint_under(self.iri, "criterion", f"{key}-{hash_key(criterion.op or '')[:4]}" if criterion.op else key)
        fact = Fact(None, criterion.quote, criterion.rule, criterion.basis)
        yield Statement(self.iri, kg("hasCriterion"), node, fact)
        yield Statement(node, A, kg("Criterion"))
        yield Statement(node, kg("position"), integer(position))
        if criterion.list:
            yield Statement(node, kg("criterionList"), self.term("criterion-list", criterion.list))
        yield Statement(node, kg("measure"), self.term("measure", criterion.measure))
        if criterion.antigen:
            yield Statement(node, kg("antigen"), self.term("antigen", criterion.antigen))
        if criterion.op:
            yield Statement(node, kg("comparator"), literal(criterion.op))
        if low is not None and high is not None:
            yield Statement(node, kg("thresholdLow"), decimal(low))
            yield Statement(node, kg("thresholdHigh"), decimal(high))
        if criterion.unit:
            yield Statement(node, kg("unit"), literal(criterion.unit))
        if criterion.is_negated:
            yield Statement(node, kg("negated"), boolean(True))

    def _describe_sites(self) -> Iterator[Statement]:
        countries: dict[str, Fact] = {}
        for site in self.study.sites:
            yield from self._describe_site(site)
            if site.country:
                countries.setdefault(str(site.country.value), site.country)
        for code, fact in countries.items():
            yield Statement(self.iri, kg("country"), self.term("country", code), Fact(fact.value, fact.quote))

    def _describe_site(self, site: Site) -> Iterator[Statement]:
        named = [fact for fact in (site.facility, site.city, site.region, site.country) if fact]
        if not named:
            return
        node = mint("site", slug(", ".join(str(fact.value) for fact in named), 80))
        yield Statement(self.iri, kg("hasSite"), node, named[0])
        yield Statement(node, A, kg("Site"))
        yield Statement(node, LABEL, literal(", ".join(str(fact.value) for fact in named)))
        for name, fact in (("facility", site.facility), ("city", site.city), ("region", site.region)):
            if fact:
                yield Statement(node, kg(name), literal(str(fact.value)), Fact(fact.value, fact.quote))
        if site.country:
            yield Statement(
                node,
                kg("country"),
                self.term("country", str(site.country.value)),
                Fact(site.country.value, site.country.quote),
            )
        if site.latitude and site.longitude:
            # A thing of its own: registries move the coordinates of one site from record to record.
            latitude, longitude = float(site.latitude.value), float(site.longitude.value)
            point = mint("point", f"{latitude:.6f},{longitude:.6f}")
            yield Statement(node, kg("location"), point, site.latitude)
            yield Statement(point, A, kg("Point"))
            yield Statement(point, iri(f"{GEO}lat"), decimal(latitude), site.latitude)
            yield Statement(point, iri(f"{GEO}long"), decimal(longitude), site.longitude)

    def _describe_mentions(self) -> Iterator[Statement]:
        """Antigens that are named without being a target: the first mention of each in each role."""
        bound = {str(binding.antigen.value) for product in self.trial.products for binding in product.bindings}
        seen: dict[tuple[str, str], Mention] = {}
        for mention in self.trial.mentions:
            if mention.role not in ("target", "biomarker") and not (
                mention.antigen in bound and mention.role in _OF_TARGETS
            ):
                seen.setdefault((mention.antigen, mention.role), mention)
        for mention in seen.values():
            node = mint_under(self.iri, "mention", slug(f"{mention.antigen} {mention.role}"))
            yield Statement(self.iri, kg("hasAntigenMention"), node, Fact(None, mention.quote, mention.rule))
            yield Statement(node, A, kg("AntigenMention"))
            yield Statement(node, kg("antigen"), self.term("antigen", mention.antigen))
            yield Statement(node, kg("asWritten"), literal(mention.written))
            yield Statement(node, kg("mentionRole"), self.term("antigen-role", mention.role))

    def _describe_absences(self) -> Iterator[Statement]:
        absent = {name for name, key in _WATCHED.items() if not self.study.facts.get(key)}
        absent |= {
            name
            for name, things in (
                ("diseaseSetting", self.trial.settings),
                ("hasArm", self.study.arms),
                ("hasIntervention", self.trial.products),
                ("hasSite", self.study.sites),
                ("hasEndpoint", self.trial.endpoints),
                ("hasCriterion", self.trial.criteria),
            )
            if not things
        }
        for name in sorted(absent):
            yield Statement(self.iri, kg("notStated"), kg(name))


def _soften(fact: Fact) -> Fact:
    """Classifying a listed measure or condition needs no node of evidence: its label and the field's path show the
    words."""
    is_listed = ".outcomesModule." in fact.quote.field or ".conditionsModule." in fact.quote.field
    return msgspec.structs.replace(fact, rule="") if is_listed else fact


def _key_of(words: str) -> str:
    """A key that no other words share, readable where they are plain.

    >>> _key_of("12 months"), _key_of("12 Months.")
    ('12-months', '12-months-df2e7f52c549')
    """
    key = slug(words)
    mark = hash_key(words)
    return key if key.replace("-", " ") == words or key.endswith(mark) else f"{key}-{mark}"


_OF_TARGETS = ("eligibility marker", "negated")
"""Roles in which a trial's own target is often named too; those mentions say nothing against it."""
_NO_QUOTE = Quote("", 0, 0, "")


def write_evidence(
    statement: Statement, trial: str, record: str, *, is_superseded: bool = False
) -> Iterator[tuple[str, str, str]]:
    """The evidence node of a statement, as triples."""
    fact = statement.fact
    if fact is None:
        return
    quote = fact.quote
    key = hash_key(
        "\x1f".join(
            (statement.s, statement.p, statement.o, record, quote.field, str(quote.start), str(quote.end), fact.rule)
        )
    )
    node = mint_under(trial, "evidence", key)
    yield node, A, kg("Evidence")
    yield node, kg("subject"), statement.s
    yield node, kg("predicate"), statement.p
    yield node, kg("object") if statement.o.startswith("<") else kg("objectValue"), statement.o
    yield node, kg("exactWords"), literal(quote.text)
    yield node, kg("start"), integer(quote.start)
    yield node, kg("end"), integer(quote.end)
    yield node, kg("field"), literal(quote.field)
    yield node, kg("rule"), literal(fact.rule or "record.field")
    yield node, kg("basis"), load_vocabularies().node("basis", fact.basis)
    yield node, kg("fromRecord"), record
    if is_superseded:
        yield node, kg("superseded"), boolean(True)


def write_record(trial: Trial) -> list[str]:
    """The record's statements and their evidence as sorted N-Quads lines, graph = the record."""
    trial_iri, record = mint_trial(trial), mint_record(trial)
    return write_statements(describe(trial), trial_iri, record)


def write_statements(statements: Iterable[Statement], trial: str, record: str) -> list[str]:
    """Statements, and a node of evidence for each that rests on prose, as sorted N-Quads lines."""
    end = f" {record} .\n"
    lines = set()
    for one in statements:
        lines.add(f"{one.s} {one.p} {one.o}{end}")
        if (fact := one.fact) is not None and fact.rule:
            lines.update([f"{s} {p} {o}{end}" for s, p, o in write_evidence(one, trial, record)])
    return sorted(lines)


def to_triple(line: str) -> str:
    """An N-Quads line of ours without its graph.

    >>> to_triple('<s:s> <p:p> "a <x> ." <g:g> .').strip()
    '<s:s> <p:p> "a <x> ." .'
    """
    head, _, _ = line.rpartition(" <")
    return head + " .\n"
