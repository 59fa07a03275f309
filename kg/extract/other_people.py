"""Ages in criteria that are not the participants' own: a relative's, a carer's, a child's, or that at diagnosis."""

from __future__ import annotations

import re

_LINK = r"[^.;,:()]{0,30}$"
_OTHER_PERSON = re.compile(
    rf"(?:\b(?:mother|father|(?:family )?caregiver|care giver|carer|spouse|informant|grandparent)s?\b(?:['’]s)?{_LINK}"
    r"|\b(?:mothers?|fathers?|famil(?:y|ies)|wom[ae]n|adults|breast-?\s?feeding|nursing) "
    rf"(?:(?:of|with|having|who have|living with) )?(?:an? |the |their |one )?"
    rf"(?:child|children|infants?|bab(?:y|ies)){_LINK})"
)
"""Somebody beside the participants, whose age comes next in the same phrase."""
_AMONG_PARTICIPANTS = re.compile(r"\b(?:patients?|participants?|subjects?)\b[^.;,:()]{0,12}\b(?:and|or)\b")
_AT_DIAGNOSIS = re.compile(
    r"\bdiagnosed (?:as|with) [^.;,:()]{1,40} (?:before|after|at|between|prior to)(?: the)?(?: ages?)?(?: of)?\s?$"
)


def is_of_other_person(lead: str) -> bool:
    """Whether the folded words before an age make it another person's.

    >>> is_of_other_person("has a caregiver aged "), is_of_other_person("patients and their caregivers aged ")
    (True, False)
    """
    return bool(_OTHER_PERSON.search(lead) and not _AMONG_PARTICIPANTS.search(lead))


def is_at_diagnosis(lead: str) -> bool:
    """Whether the folded words before an age make it the age at diagnosis.

    >>> is_at_diagnosis("diagnosed with sarcoma between "), is_at_diagnosis("diagnosed with sarcoma, aged ")
    (True, False)
    """
    return bool(_AT_DIAGNOSIS.search(lead))
