"""ClinicalTrials.gov API v2 JSON (https://clinicaltrials.gov/data-api/api), whole studies or a part of their fields.

Field paths are kept for every value, so that a copied value needs no other evidence. Exports that collapse a list of
one
into the thing itself are read as if the list were there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from kg.lexicon import open_lexicon
from kg.model import NO_QUOTE, Arm, Fact, Intervention, Outcome, Passage, Quote, Record, Site, Study
from kg.sources.dates import split_date
from kg.sources.placeholders import find_count_fault
from kg.vocabularies import load_vocabularies

FORMAT = "ctgov-v2"
READS = "json"
_AGE = re.compile(r"(?<![\d.,−–-])(\d{1,9}(?:\.\d{1,9})?)\s*(year|month|week|day|hour|minute)", re.IGNORECASE)
_YEARS = {"year": 1.0, "month": 1 / 12, "week": 7 / 365.25, "day": 1 / 365.25, "hour": 1 / 8766, "minute": 1 / 525960}
_OLDEST = 200.0
_BETWEEN_WORDS = re.compile(r"[\s_-]{1,4}")
"""Years that no limit of age reaches; what is beyond is a slip of the record."""
_NOTHING = ("N/A", "NA", "None")
"""Words in place of a value where there is none."""
_DEGREE = re.compile(r",(?s:.*)|(?<!\s)\s+(?:MD|PhD|Ph\.D\.?|M\.D\.?|Prof\.?|Dr\.?)$")
_DATES = {
    "start_date": "startDateStruct",
    "primary_completion_date": "primaryCompletionDateStruct",
    "completion_date": "completionDateStruct",
    "first_post_date": "studyFirstPostDateStruct",
    "last_update_date": "lastUpdatePostDateStruct",
}


class Node:
    """A JSON value together with the dotted path to it; absent values are falsy nodes."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path

    def __bool__(self) -> bool:
        return self.value is not None and self.value != "" and self.value != {}

    def get(self, *names: str) -> Node:
        """Child under ``names``; a falsy node where anything on the way is missing."""
        value, path = self.value, self.path
        for name in names:
            if not isinstance(value, dict) or (value := value.get(name)) is None:
                return _ABSENT
            path = f"{path}.{name}" if path else name
        return Node(value, path)

    def items(self) -> Iterator[Node]:
        """Members of a list; a lone value counts as a list of one."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, f"{self.path}.{index}")
        elif self:
            yield self

    def fact(self, value: Any = None) -> Fact | None:
        """The node as a fact (``value`` replaces its own), or None where it is absent or not a plain value."""
        own = self.value
        if own is None or own == "" or isinstance(own, dict | list):
            return None
        words = own if isinstance(own, str) else msgspec.json.encode(own).decode()
        return Fact(own if value is None else value, Quote(self.path, 0, len(words), words))

    def text(self) -> str:
        """The string, or an empty one."""
        return self.value if isinstance(self.value, str) else ""

    def passage(self, part: str, ref: str = "") -> Passage | None:
        """The string as a passage, or None where there is none."""
        return Passage(part, self.path, 0, self.value, ref) if isinstance(self.value, str) and self.value else None


_ABSENT = Node(None, "")


def sniff(value: Any) -> bool:
    """Whether a decoded JSON value is a study of this format."""
    return isinstance(value, dict) and isinstance(_find_protocol(Node(value, "")).value, dict)


def _find_protocol(root: Node) -> Node:
    """The protocol section, also where an export wraps the study in an object of its own."""
    return root.get("protocolSection") or root.get("study", "protocolSection")


def read(value: Any, record: Record) -> Study:
    """Read one decoded study.

    >>> from kg.model import Record
    >>> study = read({"protocolSection": {"statusModule": {"overallStatus": "COMPLETED"}}}, Record("f", FORMAT, "", ""))
    >>> study.first("status")
    'COMPLETED'
    """
    section = _find_protocol(Node(value, ""))
    set_aside: list[str] = []
    facts = _read_trial_facts(section, Node(value, ""), set_aside)
    arms_module = section.get("armsInterventionsModule")
    outcomes = section.get("outcomesModule")
    study_interventions = tuple(_read_interventions(arms_module, set_aside))
    updated = (
        section.get("statusModule", "lastUpdatePostDateStruct", "date").text()
        or section.get("statusModule", "lastUpdateSubmitDate").text()
    )
    return Study(
        record=msgspec.structs.replace(record, format=FORMAT, updated=updated, is_part=not _is_whole(value)),
        facts={key: tuple(found) for key, found in facts.items() if found},
        arms=tuple(_read_arms(arms_module, set_aside)),
        interventions=study_interventions,
        outcomes=tuple(
            outcome
            for role in ("primary", "secondary", "other")
            for outcome in _read_outcomes(outcomes.get(f"{role}Outcomes"), role)
        ),
        sites=tuple(_read_sites(section.get("contactsLocationsModule", "locations"), set_aside)),
        passages=tuple(passage for passage in _read_passages(section) if passage),
        set_aside=tuple(set_aside),
    )


def check_term(scheme: str, fact: Fact | None, set_aside: list[str]) -> Fact | None:
    """The fact with a term of the scheme as value; else None, and the reason is listed.

    Codes are also read as other tools write them: "Not yet recruiting" for "NOT_YET_RECRUITING".
    """
    if fact is None or load_vocabularies().find(scheme, str(fact.value)):
        return fact
    code = _BETWEEN_WORDS.sub("_", str(fact.value).strip()).upper()
    if code in load_vocabularies().scheme(scheme):
        return msgspec.structs.replace(fact, value=code)
    set_aside.append(f"{fact.quote.field}: {str(fact.value)[:60]!r} is not a known {scheme.replace('-', ' ')}")
    return None


def read_term(scheme: str, node: Node, set_aside: list[str]) -> Fact | None:
    """The term that a node states; what stands there and is no plain value is listed too."""
    fact = node.fact()
    if fact is None and node and node.value not in _NOTHING and node.value != "":
        what = scheme.replace("-", " ")
        set_aside.append(f"{node.path}: {str(node.value)[:60]!r} is not a known {what}")
    return check_term(scheme, fact, set_aside)


def _is_whole(value: dict[str, Any]) -> bool:
    """Whether the API gave the whole study: then it says beside the section whether there are results."""
    inner = value.get("study")
    return "hasResults" in value or (isinstance(inner, dict) and "hasResults" in inner)


def _read_trial_facts(section: Node, root: Node, set_aside: list[str]) -> dict[str, list[Fact]]:
    identification, status = section.get("identificationModule"), section.get("statusModule")
    sponsors, design = section.get("sponsorCollaboratorsModule"), section.get("designModule")
    eligibility, info = section.get("eligibilityModule"), section.get("designModule", "designInfo")
    nct = identification.get("nctId")
    found: dict[str, list[Fact]] = {}

    def add(key: str, *facts: Fact | None) -> None:
        found.setdefault(key, []).extend(fact for fact in facts if fact)

    def add_readable(key: str, node: Node, fact: Fact | None, fault: str) -> None:
        """Add what was read; a value that is there and could not be read is listed with its fault."""
        add(key, fact)
        if node and fact is None and node.value not in _NOTHING:
            set_aside.append(f"{node.path}: {str(node.value)[:60]!r} {fault}")

    def add_term(key: str, scheme: str, *nodes: Node) -> None:
        for node in nodes:
            if node.fact() is None:
                add_readable(key, node, None, f"is not a known {scheme.replace('-', ' ')}")
            add(key, check_term(scheme, node.fact(), set_aside))

    add("registry_id", nct.fact())
    add(
        "secondary_ids",
        *(
            fact
            for node in (
                identification.get("orgStudyIdInfo", "id"),
                *(item.get("id") for item in identification.get("secondaryIdInfos").items()),
            )
            if (fact := node.fact()) and fact.value != nct.value
        ),
    )
    add("title", identification.get("briefTitle").fact())
    add("official_title", identification.get("officialTitle").fact())
    add_term("study_type", "study-type", design.get("studyType"))
    add_term("phases", "phase", *design.get("phases").items())
    add_term("status", "status", status.get("overallStatus"))
    add_term("allocation", "allocation", info.get("allocation"))
    add_term("intervention_model", "intervention-model", info.get("interventionModel"))
    add_term("masking", "masking", info.get("maskingInfo", "masking"))
    add_term("primary_purpose", "primary-purpose", info.get("primaryPurpose"))
    add_term("sex", "sex", eligibility.get("sex"))
    count = design.get("enrollmentInfo", "count")
    is_number = isinstance(count.value, int) and not isinstance(count.value, bool)
    fault = find_count_fault(count.value) if is_number else "is no whole number"
    add_readable("enrollment", count, None if fault else count.fact(), fault)
    volunteers = eligibility.get("healthyVolunteers")
    is_told = isinstance(volunteers.value, bool)
    add_readable("healthy_volunteers", volunteers, volunteers.fact() if is_told else None, "is neither true nor false")
    for key, limit in (("min_age_years", "minimumAge"), ("max_age_years", "maximumAge")):
        add_readable(key, eligibility.get(limit), _read_age(eligibility.get(limit)), "is no age")
    add("sponsor", sponsors.get("leadSponsor", "name").fact())
    collaborators = list(sponsors.get("collaborators").items())
    add("collaborators", *(item.get("name").fact() for item in collaborators))
    add("funder_types", *_read_funders([sponsors.get("leadSponsor"), *collaborators]))
    party = sponsors.get("responsibleParty")
    add_term("responsible_party.type", "responsible-party-type", party.get("type"))
    add("responsible_party.name", (party.get("investigatorFullName") or party.get("oldNameTitle")).fact())
    add("brief_summary", section.get("descriptionModule", "briefSummary").fact())
    dates = {key: status.get(struct, "date") for key, struct in _DATES.items()}
    for key, node in {**dates, "first_submit_date": status.get("studyFirstSubmitDate")}.items():
        add_readable(key, node, node.fact() if split_date(node.text()) else None, "is no date")
    add("conditions", *(node.fact() for node in section.get("conditionsModule", "conditions").items()))
    contacts = section.get("contactsLocationsModule")
    add("contacts", *_read_contacts(contacts))
    add("scientific_contacts", *(_read_name(item.get("name")) for item in contacts.get("overallOfficials").items()))
    add("ipd_sharing", section.get("ipdSharingStatementModule", "ipdSharing").fact())
    results = root.get("hasResults")
    add("has_results", results.fact() if isinstance(results.value, bool) else None)
    return found


def _read_age(node: Node) -> Fact | None:
    found = _AGE.search(node.text())
    years = round(float(found[1]) * _YEARS[found[2].lower()], 4) if found else _OLDEST
    return node.fact(years) if years < _OLDEST else None


def _read_funders(nodes: list[Node]) -> list[Fact]:
    """Funder classes in the words of the registry's pages ("Industry"), each once."""
    found: dict[str, Fact] = {}
    for node in nodes:
        fact = node.get("class").fact()
        if fact:
            name = str(fact.value)
            shown = name if name in ("NIH", "FED", "INDIV") else name.replace("_", " ").capitalize()
            found.setdefault(shown, msgspec.structs.replace(fact, value=shown))
    return list(found.values())


