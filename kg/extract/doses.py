"""Cell doses and dose escalation in the prose of a record.

A dose is an amount (``kg.extract.amounts``) of cells that is given to patients; amounts in a row share the unit of the
last. What is counted for another purpose (collection, assays, blood counts) is left out. Every pattern looks at a
window of bounded width, so time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kg.extract.amounts import AMOUNT, TOLERANCE, Amount, compile_any, read_amounts
from kg.extract.memories import remember
from kg.extract.rules import Rule
from kg.lexicon import fold_width
from kg.model import Dose, Fact, Passage

DOSE_PARTS = frozenset(
    {
        "title",
        "official title",
        "intervention",
        "intervention description",
        "other name",
        "arm",
        "arm description",
        "summary",
        "description",
    }
)
PLAUSIBLE = {"cells": (1e3, 1e12), "cells/kg": (1e2, 1e10), "cells/m2": (1e3, 1e12)}

# What stands around a dose.
_NOT_AFTER = compile_any(
    r"[^.;\n]{0,40}?\b(?:(?:will|should|must) be (?:collected|harvested|cryopreserved|frozen|stored|cultured|isolated)"
    r"|(?:were|was) (?:collected|harvested|isolated|cultured|seeded|plated|stained|stimulated)|per well|are required"
    r"|packaged)"
)
_OPEN_END = compile_any(
    r"\s{0,2}$",
    r"\s?[,;:.)(\]、。\n#~+-]",
    r"\s(?:and|or|to|on|for|if|in|by|via|at|is|was|as|with|will|per (?:dose|infusion|time))\b",
    r"\s{1,2}(?:dose|DL|level|cohort|group)\b",
    r"\s?/\s?(?:dose|infusion|time)",
    r"[(\s]{1,2}[±+]",
)

_NOT_A_DOSE = compile_any(
    r"(?<![a-z])(?:collect\w{0,5}|harvest\w{0,4}|apheres[ie]s|leukapheres[ie]s|mobili[sz]\w{1,6}|yields?|nucleated"
    r"|sperm\w{0,8}"
    r"|platelets?|neutrophils?|anc|wbc|white blood|leu[kc]ocyte count|lymphocyte count|counts?|contains? (?:at least"
    r"|more)"
    r"|cultur(?:ed?|ing)|seed(?:ed|ing)|plated|stain\w{0,4}|incubat\w{1,3}|cryopreserv\w{1,5}|probiotics?|capsules?"
    r"|sachets?"
    r"|lactobacill\w{1,6}|bifidobac\w{1,8}|concentration|copies|expan(?:d|ded|sion to)|viral load|vector|aav\d?"
    r"|plaque|titer"
    r"|detect\w{0,5}|back-?up|freez\w{1,5}|frozen)(?![a-z])"
)
_GIVEN = compile_any(
    r"(?<![a-z])(?:infus|inject|dos(?:e|es|age|ing)(?![a-z])|administ|receiv|given|transplant"
    r"|levels?\b|DL)"
)
_LABEL = compile_any(
    r"(?<![a-z])(?:(?:dose|dosage|dosing)s?(?: level| group| range| cohort)?s?(?: [-\d]{1,2}| [A-F])?|DL|level|RP2D"
    r"|cells?"
    r"|CAR-?T|lymphocytes)[^.;。\n]{0,28}$"
)
_START = compile_any(
    r"(?<![a-z])(?:start(?:s|ed|ing)?(?![a-z])[^.;。\n]{0,50}?(?:dos|infus|level|with|at\b|cohort"
    r"|from)|(?:initial|first) (?:[\w-]{1,12} )?(?:dos(?:e|age)|level))[^.;。\n]{0,60}$"
)
_RP2D = compile_any(r"(?<![a-z])(?:RP2D|recommended (?:phase (?:2|II) )?dose)(?![a-z])[^.;。\n]{0,50}$")
_FALLBACK = compile_any(r"level \(?-\s?\d|de-escalat|minus (?:one|1)|lower safety")
_BETWEEN = compile_any(r"\b(?:between|from)\s{1,2}[(~\\]{0,2}$")

# What joins two amounts.
_TO = compile_any(
    r"[\s,)]{0,3}(?:\\?~|-{1,2}|to|until|up to|to up to|to a maximum(?: dose)? of|and up to"
    r"|(?:and|but) (?:\\?[<≤]=?|up to))\s{0,2}\(?"
)
_ROW = compile_any(
    r"[\s,;、#/&()\]*-]{0,5}(?:(?:and|or|then|and/or|to|until)\b)?[\s,(]{0,3}"
    r"(?:(?:\(?(?:dose|level|group|cohort|DL)[\s-]{0,2}){0,3}-?(?:\d|[A-F]|[IV]{1,3})?[\s:)=(-]{0,4})?"
)

_ESCALATION = compile_any(
    r"\bdos(?:e|es|age|ing)[- ]{1,2}escalat\w{1,4}",
    r"\bescalat(?:ed|ing|ion)(?: of)?(?: [\w+-]{1,15}){0,3}? dos(?:e|es|age|ing)\b",
    r"\bdos(?:e|es) (?:will be |is |are )?(?:escalated|climbing)",
    r"\b(?:ascending|increasing|rising)[- ]dos(?:e"
    r"|es)\b",
    r"\bincreased? to the next (?:higher )?dos(?:e|age)",
    r"\bnext higher dose",
    r"(?<![\d.+/])3 ?\+ ?3(?![\d.+%])",
)
_NEGATED = compile_any(r"\b(?:no|without|not|non)[- ](?:\w{1,10} ){0,2}$")


def extract_doses(passages: Sequence[Passage]) -> tuple[Dose, ...]:
    """Find the cell doses that a record gives, each once.

    >>> [(dose.low, dose.high, dose.unit, dose.role) for dose in
    ...  extract_doses([Passage("arm description", "text", 0, "CAR-T cells at 1-2x10^7/kg")])]
    [(10000000.0, 20000000.0, 'cells/kg', 'range')]

    :returns: Doses in text order. One without a unit ("DL1: 1 x 10^6") takes the only unit of the others, else cells.
    """
    found = [(dose, passage) for passage in passages if passage.part in DOSE_PARTS for dose in _read_doses(passage)]
    units = {dose.unit for dose, _ in found if dose.unit}
    usual = units.pop() if len(units) == 1 else "cells"
    kept: dict[tuple[float, float, str, str], Dose] = {}
    for dose, _ in found:
        unit = dose.unit or usual
        least, most = PLAUSIBLE[unit]
        if least <= dose.low <= dose.high <= most:
            kept.setdefault(
                (dose.low, dose.high, unit, dose.role),
                Dose(dose.low, dose.high, unit, dose.role, dose.quote, dose.rule),
            )
    return tuple(
        dose
        for (low, high, unit, role), dose in kept.items()
        if role != "level" or not {(low, high, unit, "start"), (low, high, unit, "RP2D")} & kept.keys()
    )


def find_dose_escalation(passages: Sequence[Passage]) -> Fact | None:
    """Find the words that say that doses rise from group to group.

    >>> find_dose_escalation([Passage("title", "text", 0, "A 3+3 study")]).quote.text
    '3+3'
    """
    return next((fact for one in passages if one.part != "eligibility" for fact in _read_escalation(one)), None)


@remember
def _read_escalation(passage: Passage) -> Iterator[Fact]:
    """The first words of a passage that say it."""
    for match in _ESCALATION.finditer(fold_width(passage.text)):
        if not _NEGATED.search(passage.text, max(0, match.start() - 25), match.start()):
            yield Fact(True, passage.quote(*match.span()), "dose.escalation")
            return


@remember
def _read_doses(passage: Passage) -> Iterator[Dose]:
    """Doses of one passage; ``unit`` is empty where only the rest of the record can tell."""
    text = fold_width(passage.text).replace("∼", "~").replace("〜", "~")
    amounts = _share_units(text, read_amounts(text))
    skip = False
    for index, amount in enumerate(amounts):
        if skip:
            skip = False
            continue
        after = amounts[index + 1] if index + 1 < len(amounts) else None
        pair = after if after and _is_range(text, amount, after) else None
        skip = pair is not None
        last = pair or amount
        if last.unit == "" or not _is_dose(text, amount, last):
            continue
        low, high = amount.low, last.high
        quote = passage.quote(amount.start, max(last.stop, last.end))
        if pair or amount.is_range:
            yield Dose(low, high, last.unit or "", "range", quote, "dose.range")
            continue
        role, rule = _read_role(text, amount)
        for value in amount.values:
            yield Dose(value, value, amount.unit or "", role, quote, rule)


def _share_units(text: str, amounts: tuple[Amount, ...]) -> tuple[Amount, ...]:
    """Give amounts in a row ("1x10^8, 2x10^8 or 4x10^8 cells") the unit of the last.

    A falling row is not shared: "(1x10^9, 1-2x10^7/kg)" puts a flat dose beside one by weight.
    """
    shared = list(amounts)
    for index in range(len(shared) - 2, -1, -1):
        here, after = shared[index], shared[index + 1]
        gap = text[here.end : after.start]
        if here.unit is not None or after.unit is None or len(gap) > 40:
            continue
        if _TO.fullmatch(gap) or (here.high < after.low and _is_row(text, here, after)):
            shared[index] = Amount(here.start, here.end, here.values, here.is_range, after.unit, after.stop)
        elif after.unit and _is_row(text, here, after):
            shared[index] = Amount(here.start, here.end, here.values, here.is_range, "cells", here.stop)
    return tuple(shared)


def _is_row(text: str, here: Amount, after: Amount) -> bool:
    tolerance = TOLERANCE.match(text, here.end, after.start)
    return bool(_ROW.fullmatch(text, tolerance.end() if tolerance else here.end, after.start))


def _is_range(text: str, low: Amount, high: Amount) -> bool:
    if low.is_range or high.is_range or low.high >= high.low or len(high.values) > 1:
        return False
    start = low.end if low.stop > high.start else max(low.end, low.stop)
    tolerance = TOLERANCE.match(text, start, high.start)
    start = tolerance.end() if tolerance else start
    if high.start - start > 30 or low.unit not in (None, high.unit):
        return False
    gap = text[start : high.start]
    return bool(_TO.fullmatch(gap)) or (
        gap.strip() == "and" and bool(_BETWEEN.search(text, max(0, low.start - 14), low.start))
    )


def _is_dose(text: str, first: Amount, last: Amount) -> bool:
    """Whether an amount is given to patients, and is not a count, a harvest or an assay."""
    if not last.unit and not _OPEN_END.match(text, last.end, min(len(text), last.end + 20)):
        return False
    before = _clause_before(text, first.start, 90)
    if before.rstrip().endswith(("per", "/")) or not (last.unit or _LABEL.search(before)):
        return False
    others = list(_NOT_A_DOSE.finditer(before))
    is_given = bool(_GIVEN.search(before, others[-1].end() if others else 0))
    if not is_given and (others or "CD34" in text[last.end : last.stop]):
        return False
    return not _NOT_AFTER.match(text, last.stop, min(len(text), last.stop + 80))


def _read_role(text: str, amount: Amount) -> tuple[str, str]:
    """Role of a single dose, and the rule that tells it."""
    before = _clause_before(text, amount.start, 75)
    if _RP2D.search(before):
        return "RP2D", "dose.rp2d"
    start = _START.search(before)
    if start and not AMOUNT.search(start[0]):
        return "start", "dose.start"
    return "level", "dose.de-escalation" if _FALLBACK.search(before[-40:]) else "dose.level"


def _clause_before(text: str, end: int, width: int) -> str:
    """Up to ``width`` characters before ``end`` that belong to the same sentence."""
    window = text[max(0, end - width) : end]
    cut = max(window.rfind(". "), window.rfind("\n"), window.rfind("。"), window.rfind(";"))
    return window[cut + 1 :]


RULES = (Rule("interventions.dose_escalation", find_dose_escalation),)
