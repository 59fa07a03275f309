"""MedPath trial pages, in both layouts that are found: headings with list marks, and headings on plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.model import Arm, Fact, Intervention, Passage, Record, Study
from kg.sources.pages import Line, Page, find_term, read_outcome_rows, read_place_sites, read_typed_interventions

FORMAT = "medpath"
READS = "page"
_SITES = re.compile(r"Locations \((\d{1,5})\)")
_HEADINGS = (
    "Conditions",
    "Interventions",
    "Registration Number",
    "Lead Sponsor",
    "Brief Summary",
    "Detailed Description",
    "Recruitment & Eligibility",
    "Status",
    "Sex",
    "Target Recruitment",
    "Inclusion Criteria",
    "Exclusion Criteria",
    "Study & Design",
    "Study Type",
    "Study Design",
    "Arm && Interventions",
    "Primary Outcome Measures",
    "Secondary Outcome Measures",
    "Other Outcome Measures",
    "Trial Locations",
)
_ARM_HEADER = re.compile(r"Group ?Intervention ?Description ?")
_OUTCOME_HEADER = re.compile(r"Name ?Time ?Method ?")
_FOOTER = re.compile(r"©|All Rights Reserved")


def sniff(text: str) -> bool:
    """Whether the text has the two headings that only this layout joins with "&"."""
    lines = {line.lstrip("- ").strip() for line in text.split("\n")}
    return {"Recruitment & Eligibility", "Study & Design"} <= lines


def read(text: str, record: Record) -> Study:
    """Read one page."""
    page = Page(text, _HEADINGS)
    _read_head(page)
    page.add_lines("conditions", "Conditions")
    page.add_ids(page.under("Registration Number"))
    page.add_lines("sponsor", "Lead Sponsor")
    page.add_terms("status", "status", page.under("Status"))
    page.add_terms("sex", "sex", page.under("Sex"))
    page.add_terms("study_type", "study-type", page.under("Study Type"))
    page.add_terms("intervention_model", "intervention-model", page.under("Study Design"))
    _add_enrollment(page)
    page.add_summary(page.under("Brief Summary"))
    interventions = read_typed_interventions(page, page.under("Interventions"))
    sites = [line for line in page.under("Trial Locations") if not _FOOTER.search(line.text)]
    for line in list(sites):
        number = _SITES.fullmatch(line.text)
        if number:
            page.add("number_of_sites", page.fact(line, int(number[1])))
            sites.remove(line)
    arms = tuple(_read_arms(page, interventions))
    return page.study(
        record,
        FORMAT,
        arms=tuple(arm for arm, _ in arms),
        interventions=interventions,
        outcomes=tuple(
            outcome
            for role in ("primary", "secondary", "other")
            for outcome in read_outcome_rows(
                page, page.under(f"{role.capitalize()} Outcome Measures"), role, _skip_header
            )
        ),
        sites=tuple(read_place_sites(page, sites)),
        passages=tuple(_read_passages(page, interventions, arms)),
    )


def _read_head(page: Page) -> None:
    """Title, then perhaps phase and status, before the first heading."""
    head = [line for line in page.under("") if line.text != "MedPath"]
    if head:
        page.add("title", page.fact(head[0]))
    for line in head[1:]:
        phases = [found for part in line.text.split("/") if (found := find_term("phase", part))]
        status = find_term("status", line.text)
        if phases:
            page.add("phases", *(page.fact(line, phase) for phase in phases))
        elif status:
            page.add("status", page.fact(line, status))


def _add_enrollment(page: Page) -> None:
    """The first line is the number; pages that lost their criteria headings go on with the criteria."""
    first = next(iter(page.under("Target Recruitment")), None)
    if first and first.text.isdecimal():
        page.add_participants(first, first.text)


def _skip_header(text: str) -> int:
    found = _OUTCOME_HEADER.match(text)
    return found.end() if found else 0


def _read_arms(page: Page, interventions: tuple[Intervention, ...]) -> Iterator[tuple[Arm, tuple[Line, int]]]:
    """Arms from rows whose columns ran together: the name of a listed intervention stands between label and
    description."""
    names = sorted((str(item.name.value) for item in interventions), key=len, reverse=True)
    for line in page.under("Arm && Interventions"):
        header = _ARM_HEADER.match(line.text)
        start = header.end() if header else 0
        found = next(((at, name) for name in names if (at := line.text.find(name, start + 1)) > start), None)
        if found is None:
            continue
        at, name = found
        head, colon, _ = line.text[start:at].partition(": ")
        kind = find_term("arm-type", head) if colon else None
        type_fact = page.fact(line, kind, start=start, end=start + len(head)) if kind else None
        label_start = start + len(head) + 2 if kind else start
        label_end = len(line.text[:at].rstrip())
        yield (
            Arm(
                page.fact(line, start=label_start, end=label_end),
                type_fact,
                (page.fact(line, name, start=at, end=at + len(name)),),
            ),
            (line, at + len(name)),
        )


def _read_passages(
    page: Page, interventions: tuple[Intervention, ...], arms: tuple[tuple[Arm, tuple[Line, int]], ...]
) -> Iterator[Passage]:
    def as_passage(part: str, fact: Fact, ref: str = "") -> Passage:
        return Passage(part, fact.quote.field, fact.quote.start, fact.quote.text, ref)

    for part, key in (("title", "title"), ("condition", "conditions")):
        for fact in page.facts.get(key, ()):
            yield as_passage(part, fact)
    for item in interventions:
        yield as_passage("intervention", item.name, str(item.name.value))
    for arm, (line, end) in arms:
        label = str(arm.label.value)
        yield as_passage("arm", arm.label, label)
        lead = len(line.text) - len(line.text[end:].lstrip())
        if lead < len(line.text):
            yield Passage("arm description", "text", line.start + lead, line.text[lead:], label)
    yield from page.passage("summary", page.under("Brief Summary"))
    yield from page.passage("description", page.under("Detailed Description"))
    lost = page.under("Target Recruitment")[1:]
    yield from page.passage("eligibility", lost, "unknown")
    yield from page.passage("eligibility", _given(page.under("Inclusion Criteria")), "inclusion")
    yield from page.passage("eligibility", _given(page.under("Exclusion Criteria")), "exclusion")


def _given(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.text != "Not provided")
