"""Design, conditions and disease setting, where a record has them in prose only.

A structured field always wins; these rules fill what the record left out and mark where they read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from kg.extract.rules import Rule
from kg.lexicon import fold, fold_width, open_lexicon
from kg.model import Criterion, Fact, Passage, Study

_PROSE = ("title", "official title", "summary", "description")
_PHASE = re.compile(
    r"\b(?:early )?phase ?-?(?:[1-4]|IV|I{1,3})(?:[ab]\b)?(?: ?[-/&] ?(?:phase ?)?(?:[1-4]|IV|I{1,3})[ab]?\b)?(?!\d)",
    re.IGNORECASE,
)
_PHASE_PART = re.compile(r"[1-4]|IV|I{1,3}", re.IGNORECASE)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_OTHER_STUDY = re.compile(
    r"\b(?:previous|prior|earlier|another|completed|preceding|other|a|our)\s(?:\w+\s)?$", re.IGNORECASE
)
_THIS_STUDY = re.compile(r"\b(?:this|is an?|the present|the current|our|an?)\b[^.;]{0,80}$", re.IGNORECASE)
_OPEN = re.compile(
    r"\bopen[- ]?labell?(?:ed)?\b|\b(?:an|is|as) open(?=,| and | clinical| study| trial| single)"
)
_SINGLE_ARM = re.compile(r"\b(?:single|one)[- ](?:arm|group)\b")
_SINGLE_CENTER = re.compile(r"\b(?:single|one|mono)[- ]?cent(?:er|re)\b|\bsingle[- ]institution\b")
_ENROLL = re.compile(
    r"\b(?:enroll?|recruit|include)(?:ing)?\s(?:up to |about |approximately |a total of |"
    r"at least )?(\d{1,5})(?:\s?(?:-|to)\s?(\d{1,5}))?\s"
    r"(?:\w{1,14}\s){0,2}?(?:participants|patients|subjects)|"
    r"(?<![\d.-])(\d{1,5})(?:\s?(?:-|to|and)\s?(\d{1,5}))?\s(?:\w{1,14}\s){0,2}?(?:participants|patients|subjects)"
    r"\s(?:(?:will be|are to be|are planned to be)\s(?:enrolled|recruited|included)|are planned\b)",
    re.IGNORECASE,
)
_TREATED = re.compile(
    r"\b(?:treatment of|treating|treat|patients? with|subjects? with|participants? with|for|"
    r"in)\s(?:[\w/-]{1,24}\s){0,4}$",
    re.IGNORECASE,
)
_R_R = re.compile(r"(?<![A-Za-z/])[Rr] ?/ ?[Rr](?![A-Za-z/])")
_PAST_RESPONSE = re.compile(
    r"\b(?:prevent\w{0,4}|risk of|time to|reduce|high risk for|to avoid|incidence of|rate of|"
    r"duration until)\s(?:\w{1,12}\s){0,2}$",
    re.IGNORECASE,
)


def _find_pattern(
    pattern: re.Pattern[str], marks: tuple[str, ...], value: object, rule: str, passages: Sequence[Passage]
) -> tuple[Fact, ...]:
    """The first match in folded text, sought only where it holds one of the marks, as every match does."""
    for passage in passages:
        low = fold(passage.text)
        match = pattern.search(low) if any(mark in low for mark in marks) else None
        if match:
            return (Fact(value, passage.quote(match.start(), match.end()), rule),)
    return ()


def _find_phases(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Phase of this study: in a title, or in a sentence that speaks of "this" study."""
    for passage in passages:
        for match in _PHASE.finditer(passage.text):
            before = passage.text[max(0, match.start() - 90) : match.start()]
            is_title = passage.part in ("title", "official title")
            if is_title or (
                _THIS_STUDY.search(before)
                and not re.search(r"\b(?:previous|prior|earlier|completed)\b", before, re.IGNORECASE)
            ):
                quote = passage.quote(match.start(), match.end())
                words = match[0].lower()
                numbers = [
                    _ROMAN.get(part.lower()) or int(part) for part in _PHASE_PART.findall(words.replace("phase", ""))
                ]
                if words.startswith("early"):
                    return (Fact("EARLY_PHASE1", quote, "design.phase"),)
                return tuple(Fact(f"PHASE{number}", quote, "design.phase") for number in dict.fromkeys(numbers))
    return ()


