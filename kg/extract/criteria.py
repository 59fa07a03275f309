"""Read comparable eligibility criteria: thresholds of measures, and things that must be present or absent.

A number belongs to the measure that stands nearest before it in the clause, else right after it, if the measure can
have that unit and that value (``ontology/measures.ttl``). An exclusion is kept as the exclusion that the record states.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache

from kg.extract.eligibility import Item, split_items
from kg.extract.thresholds import Threshold, find_thresholds, flatten
from kg.lexicon import Lexicon, Match, open_lexicon
from kg.model import Criterion, Frozen, Passage, Study
from kg.vocabularies import Term, load_vocabularies

_COUNT, _ANTIGEN, _AGE, _NO_AGE = "10^9/L", "antigen expression", "age", "not age"
_INFECTION = "active infection"
_TIMES = frozenset(("years", "months", "weeks", "days"))
_FAR, _NEAR, _MANY = 160, 40, 8
_CLAUSE_END = re.compile(
    r"[;；。]|(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bal)(?<!\bDr)(?<!\bapprox)"
    r"\.(?=\s{1,3}[A-Z(\d*\\]|\s{0,9}$|[A-Z][a-z])")
_JOINER = re.compile(r"(?:[\s,/()&:+\[\]-]|and\b|or\b|serum\b|plasma\b|total\b|blood\b|levels?\b|score\b|scale\b"
    r"|as applicable\b|performance\b|status\b"
                     r"|both\b|either\b|the\b|values?\b|activity\b|count\b|also\b|known as\b|liver\b|radioisotope\b"
                     r"|measured\b|enzymes?\b|calculated\b|estimated\b|by\b|for\b){0,12}")
_CONDITION = re.compile(r"\b(?:if|unless|except\w*|when|in case|in cases|for (?:patients|subjects|participants"
    r"|those|individuals)"
                        r"|(?:patients|subjects|participants|those|individuals) (?:with|who)|with (?:known|liver"
                        r"|hepatic|documented)|gilbert\w*|metasta\w*"
                        r"|relax\w*|caused by|allowed|acceptable|permitted|in the presence|secondary to|due to"
                        r"|liver involvement)")
_EXEMPT = re.compile(r"\b(?:gilbert|metasta|liver involvement|tumor involvement|infiltrat|liver tumor|liver cancer"
    r"|obstruct|hepatic)")
_EXEMPT_AFTER = re.compile(r"\s{0,2}\(?(?:if|in case|for|in|when|with|where)\b[^\d);,.<>≤≥]{0,60}(?:gilbert|metasta"
    r"|liver involve|tumor involve|infiltrat|hepatic)[^\d<>≤≥);,.]{0,40}(?=[);,.]|$)")
_CHANGE = re.compile(r"\b(?:decreas|increas|reduc|chang|drop|declin|fall|rise|improve|variab|differ|loss)\w*")
_DEFINED = re.compile(r"\b(?:relaps|recurren|refractor|remission|respon[sd]|progress|mlfs|\bcr\b|\bcri\b|resistan"
    r"|persisten)\w*")
_DEFINING = re.compile(r"\bdefin|\brefers? to|\bmeaning\b|\bis considered|:\s{0,3}$|\bi\.e\.|^\W{0,4}(?:relapse"
    r"|relapsed|recurrence|refractory|remission|response|complete)\b[^:]{0,60}:")
_ASSUMED = re.compile(r"\b(?:if|unless|when)\b(?: [a-z]{1,12}){0,3} $"
    r"|\b(?:decreas|increas|reduc|chang|drop|declin|fall|rise|improve|loss|doubl)\w* (?:of"
    r"|in) (?:the |serum )?$")
_RESPONSE_MEASURES = frozenset(("bone marrow blasts", "platelets", "neutrophils", "hemoglobin"))
_WHOLE_AGE = re.compile(r"(?: ?old\b| ?of age\b)?")
_NOT_AGE = re.compile(r"menopaus|childbearing|child-bearing|contracep|pregnan|parent|guardian|fertil|\bassent"
    r"|amenorr|menstrua|donor|sibling|\bdiagnosed (?:before|after|at)|onset|relative|family|\bdeath")
_EXCEPTION = re.compile(r"\b(?:except|excluding|exclud(?:es|ed)|other than|apart from|exception of|unless|but not"
    r"|not including|rather than|regardless of|irrespective of)\b")
_BRACKETED = re.compile(r"\([^()]{0,300}\)")
_OR_C = re.compile(r"\s{0,2}(?:\(?hbv\)?|virus|viral"
    r"|surface antigen)?\s{0,2}(?:\(hbv\))?\s{0,2}(?:infection)?\s{0,2}(?:or|and|/|,|and/or|&"
    r"|or/and)\s{0,2}(?:type )?c\b")
_NOT_PRESENT = re.compile(r"\W{0,3}(?:cells?|therapy|product)?\W{0,2}(?:infusion|manufactur|collection|production"
    r"|preparation|apheresis|transfusion|administration|prophyla"
                          r"|prevent|vaccin|trial|study)")
_CONSIDERED = re.compile(r"\b(?:in|un)?eligible\b|candidates?\b|refus|\b(?:un|not )suitable|proceed|plan|schedul"
    r"|intend|await|option|identified|appropriate|\bfor\b.{0,20}$|declin")
_ASIDES = {"consent": re.compile(r"(?:\b(?:time|date|day|prior|before|after|since|from|at|upon|of|to|on) (?:of |to "
    r"|the |signing |signed |signature |giving |obtaining |informed |written |study "
                                 r"|main |subject |patient )*$)"),
           "prior allogeneic transplant": _CONSIDERED, "prior autologous transplant": _CONSIDERED}
_VIRAL = re.compile(r"hepatitis|\bhbv|\bhcv|\bhiv|immunodeficiency|syphilis")
_POSITIVE = re.compile(r"\W{0,2}(?:antigens?|target|protein|tumou?r|surface|molecule|ligand"
    r"|receptor)?[\s)]{0,2}(?:(?:is|are|was|were)\s)?(?:\+|\(\+\)|-?\s?pos(?:itive|itivity)?\b"
                       r"|(?:\w+\s){0,2}express|[- ]high)")
_POSITIVE_BEFORE = re.compile(r"(?:\bstaining(?: \w+){0,2} (?=of)|\bexpress(?:ion|es|ing|ed)?|\bpositiv(?:e|ity)"
    r"|over-?express\w*)\b(?:\s(?:of|for|the|target|antigens?|surface|markers?|tumor|expression|in|level|levels"
    r"|status|both|either|rate|)){0,5}\W{0,3}$")
_SHARE = re.compile(r"express|posit|stain|cells|\+|blasts|^\W{0,3}(?:by|in|on|of|is)?\W{0,3}$")
_NOT_EXPRESSED = re.compile(r"\b(?:negative|loss|lack|without|absence|no longer|not express|low or no|absent"
    r"|lost)\b|\bno\b")
_NOT_DISEASE = re.compile(r"\W{0,3}(?:t[- ](?:cells?|lymph)|nk\b|stem|progenitor|lymphocyt|hematopoietic|hsc"
    r"|cells? (?:count|per|collected|infus|dose|x)|cells?/|donor|counts?\b|selected|car)")
_PLAIN = re.compile(r"(?:[\s:(,=)]|score|scores|status|performance|of|is|was|be|are|must|should|either|the|between"
    r"|from|grade|class|point|ps|scale|standard|to|that|in|blood|level|range|ranging|a|value|with|at|group|all|ages"
    r"|or|criteria|who|oncology|sex|for|male|female|and|men|women|s|both|index|years|old|gender|genders|as"
    r"|determined by|on|air|room|indoor){0,14}")
_SCORED = frozenset(("none", "ULN"))
_STOP = re.compile(r"[);.]")
_APART = re.compile(r"\d|\bwith\b|:")
_ORGAN = re.compile(r"adequate|function|laborator|organ")
_RESPONSE = re.compile(r"remission|\brespon[sd]")
_SUBGROUP = re.compile(r"\s?(?:old|of age)?\s?\)?\s?:")
_ANTI = re.compile(r"\banti-?\s?$")
_NEGATIVE_AFTER = re.compile(r"\W{0,3}(?:\w{1,20}\W){0,3}negative")


class _Group(Frozen, frozen=True):
    """Measures that share a number: "ALT and AST"."""

    start: int
    end: int
    terms: tuple[Term, ...]


class _Found(Frozen, frozen=True):
    """A criterion before it is given its list and quote.

    :ivar is_conditional: True for a limit that holds only for some ("with liver metastases").
    """

    start: int
    end: int
    measure: str
    rule: str
    op: str | None = None
    value: float | tuple[float, float] | None = None
    unit: str | None = None
    antigen: str | None = None
    basis: str = "stated"
    is_conditional: bool = False


class _Words(Frozen, frozen=True):
    """An item's text as written and flattened, alike in length, and where its clauses end."""

    text: str
    flat: str
    ends: tuple[int, ...]
    within: str

    def is_cut(self, start: int, end: int) -> bool:
        """Whether a clause ends between two offsets."""
        at = bisect_left(self.ends, start)
        return at < len(self.ends) and self.ends[at] < end

    def read_lead(self, start: int, reach: int) -> str:
        """Flattened words of the same clause before an offset, ``reach`` characters at most."""
        at = bisect_left(self.ends, start)
        return self.flat[max(self.ends[at - 1] if at else 0, start - reach):start]

    def read_until(self, start: int, stop: re.Pattern[str]) -> str:
        """Flattened words after an offset up to a stop, 60 characters at most."""
        found = stop.search(self.flat, start, start + 60)
        return self.flat[start:found.start() if found else start + 60]


