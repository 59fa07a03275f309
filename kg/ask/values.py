"""Values in a question that no vocabulary lists: ids of trials, edited genes, thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kg.ask.mentions import OFF_SHELF, Mention
from kg.rdf import REGISTRY_ID

_EDIT = r"(?:knock(?:ed)?[- ]?out|KO|edit(?:ed|ing)|delet(?:ed|ion)|disrupt(?:ed|ion))"
_SEX = r"wom[ae]n|females?|m[ae]n|males?"
_PHRASES = {
    "universal": re.compile(r"\buniversal(?:[\s-]donor)?\b(?=[\s-]\S)", re.IGNORECASE),
    "min_sites": re.compile(
        r"(?:\b(?:more than|over|at least)|>=?|≥)\s?(\d{1,5}) (?:sites|cent(?:er|re)s|hospitals)\b", re.IGNORECASE
    ),
    "gene": re.compile(
        rf"\b([A-Z][A-Z0-9]{{1,7}})[- ](?i:{_EDIT})\b|"
        rf"\b(?i:{_EDIT}) of (?:the )?([A-Z][A-Z0-9]{{1,7}})\b"
    ),
    "status": re.compile(
        r"\b(?:that|which|who|still|now|currently)\s(?:still\s|now\s|currently\s)?recruit\b", re.IGNORECASE
    ),
    "no_results": re.compile(
        r"\b(?:without|no|lack(?:s|ing)?|not (?:posted|reported|have))\s(?:any\s|posted\s|reported\s)*results\b",
        re.IGNORECASE,
    ),
    "has_results": re.compile(r"\b(?:with|have|has|posted|reported)\s(?:posted\s|reported\s)?results\b", re.IGNORECASE),
    "healthy_volunteers": re.compile(
        r"\bhealthy (?:volunteers?|people|subjects?|participants?)\b(?! donor)", re.IGNORECASE
    ),
    "sex": re.compile(
        rf"\b(?:open (?:to|for) )?(?:only ({_SEX})|({_SEX})[- ]only)\b",
        re.IGNORECASE,
    ),
    "masking": re.compile(r"\b(?P<masking>single|double|triple|quadruple)[- ](?:blind|mask)(?:ed)?\b", re.IGNORECASE),
}


CODE_WORD = re.compile(r"(?:CD[- ]?\d{1,4}[a-zA-Z]{0,2}|[A-Z]{2,6}\d{1,4}[A-Z]{0,2}\d?)", re.ASCII)


_FIGURE = (
    r"(\d+(?:\.\d+)?)(?:\s?(?:%|percent\b|(?:[x×]\s?)?ULN\b|m[lg]/\w+|g/dl\b))?"
    r"(?!\d|\.\d|\s?(?:d|days?|wks?|weeks?|mo|months?|y|yrs?|years?|km|kilomet\w+|sites?|cent(?:er|re)s|hospitals|"
    r"patients?|participants?|people|subjects?|trials?|studies|of\b)\b)"
)
_LIMITS = {
    "at_least": re.compile(
        r"(?:\b(?:of\s)?(?:at least|more than|over|above|greater than|no less than|not below|minimum(?: of)?)|≥|>=?)"
        rf"\s?{_FIGURE}"
        rf"|(?<![\w.]){_FIGURE}\sor (?:more|above|higher|better)\b",
        re.IGNORECASE,
    ),
    "at_most": re.compile(
        r"(?:\b(?:of\s)?(?:at most|less than|below|under|up to|no more than|not above|maximum(?: of)?)|≤|<=?)"
        rf"\s?{_FIGURE}"
        rf"|(?<![\w.]){_FIGURE}\sor (?:less|below|lower|fewer)\b",
        re.IGNORECASE,
    ),
}
_RANGE = re.compile(
    r"\s(?:(?:PS|status|score|performance status)\s)?(?:of\s)?"
    r"(\d+(?:\.\d+)?)\s?(?:-|–|to|or)\s?(\d+(?:\.\d+)?)\b%?"
)


def find_trials(text: str) -> Iterator[Mention]:
    """Registry ids."""
    for found in re.finditer(rf"(?<![\w-])(?:{REGISTRY_ID.pattern})(?![\w])", text, re.IGNORECASE):
        is_nct = found[0][:3].upper() == "NCT"
        yield Mention(found.start(), found.end(), {"trial": found[0].upper() if is_nct else found[0]})


def find_phrases(text: str) -> Iterator[Mention]:
    """Counts of sites, edited genes, and what is said or not."""
    for concept, pattern in _PHRASES.items():
        for found in pattern.finditer(text):
            value = next((group for group in found.groups() if group), "true")
            if concept == "min_sites" and re.match(r"more than|over|>\s?\d", found[0], re.IGNORECASE):
                value = str(int(value) + 1)
            yield Mention(found.start(), found.end(), _read_phrase(concept, value))


def _read_phrase(concept: str, value: str) -> dict[str, str]:
    if concept == "no_results":
        return {"has_results": "false"}
    if concept == "universal":
        return OFF_SHELF
    if concept == "status":
        return {"status": "RECRUITING"}
    if concept == "sex":
        return {"sex": "FEMALE" if value[0] in "wWfF" else "MALE"}
    return {concept: value.upper() if concept == "masking" else value}


def find_limits(text: str) -> Iterator[Mention]:
    """Figures with a comparison: "at least 50%", "2 or less"."""
    for concept, pattern in _LIMITS.items():
        for found in pattern.finditer(text):
            yield Mention(found.start(), found.end(), {concept: found[1] or found[2]})


def find_ranges(text: str, measures: Iterable[Mention]) -> Iterator[Mention]:
    """Figures right behind a measure ("ECOG 0-1"): a lower and an upper limit, each in its share of the place."""
    for measure in measures:
        found = _RANGE.match(text, measure.end)
        if found is not None:
            yield Mention(found.start(1), found.end(1), {"at_least": found[1]})
            yield Mention(found.end(1), found.end(), {"at_most": found[2]})


def looks_like_antigen(word: str) -> bool:
    """Whether a word is written as antigens are.

    >>> [looks_like_antigen(word) for word in ("CD999", "XYZ7", "cd999", "disease", "COVID-19")]
    [True, True, True, False, False]
    """
    return bool(CODE_WORD.fullmatch(word) or (CODE_WORD.fullmatch(word.upper()) and word[:2] == "cd"))
