"""Read comparable eligibility criteria: thresholds of measures, and things that must be present or absent.

A number belongs to the measure that stands nearest before it in the clause, else right after it, if the measure can
have that unit and that value (``ontology/measures.ttl``). An exclusion is kept as the exclusion that the record states.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from kg.extract.eligibility import Item, Wording, split_items, word_item
from kg.extract.other_people import is_at_diagnosis, is_of_other_person
from kg.extract.presence import ANTIGEN, Found, read_antigens, read_presence
from kg.extract.thresholds import TIMES, Threshold, find_thresholds, fit_value, flatten
from kg.lexicon import JointLexicon, Lexicon, Match, fold_width, open_lexicon
from kg.model import Criterion, Frozen, Passage, Study
from kg.vocabularies import Term, load_vocabularies

_AGE, _NO_AGE = "age", "not age"
_FAR, _NEAR, _MANY = 160, 40, 12
_LOOKED_AT = 480
"""Most characters before a number that are looked at: a chain of numbers of one measure has no end."""
_GAP = "\x00"
"""Stands between items that are searched together: no name holds it."""
_NO_LETTER = re.compile(r"[^\w\x00-\x7f]")
"""Signs that no name holds; without them most text is ASCII, which is searched much faster."""
_CONDITION = re.compile(
    r"\b(?:if|unless|except\w*|when|in case|in cases|for (?:patients|subjects|participants"
    r"|those|individuals)"
    r"|(?:patients|subjects|participants|those|individuals) (?:with|who)|with (?:known|liver"
    r"|hepatic|documented)|gilbert\w*|metasta\w*"
    r"|relax\w*|caused by|allowed|acceptable|permitted|in the presence|secondary to|due to"
    r"|liver involvement)"
)
_EXEMPT = re.compile(
    r"\b(?:gilbert|metasta|liver involvement|tumor involvement|infiltrat|liver tumor|liver cancer"
    r"|obstruct|hepatic)"
)
_EXEMPT_AFTER = re.compile(
    r"\s{0,2}\(?(?:if|in case|for|in|when|with|where)\b[^\d);,.<>≤≥]{0,60}(?:gilbert|metasta"
    r"|liver involve|tumor involve|infiltrat|hepatic)[^\d<>≤≥);,.]{0,40}(?=[);,.]|$)"
)
_CHANGE = re.compile(r"\b(?:decreas|increas|reduc|chang|drop|declin|fall|rise|improve|variab|differ|loss)\w*")
_DEFINED = re.compile(
    r"\b(?:relaps|recurren|refractor|remission|respon[sd]|progress|mlfs|\bcr\b|\bcri\b|resistan"
    r"|persisten)\w*"
)
_DEFINING = re.compile(
    r"\bdefin|\brefers? to|\bmeaning\b|\bis considered|:\s{0,3}$|\bi\.e\.|^\W{0,4}(?:relapse"
    r"|relapsed|recurrence|refractory|remission|response|complete)\b[^:]{0,60}:"
)
_ASSUMED = re.compile(
    r"\b(?:needed|required|necessary|only|obtained|performed|measured) (?:for|in|if)\b[^.;]{0,40}$"
    r"|\b(?:if|unless|when)\b(?: [a-z]{1,12}){0,3} $"
    r"|\bonly\b.{0,30}\b(?:patients|subjects|participants) (?:with|who|having|\w+ing)\b.{0,40}$"
    r"|\b(?:decreas|increas|reduc|chang|drop|declin|fall|rise|improve|loss|doubl)\w* (?:of|in) (?:the |serum )?$"
)
_RESPONSE_MEASURES = frozenset(("bone marrow blasts", "platelets", "neutrophils", "hemoglobin"))
_WHOLE_AGE = re.compile(r"(?: ?old\b| ?of age\b)?")
_PART = re.compile(
    r"\bfirst (?:\S{1,12} ){0,3}(?:patient|subject|participant)|\b(?:in|for) (?:the )?(?:phase|cohort|part|arm)\b"
    r"|\w.{0,60}(?:\brelapse|disease|for|allowed|eligible) (?:in|for|if) (?:the )?"
    r"(?:patients|subjects|participants|children|adults|those)\b.{0,20}$"
)
"""Words before an age that set it for some of the participants only."""
_PART_AFTER = re.compile(
    r"[^.;:]{0,25}\b(?:must|should|need to|have to) have\b[^.;:]{0,30}?"
    r"\b(?:ecog|karnofsky|kps|lansky|lps|performance)"
)
_AGE_LABEL = re.compile(r"\b(?:years?|yrs?|months?)(?: old| of age)?\s?:[^:;]{0,40}$")
_NOT_AGE = re.compile(
    r"menopaus|childbearing|child-bearing|contracep|pregnan|parent|guardian|fertil|\bassent"
    r"|amenorr|menstrua|donor|sibling|\bdiagnosed (?:before|after|at)|onset|relative|family|\bdeath"
)
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_REACH = 60
_NO_LIMIT = re.compile(
    r"(?<!or )\b(?:(?:no|none|nobody)(?: (?:patients?|subjects?|participants?|one))?(?: with)?|neither|without|w/o"
    r"|absence of|lack of|(?:free|freedom|clear|devoid) (?:of|from)"
    r"|never|(?:never|(?:must|should|may|can|do|does|did|shall|will) not|cannot|\w{2,6}n't)"
    r" (?:had|have|having|show|shown|got))"
    r"\s(?:(?:an?|any|the|known|evidence of|baseline|serum|plasma|peripheral|absolute|current|recent|elevated"
    r"|abnormal)\s){0,4}$"
)
"""Words right before a limit that ask for its absence."""
_BARRED_LIMIT = re.compile(
    r"\)?:?\s(?:(?:is|are|will|must|should)\s(?:be\s)?(?:excluded|ineligible|not\s(?:be\s)?(?:allowed|permitted|eligible"
    r"|accepted|included|enrolled))|not (?:allowed|permitted|accepted))\b"
)
"""Words right behind a limit among the inclusions that make it an exclusion."""
_BARRING_LIMIT = re.compile(
    r"\b(?:exclude[sd]?(?:\s?:|\s(?:if|when|are|is))?|(?:none|not? (?:have )?any|no) of (?:the following|these)\s?:)"
    r"(?:\s(?:patients|subjects|participants|those|with|an?|any|the|serum|have|has|they)){0,5}\s{1,2}$"
)
"""Words right before a limit among the inclusions that make it an exclusion."""
_BARRING_LIST = re.compile(r"\b(?:none|not? (?:have )?any|no) of (?:the following|these)\b[^.;:]{0,40}:\s{0,3}$")
"""What an item says that bars those whom its parts name."""
_NEXT_LIMIT = re.compile(r"\s?,?\s?(?:(?:or|nor)\s(?:(?:an?|any|serum|total)\s)?)?")
"""What stands between two limits that one negation governs."""
_PLAIN = re.compile(
    r"(?:[\s:(,=)]|score|scores|status|performance|of|is|was|be|are|must|should|either|the|between"
    r"|from|grade|class|point|ps|scale|standard|to|that|in|blood|level|range|ranging|a|value|with|at|group|all|ages"
    r"|or|criteria|who|oncology|sex|for|male|female|and|men|women|s|both|index|years|old|gender|genders|as"
    r"|determined by|on|air|room|indoor){0,14}"
)
_SCORED = frozenset(("none", "ULN"))
_STOP = re.compile(r"[);.]")
_APART = re.compile(r"\d|\bwith\b|:|\bor\b(?! (?:age|legal|the (?:min|leg)))")
_ORGAN = re.compile(r"adequate|function|laborator|organ")
_RESPONSE = re.compile(r"remission|\brespon[sd]")
_SUBGROUP = re.compile(r"\s?(?:old|of age)?\s?\)?\s?:")


class _Group(Frozen, frozen=True):
    """Measures that share a number: "ALT and AST"."""

    start: int
    end: int
    terms: tuple[Term, ...]


class _Barred(Frozen, frozen=True):
    """A limit whose absence is asked for, and the way it points."""

    place: tuple[int, int]
    op: str


@cache
def _open_names() -> JointLexicon:
    """Matcher of the measures with thresholds, of those without, and of antigens."""
    return JointLexicon(_make_measures(is_threshold=True), _make_measures(is_threshold=False), open_lexicon("antigen"))


def _make_measures(*, is_threshold: bool) -> Lexicon:
    """Matcher of the measures with, or without, thresholds; digits may touch ("ECOG0-1")."""
    schemes = ("measure", "other-measure") if is_threshold else ("measure",)
    terms = [
        term
        for scheme in schemes
        for term in load_vocabularies().scheme(scheme).values()
        if is_threshold is (scheme != "measure" or "thresholdUnit" in term.extra) and term.notation != "sex"
    ]
    return Lexicon(terms, digits_after=is_threshold)


def extract_criteria(study: Study) -> tuple[Criterion, ...]:
    """The criteria that a study's eligibility text states, in reading order, each once."""
    kept: dict[tuple[object, ...], Criterion] = {}
    for passage in study.parts("eligibility"):
        for criterion in read_passage(passage):
            key = (
                criterion.list,
                criterion.measure,
                criterion.op,
                criterion.value,
                criterion.unit,
                criterion.antigen,
                criterion.is_negated,
            )
            kept.setdefault(key, criterion)
    return tuple(kept.values())


