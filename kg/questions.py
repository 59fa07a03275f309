"""Read a question in words: the names, times, dates and places in it, and what is left over.

Names come from the vocabularies that the extraction reads records with, so a new term is understood here too. Nothing
is guessed in silence: a corrected spelling is noted, and what has no meaning stays in view as a leftover.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache

import msgspec

from kg.extract.antigen_places import find_places
from kg.extract.cell_sources import find_off_the_shelf
from kg.extract.timeframes import parse_time_frame
from kg.lexicon import Lexicon, fold, fold_width, open_lexicon
from kg.model import Passage
from kg.queries import load_queries
from kg.rdf import REGISTRY_ID
from kg.vocabularies import load_vocabularies

MAX_LENGTH = 1000
SCHEMES = (
    "antigen",
    "cell-source",
    "modality",
    "cell-type",
    "phase",
    "status",
    "country",
    "condition",
    "endpoint-kind",
    "measure",
    "study-type",
    "endpoint-role",
    "binder-type",
    "product",
    "ligand",
    "disease-setting",
    "costimulation",
    "safety-switch",
    "drug",
    "allocation",
)
"""The vocabularies that questions name things of; where one name is in several, the earlier is the plainer."""

NOISE = frozenset(
    re.findall(
        r"\w+",
        """
    a an the of for in on at by to from with within and or as that this these those which what who whom whose it its
    their there if is are was were be been being do does did has have had can could would should will may might must
    i we you me us my our your they them
    how many much number count any all every each some only also both either list lists show shows find give get tell
    see display return please want wants need know look looking search currently now so now
    trial trials study studies clinical registry registries record records say says
    cell cells therapy therapies treatment treatments treat treats treating treated product products intervention
    interventions patient patients people participant participants human subject subjects
    describe describes run runs running ran use uses using used take takes exist exists made make makes include includes
    including involve
    involves involving about concerning test tests tested testing evaluate evaluates evaluating investigate investigates
    investigating investigated studied conducted disease diseases
    target targets targeted targeting anti against bind binds binding bound directed specific antigen antigens
    country countries status kind type types source sources versus vs between then s t re
    """,
    )
)
"""Words that carry no condition of their own."""

_NUMBER = r"(?:\d+(?:\.\d+)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|eighteen|twenty)"
_TIME = (
    rf"(?:{_NUMBER}[\s-]?(?:d|days?|wks?|weeks?|mo|months?|y|yrs?|years?)\b"
    r"|(?:day|week|month|year)\s?\d+)"
)
_MOST = re.compile(
    r"(?:\bwithin(?: the first)?|\b(?:in|during) the first|\bup to|\bat most|\bno later than|\bless than|\bunder"
    rf"|\bbefore|\bby|\bat|\bin|≤|<=?)\s?({_TIME})(?! of follow)",
    re.IGNORECASE,
)
_LEAST = re.compile(
    rf"(?:\bat least|\bmore than|\bafter|\bover|\blonger than|\bbeyond|\bminimum(?: of)?|≥|>=?)\s?({_TIME})"
    rf"|({_TIME})(?:\sor (?:more|longer))?(?=,?\s(?:of\s)?(?:long[- ]term\s)?follow)",
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"\b(?:(?:in|within|over|during|for)\s)?(?:the\s)?(?:last|past|previous)\s"
    rf"({_TIME}|days?\b|weeks?\b|months?\b|years?\b)",
    re.IGNORECASE,
)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    r"\b(?:(?P<lead>since|from|on or after|not before|after|later than|newer than|before|between|until|till|by|up to|in"
    rf"|during|of|to|and)\s)?(?:(?P<year>{_YEAR})(?:[-/](?P<month>\d\d?)(?:[-/](?P<day>\d\d?))?)?"
    rf"|(?:(?P<day2>\d\d?)(?:st|nd|rd|th)?\s)?(?P<name>{_MONTH})\.?\s(?:(?P<day3>\d\d?)(?:st|nd|rd|th)?,?\s)?"
    rf"(?P<year2>{_YEAR}))(?![\d-])(?:\s(?P<on>on(?:wards?)?|or later)\b)?",
    re.IGNORECASE,
)
_POINT = re.compile(
    r"(?:\b(?:near|around|of|at|to)\s)?\(?"
    r"(-?\d{1,2}(?:\.\d+)?)\s?°?\s?,\s?(-?\d{1,3}(?:\.\d+)?)°?\)?"
)
_KILOMETRES = re.compile(
    r"(?:\bwithin\s|\bless than\s)?(\d{1,6}(?:\.\d+)?)\s?(?:km|kilomet(?:re|er)s?)\b"
    r"(?:\s(?:of|from|around))?",
    re.IGNORECASE,
)
_NAME = r"(?:[A-Z][\w&'’.-]*)"
_NAMES = rf"{_NAME}(?:\s(?:(?:of|for|and|the|&|de|la|at)\s){{0,2}}{_NAME}){{0,9}}"
_HOUSE = r"(?:hospital|university|institute|cent(?:er|re)|clinic|college|school|infirmary)s?"
_SPONSOR = re.compile(
    r"\b(?:sponsor(?:ed|s)?(?: (?:by|is|of|named|like))?|(?:funded|led|initiated|owned|developed|run|conducted) by"
    rf"|[Bb]y)\s(?:the\s)?(?:\"(?P<quoted>[^\"]{{2,80}})\"|(?P<name>{_NAMES}))"
    r"|\bsponsored by (?:the\s)?(?P<low>[\w&'’.-]+"
    r"(?:\s(?!(?:in|with|for|since|that|targeting|and|or|at)\b)[\w&'’.-]+){0,6})"
)
_SITE = re.compile(
    r"\b(?:[Aa]t|[Ii]n|[Nn]ear)\s(?:the\s)?(?:(?:city|cities|town|site|hospital) (?:of|named|called)\s)?"
    rf"(?:\"(?P<quoted>[^\"]{{2,80}})\"|(?P<name>{_NAMES}))"
    rf"|\b(?:at|in) (?:the\s)?(?P<low>(?:(?!(?:all|any|which|how|least|an?)\b)[\w'’.-]+\s){{1,5}}?{_HOUSE})\b"
)
_PHASES = re.compile(
    r"\bphases?\s(\d|i{1,3}v?|iv)([ab]?\s?(?:/|-|–|and|or|to|&|,)\s?)(?:phase\s)?"
    r"(?=(?:\d|i{1,3}|iv)[ab]?\b)",
    re.IGNORECASE,
)
_EDIT = r"(?:knock(?:ed)?[- ]?out|KO|edit(?:ed|ing)|delet(?:ed|ion)|disrupt(?:ed|ion))"
_PHRASES = {
    "age": re.compile(
        r"\b(?:aged?|age of)\s(?:of\s)?(\d{1,3})(?:\s?(?:to|and|[-–])\s?(\d{1,3}))?\b"
        r"|\b(\d{1,3})[- ]years?[- ]olds?\b",
        re.IGNORECASE,
    ),
    "min_sites": re.compile(
        r"(?:\b(?:more than|over|at least)|>=?|≥)\s?(\d{1,5}) (?:sites|cent(?:er|re)s|hospitals)\b", re.IGNORECASE
    ),
    "gene": re.compile(
        rf"\b([A-Z][A-Z0-9]{{1,7}})[- ](?i:{_EDIT})\b|"
        rf"\b(?i:{_EDIT}) of (?:the )?([A-Z][A-Z0-9]{{1,7}})\b"
    ),
    "has_results": re.compile(r"\b(?:with|have|has|posted|reported)\s(?:posted\s|reported\s)?results\b", re.IGNORECASE),
    "healthy_volunteers": re.compile(
        r"\bhealthy (?:volunteers?|people|subjects?|participants?)\b(?! donor)", re.IGNORECASE
    ),
    "masking": re.compile(r"\b(?P<masking>single|double|triple|quadruple)[- ](?:blind|mask)(?:ed)?\b", re.IGNORECASE),
}
_WORD = re.compile(r"[^\W_][\w'’+*./-]*")
_CODE_WORD = re.compile(r"(?:CD[- ]?\d{1,4}[a-zA-Z]{0,2}|[A-Z]{2,6}\d{1,4}[A-Z]{0,2}\d?)", re.ASCII)


class Mention(msgspec.Struct, frozen=True):
    """Something that the question names, at ``[start:end]`` of its text.

    :ivar readings: What it can mean: concept to value. A concept is a vocabulary's name, ``off-shelf``, or what a
        parameter can be called: ``trial``, ``max_days``, ``since``, ``sponsor``, ``latitude``, ``age`` …
    """

    start: int
    end: int
    readings: dict[str, str]

    @property
    def concept(self) -> str:
        """Its plainest reading."""
        return next(iter(self.readings))


class Reading(msgspec.Struct, frozen=True):
    """A question that has been read. ``notes`` say which spellings were corrected; ``text`` has them corrected."""

    text: str
    mentions: tuple[Mention, ...]
    today: date
    notes: tuple[str, ...] = ()


def read_question(question: str, today: date | None = None, spared: re.Pattern[str] | None = None) -> Reading:
    """Find what a question names; names that are nearly known are corrected and noted.

    :param today: What "the last 6 months" counts from.
    :param spared: Words that are no misspelt names.

    >>> [mention.readings for mention in read_question("alogenic CD123 trials").mentions]
    [{'cell-source': 'allogeneic'}, {'antigen': 'IL3RA'}]
    """
    today = today or date.today()
    text = _spell_phases(" ".join(question.encode("utf-8", "replace").decode().split()))
    text = text.lower() if text.isupper() and len(text.split()) > 3 else text
    mentions = find_mentions(text, today)
    corrected, words = _correct(text, mentions, spared)
    if not words:
        return Reading(text, mentions, today)
    mentions = find_mentions(corrected, today)
    notes = (f"read '{wrong}' as {_name_at(corrected, right, mentions)}" for wrong, right in words.items())
    return Reading(corrected, mentions, today, tuple(notes))


def _name_at(text: str, word: str, mentions: tuple[Mention, ...]) -> str:
    """The term whose name in the text is this word, else the word."""
    for mention in mentions:
        if text[mention.start : mention.end] == word and mention.concept in SCHEMES:
            return show_term(mention.concept, mention.readings[mention.concept])
    return word


def show_term(scheme: str, notation: str) -> str:
    """A term as people know it.

    >>> show_term("antigen", "IL3RA"), show_term("phase", "PHASE1")
    ('IL3RA (CD123)', 'phase 1')
    """
    term = load_vocabularies().find(scheme, notation)
    if term is None:
        return notation
    if scheme in ("cell-source", "modality"):
        return notation
    if scheme == "antigen":
        return notation if fold(term.label) == fold(notation) else f"{notation} ({term.label})"
    label = term.label
    is_plain = scheme in ("phase", "status", "study-type", "allocation", "masking")
    return label[0].lower() + label[1:] if is_plain else label


def _spell_phases(text: str) -> str:
    """Write "phase I/II" out, so that each phase has its name.

    >>> _spell_phases("phase I/II trials"), _spell_phases("phases 1 and 2")
    ('phase I/phase II trials', 'phase 1 and phase 2')
    """
    for _ in range(3):
        text = _PHASES.sub(r"phase \1\2phase ", text)
    return re.sub(r"\bphases\s(?=\d|i)", "phase ", text, flags=re.IGNORECASE)


def find_mentions(text: str, today: date) -> tuple[Mention, ...]:
    """All that a text names, in text order; of what overlaps, the longer."""
    fixed: list[Mention] = []
    for found in (
        _find_trials(text),
        _find_phrases(text),
        _find_dates(text, today),
        _find_points(text),
        _find_times(text),
    ):
        fixed += [mention for mention in list(found) if not any(_overlap(mention, other) for other in fixed)]
    names = _keep_longest([*_find_names(text), *_find_plain_names(text)], fixed)
    places = [mention for mention in _find_places(text) if not any(_overlap(mention, other) for other in fixed)]
    free = [mention for mention in names if not any(_overlap(mention, place) for place in places)]
    return tuple(sorted((*fixed, *places, *free), key=lambda mention: mention.start))


def _overlap(one: Mention, other: Mention) -> bool:
    return one.start < other.end and other.start < one.end


def _keep_longest(names: Iterable[Mention], taken: Iterable[Mention]) -> list[Mention]:
    """Names that overlap neither each other nor what is taken; names of one place are its readings."""
    by_span: dict[tuple[int, int], dict[str, str]] = {}
    for mention in names:
        for concept, value in mention.readings.items():
            by_span.setdefault((mention.start, mention.end), {}).setdefault(concept, value)
    kept = list(taken)
    found: list[Mention] = []
    for start, end in sorted(by_span, key=lambda span: (span[0] - span[1], span[0])):
        readings = by_span[start, end]
        order = (concept for concept in ("off-shelf", *SCHEMES) if concept in readings)
        mention = Mention(start, end, {concept: readings[concept] for concept in order})
        if not any(_overlap(mention, other) for other in kept):
            kept.append(mention)
            found.extend(_follow_ligand(mention))
    return found


def _follow_ligand(mention: Mention) -> Iterator[Mention]:
    """A ligand stands for the antigens it binds, each in its share of the place, and not for itself."""
    if "ligand" not in mention.readings:
        yield mention
        return
    vocabularies = load_vocabularies()
    bound = vocabularies.scheme("ligand")[mention.readings["ligand"]].extra.get("bindsAntigen", ())
    for number, iri in enumerate(bound):
        is_last = number == len(bound) - 1
        yield Mention(
            mention.start + number,
            mention.end if is_last else mention.start + number + 1,
            {"antigen": vocabularies.refer(iri).notation, "ligand": mention.readings["ligand"]},
        )


def _find_names(text: str) -> Iterator[Mention]:
    """Names as the extraction finds them."""
    for place in find_places(text):
        if place.antigen and not (place.is_contextual and fold(text[place.start : place.end]) in _TOO_PLAIN):
            yield Mention(place.start, place.end, {"antigen": place.antigen})
    for scheme in SCHEMES:
        if scheme != "antigen":
            for match in open_lexicon(scheme).find(text):
                is_plural = text[match.end : match.end + 1] in ("s", "S")  # "phase is" is not phase I
                is_plain = fold(text[match.start : match.end]) in _TOO_PLAIN or (scheme == "phase" and is_plural)
                if not match.is_contextual and not is_plain:
                    yield Mention(match.start, match.end, {match.term.scheme: match.term.notation})
    off_shelf = find_off_the_shelf([Passage("title", "text", 0, text)])
    if off_shelf is not None and off_shelf.quote is not None:
        readings = {"off-shelf": "off-the-shelf", "cell-source": "allogeneic"}
        yield Mention(off_shelf.quote.start, off_shelf.quote.end, readings)


_TOO_PLAIN = frozenset({"other", "met", "unknown", "available", "bispecific", "safety switch", "suicide gene"})
"""Names of terms that are everyday words in small letters, or name a kind of thing."""


@cache
def _plain_lexicon() -> Lexicon:
    """Names in any case, labels and notations included: a reader writes "aml" where a record writes "AML"."""
    renamed = []
    for scheme in SCHEMES:
        for term in load_vocabularies().scheme(scheme).values():
            names = {term.label, term.notation, *term.alt_labels, *term.case_forms}
            names |= set(term.context_forms) if scheme in ("antigen", "ligand") else set()
            names -= {term.label} if scheme == "endpoint-role" else set()
            names = {
                name
                for name in names
                if len(name) > 2 and not set(fold(name).split()) <= NOISE | _TOO_PLAIN and fold(name) not in _TOO_PLAIN
            }
            renamed.append(msgspec.structs.replace(term, forms=tuple(sorted(names)), case_forms=(), context_forms=()))
    return Lexicon(renamed)


def _find_plain_names(text: str) -> Iterator[Mention]:
    for match in _plain_lexicon().find(text):
        yield Mention(match.start, match.end, {match.term.scheme: match.term.notation})
    for found in re.finditer(r"(?<![\w-])(?:US|UK|USA|UAE|EU)(?![\w-])", text):
        if found[0] in load_vocabularies().scheme("country"):
            yield Mention(found.start(), found.end(), {"country": found[0]})
    for word in _WORD.finditer(text):
        country = _read_demonym(word[0])
        if country:
            yield Mention(word.start(), word.end(), {"country": country})


@cache
def _country_stems() -> dict[str, set[str]]:
    stems: dict[str, set[str]] = {}
    for notation, term in load_vocabularies().scheme("country").items():
        for name in {term.label, *term.forms}:
            if name.isalpha() and len(name) > 4:
                stems.setdefault(name, set()).add(notation)
                stems.setdefault(name[:-1], set()).add(notation)
    return stems


def _read_demonym(word: str) -> str | None:
    """Country of "Chinese", "German", "Korean": its name, less at most one letter, with an ending.

    >>> _read_demonym("Chinese"), _read_demonym("Japanese"), _read_demonym("Lesion")
    ('CN', 'JP', None)
    """
    for ending in ("ese", "ian", "ish", "an", "n", "i", ""):
        stem = word.removesuffix(ending) if word.endswith(ending) else ""
        if word[:1].isupper() and stem != word + ending and len(_country_stems().get(stem, ())) == 1:
            return next(iter(_country_stems()[stem]))
    return None


def _find_trials(text: str) -> Iterator[Mention]:
    for found in re.finditer(rf"(?<![\w-])(?:{REGISTRY_ID.pattern})(?![\w])", text, re.IGNORECASE):
        is_nct = found[0][:3].upper() == "NCT"
        yield Mention(found.start(), found.end(), {"trial": found[0].upper() if is_nct else found[0]})


def _find_phrases(text: str) -> Iterator[Mention]:
    """Ages, counts of sites, edited genes, and what is said or not."""
    for concept, pattern in _PHRASES.items():
        for found in pattern.finditer(text):
            values = [group for group in found.groups() if group] or ["true"]
            if concept == "min_sites" and re.match(r"more than|over|>\s?\d", found[0], re.IGNORECASE):
                values = [str(int(values[0]) + 1)]
            for number, value in enumerate(values):  # "aged 65-80" names two ages; each takes a share of the place
                end = found.end() if number == len(values) - 1 else found.start() + number + 1
                yield Mention(found.start() + number, end, {concept: value.upper() if concept == "masking" else value})


def _read_days(time: str) -> str | None:
    frame = parse_time_frame(f"within {time}")
    return None if frame is None or frame.high is None else f"{frame.high:.4f}".rstrip("0").rstrip(".")


def _find_times(text: str) -> Iterator[Mention]:
    taken_to = 0
    least = {found.start(): found for found in _LEAST.finditer(text)}
    for start, found in sorted({**{found.start(): found for found in _MOST.finditer(text)}, **least}.items()):
        days = _read_days(found[1] or found[found.re.groups])
        if start >= taken_to and days is not None:
            taken_to = found.end()
            yield Mention(start, found.end(), {"min_days" if found.re is _LEAST else "max_days": days})


def _find_dates(text: str, today: date) -> Iterator[Mention]:
    for found in _LAST.finditer(text):
        days = _read_days(found[1]) or _read_days(f"1 {found[1]}")
        if days is not None and float(days) < 40_000:
            since = today - timedelta(days=int(float(days)))
            yield Mention(found.start(), found.end(), {"since": since.isoformat()})
    for found in _DATE.finditer(text):
        span = _read_span(found)
        is_date = found["lead"] or found["on"] or re.match(r"\s(?:trials?|studies)\b|\W*$", text[found.end() :])
        if span is not None and is_date:
            yield from _bound_date(found, *span)


def _bound_date(found: re.Match[str], first: date, last: date) -> Iterator[Mention]:
    """What the words before a date make of it; "in 2024" says two things, and each takes a share of the place."""
    lead, day = (found["lead"] or "in").lower(), timedelta(days=1)
    if found["on"] or lead in ("since", "from", "between", "on or after", "not before"):
        yield Mention(found.start(), found.end(), {"since": first.isoformat()})
    elif lead in ("after", "later than", "newer than"):
        yield Mention(found.start(), found.end(), {"since": (last + day).isoformat()})
    elif lead in ("before", "until", "till", "by", "up to", "to", "and"):
        yield Mention(found.start(), found.end(), {"until": (first - day if lead == "before" else last).isoformat()})
    else:
        yield Mention(found.start(), found.start() + 1, {"since": first.isoformat()})
        yield Mention(found.start() + 1, found.end(), {"until": last.isoformat()})


def _read_span(found: re.Match[str]) -> tuple[date, date] | None:
    """First and last day of a date as written; None where there is no such day."""
    year = int(found["year"] or found["year2"])
    starts = [name[:3] for name in _MONTHS]
    month = starts.index(found["name"][:3].lower()) + 1 if found["name"] else int(found["month"] or 0)
    day = int(found["day"] or found["day2"] or found["day3"] or 0)
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        if month:
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError:
        return None
    return date(year, 1, 1), date(year, 12, 31)


def _find_points(text: str) -> Iterator[Mention]:
    """A point "39.9, 116.4" with the kilometres around it; plain lists of numbers are no points."""
    around = _KILOMETRES.search(text)
    point = next((found for found in _POINT.finditer(text) if around or "." in found[0]), None)
    if point is not None and abs(float(point[1])) <= 90 and abs(float(point[2])) <= 180:
        middle = point.start(2)
        yield Mention(point.start(), middle, {"latitude": point[1]})
        yield Mention(middle, point.end(), {"longitude": point[2]})
    if around is not None:
        yield Mention(around.start(), around.end(), {"km": around[1]})


def _find_places(text: str) -> Iterator[Mention]:
    """Sponsors and sites by any name: no vocabulary lists them."""
    taken: list[Mention] = []
    for concept, pattern in (("sponsor", _SPONSOR), ("site", _SITE)):
        for found in pattern.finditer(text):
            name = found["quoted"] or _trim_name((found["name"] or found["low"]).strip(" .?'’"))
            if found["name"] and re.match(r"\s(?:trials?|studies|patients?|diseases?|cells?)\b", text[found.end() :]):
                continue
            is_said = bool(found["quoted"] or "ponsor" in found[0] or re.search(_HOUSE, name, re.IGNORECASE))
            mention = Mention(found.start(), found.start() + found[0].index(name) + len(name), {concept: name})
            is_term = not is_said and bool(_first_concepts(text[mention.end - len(name) :]))
            is_taken = any(_overlap(mention, other) for other in taken)
            if not is_term and not is_taken and _is_free_name(name, is_said=is_said):
                taken.append(mention)
                yield mention


def _trim_name(name: str) -> str:
    """A name without the condition behind it.

    >>> _trim_name("Novartis for AML"), _trim_name("Hospital of Soochow")
    ('Novartis', 'Hospital of Soochow')
    """
    for found in re.finditer(r"\s((?:for|in|with|at|of|and|the)\s)?", name):
        concepts = _first_concepts(name[found.end() :])
        if concepts and (found[1] or concepts & {"antigen", "modality", "phase", "status"}):
            return name[: found.start()]
    return name


def _first_concepts(text: str) -> set[str]:
    """What the text begins with, where that is a term of a vocabulary."""
    return {mention.concept for mention in (*_find_names(text), *_find_plain_names(text)) if mention.start == 0}


def _is_free_name(name: str, *, is_said: bool) -> bool:
    """Whether a name can be a site's or a sponsor's: "in China" and "by Phase" name none, unless they say so."""
    first = (name.split() or [""])[0]
    if len(name) < 2 or REGISTRY_ID.match(name) or _CODE_WORD.fullmatch(first) or fold(first) in NOISE:
        return False
    return is_said or not (first == name and find_near_word(name))


def list_leftovers(reading: Reading, spans: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Words with a meaning of their own that neither a mention nor one of ``spans`` covers."""
    left = list(reading.text)
    for start, end in (*((mention.start, mention.end) for mention in reading.mentions), *spans):
        left[start:end] = " " * (end - start)
    found = [word[0].strip(".'’/-+*") for word in _WORD.finditer("".join(left))]
    return tuple(dict.fromkeys(word for word in found if word and fold(word).removesuffix("'s") not in NOISE))