@cache
def _open_measures(is_threshold: bool) -> Lexicon:
    """Matcher of the measures with, or without, thresholds; digits may touch ("ECOG0-1")."""
    schemes = ("measure", "other-measure") if is_threshold else ("measure",)
    terms = [term for scheme in schemes for term in load_vocabularies().scheme(scheme).values()
             if is_threshold is (scheme != "measure" or "thresholdUnit" in term.extra) and term.notation != "sex"]
    return Lexicon(terms, digits_after=is_threshold)


def extract_criteria(study: Study) -> tuple[Criterion, ...]:
    """The criteria that a study's eligibility text states, in reading order, each once."""
    kept: dict[tuple[object, ...], Criterion] = {}
    for passage in study.parts("eligibility"):
        for criterion in read_passage(passage):
            key = (criterion.list, criterion.measure, criterion.op, criterion.value, criterion.unit, criterion.antigen)
            kept.setdefault(key, criterion)
    return tuple(kept.values())


def read_passage(passage: Passage) -> Iterator[Criterion]:
    """Criteria of one passage.

    >>> text = "ALT and AST no more than 4 x ULN; ECOG of 0, 1 or 2"
    >>> found = read_passage(Passage("eligibility", "text", 0, text, "inclusion"))
    >>> [(one.measure, one.op, one.value, one.unit) for one in found]
    [('ALT', '<=', 4.0, 'ULN'), ('AST', '<=', 4.0, 'ULN'), ('ECOG', 'range', (0.0, 2.0), None)]
    """
    found = [(item, one) for item in split_items(passage) for one in read_item(item)]
    firm = {(item.list, one.measure) for item, one in found if one.op and not one.is_conditional}
    for item, one in found:
        if one.is_conditional and (item.list, one.measure) in firm:
            continue
        basis = item.basis if item.basis != "stated" else one.basis
        yield Criterion(item.list, one.measure, passage.quote(item.start + one.start, item.start + one.end), one.rule,
                        one.op, one.value, one.unit, one.antigen, basis)


