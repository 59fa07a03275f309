"""Records that hold a great many of one thing: each kind of part, and long runs of each kind of sign and word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from kg.sources.inputs import Blob

Section = dict[str, dict[str, Any]]
ARMS = "armsInterventionsModule"
CELLS = {"type": "BIOLOGICAL", "name": "CD19 CAR-T cells"}
TOLD = "anti-CD19 CAR-T cells with 4-1BB at 1x10^6 cells/kg after fludarabine"


def make_section(**modules: dict[str, Any]) -> Section:
    """A protocol section: an id, a title, and the modules."""
    base: Section = {"identificationModule": {"nctId": "NCT01234567", "briefTitle": "CD19 CAR-T cells in lymphoma"}}
    for name, module in modules.items():
        base[name] = {**base.get(name, {}), **module}
    return base


def make_blob(section: Section) -> Blob:
    """The section as a record's bytes."""
    return Blob("x.json", msgspec.json.encode({"protocolSection": section, "hasResults": False}), is_json=True)


def list_interventions(*things: dict[str, Any]) -> Section:
    """A study of interventions."""
    return make_section(**{ARMS: {"interventions": list(things)}})


def list_arms(interventions: Iterable[dict[str, Any]], arms: Iterable[tuple[str, Iterable[str]]]) -> Section:
    """A study of interventions and arms; an arm names what it gives."""
    groups = [
        {
            "label": label,
            "type": "EXPERIMENTAL",
            "description": TOLD,
            "interventionNames": [f"Drug: {one}" for one in names],
        }
        for label, names in arms
    ]
    return make_section(**{ARMS: {"interventions": list(interventions), "armGroups": groups}})


def cross(count: int) -> Section:
    """Every arm gives every intervention: ``count`` links."""
    side = int(count**0.5)
    names = [f"CD19 CAR-T {number}" for number in range(side)]
    given = [
        {**CELLS, "name": name, "description": TOLD, "armGroupLabels": [f"arm {n}" for n in range(side)]}
        for name in names
    ]
    return list_arms(given, [(f"arm {number}", names) for number in range(side)])


