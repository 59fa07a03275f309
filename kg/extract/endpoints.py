"""Find what a study measures: the kind, time frame and grading of each endpoint.

A listed outcome is an endpoint. Only a study that lists none is searched for measures named in its prose; an aim ("to
evaluate safety and efficacy") is no measure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from kg.extract.timeframes import cut_time_words, parse_time_frame
from kg.lexicon import Match, fold_width, open_lexicon
from kg.model import Endpoint, Fact, Outcome, Passage, Quote, Study, TimeFrame

_REACH = 12
"""How many measures may share one time; also keeps the work linear in the length of the text."""
_LONGEST_SENTENCE = 3000
_KINDS = "endpoint-kind"
_GRADINGS = "grading"
_VERSION = re.compile(
    r"[\s,()\[\]-]{0,4}(?:(?:CTCAE|RECIST|criteria|scale)[\s,()\[\]-]{0,4})?"
    r"(?:v\.?|ver\.?|version)?\s?(?P<version>[1-6](?:\.\d{1,2})?)(?![\d.]{0,20}\w)",
    re.IGNORECASE,
)
_VERSION_MARK = {"CTCAE": " v", "RECIST": " "}
_CUE = re.compile(
    r"\b(?:assess|evaluat|measur|collect|monitor|determin|observ|detect|record|understand|estimat|"
    r"analy[sz]|calculat|quantif|end\s?-?point|outcome)",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"\b(?:has been|have been|had|was|were|previous(?:ly)?|prognosis|poor|literature|reported|showed|shown|until|"
    r"cohort|escalat\w*|next dose|enrol\w*|staggered|eligible|withdrawn|defined as|window|observation period|"
    r"evaluation period|if|unless|stopp\w+|suspend\w*|prevent\w*|prophyla\w+)\b",
    re.IGNORECASE,
)
_AIM = re.compile(
    r"\b(?:(?:objective|aim|purpose|goal)s?|safety|efficacy|effectiveness|tolerability|feasibility)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.\n]*(?:\.(?=\d)[^.\n]*)*")
_SUBJECTS = frozenset(
    {"feasibility", "pharmacokinetics", "biomarkers", "immune response", "CAR-T persistence", "transplant-related"}
)
_AMOUNT = re.compile(
    r"\b(?:amount|number|level|duration|expansion|persistence|survival)s?\b[\w ,-]{0,40}$", re.IGNORECASE
)
_LEADING_TIME = re.compile(r"\b[\w.]{1,8}[-\s](?:day|week|month|year)s?\s?$", re.IGNORECASE)
_NO_TIME = re.compile(r"\W*(?:n ?/? ?a|not applicable|not specified|not stated|none|unknown|tbd)?\W*", re.IGNORECASE)
_AGE = re.compile(r"\b(?:age|aged|old)\b", re.IGNORECASE)
_ABBREVIATION = re.compile(r"(?:\s(?:rate|time|level)s?)?\s?\([A-Za-z][\w/-]{0,7}\)")


def extract_endpoints(study: Study) -> tuple[Endpoint, ...]:
    """The endpoints of a study, in the order of the record.

    :returns: One for each listed outcome; without a list, one for each measure named in summary or description.
    """
    if study.outcomes:
        return tuple(read_endpoint(outcome) for outcome in study.outcomes)
    found = (endpoint for passage in study.parts("summary", "description") for endpoint in find_named_measures(passage))
    return _drop_repeated(found)


def read_endpoint(outcome: Outcome) -> Endpoint:
    """Interpret a listed outcome; its measure and role stay as the record has them."""
    return Endpoint(
        outcome.role,
        outcome.measure,
        kinds=classify_outcome(outcome),
        time_frame=_read_time_fact(outcome.time_frame),
        grading=_find_grading(outcome),
    )


def classify_outcome(outcome: Outcome) -> tuple[Fact, ...]:
    """Kinds of a listed outcome, the main one first.

    The measure decides. Its description is asked where the measure names nothing, and where it is vague ("response")
    and the description names one narrower or more exact kind and no other ("no measurable residual disease").
    """
    firm, vague = _find_kinds(outcome.measure.quote.text)
    named = _make_kinds(firm or vague, outcome.measure.quote, "endpoint-kind.measure")
    if firm or outcome.description is None:
        return named or (Fact("other", outcome.measure.quote, "endpoint-kind.none"),)
    told, hinted = _find_kinds(outcome.description.quote.text)
    described = _make_kinds(told if named else told or hinted, outcome.description.quote, "endpoint-kind.description")
    if not named:
        return described or (Fact("other", outcome.measure.quote, "endpoint-kind.none"),)
    narrows = len(described) == 1 and vague[0].term.iri in (
        *told[0].term.broader,
        *told[0].term.extra.get("specifies", ()),
    )
    return (*described, *named) if narrows else named


def _find_kinds(text: str) -> tuple[list[Match], list[Match]]:
    """Firm and vague names of kinds; the names of grading criteria hold none ("… Criteria for Adverse Events")."""
    taken = {place for grading in _find_gradings(text) for place in range(grading.start, grading.end)}
    found = [
        _include_plural(text, match)
        for match in open_lexicon(_KINDS).find(text)
        if taken.isdisjoint(range(match.start, match.end))
    ]
    firm = [match for match in found if not match.is_contextual]
    return firm, [match for match in found if match.is_contextual]


@lru_cache(maxsize=16)
def _find_gradings(text: str) -> list[Match]:
    """Names of grading criteria, kept for the two that ask for them in turn."""
    return open_lexicon(_GRADINGS).find(text)


def _include_plural(text: str, match: Match) -> Match:
    """The whole word: the lexicon leaves out a plural's "s"."""
    return msgspec.structs.replace(match, end=match.end + 1) if text[match.end : match.end + 1] == "s" else match