def read_item(item: Item) -> list[_Found]:
    """Criteria of one item, in text order; offsets are in the item."""
    text = item.text.replace("\\", " ")
    ends = tuple(found.start() for found in _CLAUSE_END.finditer(text))
    words = _Words(text, flatten(text), ends, flatten(item.within))
    thresholds = find_thresholds(words.flat)
    presence = _open_measures(False).find(text)
    antigens, taken = _read_antigens(words, thresholds, presence)
    found = [*_read_thresholds(words, [one for one in thresholds if one.start not in taken]),
             *antigens, *_read_presence(words, presence)]
    return sorted(found, key=lambda one: (one.start, one.end))


# Thresholds


def _group_names(words: _Words) -> list[_Group]:
    """Names of measures, joined where they share what follows."""
    groups: list[_Group] = []
    for match in _open_measures(True).find(words.text):
        if match.term.notation == _NO_AGE:
            continue
        last = groups[-1] if groups else None
        if last and len(last.terms) < _MANY and match.start - last.end <= _NEAR \
                and _JOINER.fullmatch(words.flat, last.end, match.start) \
                and (match.term.notation == _AGE) == (last.terms[-1].notation == _AGE):
            groups[-1] = _Group(last.start, match.end, (*last.terms, match.term))
        else:
            groups.append(_Group(match.start, match.end, (match.term,)))
    return groups