def _read_contacts(module: Node) -> list[Fact]:
    """People to ask: the central contacts, or where there is none those of the sites, each once."""
    sites = (
        item
        for site in module.get("locations").items()
        for item in site.get("contacts").items()
        if item.get("role").text() in ("", "CONTACT")
    )
    found: dict[str, Fact] = {}
    for item in list(module.get("centralContacts").items()) or sites:
        fact = _read_name(item.get("name"))
        if fact:
            found.setdefault(str(fact.value), fact)
    return list(found.values())


def _read_name(node: Node) -> Fact | None:
    return node.fact(strip_degrees(node.text())) if node.text() else None


def strip_degrees(name: str) -> str:
    """A person's name without what follows it.

    >>> strip_degrees("Hai Yi, Ph.D")
    'Hai Yi'
    """
    return _DEGREE.sub("", name.strip()).strip() or name.strip()


def _read_arms(module: Node, set_aside: list[str]) -> Iterator[Arm]:
    for node in module.get("armGroups").items():
        label = node.get("label").fact()
        if label:
            names = tuple(
                fact for item in node.get("interventionNames").items() if (fact := item.fact(_strip_type(item.text())))
            )
            yield Arm(label, read_term("arm-type", node.get("type"), set_aside), names)


def _strip_type(name: str) -> str:
    """ "Biological: CD7 CAR-T" names the intervention "CD7 CAR-T"."""
    head, colon, tail = name.partition(": ")
    return tail if colon and head.replace(" ", "_").upper() in load_vocabularies().scheme("intervention-type") else name