def read_passage(passage: Passage) -> Iterator[Criterion]:
    """Criteria of one passage.

    >>> text = "ALT and AST no more than 4 x ULN; ECOG of 0, 1 or 2"
    >>> found = read_passage(Passage("eligibility", "text", 0, text, "inclusion"))
    >>> [(one.measure, one.op, one.value, one.unit) for one in found]
    [('ALT', '<=', 4.0, 'ULN'), ('AST', '<=', 4.0, 'ULN'), ('ECOG', 'range', (0.0, 2.0), None)]
    """
    found = list(_read_items(split_items(passage)))
    firm = {(item.list, one.measure) for item, one in found if one.op and not one.is_conditional}
    for item, one in found:
        if one.is_conditional and (item.list, one.measure) in firm:
            continue
        basis = item.basis if item.basis != "stated" else one.basis
        yield Criterion(
            item.list,
            one.measure,
            passage.quote(item.start + one.start, item.start + one.end),
            one.rule,
            one.op,
            one.value,
            one.unit,
            one.antigen,
            basis,
            one.is_negated,
        )


def _read_items(items: Sequence[Item]) -> Iterator[tuple[Item, Found]]:
    """Criteria of each item, in text order; names are sought in all items together, which is much faster."""
    joined = _GAP.join(item.text for item in items)
    flat = flatten(joined)
    text = fold_width(joined.replace("\\", " "))
    if not text.isascii():
        text = _NO_LETTER.sub(_GAP, text)
    starts = [0, *accumulate(len(item.text) + len(_GAP) for item in items)]
    measures, presence, antigens = (_place_names(found, starts) for found in _open_names().find(text))
    for at in sorted(measures.keys() | presence.keys() | antigens.keys()):
        words = word_item(items[at], flat[starts[at] : starts[at] + len(items[at].text)])
        for one in _read_item(words, measures.get(at, []), presence.get(at, []), antigens.get(at, [])):
            yield items[at], one