def _read_thresholds(words: _Words, thresholds: list[Threshold]) -> Iterator[_Found]:
    """Join each number to its measure."""
    groups = _group_names(words)
    starts = [group.start for group in groups]
    linked: dict[int, Threshold] = {}
    ages = ""
    for threshold in thresholds:
        at = _choose_group(words, groups, starts, threshold, linked)
        if at is None or (at in linked and not _is_continued(words, linked[at], threshold)):
            continue
        linked[at] = threshold
        for term in {term.iri: term for term in groups[at].terms if term.scheme == "measure"}.values():
            fitted = fit_value(term, threshold)
            if fitted is None or term.notation == _ANTIGEN:
                continue
            if term.notation == _AGE:
                if fitted[0][0] in ages or "r" in ages or _is_other_age(words, groups, at, threshold):
                    continue
                ages += fitted[0][0]
            elif term.notation in _RESPONSE_MEASURES and _is_definition(words, term, threshold):
                continue
            yield _make_found(words, groups[at], term, threshold, fitted)


def _make_found(words: _Words, group: _Group, term: Term, threshold: Threshold,
                fitted: tuple[str, float | tuple[float, float], str | None, str]) -> _Found:
    op, value, unit, basis = fitted
    tail = _WHOLE_AGE.match(words.flat, threshold.end) if term.notation == _AGE else None
    end = max(group.end, tail.end() if tail else threshold.end)
    rule = "criterion.age" if term.notation == _AGE else "criterion.threshold"
    return _Found(min(group.start, threshold.start), end, term.notation, rule, op, value, unit, None, basis,
                  _is_exempt(words, group, threshold))


def _choose_group(words: _Words, groups: list[_Group], starts: list[int], threshold: Threshold,
                  linked: dict[int, Threshold]) -> int | None:
    """Index of the group that a number belongs to: the nearest that can have it, before it and else after it."""
    first = bisect_right(starts, threshold.number_start) - 1
    for at in range(first, max(-1, first - 3), -1):
        group = groups[at]
        reached = max(group.end, linked[at].end if at in linked else 0)
        if reached > threshold.number_start or threshold.start - reached > _FAR \
                or words.is_cut(group.end, threshold.start):
            break
        between = words.flat[group.end:threshold.start]
        if at in linked and between.count(")") > between.count("("):
            continue
        if _fits_any(group, threshold) and not _CHANGE.search(between) \
                and not _ASSUMED.search(words.read_lead(group.start, 40)):
            return at if threshold.op or _is_plain(words.flat[reached:threshold.start], threshold) else None
        if any(term.scheme != "measure" for term in group.terms):
            break
    return _choose_ahead(words, groups, first, threshold)


def _choose_ahead(words: _Words, groups: list[_Group], first: int, threshold: Threshold) -> int | None:
    """Index of the group right after a comparison ("> 5% bone marrow blasts")."""
    if threshold.op is None:
        return None
    for at in range(max(first, 0), min(first + 2, len(groups))):
        start = groups[at].start
        if start >= threshold.number_start:
            between = words.flat[threshold.end:max(threshold.end, start)]
            is_near = len(between) <= _NEAR and not words.is_cut(threshold.start, start) and not _APART.search(between)
            return at if is_near and _fits_any(groups[at], threshold) else None
    return None


def _is_plain(between: str, threshold: Threshold) -> bool:
    """Whether a bare number follows its measure directly ("ECOG score of 1")."""
    is_range = isinstance(threshold.value, tuple) and threshold.unit not in _TIMES
    return bool(_PLAIN.fullmatch(between)) or (is_range and len(between) <= 90)


def _fits_any(group: _Group, threshold: Threshold) -> bool:
    return any(term.scheme != "measure" or fit_value(term, threshold) for term in group.terms)