def _find_enrollment(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    for passage in passages:
        match = _ENROLL.search(fold_width(passage.text))
        if match:
            low = int(match[1] or match[3])
            high = match[2] or match[4]
            return (
                Fact((low, int(high)) if high else low, passage.quote(match.start(), match.end()), "design.enrollment"),
            )
    return ()


def find_ages(study: Study, criteria: Sequence[Criterion]) -> dict[str, tuple[Fact, ...]]:
    """Age bounds from the criteria, where the record has no age fields."""
    found: dict[str, tuple[Fact, ...]] = {}
    for criterion in criteria:
        if criterion.measure != "age" or criterion.list == "exclusion" or criterion.unit not in ("years", None):
            continue
        low, high = (
            criterion.value
            if isinstance(criterion.value, tuple)
            else ((criterion.value, None) if criterion.op in (">", ">=") else (None, criterion.value))
        )
        for key, value in (("min_age_years", low), ("max_age_years", high)):
            if value is not None and key not in study.facts:
                found.setdefault(key, (Fact(float(value), criterion.quote, "design.age-criterion"),))
    return found


def find_conditions(study: Study) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """Conditions as written (only where the record lists none) and as terms of the vocabulary."""
    listed = study.facts.get("conditions", ())
    if listed:
        terms = _collect(
            _find_terms([Passage("condition", fact.quote.field, fact.quote.start, fact.quote.text) for fact in listed])
        )
        return (), terms or _collect(_find_terms(study.parts("title", "official title")))
    for parts in (("title", "official title"), ("summary",), ("description",)):
        terms = _collect(_find_terms(study.parts(*parts)))
        if terms:
            first = terms[0]
            return (Fact(first.quote.text, first.quote, "condition.prose"),), (first,)
    return (), ()


def _find_terms(passages: Sequence[Passage]) -> Iterator[Fact]:
    for passage in passages:
        for match in open_lexicon("condition").find(passage.text):
            yield Fact(match.term.notation, passage.quote(match.start, match.end), "condition.vocabulary")


def _collect(facts: Iterator[Fact]) -> tuple[Fact, ...]:
    found: dict[str, Fact] = {}
    for fact in facts:
        found.setdefault(str(fact.value), fact)
    return tuple(found.values())


def find_settings(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Disease settings that conditions or titles name; the summary is asked only where those say nothing."""
    for parts in (("condition", "title", "official title"), ("keyword", "summary")):
        found = _collect(fact for passage in passages if passage.part in parts for fact in _find_setting(passage))
        if found:
            return found
    return ()


def _find_setting(passage: Passage) -> Iterator[Fact]:
    for match in open_lexicon("disease-setting").find(passage.text):
        if not _PAST_RESPONSE.search(passage.text[max(0, match.start - 40) : match.start]):
            yield Fact(match.term.notation, passage.quote(match.start, match.end), "setting.named")
    for short in _R_R.finditer(passage.text) if "/" in passage.text else ():
        for value in ("relapsed", "refractory"):
            yield Fact(value, passage.quote(short.start(), short.end()), "setting.r-r")


RULES = (
    Rule("phases", _find_phases, _PROSE),
    Rule("masking", partial(_find_pattern, _OPEN, ("open",), "NONE", "design.open-label"), _PROSE),
    Rule(
        "intervention_model",
        partial(_find_pattern, _SINGLE_ARM, ("arm", "group"), "SINGLE_GROUP", "design.single-arm"),
        _PROSE,
    ),
    Rule(
        "number_of_sites",
        partial(_find_pattern, _SINGLE_CENTER, ("center", "centre", "institution"), 1, "design.single-center"),
        _PROSE,
    ),
    Rule("enrollment", _find_enrollment, _PROSE),
    Rule("disease_setting", find_settings, ("condition", "title", "official title", "keyword", "summary")),
)