def _place_names(matches: Sequence[Match], starts: Sequence[int]) -> dict[int, list[Match]]:
    """Names by the number of the item that holds them, their offsets counted from its start."""
    found: dict[int, list[Match]] = {}
    for match in matches:
        at = bisect_right(starts, match.start) - 1
        begin = match.start - starts[at]
        found.setdefault(at, []).append(Match(begin, match.end - starts[at], match.term, match.is_contextual))
    return found


def _read_item(words: Wording, measures: list[Match], presence: list[Match], antigens: list[Match]) -> list[Found]:
    """Criteria of one item, in text order; offsets are in the item."""
    thresholds = find_thresholds(words.flat) if measures or antigens else []
    expressed, taken = read_antigens(words, antigens, thresholds, presence) if antigens else ([], set())
    found = [
        *_read_thresholds(words, measures, [one for one in thresholds if one.start not in taken]),
        *expressed,
        *read_presence(words, presence),
    ]
    return sorted(found, key=lambda one: (one.start, one.end))


def _group_names(words: Wording, matches: list[Match]) -> list[_Group]:
    """Names of measures, joined where they share what follows."""
    groups: list[_Group] = []
    for match in matches:
        if match.term.notation == _NO_AGE:
            continue
        last = groups[-1] if groups else None
        if (
            last
            and len(last.terms) < _MANY
            and words.is_joined(last.end, match.start)
            and (match.term.notation == _AGE) == (last.terms[-1].notation == _AGE)
        ):
            groups[-1] = _Group(last.start, match.end, (*last.terms, match.term))
        else:
            groups.append(_Group(match.start, match.end, (match.term,)))
    return groups