def looks_like_antigen(word: str) -> bool:
    """Whether a word is written as antigens are.

    >>> [looks_like_antigen(word) for word in ("CD999", "XYZ7", "cd999", "disease", "COVID-19")]
    [True, True, True, False, False]
    """
    return bool(_CODE_WORD.fullmatch(word) or (_CODE_WORD.fullmatch(word.upper()) and word[:2] == "cd"))


@cache
def _known_words() -> frozenset[str]:
    """Words of all names, and of what stored queries are about."""
    names = [
        name
        for scheme in SCHEMES
        for term in load_vocabularies().scheme(scheme).values()
        for name in (term.label, *term.alt_labels, *term.forms, *term.case_forms, *term.context_forms)
    ]
    asked = [text for query in load_queries().values() for text in (query.question, query.title, *query.keywords)]
    words = set(re.findall(r"[^\W\d_][\w-]*[^\W_]", fold_width("\n".join((*names, *asked, *NOISE)))))
    return frozenset(part for word in words for part in (word, *word.split("-")) if len(part) > 3)


@cache
def _folded_words() -> dict[str, str]:
    return {fold(word): word for word in sorted(_known_words())}


def _correct(text: str, mentions: tuple[Mention, ...], spared: re.Pattern[str] | None) -> tuple[str, dict[str, str]]:
    """The text with misspelt words put right, and which."""
    covered = [(mention.start, mention.end) for mention in mentions]
    words: dict[str, str] = {}
    pieces, last = [], 0
    for found in _WORD.finditer(text):
        word = found[0].strip(".'’/-+*")
        is_read = (spared is not None and spared.search(word)) or any(
            start < found.end() and found.start() < end for start, end in covered
        )
        right = None if is_read else find_near_word(word)
        if right is not None and len(words) < 8:
            words[word] = right
            pieces += [text[last : found.start()], right]
            last = found.start() + len(word)
    return "".join((*pieces, text[last:])), words


