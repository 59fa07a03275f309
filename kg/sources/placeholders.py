"""Words and numbers that registries put in place of a value they do not have or do not show.

What stands for nothing is not stated. Where a registry says that it keeps a value back ("[Redacted]"), that is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from kg.model import Fact, Site, Study

_KEPT_BACK = re.compile(
    r"(?:(?:data|entry|information|name|sponsor|title|value) )?(?:is )?"
    r"(?:redacted|withheld|undisclosed|not disclosed|confidential)"
)
_ENDS = frozenset("dDlL])}>*.'\" ")
"""Letters that such a value ends with; most values do not, and are passed over at once."""
_NOTHING = frozenset(
    (
        "n/a",
        "n.a",
        "na",
        "none",
        "nil",
        "null",
        "unknown",
        "unspecified",
        "tbd",
        "tba",
        "to be determined",
        "to be announced",
    )
)
_NOT_GIVEN = re.compile(
    r"(?:information |name |value )?not (?:yet )?"
    r"(?:applicable|available|assigned|given|known|provided|recorded|reported|specified|stated)"
    r"|none (?:given|listed|provided|reported|specified|stated)"
    r"|(?:no|unknown|undisclosed|unnamed) (?:collaborator|condition|contact|name|organi[sz]ation|sponsor)"
)
_LONGEST = 50
_SHELL = " \t\r\n[](){}<>*\"'.:;_-–—?"
"""What may stand around such a word, or alone in its place."""
NAMES = (
    "registry_id",
    "secondary_ids",
    "sponsor",
    "collaborators",
    "responsible_party.name",
    "contacts",
    "scientific_contacts",
    "title",
    "official_title",
    "brief_summary",
    "conditions",
)
"""Keys of facts that are names or texts: words such as "None" or "Unknown" name nobody there."""
_UNKNOWN = frozenset(10**digits - 1 for digits in range(6, 19))
"""Nines only: ClinicalTrials.gov writes 99999999 for a number that is not known, and others write more or fewer."""
MOST_PARTICIPANTS = 100_000_000
"""As the shape ``trial-enrollment-number`` has it."""


def is_kept_back(text: str) -> bool:
    """Whether a whole value says that it is kept back.

    >>> is_kept_back("[Redacted]"), is_kept_back("Withheld"), is_kept_back("Redacted Pharma Ltd")
    (True, True, False)
    """
    if not 7 < len(text) < _LONGEST or text[-1] not in _ENDS:
        return False
    return _KEPT_BACK.fullmatch(text.strip(_SHELL).lower()) is not None


@lru_cache(maxsize=16384)
def is_nobody(text: str) -> bool:
    """Whether a whole value names nobody and nothing, where a name should stand.

    >>> is_nobody("N/A"), is_nobody(" - "), is_nobody("Not Provided"), is_nobody("None Such Institute")
    (True, True, True, False)
    """
    if len(text) >= _LONGEST:
        return False
    word = text.strip(_SHELL).lower()
    is_empty = not any(map(str.isalnum, word))
    return is_empty or word in _NOTHING or _NOT_GIVEN.fullmatch(word) is not None or is_kept_back(text)


def find_count_fault(number: int) -> str:
    """Why a number is none of participants; empty where it may be one. 0 is that of a trial that was withdrawn.

    >>> find_count_fault(0), find_count_fault(99_999_999)
    ('', 'stands for an unknown number')
    """
    if number in _UNKNOWN:
        return "stands for an unknown number"
    return "" if 0 <= number <= MOST_PARTICIPANTS else "is no number of participants"


class _Sieve:
    """Tells values from what stands in their place.

    :ivar kept_back: Fields whose values are kept back.
    """

    def __init__(self) -> None:
        self.kept_back: list[str] = []

    def keep(self, fact: Fact | None) -> Fact | None:
        """The fact; None where its value is kept back."""
        if fact is None or not isinstance(fact.value, str) or not is_kept_back(fact.value):
            return fact
        self.kept_back.append(fact.quote.field)
        return None

    def keep_parts(self, parts: Iterable[Any], key: str) -> tuple[Any, ...]:
        """Parts of a study, such as arms, without those whose name is kept back."""
        return tuple(part for part in parts if self.keep(getattr(part, key)))

    def clear(self, study: Study) -> Study:
        """The study without what is kept back."""
        facts = {
            key: found if key == "status" else tuple(one for fact in found if (one := self.keep(fact)))
            for key, found in study.facts.items()  # "withheld" is a status
        }
        cleared = msgspec.structs.replace(
            study,
            facts={key: found for key, found in facts.items() if found},
            arms=self.keep_parts(study.arms, "label"),
            interventions=self.keep_parts(study.interventions, "name"),
            outcomes=self.keep_parts(study.outcomes, "measure"),
            sites=tuple(self._clear_site(site) for site in study.sites),
            passages=tuple(one for one in study.passages if not is_kept_back(one.text)),
        )
        if not self.kept_back:
            return study
        more = f" and {len(self.kept_back) - 1:,} more" if len(self.kept_back) > 1 else ""
        note = f"{self.kept_back[0]}{more}: kept back by the registry"
        return msgspec.structs.replace(cleared, set_aside=(*cleared.set_aside, note))

    def _clear_site(self, site: Site) -> Site:
        places = {name: self.keep(getattr(site, name)) for name in _PLACES}
        return msgspec.structs.replace(site, **places)


_PLACES = ("facility", "city", "region")


def clear_placeholders(study: Study) -> Study:
    """The study without values that stand for nothing; those that are kept back are noted, in one line."""
    return _clear_names(_Sieve().clear(study) if any(map(is_kept_back, _list_texts(study))) else study)


def _list_texts(study: Study) -> Iterator[str]:
    for facts in study.facts.values():
        for fact in facts:
            if fact.value.__class__ is str:
                yield fact.value
    for site in study.sites:
        if site.facility:
            yield site.facility.value
    for passage in study.passages:
        yield passage.text


def _clear_names(study: Study) -> Study:
    """The study without names of nobody."""
    facts = study.facts
    odd = [key for key in NAMES if any(_names_nobody(fact) for fact in facts.get(key, ()))]
    if odd:
        named = {key: tuple(fact for fact in facts[key] if not _names_nobody(fact)) for key in odd}
        facts = {key: found for key, found in {**facts, **named}.items() if found}
    sites = study.sites
    places = {fact.value for site in sites for fact in (site.facility, site.city, site.region) if fact}
    if any(map(is_nobody, places)):
        sites = tuple(filter(_is_place, map(_clear_place, sites)))
    parts = {name: kept for name, kept in _clear_parts(study) if len(kept) < len(getattr(study, name))}
    if facts is study.facts and sites is study.sites and not parts:
        return study
    return msgspec.structs.replace(study, facts=facts, sites=sites, **parts)


def _clear_parts(study: Study) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Products and outcomes without those that are called "None" or "-"; an arm may be called "None"."""
    for name, key in (("interventions", "name"), ("outcomes", "measure")):
        yield name, tuple(one for one in getattr(study, name) if not _names_nobody(getattr(one, key)))


def _names_nobody(fact: Fact | None) -> bool:
    return fact is not None and isinstance(fact.value, str) and is_nobody(fact.value)


def _clear_place(site: Site) -> Site:
    odd: dict[str, Any] = {name: None for name in _PLACES if _names_nobody(getattr(site, name))}
    return msgspec.structs.replace(site, **odd) if odd else site


def _is_place(site: Site) -> bool:
    return bool(site.facility or site.city or site.country)
