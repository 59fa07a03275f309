"""Names of the vocabularies in a question, as the extraction finds them and as people type them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from kg.ask.mentions import OFF_SHELF, SCHEMES, Mention, overlap
from kg.ask.words import NOISE, WORD
from kg.extract.antigen_places import find_places
from kg.extract.cell_sources import find_off_the_shelf
from kg.lexicon import Lexicon, fold, open_lexicon
from kg.model import Passage
from kg.vocabularies import load_vocabularies

TOO_PLAIN = frozenset(
    {"other", "met", "unknown", "available", "bispecific", "safety switch", "suicide gene", "single", "none"}
)
"""Names of terms that are everyday words in small letters, or name a kind of thing."""


_OFF_SHELF = re.compile(r"\boff[- ]the[- ]shelf\b", re.IGNORECASE)


def find_names(text: str) -> Iterator[Mention]:
    """Names as the extraction finds them."""
    for place in find_places(text):
        if place.antigen and not (place.is_contextual and fold(text[place.start : place.end]) in TOO_PLAIN):
            yield Mention(place.start, place.end, {"antigen": place.antigen})
    for scheme in SCHEMES:
        if scheme != "antigen":
            for match in open_lexicon(scheme).find(text):
                is_plural = text[match.end : match.end + 1] in ("s", "S")  # "phase is" is not phase I
                is_plain = fold(text[match.start : match.end]) in TOO_PLAIN or (scheme == "phase" and is_plural)
                is_plain = is_plain or _is_inside_compound(scheme, text, match.start, match.end)
                if not match.is_contextual and not is_plain:
                    yield Mention(match.start, match.end, {match.term.scheme: match.term.notation})
    off_shelf = find_off_the_shelf([Passage("title", "text", 0, text)])
    quote = off_shelf.quote if off_shelf is not None else None
    negated = _OFF_SHELF.search(text)
    span = (quote.start, quote.end) if quote is not None else negated.span() if negated is not None else None
    if span is not None:
        yield Mention(*span, OFF_SHELF)


_WHOLE_WORDS = frozenset({"status", "allocation", "study-type", "endpoint-role", "disease-setting", "masking"})
"""Schemes whose names are everyday words: inside a compound ("open-label") they mean something else."""
_NO_STATUS = re.compile(r"\s(?:to|for|label|access|source|question)\b", re.IGNORECASE)


def _is_inside_compound(scheme: str, text: str, start: int, end: int) -> bool:
    """Whether a name is only a part of what is written ("open" of "open-label" and of "open to")."""
    if scheme == "endpoint-kind" and fold(text[start:end]).startswith("number of"):
        return True  # counts what comes next ("number of CAR-NK trials")
    is_joined = re.match(r"-[^\W\d_]", text[end:]) or re.search(r"[^\W\d_]-$", text[:start])
    is_open = scheme == "status" and fold(text[start:end]) == "open" and _NO_STATUS.match(text, end)
    return bool(is_open or (is_joined and scheme in _WHOLE_WORDS))


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
                if len(name) > 2 and not set(fold(name).split()) <= NOISE | TOO_PLAIN and fold(name) not in TOO_PLAIN
            }
            renamed.append(msgspec.structs.replace(term, forms=tuple(sorted(names)), case_forms=(), context_forms=()))
    return Lexicon(renamed)


def find_plain_names(text: str) -> Iterator[Mention]:
    """Names in any case, and countries by the people in them."""
    for match in _plain_lexicon().find(text):
        if not _is_inside_compound(match.term.scheme, text, match.start, match.end):
            yield Mention(match.start, match.end, {match.term.scheme: match.term.notation})
    for found in re.finditer(r"(?<![\w-])(?:US|UK|USA|UAE)(?![\w-])", text):
        if found[0] in load_vocabularies().scheme("country"):
            yield Mention(found.start(), found.end(), {"country": found[0]})
    for word in WORD.finditer(text):
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


_BOUND_BEFORE = re.compile(r"(?:\btarget(?:s|ed|ing)?|\banti-?|\bagainst|\bbind(?:s|ing)?)\s?$", re.IGNORECASE)
_BOUND_AFTER = re.compile(
    r"[\s-](?:(?:is|as) (?:an? |the )?)?(?:target\w*|antigens?|directed|specific)\b", re.IGNORECASE
)


def keep_longest(text: str, names: Iterable[Mention], taken: Iterable[Mention]) -> list[Mention]:
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
        is_bound = bool(_BOUND_BEFORE.search(text[:start]) or _BOUND_AFTER.match(text[end:]))
        settled = _settle({concept: readings[concept] for concept in order}, is_bound=is_bound)
        if not settled:
            continue
        mention = Mention(start, end, settled)
        if not any(overlap(mention, other) for other in kept):
            kept.append(mention)
            found.extend(part for named in _part_universal(text, mention) for part in _follow_ligand(named))
    return found


def _settle(readings: dict[str, str], *, is_bound: bool) -> dict[str, str]:
    """Readings in the order in which questions mean them.

    A part of constructs (4-1BB) is meant as that part unless something binds it. A drug that no one conditions with is
    known by the names of interventions; a class of drugs (no wider term) is no name. What has no limits ("HIV", not
    "LVEF") can be asked for as a presence.
    """
    if readings.get("measure") == "age":  # most records state it as a field, and no criterion
        readings = {concept: value for concept, value in readings.items() if concept != "measure"}
    measure = load_vocabularies().find("measure", readings.get("measure", ""))
    if measure is not None and "thresholdUnit" not in measure.extra:
        readings = {**readings, "presence": measure.notation}
    if readings.get("modality") == "in-vivo CAR":  # where it is made is its cell source; see docs/decisions/0010
        return {"cell-source": "in vivo", **readings}
    if "costimulation" in readings and not is_bound:
        readings = {"costimulation": readings["costimulation"], **readings}
    if "drug" in readings:
        term = load_vocabularies().scheme("drug")[readings["drug"]]
        if not any(load_vocabularies().refer(iri).notation == "conditioning agent" for iri in term.broader):
            others = {concept: value for concept, value in readings.items() if concept != "drug"}
            return {**others, "intervention": term.notation} if term.broader else others
    return readings


_UNIVERSAL_PREFIX = re.compile(r"U-?(?=C)", re.IGNORECASE)


def _part_universal(text: str, mention: Mention) -> Iterator[Mention]:
    """ "UCAR-T" says "universal" and "CAR-T", each in its share of the place; a product's code stays whole."""
    prefix = _UNIVERSAL_PREFIX.match(text, mention.start, mention.end) if "modality" in mention.readings else None
    if prefix is None:
        yield mention
        return
    yield Mention(prefix.start(), prefix.end(), OFF_SHELF)
    yield msgspec.structs.replace(mention, start=prefix.end())


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