def _read_thresholds(words: Wording, matches: list[Match], thresholds: list[Threshold]) -> Iterator[Found]:
    """Join each number to its measure."""
    groups = _group_names(words, matches)
    starts = [group.start for group in groups]
    linked: dict[int, Threshold] = {}
    ages = ""
    barred: _Barred | None = None
    for threshold in thresholds:
        at = _choose_group(words, groups, starts, threshold, linked)
        if at is None or (at in linked and not _is_continued(words, linked[at], threshold)):
            continue
        linked[at] = threshold
        for term in {term.iri: term for term in groups[at].terms if term.scheme == "measure"}.values():
            fitted = fit_value(term, threshold)
            if fitted is None or term.notation == ANTIGEN:
                continue
            start, end = _place_limit(words, groups[at], term, threshold)
            negation = _find_negation(words, start, end, barred if barred and barred.op == fitted[0][0] else None)
            if negation is not None:
                barred = _Barred(negation, fitted[0][0])
                if fitted[0] not in _OPPOSITE:
                    continue  # "no ECOG of 3" leaves nothing that a comparator could say
                fitted = (_OPPOSITE[fitted[0]], *fitted[1:])
            if term.notation == _AGE:
                if (
                    threshold.op is None
                    or fitted[0][0] in ages
                    or "r" in ages
                    or _is_other_age(words, groups, at, threshold)
                ):
                    continue
                ages += fitted[0][0]
            elif _is_aside(words, groups[at], term, threshold):
                continue
            yield _make_found(words, groups[at], term, threshold, fitted, negation or (start, end))


def _make_found(
    words: Wording,
    group: _Group,
    term: Term,
    threshold: Threshold,
    fitted: tuple[str, float | tuple[float, float], str | None, str],
    place: tuple[int, int],
) -> Found:
    op, value, unit, basis = fitted
    rule = "criterion.age" if term.notation == _AGE else "criterion.threshold"
    return Found(
        *place,
        term.notation,
        rule,
        op,
        value,
        unit,
        None,
        basis,
        _is_exempt(words, group, threshold),
    )


def _place_limit(words: Wording, group: _Group, term: Term, threshold: Threshold) -> tuple[int, int]:
    """Where a measure and its number stand."""
    tail = _WHOLE_AGE.match(words.flat, threshold.end) if term.notation == _AGE else None
    return min(group.start, threshold.start), max(group.end, tail.end() if tail else threshold.end)


def _find_negation(words: Wording, start: int, end: int, barred: _Barred | None) -> tuple[int, int] | None:
    """The place of a limit with the words that ask for its absence; None where nothing does.

    "No creatinine above 2 mg/dL" asks for 2 at most: read without its "no", it would ask for more.

    :param barred: A limit like it before it, whose absence is asked for.
    """
    lead = words.read_lead(start, _REACH)
    is_inclusion = words.list == "inclusion"
    before = _NO_LIMIT.search(lead) or (_BARRING_LIMIT.search(lead) if is_inclusion else None)
    after = _BARRED_LIMIT.match(words.flat, end) if is_inclusion else None
    if before is None and after is None:
        if barred and _NEXT_LIMIT.fullmatch(words.flat, barred.place[1], start):
            return barred.place[0] if end - barred.place[0] < _LOOKED_AT else start, end
        return (start, end) if is_inclusion and _BARRING_LIST.search(words.within) else None
    return start - len(lead) + before.start() if before else start, after.end() if after else end


def _choose_group(
    words: Wording, groups: list[_Group], starts: list[int], threshold: Threshold, linked: dict[int, Threshold]
) -> int | None:
    """Index of the group that a number belongs to: the nearest that can have it, before it and else after it."""
    first = bisect_right(starts, threshold.number_start) - 1
    for at in range(first, max(-1, first - 3), -1):
        group = groups[at]
        reached = max(group.end, linked[at].end if at in linked else 0)
        if (
            reached > threshold.number_start
            or threshold.start - reached > _FAR
            or words.is_cut(group.end, threshold.start)
        ):
            break
        between = words.flat[max(group.end, threshold.start - _LOOKED_AT) : threshold.start]
        if at in linked and between.count(")") > between.count("("):
            continue
        if (
            _fits_any(group, threshold)
            and not _CHANGE.search(between)
            and not _ASSUMED.search(words.read_lead(group.start, 40))
        ):
            return at if threshold.op or _is_plain(words.flat[reached : threshold.start], threshold) else None
        if any(term.scheme != "measure" for term in group.terms):
            break
    return _choose_ahead(words, groups, first, threshold)


