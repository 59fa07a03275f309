"""ClinicalTrials.Veeva pages, also those whose values were lost and whose headings follow one another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.model import Arm, Passage, Record, Study
from kg.sources.pages import Line, Page, add_contacts, add_participants, find_term, read_arm, read_typed_interventions

FORMAT = "veeva"
READS = "page"
_HEADINGS = (
    "Status and phase",
    "Conditions",
    "Treatments",
    "Study type",
    "Funder types",
    "Identifiers",
    "Details and patient eligibility",
    "About",
    "Full description",
    "Enrollment",
    "Sex",
    "Ages",
    "Volunteers",
    "Inclusion criteria",
    "Exclusion criteria",
    "Trial design",
    "Primary purpose",
    "Allocation",
    "Interventional model",
    "Masking",
    "Trial contacts and locations",
    "Central trial contact",
    "Loading...",
)
_SIGNS = {"Status and phase", "Interventional model", "Masking", "Inclusion criteria"}
_MENU = {"ClinicalTrials.Veeva", "Menu"}
_ESTIMATE = re.compile(r"(\d{1,12})(?: estimated)? patients?")
_AGES = re.compile(r"(\d{1,3})(?:\+| to (\d{1,3})) years?(?: old)?")
_SOURCE = re.compile(r"Data sourced from (\S{1,60})")


def sniff(text: str) -> bool:
    """Whether the text has this site's headings, with or without values."""
    return set(map(str.strip, text.split("\n"))) >= _SIGNS


def read(text: str, record: Record) -> Study:
    """Read one page."""
    page = Page(text, _HEADINGS)
    _read_head(page)
    for line in page.under("Status and phase"):
        phases = [found for part in line.text.split("/") if (found := find_term("phase", part))]
        if phases:
            page.add("phases", *(page.fact(line, phase) for phase in phases))
        else:
            page.add_terms("status", "status", [line])
    page.add_lines("conditions", "Conditions")
    page.add_terms("study_type", "study-type", page.under("Study type"))
    page.add_lines("funder_types", "Funder types")
    page.add_ids(page.under("Identifiers"))
    _read_population(page)
    page.add_summary(page.under("About"))
    page.add_terms("primary_purpose", "primary-purpose", page.under("Primary purpose"))
    page.add_terms("allocation", "allocation", page.under("Allocation"))
    page.add_terms("intervention_model", "intervention-model", page.under("Interventional model"))
    masking = page.under("Masking")
    page.add_terms("masking", "masking", [line for line in masking[:1] if "participants in" not in line.text])
    arms = tuple(_read_arms(page, masking))
    for line in page.under("Trial contacts and locations")[:1]:
        if line.text.isdecimal() and len(line.text) < 8:
            page.add("number_of_sites", page.fact(line, int(line.text)))
    contacts = page.under("Central trial contact")
    if contacts and not _SOURCE.match(contacts[0].text):
        add_contacts(page, contacts[0])
    for line in page.lines:
        source = _SOURCE.match(line.text)
        if source:
            page.add("data_source", page.fact(line, source[1].lower(), start=source.start(1), end=source.end(1)))
    interventions = read_typed_interventions(page, page.under("Treatments"))
    return page.study(
        record,
        FORMAT,
        arms=arms,
        interventions=interventions,
        passages=tuple(_read_passages(page, interventions, arms)),
    )


def _read_head(page: Page) -> None:
    """Title, then "X logo" and the sponsor X."""
    head = [line for line in page.under("") if line.text not in _MENU]
    logos = {line.text.removesuffix(" logo") for line in head if line.text.endswith(" logo")}
    named = [line for line in head if not line.text.endswith(" logo")]
    if named:
        page.add("title", page.fact(named[0]))
    sponsor = next((line for line in named[1:] if not logos or line.text in logos), None)
    if sponsor:
        page.add("sponsor", page.fact(sponsor))


def _read_population(page: Page) -> None:
    for line in page.under("Enrollment"):
        count = _ESTIMATE.fullmatch(line.text)
        if count:
            page.add_participants(line, count[1])
    page.add_terms("sex", "sex", page.under("Sex"))
    for line in page.under("Ages"):
        ages = _AGES.fullmatch(line.text)
        if ages:
            page.add("min_age_years", page.fact(line, float(ages[1])))
            if ages[2]:
                page.add("max_age_years", page.fact(line, float(ages[2])))
    for line in page.under("Volunteers"):
        words = line.text.casefold()
        if "healthy volunteers" in words:
            page.add("healthy_volunteers", page.fact(line, not words.startswith("no ")))


def _read_arms(page: Page, lines: tuple[Line, ...]) -> Iterator[Arm]:
    """After "36 participants in 1 patient group": label, "Experimental group", perhaps prose, "Treatment:", its
    lines."""
    first = next((index for index, line in enumerate(lines) if add_participants(page, line)), None)
    if first is None:
        return
    rest = lines[first + 1 :]
    types = [
        index
        for index, line in enumerate(rest)
        if line.text.endswith(" group") and find_term("arm-type", line.text.removesuffix(" group"))
    ]
    for index, at in enumerate(types):
        if at == 0:
            continue
        until = types[index + 1] - 1 if index + 1 < len(types) else len(rest)
        treatment = next((place for place in range(at, until) if rest[place].text.startswith("Treatment")), until)
        named = read_typed_interventions(page, rest[treatment + 1 : until])
        yield read_arm(page, rest[at - 1], rest[at], (item.name for item in named))


def _read_passages(page: Page, interventions: tuple, arms: tuple[Arm, ...]) -> Iterator[Passage]:  # type: ignore[type-arg]
    for part, key in (("title", "title"), ("condition", "conditions")):
        for fact in page.facts.get(key, ()):
            yield Passage(part, "text", fact.quote.start, fact.quote.text)
    for item in interventions:
        yield Passage("intervention", "text", item.name.quote.start, item.name.quote.text, str(item.name.value))
    for arm in arms:
        yield Passage("arm", "text", arm.label.quote.start, arm.label.quote.text, str(arm.label.value))
    yield from page.passage("summary", page.under("About"))
    yield from page.passage("description", page.under("Full description"))
    yield from page.passage("eligibility", page.under("Inclusion criteria"), "inclusion")
    yield from page.passage("eligibility", page.under("Exclusion criteria"), "exclusion")