def find_near_word(word: str) -> str | None:
    """The known word that this one misspells; None where it is known, too short, or no single word is near.

    Digits are never corrected ("CD999" is not CD99), and a word in small letters is never made a symbol.

    >>> find_near_word("autologus"), find_near_word("BCMAA"), find_near_word("CD999"), find_near_word("recruiting")
    ('autologous', 'BCMA', None, None)
    """
    low, is_symbol = fold(word), word.isupper()
    if len(low) < (4 if is_symbol else 5) or len(low) > 40 or low in NOISE:
        return None
    known = _folded_words()
    if low in known:
        return None
    from rapidfuzz.distance import OSA

    plain = [name for name in NOISE if name[0] == low[0] and len(name) > 4 and OSA.distance(low, name) == 1]
    if plain or low.rstrip("s") in known:
        return min(plain, key=lambda name: (-len(name), name), default=None)
    digits = re.sub(r"\D", "", low)
    limit = 1 if is_symbol or len(low) < 10 else 2
    near: dict[int, list[str]] = {}
    for name, written in known.items():
        is_alike = written.isupper() == is_symbol or (len(low) > 6 and not written.isupper())
        if is_alike and name[0] == low[0] and abs(len(name) - len(low)) <= limit and re.sub(r"\D", "", name) == digits:
            near.setdefault(OSA.distance(low, name), []).append(written)
    best = near[min(near)] if near and min(near) <= limit else []
    is_single = len({fold(name).removesuffix("s") for name in best}) == 1
    return min(best, key=lambda name: (len(name), name)) if is_single else None


def list_near_names(word: str, limit: int = 3) -> list[str]:
    """Antigens whose names look like a word, to choose from."""
    from rapidfuzz import process

    names = {
        name: notation
        for notation, term in load_vocabularies().scheme("antigen").items()
        for name in (term.label, notation, *term.forms)
        if len(name) < 12
    }
    found = process.extract(word.upper(), sorted(names), limit=limit * 3, score_cutoff=70)
    return list(dict.fromkeys(show_term("antigen", names[name]) for name, *_ in found))[:limit]
