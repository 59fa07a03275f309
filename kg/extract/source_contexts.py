"""Words around a cell source by which it says nothing of the product: a transplant, the history, a comparison."""

from __future__ import annotations

import re

_CELLS = re.compile(
    r"\b(?:CAR|cells?|lymphocytes?|T|NK|PBMCs?|leukocytes|product|CTLs?|TILs?|iNKT|Tregs?|macrophages|monocytes|CART|UCART|"
    r"CAR-?T|TCR|precursor|vaccine|STAR|immunotherapy)\b|CAR[-T]|CART|γδ|gd ?T"
)
_TRANSPLANT = re.compile(
    r"[ -]?(?:serum|plasma|tumou?r)\b|[ -]?(?:(?:and|or|/)[ -]?(?:autologous|"
    r"allogen\w{2,4})[ -])?(?:\w{1,14}[ -]){0,4}?(?:stem|transplant\w{0,8}|"
    r"HSCT|HCT|SCT|BMT|ASCT|"
    r"hematopoietic|haematopoietic|bone marrow|hemopoietic|marrow|graft|aHSCT|alloHSCT|PBSC|CD34)",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"(?:\bprior|\bprevious(?:ly)?|\bhistory of|\bafter|\bfollowing|\bfailed|\bpost[- ]|\bbridg\w{1,4} to|"
    r"\bundergo(?:ing|ne)?|"
    r"\bbefore|\bineligible for|\brelapsed? after)\s(?:\w{1,14}\s){0,3}$",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"back-?up|availab|identified|match(?:ed)? donor (?:search|identified)|search|eligible donor|\bversus\b|unlike|"
    r"compared (?:with|to)|chimerism|\bcontrols?\b|allograft|(?:is|are) not\b|instead of|rather than|limitation|"
    r"traditional|conventional",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|non-?|no|without|neither|instead of|rather than|unlike|than|versus|vs\.?)[ -]?(?:an? |the |any )?$",
    re.IGNORECASE,
)
_COMPARED_BEFORE = re.compile(
    r"\b(?:compared (?:with|to)|in contrast to|contrary to|unlike|than|over|versus|vs\.?|instead of|rather than|"
    r"alternatives? to|(?:limitations?|drawbacks?|shortcomings|disadvantages?|problems?|challenges|costs?|burden|"
    r"complexity) (?:of|with|in)|current(?:ly)?|existing|conventional|traditional|commercial(?:ly)?|marketed|approved)"
    r"[ -](?:(?:the|all|most|available|existing|current|approved|conventional|traditional|standard|other) ){0,2}$",
    re.IGNORECASE,
)
_COMPARED_AFTER = re.compile(
    r"[^.;!?\n]{0,60}?\b(?:is|are|was|were|remains?|can be|may be|has|have|takes?|requires?|suffers?|involves?)\b"
    r"[^.;!?\n]{0,40}?\b(?:expensive|cost(?:s|ly)?|slow\w*|time-?\s?consuming|weeks|delay\w*|long(?:er)? (?:time|wait|"
    r"production|manufactur)\w*|limit(?:s|ed|ations?)|drawbacks?|shortcomings|disadvantages?|challeng\w+|difficult\w*|"
    r"complex|cumbersome|(?:not|rarely) (?:always )?(?:available|feasible|possible))",
    re.IGNORECASE,
)
"""Another product that the trial's is set against: "autologous CAR-T is expensive; we use …"."""


def is_beside_the_product(text: str, start: int, end: int, value: str) -> bool:
    """Whether a source word is not that of the trial's product."""
    before, after = text[max(0, start - 60) : start], text[end : end + 60]
    if _HISTORY.search(before) or is_negated(before) or _TRANSPLANT.match(after) or _SIDE.search(after[:35]):
        return True
    return _is_compared(text, start, end) or (
        value in ("autologous", "allogeneic") and _is_list_before_transplant(after)
    )


def has_cells_beside(text: str, start: int, end: int) -> bool:
    """Whether cells are named after a source word, or right before it."""
    return bool(_CELLS.search(text[end : end + 60]) or _CELLS.search(text[max(0, start - 30) : start]))


def is_negated(before: str) -> bool:
    """Whether the words before deny what comes next.

    >>> is_negated("these are not "), is_negated("these are ")
    (True, False)
    """
    return bool(_NEGATED.search(before))


def _is_compared(text: str, start: int, end: int) -> bool:
    """Whether a source is that of a product which the trial's own is compared with."""
    return bool(_COMPARED_BEFORE.search(text, max(0, start - 60), start) or _COMPARED_AFTER.match(text, end))


def _is_list_before_transplant(after: str) -> bool:
    """ "autologous or allogeneic HSCT" speaks of the transplant."""
    return bool(
        re.match(
            r"(?:/|,| or| and)[ -]?(?:allo|auto)\w{0,8}[ -](?:\w{1,14}[ -]){0,2}(?:HSCT|SCT|HCT|stem|transplant|"
            r"BMT|hematopoietic)",
            after,
            re.IGNORECASE,
        )
    )


def is_about_product(text: str, start: int, end: int) -> bool:
    """Whether the words around a donor speak of the making of cells, and not of a transplant or a search."""
    around = text[max(0, start - 80) : end + 50]
    if (
        _SIDE.search(text[start : end + 25])
        or _TRANSPLANT.match(text[end : end + 40])
        or _HISTORY.search(text[max(0, start - 40) : start])
    ):
        return False
    return bool(
        re.search(
            r"\b(?:CAR|T|NK|γδ|iNKT)[- ]?(?:cells?|T|NK)?\b|lymphocytes|PBMC|manufactur|leukapheresis|apheresis|"
            r"produced|CART|derived|generated|engineered",
            around,
        )
    )
