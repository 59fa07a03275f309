"""Read comparable eligibility criteria: thresholds of measures, and things that must be present or absent.

A number belongs to the measure that stands nearest before it in the clause, else right after it, if the measure can have
that unit and that value (``ontology/measures.ttl``). An exclusion is kept as the exclusion that the record states.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache

from kg.extract.eligibility import Item, split_items
from kg.extract.thresholds import Threshold, find_thresholds, flatten
from kg.lexicon import Lexicon, Match, open_lexicon
from kg.model import Criterion, Frozen, Passage, Study
from kg.vocabularies import Term, load_vocabularies

_COUNT, _ANTIGEN, _AGE, _NO_AGE = "10^9/L", "antigen expression", "age", "not age"
_TIMES = frozenset(("years", "months", "weeks", "days"))
_FAR, _NEAR, _MANY = 160, 40, 8
_CLAUSE_END = re.compile(r"[;；。]|(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bal)(?<!\bDr)(?<!\bapprox)\.(?=\s{1,3}[A-Z(\d*\\]|\s*$|[A-Z][a-z])")
_JOINER = re.compile(r"(?:[\s,/()&:+\[\]-]|and\b|or\b|serum\b|plasma\b|total\b|blood\b|levels?\b|score\b|scale\b|as applicable\b|performance\b|status\b"
                     r"|both\b|either\b|the\b|values?\b|activity\b|count\b|also\b|known as\b|liver\b|radioisotope\b|measured\b|enzymes?\b|calculated\b|estimated\b|by\b|for\b){0,12}")
_CONDITION = re.compile(r"\b(?:if|unless|except\w*|when|in case|in cases|for (?:patients|subjects|participants|those|individuals)"
                        r"|(?:patients|subjects|participants|those|individuals) (?:with|who)|with (?:known|liver|hepatic|documented)|gilbert\w*|metasta\w*"
                        r"|relax\w*|caused by|allowed|acceptable|permitted|in the presence|secondary to|due to|liver involvement)")
_EXEMPT = re.compile(r"\b(?:gilbert|metasta|liver involvement|tumor involvement|infiltrat|liver tumor|liver cancer|obstruct|hepatic)")
_EXEMPT_AFTER = re.compile(r"\W{0,3}(?:if|in case|for|in|when|with|where)\b[^\d);,.<>≤≥]{0,60}(?:gilbert|metasta|liver involve|tumor involve|infiltrat|hepatic)[^\d<>≤≥);,.]{0,40}(?=[);,.]|$)")
_CHANGE = re.compile(r"\b(?:decreas|increas|reduc|chang|drop|declin|fall|rise|improve|variab|differ|loss)\w*")
_DEFINED = re.compile(r"\b(?:relaps|recurren|refractor|remission|respon[sd]|progress|mlfs|\bcr\b|\bcri\b|resistan|persisten)\w*")
_DEFINING = re.compile(r"\bdefin|\brefers? to|\bmeaning\b|\bis considered|:\s{0,3}$|\bi\.e\.|^\W{0,4}(?:relapse|relapsed|recurrence|refractory|remission|response|complete)\b[^:]{0,60}:")
_RESPONSE_MEASURES = frozenset(("bone marrow blasts", "platelets", "neutrophils", "hemoglobin"))
_WHOLE_AGE = re.compile(r"(?: ?old\b| ?of age\b)?")
_NOT_AGE = re.compile(r"menopaus|childbearing|child-bearing|contracep|pregnan|parent|guardian|fertil|\bassent|amenorr|menstrua|donor|sibling|\bdiagnosed (?:before|after|at)|onset")
_AGE_GROUP = re.compile(r"\b(?:patients?|subjects?|participants?|children|adults?|those|people|individuals|recipients?|adolescents?|aged|ages|age) {0,2}$")
_EXCEPTION = re.compile(r"\b(?:except|excluding|exclud(?:es|ed)|other than|apart from|exception of|unless|but not|not including|rather than|regardless of|irrespective of)\b")
_BRACKETED = re.compile(r"\([^()]{0,300}\)")
_OR_C = re.compile(r"\s{0,2}(?:\(?hbv\)?|virus|viral|surface antigen)?\s{0,2}(?:\(hbv\))?\s{0,2}(?:infection)?\s{0,2}(?:or|and|/|,|and/or|&|or/and)\s{0,2}(?:type )?c\b")
_NOT_PRESENT = re.compile(r"\W{0,3}(?:cells?|therapy|product)?\W{0,2}(?:infusion|manufactur|collection|production|preparation|apheresis|transfusion|administration|prophyla"
                          r"|prevent|vaccin|trial|study)")
_CONSIDERED = re.compile(r"\b(?:in|un)?eligible\b|candidates?\b|refus|\b(?:un|not )suitable|proceed|plan|schedul|intend|await|option|identified|appropriate|\bfor\b.{0,20}$|declin")
_ASIDES = {"consent": re.compile(r"(?:\b(?:time|date|day|prior|before|after|since|from|at|upon|of|to|on) (?:of |to |the |signing |signed |signature |giving |obtaining |informed |written |study "
                                 r"|main |subject |patient )*$)"),
           "prior allogeneic transplant": _CONSIDERED, "prior autologous transplant": _CONSIDERED}
_VIRAL = re.compile(r"hepatitis|\bhbv|\bhcv|\bhiv|immunodeficiency|syphilis")
_POSITIVE = re.compile(r"\W{0,2}(?:antigens?|target|protein|tumou?r|surface|molecule|ligand|receptor)?[\s)]{0,2}(?:(?:is|are|was|were)\s)?(?:\+|\(\+\)|-?\s?pos(?:itive|itivity)?\b"
                       r"|(?:\w+\s){0,2}express|[- ]high)")
_POSITIVE_BEFORE = re.compile(r"(?:\bstaining(?: \w+){0,2} (?=of)|\bexpress(?:ion|es|ing|ed)?|\bpositiv(?:e|ity)|over-?express\w*)\b(?:\s(?:of|for|the|target|antigens?|surface|markers?|tumor|expression|in|level|levels|status|both|either|rate|)){0,5}\W{0,3}$")
_SHARE = re.compile(r"express|posit|stain|cells|\+|blasts|^\W{0,3}(?:by|in|on|of|is)?\W{0,3}$")
_NOT_EXPRESSED = re.compile(r"\b(?:negative|loss|lack|without|absence|no longer|not express|low or no|absent|lost)\b|\bno\b")
_NOT_DISEASE = re.compile(r"\W{0,3}(?:t[- ](?:cells?|lymph)|nk\b|stem|progenitor|lymphocyt|hematopoietic|hsc|cells? (?:count|per|collected|infus|dose|x)|cells?/|donor|counts?\b|selected|car)")


class _Group(Frozen):
    """Measures that share a number: "ALT and AST"."""

    start: int
    end: int
    terms: tuple[Term, ...]


class _Found(Frozen):
    """A criterion before it is given its list and quote."""

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


@cache
def _open_measures(is_threshold: bool) -> Lexicon:
    """Matcher of the measures with, or without, thresholds; digits may touch ("ECOG0-1")."""
    schemes = ("measure", "other-measure") if is_threshold else ("measure",)
    terms = [term for scheme in schemes for term in load_vocabularies().scheme(scheme).values()]
    return Lexicon([term for term in terms if is_threshold is (term.scheme != "measure" or "thresholdUnit" in term.extra) and term.notation != "sex"],
                   digits_after=is_threshold)


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

    >>> found = read_passage(Passage("eligibility", "text", 0, "ALT and AST no more than 4 x ULN; ECOG of 0, 1 or 2", "inclusion"))
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
    flat = flatten(text)
    ends = [found.start() for found in _CLAUSE_END.finditer(text)]
    thresholds = find_thresholds(flat)
    presence = _open_measures(False).find(text)
    antigens, taken = _read_antigens(text, flat, ends, thresholds, presence)
    found = [*_read_thresholds(item, text, flat, ends, [one for one in thresholds if one.start not in taken]),
             *antigens, *_read_presence(text, flat, ends, presence)]
    return sorted(found, key=lambda one: (one.start, one.end))


# Thresholds


def _group_names(text: str, flat: str) -> list[_Group]:
    groups: list[_Group] = []
    for match in _open_measures(True).find(text):
        if match.term.notation == _NO_AGE:
            continue
        last = groups[-1] if groups else None
        if last and len(last.terms) < _MANY and match.start - last.end <= _NEAR and _JOINER.fullmatch(flat, last.end, match.start) \
                and (match.term.notation == _AGE) == (last.terms[-1].notation == _AGE):
            groups[-1] = _Group(last.start, match.end, (*last.terms, match.term))
        else:
            groups.append(_Group(match.start, match.end, (match.term,)))
    return groups


def _read_thresholds(item: Item, text: str, flat: str, ends: list[int], thresholds: list[Threshold]) -> Iterator[_Found]:
    """Join each number to its measure."""
    groups = _group_names(text, flat)
    starts = [group.start for group in groups]
    last_of: dict[int, list[Threshold]] = {}
    ages = ""
    for threshold in thresholds:
        at = _choose_group(flat, ends, groups, starts, threshold, last_of)
        if at is None:
            continue
        group, before = groups[at], last_of.setdefault(at, [])
        if before and not _is_continued(flat, before[-1], threshold):
            continue
        for term in {term.iri: term for term in group.terms if term.scheme == "measure"}.values():
            fitted = fit_value(term, threshold)
            if fitted and term.notation == _AGE:
                if (threshold.op or "=")[0] in ages or "r" in ages:
                    continue
                ages += (threshold.op or "=")[0]
            if fitted and not _is_refused(item, flat, ends, groups, group, term, threshold):
                op, value, unit, basis = fitted
                end = _WHOLE_AGE.match(flat, threshold.end).end() if term.notation == _AGE else threshold.end
                yield _Found(min(group.start, threshold.start), max(group.end, end), term.notation,
                             "criterion.age" if term.notation == _AGE else "criterion.threshold", op, value, unit, None, basis,
                             _is_exempt(flat, ends, group, threshold))
        before.append(threshold)


def _choose_group(flat: str, ends: list[int], groups: list[_Group], starts: list[int], threshold: Threshold,
                  last_of: dict[int, list[Threshold]]) -> int | None:
    """Index of the group that a number belongs to."""
    first = bisect_right(starts, threshold.number_start) - 1
    for at in range(first, max(-1, first - 3), -1):
        group = groups[at]
        reached = max([group.end, *(one.end for one in last_of.get(at, ())[-1:])])
        if reached - threshold.number_start > 0 or threshold.start - reached > _FAR or _is_cut(ends, group.end, threshold.start):
            break
        if last_of.get(at) and flat.count(")", group.end, threshold.start) > flat.count("(", group.end, threshold.start):
            continue
        if _fits_any(group, threshold) and not _CHANGE.search(flat, group.end, threshold.start):
            if threshold.op is None and not _is_plain(flat, reached, threshold):
                break
            return at
        if any(term.scheme != "measure" for term in group.terms):
            break
    if threshold.op is None or first + 1 > len(groups):
        ahead = None
    else:
        ahead = next((at for at in (first, first + 1) if 0 <= at < len(groups) and groups[at].start >= threshold.number_start), None)
    if ahead is not None and groups[ahead].start - threshold.end <= _NEAR and _fits_any(groups[ahead], threshold) \
            and not _is_cut(ends, threshold.start, groups[ahead].start) \
            and not re.search(r"\d|\bwith\b|:", flat[threshold.end:max(threshold.end, groups[ahead].start)]):
        return ahead
    return None


def _is_cut(ends: list[int], start: int, end: int) -> bool:
    """Whether a clause ends between two offsets."""
    at = bisect_left(ends, start)
    return at < len(ends) and ends[at] < end


def _is_plain(flat: str, start: int, threshold: Threshold) -> bool:
    """Whether a bare number follows its measure directly ("ECOG score of 1")."""
    return bool(re.fullmatch(r"(?:[\s:(,=)]|score|scores|status|performance|of|is|was|be|are|must|should|either|the|between|from|grade|class|point|ps|scale|standard|to|that"
                             r"|in|blood|level|range|ranging|a|value|with|at|group|all|ages|or|criteria|who|oncology|sex|for|male|female|and|men|women|s|both|index|years|old"
                             r"|gender|genders|as|determined by|on|air|room|indoor){0,14}", flat[start:threshold.start])) \
        or (isinstance(threshold.value, tuple) and threshold.start - start <= 90 and not threshold.unit in _TIMES)


def _fits_any(group: _Group, threshold: Threshold) -> bool:
    return any(term.scheme != "measure" or fit_value(term, threshold) for term in group.terms)


def _is_continued(flat: str, before: Threshold, threshold: Threshold) -> bool:
    """Whether a further number still speaks of the same measure: "(≤ 51 umol/L)", "and under 70"."""
    between = flat[before.end:threshold.start]
    is_opposite = bool(before.op and threshold.op and {before.op[0], threshold.op[0]} == {"<", ">"})
    if len(between) > 70 or _CONDITION.search(between):
        return False
    if (threshold.unit is None or threshold.unit in _TIMES) and not is_opposite:
        return False
    stop = re.compile(r"[);.]").search(flat, threshold.end, threshold.end + 60)
    return threshold.op is not None and not _CONDITION.search(flat, threshold.end, stop.start() if stop else threshold.end + 60)


def _is_refused(item: Item, flat: str, ends: list[int], groups: list[_Group], group: _Group, term: Term, threshold: Threshold) -> bool:
    """Whether the words around say that the number is no criterion: a definition of relapse, the age of a subgroup."""
    at = bisect_left(ends, threshold.start)
    clause = flat[max(ends[at - 1] if at else 0, threshold.start - 400):threshold.start]
    if term.notation in _RESPONSE_MEASURES:
        within = flatten(item.within)
        if _DEFINED.search(within) and (term.notation == "bone marrow blasts" or re.search(r"remission|\brespon[sd]", within)) \
                and not re.search(r"adequate|function|laborator|organ", within):
            return True
        return bool(_DEFINING.search(clause) and _DEFINED.search(clause))
    if term.notation == _AGE:
        others = any(other is not group and other.end <= threshold.start and not _is_cut(ends, other.end, threshold.start)
                     and any("none" in one.extra.get("thresholdUnit", ()) or "ULN" in one.extra.get("thresholdUnit", ()) for one in other.terms)
                     for other in groups[-40:])
        subgroup = re.match(r"\s?(?:old|of age)?\s?\)?\s?:", flat[threshold.end:threshold.end + 20])
        return others or bool(subgroup) or bool(_NOT_AGE.search(clause[-150:] + flat[threshold.start:threshold.end + 100])) or bool(item.within and _NOT_AGE.search(flatten(item.within)))
    return False


def _is_exempt(flat: str, ends: list[int], group: _Group, threshold: Threshold) -> bool:
    """Whether the clause sets a limit only for some ("with liver metastases, ALT …")."""
    at = bisect_left(ends, group.start)
    lead = flat[max(ends[at - 1] if at else 0, group.start - 90):group.start]
    lead = lead[lead.rfind(")") + 1:] + flat[group.end:threshold.start][:_FAR]
    return bool(_CONDITION.search(lead) and _EXEMPT.search(lead)) or bool(_EXEMPT_AFTER.match(flat, threshold.end))


def fit_value(term: Term, threshold: Threshold) -> tuple[str, float | tuple[float, float], str | None, str] | None:
    """Comparator, value, unit and basis of a number as the measure writes it; None when it cannot be the measure's.

    >>> lvef = load_vocabularies().scheme("measure")["LVEF"]
    >>> fit_value(lvef, Threshold(0, 5, ">=", 0.5, None))
    ('>=', 50.0, '%', 'stated')
    """
    allowed = term.extra.get("thresholdUnit", ())
    default = "".join(term.extra.get("defaultUnit", ()))
    values = threshold.value if isinstance(threshold.value, tuple) else (threshold.value,)
    unit, basis = threshold.unit, "stated"
    if unit is None and _COUNT in allowed and min(values) >= 100:
        values, unit, basis = tuple(float(f"{value / 1000:.8g}") for value in values), _COUNT, "implied"
    elif unit == "g/L" and _COUNT in allowed:
        unit = _COUNT
    elif unit is None and default == "%" and max(values) < 1:
        values = tuple(float(f"{value * 100:.8g}") for value in values)
    if threshold.is_graded and allowed != ("none",):
        return None
    if (unit or default or "none") not in allowed and (unit or "none") not in allowed:
        return None
    if not all(float(term.extra["lowest"][0]) <= value <= float(term.extra["highest"][0]) for value in values):
        return None
    unit = None if "none" in allowed and not default else unit or default
    return threshold.op or "=", (values[0], values[1]) if len(values) == 2 else values[0], unit, basis


# Presence


def _read_presence(text: str, flat: str, ends: list[int], matches: list[Match]) -> Iterator[_Found]:
    for match in matches:
        start, end = _bound_clause(text, ends, match)
        lead = flat[start:match.start]
        if _EXCEPTION.search(_BRACKETED.sub("", lead)) or (match.is_contextual and not _is_qualified(flat, lead, match)):
            continue
        if _is_aside(match.term.notation, lead):
            continue
        if _NOT_PRESENT.match(flat, match.end) and (match.is_contextual or match.term.notation == "graft-versus-host disease"):
            continue
        yield _Found(start, end, match.term.notation, "criterion.presence")
        if match.term.notation == "hepatitis B" and _OR_C.match(flat, match.end):
            yield _Found(start, end, "hepatitis C", "criterion.presence")


def _is_aside(measure: str, lead: str) -> bool:
    """Whether the words before show that the clause is about something else ("at the time of consent")."""
    aside = _ASIDES.get(measure)
    return bool(aside and aside.search(lead[-70:]))


def _bound_clause(text: str, ends: list[int], match: Match) -> tuple[int, int]:
    """The clause around a name, cut at words to about 300 characters."""
    at = bisect_left(ends, match.start)
    start = ends[at - 1] + 1 if at else 0
    end = ends[at] if at < len(ends) else len(text)
    if start < match.start - 150:
        start = text.find(" ", match.start - 150, match.start) + 1 or match.start
    if end > match.end + 150:
        end = max(text.rfind(" ", match.end, match.end + 150), match.end)
    while start < match.start and not text[start].isalnum():
        start += 1
    return start, match.end + len(text[match.end:end].rstrip())


def _is_qualified(flat: str, lead: str, match: Match) -> bool:
    """Whether a qualifier of the term stands shortly before ("active … infection", "prior … CAR-T")."""
    near = lead[-60:]
    words = "|".join(map(re.escape, match.term.extra.get("qualifier", ())))
    if not re.search(rf"\b(?:{words})\b(?!\s+to\b)", near):
        return False
    return not (match.term.notation == "active infection" and (_VIRAL.search(near) or _VIRAL.search(flat, match.end, match.end + 25)))


# Antigens


def _read_antigens(text: str, flat: str, ends: list[int], thresholds: Iterable[Threshold],
                   presence: list[Match]) -> tuple[list[_Found], set[int]]:
    """Antigens that the disease must (or must not) express, and the starts of the numbers that say how much."""
    found: list[_Found] = []
    taken: set[int] = set()
    shares = [one for one in thresholds if one.unit == "%" and one.op]
    viruses = {at for match in presence for at in range(match.start, match.end)}
    matches = [match for match in open_lexicon("antigen").find(text) if match.start not in viruses]
    expressed = False
    for at in range(len(matches) - 1, -1, -1):
        match = matches[at]
        chained = expressed and _JOINER.fullmatch(flat, match.end, min(matches[at + 1].start, match.end + _NEAR)) is not None
        expressed = chained or _is_expressed(flat, ends, match)
        if not expressed:
            continue
        share = next((one for one in shares if _is_share(flat, ends, match, one)), None)
        start, end = min(match.start, share.start) if share else match.start, max(match.end, share.end) if share else match.end
        if share:
            taken.add(share.start)
        else:
            start, end = _bound_clause(text, ends, match)
        found.append(_Found(start, end, _ANTIGEN, "criterion.antigen", share.op if share else None, share.value if share else None,
                            "%" if share else None, match.term.notation))
    return found, taken


def _is_share(flat: str, ends: list[int], match: Match, share: Threshold) -> bool:
    """Whether a percentage says how many cells carry the antigen."""
    if _is_cut(ends, min(share.start, match.start), max(share.start, match.start)):
        return False
    if share.start >= match.end:
        between, far = flat[match.end:share.start], 120
    else:
        between, far = flat[share.end:match.start], 60
        if ")" in between:
            return False
    return len(between) <= far and bool(_SHARE.search(between)) and "marrow blast" not in between


def _is_expressed(flat: str, ends: list[int], match: Match) -> bool:
    """Whether the words say that the disease carries the antigen."""
    at = bisect_left(ends, match.start)
    lead = flat[max(ends[at - 1] if at else 0, match.start - 60):match.start]
    after = _POSITIVE.match(flat, match.end)
    if not after and not _POSITIVE_BEFORE.search(lead):
        return False
    tail = after.end() if after else match.end
    return not (_NOT_DISEASE.match(flat, tail) or _NOT_EXPRESSED.search(lead[-25:]) or re.search(r"\banti-?\s?$", lead)
                or re.match(r"\W{0,3}(?:\w+\W){0,3}negative", flat[tail:tail + 40]))