def _read_interventions(module: Node, set_aside: list[str]) -> Iterator[Intervention]:
    for node in module.get("interventions").items():
        name = node.get("name").fact()
        if name:
            yield Intervention(
                name,
                read_term("intervention-type", node.get("type"), set_aside),
                tuple(fact for item in node.get("otherNames").items() if (fact := item.fact())),
                tuple(item.text() for item in node.get("armGroupLabels").items() if item.text()),
            )


def _read_outcomes(nodes: Node, role: str) -> Iterator[Outcome]:
    for node in nodes.items():
        measure = node.get("measure").fact()
        if measure:
            yield Outcome(role, measure, node.get("timeFrame").fact(), node.get("description").fact())


def _read_sites(nodes: Node, set_aside: list[str]) -> Iterator[Site]:
    for node in nodes.items():
        country = node.get("country")
        point = node.get("geoPoint")
        site = Site(
            node.get("facility").fact(),
            node.get("city").fact(),
            node.get("state").fact(),
            read_country(country.fact(), set_aside),
            _read_degrees(point.get("lat"), 90),
            _read_degrees(point.get("lon"), 180),
            _read_site_status(node.get("status"), set_aside),
        )
        if site.facility or site.city or site.country:
            yield site


def _read_site_status(node: Node, set_aside: list[str]) -> Fact | None:
    """A site's own status. Of what is stated and cannot be read it is unknown: the trial's status does not stand in."""
    known = len(set_aside)
    fact = read_term("status", node, set_aside)
    return Fact("UNKNOWN", NO_QUOTE) if fact is None and len(set_aside) > known else fact