def _make_kinds(matches: Sequence[Match], quote: Quote, rule: str) -> tuple[Fact, ...]:
    """One fact for each kind in text order; "other" only where nothing else is named."""
    first: dict[str, Fact] = {}
    for match in matches:
        words = _cut_quote(quote, match.start, match.end)
        first.setdefault(match.term.notation, Fact(match.term.notation, words, rule))
    if len(first) > 1:
        first.pop("other", None)
    return tuple(first.values())


def _cut_quote(quote: Quote, start: int, end: int) -> Quote:
    return Quote(quote.field, quote.start + start, quote.start + end, quote.text[start:end])


def _read_time_fact(fact: Fact | None) -> Fact | None:
    if fact is None:
        return None
    frame = parse_time_frame(fact.quote.text)
    if frame is None and not _NO_TIME.fullmatch(fact.quote.text):
        frame = TimeFrame(fact.quote.text)  # stated, in words that give no days: "during the titration phase"
    return None if frame is None else Fact(frame, fact.quote, "time-frame.outcome")


def _find_grading(outcome: Outcome) -> Fact | None:
    """The first grading criteria named in the measure, else in its description."""
    for fact in (outcome.measure, outcome.description):
        if fact is None:
            continue
        for match in _find_gradings(fact.quote.text):
            name, end = _read_version(fact.quote.text, match)
            return Fact(name, _cut_quote(fact.quote, match.start, end), "endpoint-grading.name")
    return None


def _read_version(text: str, match: Match) -> tuple[str, int]:
    """Name with version as the card shows it ("CTCAE v5.0", "RECIST 1.1"), and where the words end."""
    name = match.term.notation
    inside = _VERSION.fullmatch(fold_width(text), match.start + len(name), match.end)
    found = inside or _VERSION.match(fold_width(text), match.end)
    if name not in _VERSION_MARK or found is None:
        return name, match.end
    version = found["version"] if "." in found["version"] else found["version"] + ".0"
    return name + _VERSION_MARK[name] + version, found.end()


