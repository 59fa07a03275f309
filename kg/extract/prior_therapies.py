"""Prior therapy: antigens of what patients had before the trial's own treatment; read in lower case."""

from __future__ import annotations

import re

_PRIOR_BEFORE = re.compile(
    r"(?:\bprior|\bunlike|\bin contrast to|\bpublished|\bsister trial|\bearlier reported|\bprevious(?:ly)?|"
    r"\brelapse[sd]?\s(?:\w{1,12}\s){0,3}(?:after|from|post|following)|\bfail(?:ed|ure|ing)?|"
    r"\brefractory to|\bresistant to|\bhistory of|\bprogress(?:ed|ion) (?:after|on|following)|\balready received|"
    r"\bwho received|"
    r"\b(?:have|has|had|having)(?: \w{1,12})? received|\bexposed to|\bexposure to|\bsalvage after|"
    r"\btreated (?:with|by)|\bpost[- ])"
    r"[^.;]{0,45}$"
)
_TREATED_NOW = re.compile(
    r"\b(?:receives?|receiving|will be given|are given|(?:will be|are|is|to be|being|be) treated (?:with|"
    r"by))\b[^.;]{0,45}$|\bfailure,? (?:with|by|using) [^.;]{0,20}$"
)
"""The trial's own treatment: "will receive", against "have received"; "after failure with" begins it too."""
_AFTER_BEFORE = re.compile(r"\b(?:after|following|post|despite)[- ](?:\w{1,12} ){0,2}(?:anti[- ]?)?$")
_THERAPY_AFTER = re.compile(
    r"[)\]]?[- ]?(?:targeted|directed|targeting|specific)[- ](?:\w{1,14}[- ]){0,2}?(?:therap(?:y|ies)|treatments?|"
    r"agents?|immunotherap\w+|antibod\w+|bispecifics?|drugs?)\b"
)
"""What was given before is named by its class: "after BCMA-directed therapy"; "after BCMA CAR-T" may be a sequence."""
_FAILED_AFTER = re.compile(
    r"[)\]]?[- ]?(?:(?:targeted|directed|specific)[- ])?(?:car[- ]?t(?:[- ]?cells?)?|cart|therap(?:y|ies)|treatment)"
    r"(?:(?:[- ]cell)?[- ](?:therapy|treatment|infusion))?"
    r"(?:[- ](?:failures?\b|failed|exposed|experienced|pre-?treated|resistant)|-(?:relapsed|refractory|treated)\b)"
)


def is_prior(before: str, after: str) -> bool:
    """Whether the words beside an antigen's name speak of a treatment that patients had before.

    >>> is_prior("relapse after ", "-directed therapy"), is_prior("patients receive ", " CAR-T cells")
    (True, False)
    """
    before, after = before.lower(), after.lower()
    is_past = bool(_PRIOR_BEFORE.search(before)) and not _TREATED_NOW.search(before)
    is_class = bool(_AFTER_BEFORE.search(before) and _THERAPY_AFTER.match(after))
    return is_past or is_class or bool(_FAILED_AFTER.match(after))
