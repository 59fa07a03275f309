"""Words and numbers that registries put in place of a value they do not have or do not show.

What stands for nothing is not stated. Where a registry says that it keeps a value back ("[Redacted]"), that is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from kg.model import Fact, Site, Study

_KEPT_BACK = re.compile(
    r"(?:(?:data|entry|information|name|sponsor|title|value) )?(?:is )?"
    r"(?:redacted|withheld|suppressed|undisclosed|not disclosed|confidential)(?: (?:by|at|on) [\w ,.]{1,60})?"
)
_NOTHING = frozenset(
    ("n/a", "na", "none", "nil", "null", "unknown", "unspecified", "tbd", "tba", "to be determined", "to be announced")
)
_NOT_GIVEN = re.compile(
    r"(?:information |name |value )?not (?:yet )?"
    r"(?:applicable|available|assigned|given|known|provided|recorded|reported|specified|stated)"
    r"|none (?:given|listed|provided|reported|specified|stated)"
)
_LONGEST = 100
_SHELL = " \t\r\n[](){}<>*\"'.:;_-–—?"
"""What may stand around such a word, or alone in its place."""
NAMES = (
    "registry_id",
    "secondary_ids",
    "sponsor",
    "collaborators",
    "responsible_party",
    "contacts",
    "scientific_contacts",
)
"""Keys of facts that are names: words such as "None" or "Unknown" name nobody there."""
_UNKNOWN = frozenset(10**digits - 1 for digits in range(6, 19))
"""Nines only: ClinicalTrials.gov writes 99999999 for a number that is not known, and others write more or fewer."""
MOST_PARTICIPANTS = 100_000_000
"""As the shape ``trial-enrollment-number`` has it."""


def is_kept_back(text: str) -> bool:
    """Whether a whole value says that it is kept back.

    >>> is_kept_back("[Redacted]"), is_kept_back("Withheld"), is_kept_back("Redacted Pharma Ltd")
    (True, True, False)
    """
    return len(text) < _LONGEST and _KEPT_BACK.fullmatch(text.strip(_SHELL).lower()) is not None


def is_nobody(text: str) -> bool:
    """Whether a whole value names nobody and nothing, where a name should stand.

    >>> is_nobody("N/A"), is_nobody(" - "), is_nobody("Not Provided"), is_nobody("None Such Institute")
    (True, True, True, False)
    """
    if len(text) >= _LONGEST:
        return False
    word = text.strip(_SHELL).lower()
    return word in _NOTHING or not word or _NOT_GIVEN.fullmatch(word) is not None or is_kept_back(text)


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

    def keep(self, fact: Fact | None, *, is_name: bool = False) -> Fact | None:
        if fact is None or not isinstance(fact.value, str):
            return fact
        if is_kept_back(fact.value):
            self.kept_back.append(fact.quote.field)
            return None
        return None if is_name and is_nobody(fact.value) else fact

    def keep_all(self, facts: Iterable[Fact], *, is_name: bool = False) -> tuple[Fact, ...]:
        return tuple(one for fact in facts if (one := self.keep(fact, is_name=is_name)))

    def keep_parts(self, parts: Iterable[Any], key: str) -> tuple[Any, ...]:
        """Parts of a study, such as arms, without those whose name is kept back."""
        return tuple(part for part in parts if self.keep(getattr(part, key)))

    def keep_site(self, site: Site) -> Site | None:
        facility = self.keep(site.facility, is_name=True)
        city, region = self.keep(site.city, is_name=True), self.keep(site.region, is_name=True)
        if (facility, city, region) == (site.facility, site.city, site.region):
            return site
        kept = msgspec.structs.replace(site, facility=facility, city=city, region=region)
        return kept if facility or city or site.country else None


def clear_placeholders(study: Study) -> Study:
    """The study without values that stand for nothing; those that are kept back are noted, in one line."""
    sieve = _Sieve()
    facts = {
        key: found if key == "status" else sieve.keep_all(found, is_name=key in NAMES)  # "withheld" is a status
        for key, found in study.facts.items()
    }
    cleared = msgspec.structs.replace(
        study,
        facts={key: found for key, found in facts.items() if found},
        arms=sieve.keep_parts(study.arms, "label"),
        interventions=sieve.keep_parts(study.interventions, "name"),
        outcomes=sieve.keep_parts(study.outcomes, "measure"),
        sites=tuple(one for site in study.sites if (one := sieve.keep_site(site))),
        passages=tuple(one for one in study.passages if not is_kept_back(one.text)),
    )
    if not sieve.kept_back:
        return cleared
    first, number = sieve.kept_back[0], len(sieve.kept_back)
    more = f" and {number - 1:,} more" if number > 1 else ""
    return msgspec.structs.replace(cleared, set_aside=(*cleared.set_aside, f"{first}{more}: kept back by the registry"))