def _choose_ahead(words: Wording, groups: list[_Group], first: int, threshold: Threshold) -> int | None:
    """Index of the group right after a comparison ("> 5% bone marrow blasts")."""
    if threshold.op is None:
        return None
    for at in range(max(first, 0), min(first + 2, len(groups))):
        start = groups[at].start
        if start >= threshold.number_start:
            between = words.flat[threshold.end : max(threshold.end, start)]
            is_near = len(between) <= _NEAR and not words.is_cut(threshold.start, start) and not _APART.search(between)
            return at if is_near and _fits_any(groups[at], threshold) else None
    return None


def _is_plain(between: str, threshold: Threshold) -> bool:
    """Whether a bare number follows its measure directly ("ECOG score of 1")."""
    is_range = isinstance(threshold.value, tuple) and threshold.unit not in TIMES
    return bool(_PLAIN.fullmatch(between)) or (is_range and len(between) <= 90)


def _fits_any(group: _Group, threshold: Threshold) -> bool:
    return any(term.scheme != "measure" or fit_value(term, threshold) for term in group.terms)


def _is_continued(words: Wording, before: Threshold, threshold: Threshold) -> bool:
    """Whether a further number still speaks of the same measure: "(≤ 51 umol/L)", "and under 70"."""
    between = words.flat[before.end : threshold.start]
    is_opposite = bool(before.op and threshold.op and {before.op[0], threshold.op[0]} == {"<", ">"})
    if threshold.op is None or len(between) > 70 or _CONDITION.search(between):
        return False
    if (threshold.unit is None or threshold.unit in TIMES) and not is_opposite:
        return False
    if threshold.unit is None and before.unit in TIMES and not _PLAIN.fullmatch(between):
        return False
    return not _CONDITION.search(words.read_until(threshold.end, _STOP))


def _is_aside(words: Wording, group: _Group, term: Term, threshold: Threshold) -> bool:
    """Whether a number is a line of a table by age, or part of a definition."""
    if term.notation == "creatinine":
        return _AGE_LABEL.search(words.read_lead(group.start, 100)) is not None
    return term.notation in _RESPONSE_MEASURES and _is_definition(words, term, threshold)


def _is_definition(words: Wording, term: Term, threshold: Threshold) -> bool:
    """Whether the number stands in a definition of relapse or response, and so is no criterion of its own."""
    if (
        _DEFINED.search(words.within)
        and not _ORGAN.search(words.within)
        and (term.notation == "bone marrow blasts" or _RESPONSE.search(words.within))
    ):
        return True
    lead = words.read_lead(threshold.start, 400)
    return bool(_DEFINING.search(lead) and _DEFINED.search(lead))


def _is_other_age(words: Wording, groups: list[_Group], at: int, threshold: Threshold) -> bool:
    """Whether an age is that of a subgroup, of another person, or at diagnosis."""
    lead = words.read_lead(threshold.start, 400)
    bracket = lead.rfind("(")
    return (
        any(
            other.end <= threshold.start
            and not words.is_cut(other.end, threshold.start)
            and any(_SCORED & set(term.extra.get("thresholdUnit", ())) for term in other.terms)
            for other in groups[max(0, at - 40) : at + 1]
            if other is not groups[at]
        )
        or (bracket >= 0 and ")" not in lead[bracket:] and bool(re.search(r"\d", lead[:bracket][-60:])))
        or bool(_SUBGROUP.match(words.flat, threshold.end) or _PART_AFTER.match(words.flat, threshold.end))
        or bool(_PART.search(lead[-150:]))
        or bool(_NOT_AGE.search(lead[-150:] + words.flat[threshold.start : threshold.end + 100]))
        or bool(_NOT_AGE.search(words.within))
        or is_of_other_person(lead[-80:])
        or is_at_diagnosis(words.read_lead(threshold.number_start, 80))
    )


def _is_exempt(words: Wording, group: _Group, threshold: Threshold) -> bool:
    """Whether the clause sets a limit only for some ("with liver metastases, ALT …")."""
    lead = words.read_lead(group.start, 140)
    lead = lead[lead.rfind(")") + 1 :] + words.flat[group.end : threshold.start][:_FAR]
    return bool(_CONDITION.search(lead) and _EXEMPT.search(lead)) or bool(
        _EXEMPT_AFTER.match(words.flat, threshold.end)
    )
