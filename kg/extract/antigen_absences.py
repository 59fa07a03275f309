"""Antigens that are not there: genes that are edited away, antigens that are absent, cells that are sorted out.

Expressions read the words in lower case: case-insensitive ones would take longer.
"""

from __future__ import annotations

import re

_SELECTED_AFTER = re.compile(
    r"(?:[- ]?(?:positive|\+))?(?: (?:stem|progenitor))?(?: cells?)?(?: (?:are|is|were|was))?[- ]"
    r"(?:selected|selection|enriche?d|enrichment|depleted|depletion)"
)
_NEGATIVE_AFTER = re.compile(
    r"[)\]]?(?:\s?[- ]?(?:negative|neg\b|loss|low\b|null\b|dim\b|escape)|-(?=[\s,.;)])|\s?\(-\))"
)
_NEGATIVE_BEFORE = re.compile(
    r"\b(?:not|n't) (?:directed (?:at|against|to)|target(?:ing)?|against|bind(?:ing)?)(?: to)? ?(?:the )?$|"
    r"\b(?:rather than|instead of)(?: targeting)? $|"
    r"\b(?:non-|lost|loss of|lack(?:s|ing|ed)?(?: of)?|absence of|without|no)\s?(?:expression of )?$"
)
_EDIT_AFTER = re.compile(
    r"[)\]]?[- ]?(?:genes?[- ])?(?:locus|knock|ko\b|disrupt|delet|edited|deficien|ablat|gene edit|silenc|shrna|(?:-/-)|"
    r"inactivat|-null\b|crispr)|[)\]]? (?:gene )?(?:is|was|are|were|has been|have been) (?:knocked|disrupt|delet|"
    r"edited|removed|ablat|"
    r"inactivat|eliminat)"
)
_EDIT_BEFORE = re.compile(
    r"(?:knock(?:ed|ing)?[- ]?(?:out|down)|disrupt\w{0,4}|delet\w{0,4}|edit\w{0,4}|ablat\w{0,4}|inactivat\w{0,4}|"
    r"deficient in|removal|eliminat\w{0,4})(?: (?:of|the|endogenous|gene|genes|both|for|in)){0,3}[ -]$"
)
_KNOCK_OUT_HEAD = re.compile(r"\bknock(?:ed)?[- ]?out $")
"""What is knocked out stands before: "TRAC knock-out CD19 CAR-T" targets CD19."""


def is_edited(before: str, after: str, *, is_bound_after: bool) -> bool:
    """Whether the gene is edited away.

    :param is_bound_after: The words after the name say that the product binds it.

    >>> is_edited("knock-out of the ", "", is_bound_after=False)
    True
    """
    before, after = before.lower(), after.lower()
    is_knocked_out_beside = is_bound_after and bool(_KNOCK_OUT_HEAD.search(before))
    return bool(_EDIT_AFTER.match(after) or (_EDIT_BEFORE.search(before) and not is_knocked_out_beside))


def is_negated(before: str, after: str) -> bool:
    """Whether the antigen is said to be absent: "CD19-negative", "loss of CD19"."""
    return bool(_NEGATIVE_AFTER.match(after.lower()) or _NEGATIVE_BEFORE.search(before.lower()))


def is_selected(after: str) -> bool:
    """Whether cells are sorted by the antigen: "CD34-selected"."""
    return bool(_SELECTED_AFTER.match(after.lower()))