def _is_continued(words: _Words, before: Threshold, threshold: Threshold) -> bool:
    """Whether a further number still speaks of the same measure: "(≤ 51 umol/L)", "and under 70"."""
    between = words.flat[before.end:threshold.start]
    is_opposite = bool(before.op and threshold.op and {before.op[0], threshold.op[0]} == {"<", ">"})
    if threshold.op is None or len(between) > 70 or _CONDITION.search(between):
        return False
    if (threshold.unit is None or threshold.unit in _TIMES) and not is_opposite:
        return False
    return not _CONDITION.search(words.read_until(threshold.end, _STOP))


def _is_definition(words: _Words, term: Term, threshold: Threshold) -> bool:
    """Whether the number stands in a definition of relapse or response, and so is no criterion of its own."""
    if _DEFINED.search(words.within) and not _ORGAN.search(words.within) \
            and (term.notation == "bone marrow blasts" or _RESPONSE.search(words.within)):
        return True
    lead = words.read_lead(threshold.start, 400)
    return bool(_DEFINING.search(lead) and _DEFINED.search(lead))


def _is_other_age(words: _Words, groups: list[_Group], at: int, threshold: Threshold) -> bool:
    """Whether an age is that of a subgroup, a relative, or a donor."""
    lead = words.read_lead(threshold.start, 400)
    bracket = lead.rfind("(")
    return (any(other.end <= threshold.start and not words.is_cut(other.end, threshold.start)
                and any(_SCORED & set(term.extra.get("thresholdUnit", ())) for term in other.terms)
                for other in groups[max(0, at - 40):at + 1] if other is not groups[at])
            or (bracket >= 0 and ")" not in lead[bracket:] and bool(re.search(r"\d", lead[:bracket][-60:])))
            or bool(_SUBGROUP.match(words.flat, threshold.end))
            or bool(_NOT_AGE.search(lead[-150:] + words.flat[threshold.start:threshold.end + 100]))
            or bool(_NOT_AGE.search(words.within)))


def _is_exempt(words: _Words, group: _Group, threshold: Threshold) -> bool:
    """Whether the clause sets a limit only for some ("with liver metastases, ALT …")."""
    lead = words.read_lead(group.start, 140)
    lead = lead[lead.rfind(")") + 1:] + words.flat[group.end:threshold.start][:_FAR]
    return bool(_CONDITION.search(lead) and _EXEMPT.search(lead)) \
        or bool(_EXEMPT_AFTER.match(words.flat, threshold.end))


def fit_value(term: Term, threshold: Threshold) -> tuple[str, float | tuple[float, float], str | None, str] | None:
    """Comparator, value, unit and basis of a number as the measure writes it; None when it cannot be the measure's.

    >>> lvef = load_vocabularies().scheme("measure")["LVEF"]
    >>> fit_value(lvef, Threshold(0, 5, ">=", 0.5, None))
    ('>=', 50.0, '%', 'stated')
    """
    allowed = term.extra.get("thresholdUnit", ())
    default = "".join(term.extra.get("defaultUnit", ()))
    values: tuple[float, ...] = threshold.value if isinstance(threshold.value, tuple) else (threshold.value,)
    unit, basis = threshold.unit, "stated"
    if threshold.is_graded and allowed != ("none",):
        return None
    if unit is None and _COUNT in allowed and min(values) >= 100:
        values, unit, basis = tuple(float(f"{value / 1000:.8g}") for value in values), _COUNT, "implied"
    elif unit == "g/L" and _COUNT in allowed:
        unit = _COUNT
    elif unit is None and default == "%" and max(values) < 1:
        values = tuple(float(f"{value * 100:.8g}") for value in values)
    if not {unit or default or "none", unit or "none"} & set(allowed):
        return None
    if not all(float(term.extra["lowest"][0]) <= value <= float(term.extra["highest"][0]) for value in values):
        return None
    written = None if "none" in allowed and not default else unit or default
    return threshold.op or "=", (values[0], values[-1]) if len(values) == 2 else values[0], written, basis


# Presence


