"""Secreted payloads: antigens bound by what cells give off, and not by their own receptor."""

from __future__ import annotations

import re

_SECRETED_BEFORE = re.compile(
    r"(?:dominant[- ]negative|secret\w{1,5}|releas\w{1,4}|self-express\w{1,4}|autocrine|armou?red with|"
    r"co-?express\w{1,4}|"
    r"express\w{1,4})[^.;,]{0,25}$"
)
_SECRETED_AFTER = re.compile(
    r"[- ]?(?:(?:bi-?specific|blocking) )?(?:antibod|scfv|nanobod|blocking|fusion|/cd28|dominant|switch|secret)"
)
_EXPRESSED_BY = re.compile(
    r"[)\]]?[- ]?(?:antibod\w{1,4}|scFv|nanobod\w{1,4})?[- ]?(?:self-?)?(?:expressing|secreting|"
    r"releasing|[Aa]rmou?red)\s(?:\S{1,14}\s){0,2}\S{0,14}(?:CAR|[Cc]himeric)\b"
)
_BINDER = (
    r"\b(?:scfvs?|(?:auto)?antibod(?:y|ies)|nanobod(?:y|ies)|single[- ]chain \w{1,12} fragments?"
    r"|fusion proteins?)"
)
_AGAINST = (
    r" (?:against|that (?:target|bind|block)s?|targeting|blocking|binding|specific for"
    r"|directed (?:at|against|to))"
)
_PAYLOAD_BEFORE = re.compile(
    rf"\b(?:secret\w{{0,5}}|releas\w{{1,4}})\b(?:(?!car|chimeric)[^.;,]){{0,40}}?"
    rf"{_BINDER}{_AGAINST} (?:both |the |human )?$"
)
"""A binder that cells give off: "secreting an antibody against PD-L1"."""
_PAYLOAD_OF_CELLS_BEFORE = re.compile(
    rf"\bexpress\w{{0,4}} (?:an? |the )?{_BINDER}{_AGAINST} (?:both |the |human )?$"
)
"""Of a checkpoint or ligand a binder that cells express is given off: their receptor binds a tumour."""
_SECRETING_BEFORE = re.compile(r"(?<!-)\b(?:secret|releas)(?:e|es|ing) (?:an? |the |soluble )?(?:anti-?|a-|α-?)$")
_RECEPTOR_NEAR = re.compile(r".{0,40}(?:CAR|[Cc]himeric|TCR)")
_SINGLE_CHAIN_AFTER = re.compile(r"[- ](?:single[- ]chain|variable fragment)")
_BINDER_BEFORE = re.compile(rf"{_BINDER}{_AGAINST} $")
_BINDER_SECRETING_AFTER = re.compile(
    r"[)\]]?[- ]?(?:antibod\w{1,3}|scfvs?|nanobod\w{1,3})[- ]?(?:self-?)?(?:secreting|releasing)\b"
)
_LIST_SECRETING_AFTER = re.compile(r"(?:/[\w-]{1,10}){0,5}[- ](?:secreting|releasing)\b")


def is_secreted(before: str, after: str) -> bool:
    """Whether cells give off what binds the antigen, and do not bind it by their own receptor."""
    low_before, low_after = before.lower(), after.lower()
    return bool(
        _EXPRESSED_BY.match(after)
        or (_SECRETED_BEFORE.search(low_before) and (_SECRETED_AFTER.match(low_after) or "dominant" in before))
        or _PAYLOAD_BEFORE.search(low_before)
        or _BINDER_SECRETING_AFTER.match(low_after)
        or (_BINDER_BEFORE.search(low_before) and _LIST_SECRETING_AFTER.match(low_after))
        or (
            _SECRETING_BEFORE.search(low_before)
            and (_SINGLE_CHAIN_AFTER.match(low_after) or not _RECEPTOR_NEAR.match(after))
        )
    )


def is_bound_by_expressed_binder(before: str) -> bool:
    """Whether "to express scFvs against" comes before; only of a checkpoint does that tell a payload."""
    return bool(_PAYLOAD_OF_CELLS_BEFORE.search(before.lower()))