def list_outcomes(count: int, make: Callable[[int], dict[str, Any]]) -> Section:
    """A study of outcomes, as many of each role."""
    made = [make(number) for number in range(count // 3)]
    return make_section(outcomesModule={f"{role}Outcomes": made for role in ("primary", "secondary", "other")})


def ask_eligibility(lines: Iterable[str], joint: str = "\n") -> Section:
    """A study of criteria."""
    return make_section(eligibilityModule={"eligibilityCriteria": "Inclusion Criteria:\n" + joint.join(lines)})


STRUCTURES: dict[str, Callable[[int], Section]] = {
    "identical interventions": lambda n: list_interventions(*[{**CELLS, "description": TOLD}] * n),
    "distinct interventions": lambda n: list_interventions(
        *({**CELLS, "name": f"CD19 CAR-T {at}", "description": TOLD} for at in range(n))
    ),
    "interventions beside long prose": lambda n: {
        **list_interventions(*({**CELLS, "name": f"CD19 CAR-T {at}"} for at in range(n // 4))),
        "descriptionModule": {"briefSummary": f"{TOLD}. " * (n // 2)},
    },
    "interventions of one name, each in its arm": lambda n: list_arms(
        [{**CELLS, "description": TOLD, "armGroupLabels": [f"arm {at}"]} for at in range(n)],
        [(f"arm {at}", [CELLS["name"]]) for at in range(n)],
    ),
    "other names": lambda n: list_interventions({**CELLS, "otherNames": [f"CD19 CAR-T {at}" for at in range(n)]}),
    "drugs": lambda n: list_interventions(
        CELLS, *({"type": "DRUG", "name": f"fludarabine {at}", "description": "conditioning"} for at in range(n))
    ),
    "codes": lambda n: {
        **list_interventions(
            *({"type": "BIOLOGICAL", "name": f"RD{at}-01", "description": "vials"} for at in range(n))
        ),
        "descriptionModule": {"briefSummary": " ".join(f"RD{at}-01 is given; CAR-T is not." for at in range(n))},
    },
    "arms": lambda n: list_arms([CELLS], [(f"arm {at}", [CELLS["name"]]) for at in range(n)]),
    "identical arms": lambda n: list_arms([CELLS], [("arm", [CELLS["name"]])] * n),
    "an arm for each intervention": lambda n: list_arms(
        [{**CELLS, "name": f"CD19 CAR-T {at}"} for at in range(n)],
        [(f"arm {at}", [f"CD19 CAR-T {at}"]) for at in range(n)],
    ),
    "arms by interventions": cross,
    "drugs in a name": lambda n: list_interventions(
        CELLS, {"type": "DRUG", "name": " and ".join(["fludarabine", "cyclophosphamide"] * (n // 2))}
    ),
    "antigens in a name": lambda n: list_interventions(
        {**CELLS, "name": " and ".join(f"CD{19 + at % 9} CAR-T" for at in range(n))}
    ),
    "outcomes": lambda n: list_outcomes(
        n, lambda at: {"measure": f"survival {at}", "timeFrame": f"{at} months", "description": "CTCAE v5.0"}
    ),
    "identical outcomes": lambda n: list_outcomes(n, lambda _: {"measure": "survival", "timeFrame": "1 year"}),
    "measures in prose": lambda n: make_section(
        descriptionModule={"briefSummary": "We assess overall survival at 12 months. " * n}
    ),
    "conditions and keywords": lambda n: make_section(
        conditionsModule={
            "conditions": [f"lymphoma {at}" for at in range(n)],
            "keywords": [f"CD19 {at}" for at in range(n)],
        }
    ),
    "sites": lambda n: make_section(
        contactsLocationsModule={
            "locations": [
                {
                    "facility": f"Hospital {at}",
                    "city": "Bern",
                    "country": "Switzerland",
                    "contacts": [{"name": f"A {at}"}],
                }
                for at in range(n)
            ]
        }
    ),
    "identical sites": lambda n: make_section(
        contactsLocationsModule={"locations": [{"facility": "H", "city": "Bern", "country": "Switzerland"}] * n}
    ),
    "contacts and officials": lambda n: make_section(
        contactsLocationsModule={
            name: [{"name": f"Name {at}, MD"} for at in range(n)] for name in ("centralContacts", "overallOfficials")
        }
    ),
    "secondary ids": lambda n: make_section(
        identificationModule={"secondaryIdInfos": [{"id": f"X{at}"} for at in range(n)]}
    ),
    "collaborators": lambda n: make_section(
        sponsorCollaboratorsModule={"collaborators": [{"name": f"B{at}", "class": "OTHER"} for at in range(n)]}
    ),
    "criteria": lambda n: ask_eligibility(
        f"{at}. ECOG 0-{at % 4 + 1}, creatinine < {at} mg/dL, CD19 positive, no active infection" for at in range(n)
    ),
    "criteria that are one line": lambda n: ask_eligibility(["ECOG 0-1, no HIV, CD19 positive, ALT < 3 ULN"] * n, ", "),
    "limits of one measure in a criterion": lambda n: ask_eligibility(
        ["creatinine " + " or ".join(f"< {at % 9} mg/dL" for at in range(n))]
    ),
    "limits that one negation governs": lambda n: ask_eligibility(
        ["no " + " or ".join(f"creatinine > {at % 9} mg/dL" for at in range(n))]
    ),
    "criteria that announce others": lambda n: ask_eligibility(f"* ECOG {at} is one of these:" for at in range(n)),
    "criteria in each other": lambda n: ask_eligibility(
        f"{' ' * at}* ECOG 1 within:" for at in range(int((2 * n) ** 0.5))
    ),
    "doses": lambda n: make_section(
        descriptionModule={"briefSummary": "".join(f"CAR-T cells {at + 1}x10^6 cells/kg. " for at in range(n))}
    ),
}
"""Studies of ``n`` of each kind of part."""

UNITS = (
    *(
        "a",
        "1",
        " ",
        "\n",
        "-",
        "/",
        "(",
        ")",
        "[",
        '"',
        "'",
        "•",
        "*",
        ".",
        ",",
        ";",
        ":",
        "<",
        "≥",
        "%",
        "~",
        "±",
        "\\",
    ),
    *(
        "α",
        "é",
        "e\u0301",
        "\u0301",
        "日",
        "😀",
        "ﬀ",
        "İ",
        "\u200b",
        "\x00",
        "A",
        "A-",
        "a.",
        "A.",
        "AB1",
        "x1",
        "1.",
        "1,",
    ),
    *("1/", "1-", "1;", "10^", "0-1 ", "(1) ", "1. ", "(a) ", "* ", "- ", "CD", "CAR", "CD19/", "CD19-", "CD19 "),
    *("CD19xCD20 ", "CAR19.", "4SCAR19/", "CAR-T ", "CAR-T cells ", "anti-", "γδ ", "CD28 ", "TRAC ", "no ", "not "),
    *("without ", "and ", "or ", "of the ", "or equal to ", "after ", "prior ", "before ", "to ", "up to ", "e.g. "),
    *("1x10^6 ", "day 1, ", "months ", "cycle 1 ", "phase 1/", "ULN ", "ECOG ", "CTCAE v", "hepatitis B ", "positive "),
    *(
        "express ",
        "secreting ",
        "knock out ",
        "co-stimulatory ",
        "from the patient ",
        "donor ",
        "autologous ",
        "in vivo ",
    ),
    *(
        "universal ",
        "fludarabine ",
        "Flu/Cy, ",
        "lymphodepletion ",
        "overall survival ",
        "until progression ",
        "cells ",
    ),
    *(
        "the study was approved by ",
        "ethics ",
        "Inclusion Criteria: ",
        "inclusion ",
        "exclusion criteria ",
        "following: ",
    ),
)
"""Signs and words that rules look for, alone or as the start of something."""

FIELDS: dict[str, Callable[[str], Section]] = {
    "title": lambda text: make_section(identificationModule={"briefTitle": text}),
    "summary": lambda text: make_section(descriptionModule={"briefSummary": text}),
    "criteria": lambda text: ask_eligibility([text]),
    "time frame": lambda text: list_outcomes(3, lambda _: {"measure": "survival", "timeFrame": text}),
    "measure": lambda text: list_outcomes(3, lambda _: {"measure": text, "description": text}),
    "name": lambda text: list_interventions({**CELLS, "name": text}),
    "description": lambda text: list_interventions({**CELLS, "description": text}),
}
"""Studies with a text in a field."""