def _read_presence(words: _Words, matches: list[Match]) -> Iterator[_Found]:
    """Names of things that are present or absent, where the clause is about them."""
    for match in matches:
        start, end = _bound_clause(words, match)
        measure, lead = match.term.notation, words.flat[start:match.start]
        aside = _ASIDES.get(measure)
        if _EXCEPTION.search(_BRACKETED.sub("", lead)) or (aside and aside.search(lead[-70:])):
            continue
        if match.is_contextual and not _is_qualified(lead, match):
            continue
        if measure == _INFECTION and _VIRAL.search(words.flat, match.end, match.end + 25):
            continue
        if (match.is_contextual or measure == "graft-versus-host disease") \
                and _NOT_PRESENT.match(words.flat, match.end):
            continue
        yield _Found(start, end, measure, "criterion.presence")
        if measure == "hepatitis B" and _OR_C.match(words.flat, match.end):
            yield _Found(start, end, "hepatitis C", "criterion.presence")


def _bound_clause(words: _Words, match: Match) -> tuple[int, int]:
    """The clause around a name, cut at words to about 300 characters."""
    text, at = words.text, bisect_left(words.ends, match.start)
    start = words.ends[at - 1] + 1 if at else 0
    end = words.ends[at] if at < len(words.ends) else len(text)
    if start < match.start - 150:
        start = text.find(" ", match.start - 150, match.start) + 1 or match.start
    if end > match.end + 150:
        end = max(text.rfind(" ", match.end, match.end + 150), match.end)
    while start < match.start and not text[start].isalnum():
        start += 1
    return start, match.end + len(text[match.end:end].rstrip())


def _is_qualified(lead: str, match: Match) -> bool:
    """Whether a qualifier of the term stands shortly before ("active … infection", "prior … CAR-T")."""
    near = lead[-60:]
    qualifiers = "|".join(map(re.escape, match.term.extra.get("qualifier", ())))
    return bool(re.search(rf"\b(?:{qualifiers})\b(?!\s+to\b)", near)) and not (
        match.term.notation == _INFECTION and _VIRAL.search(near))


# Antigens


def _read_antigens(words: _Words, thresholds: list[Threshold],
                   presence: list[Match]) -> tuple[list[_Found], set[int]]:
    """Antigens that the disease must (or must not) express, and the starts of the numbers that say how much."""
    viruses = {at for match in presence for at in range(match.start, match.end)}
    matches = [match for match in open_lexicon("antigen").find(words.text) if match.start not in viruses]
    shares = [one for one in thresholds if one.unit == "%" and one.op]
    found: list[_Found] = []
    taken: set[int] = set()
    after: Match | None = None  # the next antigen, where it is expressed: in "A, B and C positive" all are
    for match in reversed(matches):
        is_chained = after is not None and after.start - match.end <= _NEAR \
            and _JOINER.fullmatch(words.flat, match.end, after.start) is not None
        after = match if is_chained or _is_expressed(words, match) else None
        if after is None:
            continue
        share = next((one for one in shares if _is_share(words, match, one)), None)
        if share is None:
            start, end = _bound_clause(words, match)
            found.append(_Found(start, end, _ANTIGEN, "criterion.antigen", antigen=match.term.notation))
        else:
            taken.add(share.start)
            found.append(_Found(min(match.start, share.start), max(match.end, share.end), _ANTIGEN, "criterion.antigen",
                                share.op, share.value, "%", match.term.notation))
    return found, taken


def _is_share(words: _Words, match: Match, share: Threshold) -> bool:
    """Whether a percentage says how many cells carry the antigen."""
    if words.is_cut(min(share.start, match.start), max(share.start, match.start)):
        return False
    is_after = share.start >= match.end
    between = words.flat[match.end:share.start] if is_after else words.flat[share.end:match.start]
    if len(between) > (120 if is_after else 60) or (not is_after and ")" in between):
        return False
    return bool(_SHARE.search(between)) and "marrow blast" not in between


def _is_expressed(words: _Words, match: Match) -> bool:
    """Whether the words say that the disease carries the antigen."""
    lead = words.read_lead(match.start, 60)
    after = _POSITIVE.match(words.flat, match.end)
    if not after and not _POSITIVE_BEFORE.search(lead):
        return False
    tail = after.end() if after else match.end
    return not (_NOT_DISEASE.match(words.flat, tail) or _NOT_EXPRESSED.search(lead[-25:]) or _ANTI.search(lead)
                or _NEGATIVE_AFTER.match(words.flat, tail))