def find_named_measures(passage: Passage) -> Iterator[Endpoint]:
    """Measures that a passage of prose says will be taken.

    A sentence counts if it speaks of observing something, and not of the past or of how the study is run. In an aim
    ("to assess safety, feasibility and pharmacokinetics") only a response, a toxicity, a dose or a survival is named
    well enough.
    """
    for sentence in _SENTENCE.finditer(passage.text):
        if len(sentence[0]) > _LONGEST_SENTENCE or not _CUE.search(sentence[0]) or _BACKGROUND.search(sentence[0]):
            continue
        start, is_aim = sentence.start(), _AIM.search(sentence[0]) is not None
        for part in sentence[0].split(";"):
            yield from _read_part(passage, start, part, is_aim)
            start += len(part) + 1


def _read_part(passage: Passage, start: int, part: str, is_aim: bool) -> Iterator[Endpoint]:
    """Measures between two semicolons; one without a time of its own shares the next time told."""
    firm, _ = _find_kinds(part)
    vague = _SUBJECTS | {"other"} if is_aim else {"other"}
    spans = _merge_names(part, [match for match in firm if match.term.notation not in vague])
    for place, (begin, end, match) in enumerate(spans):
        words = passage.quote(start + begin, start + end)
        kind = passage.quote(start + match.start, start + match.end)
        yield Endpoint(
            None,
            Fact(words.text, words, "endpoint.prose"),
            kinds=(Fact(match.term.notation, kind, "endpoint.prose"),),
            time_frame=_find_time(passage, start, part, spans, place),
        )


def _merge_names(part: str, matches: list[Match]) -> list[tuple[int, int, Match]]:
    """Join a name and its abbreviation ("progression-free survival (PFS)"), and an amount and what it is of."""
    spans: list[tuple[int, int, Match]] = []
    for match in matches:
        if spans and match.start < spans[-1][1]:
            continue
        begin, end = match.start, match.end
        if match.term.notation == "CAR-T persistence" and (amount := _AMOUNT.search(part, max(0, begin - 80), begin)):
            begin = amount.start()
        if abbreviation := _ABBREVIATION.match(part, end):
            end = abbreviation.end()
        spans.append((begin, end, match))
    return spans


def _find_time(passage: Passage, start: int, part: str, spans: list[tuple[int, int, Match]], place: int) -> Fact | None:
    """The time told right before a measure ("two-year …"), else the next one after it, else one that opens the part."""
    begin = spans[place][0]
    lead = _LEADING_TIME.search(part, max(0, begin - 24), begin)
    gaps = [(lead.start(), begin)] if lead else []
    near = spans[place : place + _REACH]
    gaps += [(span[1], _cut_leading_time(part, after[0])) for span, after in itertools.pairwise(near)]
    gaps += [(spans[-1][1], len(part))] if near[-1] is spans[-1] else []
    gaps += [(0, _cut_leading_time(part, spans[0][0]))] if place < _REACH else []
    for first, last in gaps:
        frame = None if _AGE.search(part, first, last) else parse_time_frame(part[first:last])
        if frame is not None and frame.high is not None:
            begin, end = cut_time_words(part[first:last], frame)
            words = passage.quote(start + first + begin, start + first + end)
            return Fact(msgspec.structs.replace(frame, raw=words.text), words, "time-frame.prose")
    return None


def _cut_leading_time(part: str, end: int) -> int:
    """Where the words before a measure end, if a time that leads it ("two-year …") is left to it."""
    lead = _LEADING_TIME.search(part, max(0, end - 24), end)
    return lead.start() if lead else end


def _drop_repeated(endpoints: Iterator[Endpoint]) -> tuple[Endpoint, ...]:
    """Keep the first mention of each kind, or a later one that tells the time the first lacks."""
    kept: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        kind = endpoint.kinds[0].value
        if kind not in kept or (kept[kind].time_frame is None and endpoint.time_frame is not None):
            kept[kind] = endpoint
    return tuple(kept.values())