def _read_degrees(node: Node, most: int) -> Fact | None:
    is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return node.fact() if is_number and -most <= node.value <= most else None


def read_country(fact: Fact | None, set_aside: list[str]) -> Fact | None:
    """The fact with the country's ISO 3166-1 code as value; an unknown name is set aside."""
    if fact is None:
        return None
    code = find_country(str(fact.value))
    if code:
        return msgspec.structs.replace(fact, value=code)
    set_aside.append(f"{fact.quote.field}: {str(fact.value)[:60]!r} is not a known country")
    return None


@lru_cache(maxsize=1024)
def find_country(name: str) -> str:
    """ISO 3166-1 code of a country; empty where the name is not known.

    >>> find_country("Switzerland"), find_country("Nowhere")
    ('CH', '')
    """
    matches = open_lexicon("country").find(name)
    return next((one.term.notation for one in matches if one.end - one.start == len(name)), "")


def _read_passages(section: Node) -> Iterator[Passage | None]:
    identification, description = section.get("identificationModule"), section.get("descriptionModule")
    arms, outcomes = section.get("armsInterventionsModule"), section.get("outcomesModule")
    yield identification.get("briefTitle").passage("title")
    yield identification.get("officialTitle").passage("official title")
    yield identification.get("acronym").passage("keyword")
    for node in section.get("conditionsModule", "conditions").items():
        yield node.passage("condition")
    for node in section.get("conditionsModule", "keywords").items():
        yield node.passage("keyword")
    for node in arms.get("interventions").items():
        name = node.get("name").text()
        yield node.get("name").passage("intervention", name)
        for other in node.get("otherNames").items():
            yield other.passage("other name", name)
        yield node.get("description").passage("intervention description", name)
    for node in arms.get("armGroups").items():
        label = node.get("label").text()
        yield node.get("label").passage("arm", label)
        yield node.get("description").passage("arm description", label)
    yield description.get("briefSummary").passage("summary")
    yield description.get("detailedDescription").passage("description")
    for role in ("primary", "secondary", "other"):
        for node in outcomes.get(f"{role}Outcomes").items():
            yield node.get("measure").passage("outcome", role)
            yield node.get("description").passage("outcome description", role)
    yield section.get("eligibilityModule", "eligibilityCriteria").passage("eligibility")
