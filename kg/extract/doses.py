"""Cell doses and dose escalation in the prose of a record.

A dose is read in three steps: one pattern finds *amounts* (numbers with a power of ten, or counted in millions);
the words right after an amount tell whether it counts cells, and per what; amounts in a row share the unit of the last.
What is counted in other units (IU, mg, /L, CFU, viral genomes) or for another purpose (collection, assays, blood
counts) is left out. Every pattern looks at a window of bounded width, so time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from kg.lexicon import fold_width
from kg.model import Dose, Fact, Frozen, Passage

DOSE_PARTS = frozenset({"title", "official title", "intervention", "intervention description", "other name", "arm",
                        "arm description", "summary", "description"})
PLAUSIBLE = {"cells": (1e3, 1e12), "cells/kg": (1e2, 1e10), "cells/m2": (1e3, 1e12)}

def _either(*patterns: str) -> re.Pattern[str]:
    """One pattern, in any case, for whichever comes."""
    return re.compile("|".join(patterns), re.IGNORECASE)


def _spell_power(name: str) -> str:
    r"""Pattern of a power of ten ("10^6", "10\^6", "10(6)", "10e6", "10⁶") whose groups start with ``name``."""
    return (rf"10(?:\s?(?:\\?\^|\*\*)\s?[({{]?\s?(?P<{name}caret>\d{{1,2}})[)}}]?"
            rf"|\s?[\[(](?P<{name}round>\d{{1,2}})[\])]|\s?(?:e|exp)\s?\+?(?P<{name}exp>\d{{1,2}})|(?P<{name}raised>[{_SUPER}]{{1,2}}))(?!\d)")


_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_NUMBER = r"(?:0,\d{1,2}|\d{1,4}(?:\.\d{1,3})?)"
_LIST = rf"{_NUMBER}(?:(?:\s?(?:\\?~|-|,|/|#)\s?(?:(?:and|or)\s)?|\s(?:to|and|or)\s){_NUMBER}){{0,6}}"
_AMOUNT = re.compile(
    rf"(?<![\w^\\×])(?<!\d\.)(?<![×*]\s)(?:(?P<list>\(\s?{_LIST}\s?\)|{_LIST})"
    rf"(?:\s{{0,2}}\\?[x×*·✕]\s{{0,2}}(?:{_spell_power('t')}"
    r"|10 ?(?P<lost>\d{1,2})(?!\d|\.\d|,\d{3}(?!\d))|(?P<zeros>10{3,11}|1(?:,000){1,3})(?!\d))"
    r"|[ -]?(?P<word>thousand|million|billion)s?\b(?![ -](?:thousand|million))"
    r"|(?<!\W10)(?<!^10)e\+?(?P<sci>\d{1,2})(?![\d.]))"
    rf"|(?<![*·✕]){_spell_power('b')}"
    r"|(?P<plain>[1-9]\d{0,2}(?:,\d{3}){1,3}(?![\d,])|[1-9]\d{4,11}(?!\d|\.\d)))", re.IGNORECASE)
_EXPONENTS = ("tcaret", "tround", "texp", "lost", "sci", "bcaret", "bround", "bexp")
_WORDS = {"thousand": 3, "million": 6, "billion": 9}
_SMALL = re.compile(_NUMBER)

# What follows an amount.
_TOLERANCE = _either(r"\s{0,2}[(\[]?\s?(?:±|\+\s?/?\s?-)\s?\d{1,2}(?:\.\d)?\s?%\s?[)\]]?")
_PER = _either(
    r"\s?\)?(?:\s(?:injection|product|infusion|dose))?\s?(?:/|\bper\b|\\/)\s?(?:(?:recipient|patient"
    r"|subject)(?:'s)?\s)?"
    r"(?:(?:actual |ideal )?body ?weight\s)?\(?(?:(?P<kg>kgs?|kilograms?|kilogramme)\b"
    r"|(?P<m2>m\s?\\?\^?\s?(?:2|²)|square met(?:er|re))"
    r"|(?P<other>m?l\b|[uμµ]l\b|dl\b|microlit|millilit|lit(?:er|re)\b|mm|\d?\s?cc\b|well|tube|plate|capsule|sachet"
    r"|tablet|cm|flask))(?:\s(?:of\s)?(?:recipient\s|actual\s|ideal\s)?body ?weight\b|\s?bw\b)?")
_NOUN = _either(
    r"\s{0,2}(?:[^\s;]{1,30}[ \t]{1,2}){0,8}?[^\s;/]{0,30}?(?P<noun>cells?|lymphocytes?|CAR-?T'?s?|CART-?\d*|CAR-?NKs?"
    r"|CAR\+?-? ?gdT|CAR(?=\+)|gdT|MSCs?|TILs?|Tregs?|NKs?|DCs?|\w{1,12}(?:cytes?|phages?|blasts?))(?:\b|(?=[+(]))")
_NEXT_NOUN = _either(r"\+?[ -]?(?:T|NK|CTL|iNKT|gdT|\d{1,3})?[ -]?(?:cells?|lymphocytes)\b")
_STOP = _either(r"[。:]|\.\s|\n", r"\b(?:to|was|were|is|are|will|if|on|in|for|with|by|at|from|than|when|before|after"
                                 r"|who|days?"
                r"|level|until|doses?|as|via|based)\b")
_FOREIGN = _either(
    r"\s{0,2}\W?\s?(?:m?g|kg|ug|mcg|ng|iu|u|units?|vg|vp|gc|pfu|cfu|tcid|mbq|gy|ppm|copies|usd|dollars|%)\b",
    r"(?<![a-z])(?:IU|U/|units?|vg|viral|virus|vector|genomes?|particles?|plaque|PFU|CFU|colony|colonies|bacteri\w{1,6}"
    r"|lactobac\w{1,8}|bifido\w{1,10}|spores?|copies|organisms?|people|persons?|patients|platelets?|sperm\w{0,8}"
    r"|tumou?r cells|red blood|blood cells|leukemi[ac] |blasts?|exosomes?|reads|erythrocytes?|granulocytes"
    r"|neutrophils?)"
    r"(?![a-z])")
_NOT_AFTER = _either(
    r"[^.;\n]{0,40}?\b(?:(?:will|should|must) be (?:collected|harvested|cryopreserved|frozen|stored|cultured|isolated)"
    r"|(?:were|was) (?:collected|harvested|isolated|cultured|seeded|plated|stained|stimulated)|per well|are required"
    r"|packaged)")
_OPEN_END = _either(
    r"\s{0,2}$", r"\s?[,;:.)(\]、。\n#~+-]",
    r"\s(?:and|or|to|on|for|if|in|by|via|at|is|was|as|with|will|per (?:dose|infusion|time))\b",
    r"\s{1,2}(?:dose|DL|level|cohort|group)\b", r"\s?/\s?(?:dose|infusion|time)", r"[(\s]{1,2}[±+]")

# What stands before it.
_NOT_A_DOSE = _either(
    r"(?<![a-z])(?:collect\w{0,5}|harvest\w{0,4}|apheres[ie]s|leukapheres[ie]s|mobili[sz]\w{1,6}|yields?|nucleated"
    r"|sperm\w{0,8}"
    r"|platelets?|neutrophils?|anc|wbc|white blood|leu[kc]ocyte count|lymphocyte count|counts?|contains? (?:at least"
    r"|more)"
    r"|cultur(?:ed?|ing)|seed(?:ed|ing)|plated|stain\w{0,4}|incubat\w{1,3}|cryopreserv\w{1,5}|probiotics?|capsules?"
    r"|sachets?"
    r"|lactobacill\w{1,6}|bifidobac\w{1,8}|concentration|copies|expan(?:d|ded|sion to)|viral load|vector|aav\d?"
    r"|plaque|titer"
    r"|detect\w{0,5}|back-?up|freez\w{1,5}|frozen)(?![a-z])")
_GIVEN = _either(r"(?<![a-z])(?:infus|inject|dos(?:e|es|age|ing)(?![a-z])|administ|receiv|given|transplant|levels?\b"
                 r"|DL)")
_LABEL = _either(
    r"(?<![a-z])(?:(?:dose|dosage|dosing)s?(?: level| group| range| cohort)?s?(?: [-\d]{1,2}| [A-F])?|DL|level|RP2D"
    r"|cells?"
    r"|CAR-?T|lymphocytes)[^.;。\n]{0,28}$")
_ORDINAL = _either(r"(?:\b(?:days?|levels?|cohorts?|groups?|phases?|stages?|parts?|arms?|weeks?|cycles?|months?"
                   r"|grades?|no\.?|DL)"
                   r"|\bd)\s?-?\s?$")
_START = _either(r"(?<![a-z])(?:start(?:s|ed|ing)?(?![a-z])[^.;。\n]{0,50}?(?:dos|infus|level|with|at\b|cohort|from)"
                 r"|(?:initial|first) (?:[\w-]{1,12} )?(?:dos(?:e|age)|level))[^.;。\n]{0,60}$")
_RP2D = _either(r"(?<![a-z])(?:RP2D|recommended (?:phase (?:2|II) )?dose)(?![a-z])[^.;。\n]{0,50}$")
_FALLBACK = _either(r"level \(?-\s?\d|de-escalat|minus (?:one|1)|lower safety")
_BETWEEN = _either(r"\b(?:between|from)\s{1,2}[(~\\]{0,2}$")

# What joins two amounts.
_TO = _either(r"[\s,)]{0,3}(?:\\?~|-{1,2}|to|until|up to|to up to|to a maximum(?: dose)? of|and up to"
              r"|(?:and|but) (?:\\?[<≤]=?|up to))\s{0,2}\(?")
_ROW = _either(r"[\s,;、#/&()\]*-]{0,5}(?:(?:and|or|then|and/or|to|until)\b)?[\s,(]{0,3}"
               r"(?:(?:\(?(?:dose|level|group|cohort|DL)[\s-]{0,2}){0,3}-?(?:\d|[A-F]|[IV]{1,3})?[\s:)=(-]{0,4})?")

_ESCALATION = _either(
    r"\bdos(?:e|es|age|ing)[- ]{1,2}escalat\w{1,4}",
    r"\bescalat(?:ed|ing|ion)(?: of)?(?: [\w+-]{1,15}){0,3}? dos(?:e|es|age|ing)\b",
    r"\bdos(?:e|es) (?:will be |is |are )?(?:escalated|climbing)", r"\b(?:ascending|increasing|rising)[- ]dos(?:e"
                                                                   r"|es)\b",
    r"\bincreased? to the next (?:higher )?dos(?:e|age)", r"\bnext higher dose", r"(?<![\d.+/])3 ?\+ ?3(?![\d.+%])")
_NEGATED = _either(r"\b(?:no|without|not|non)[- ](?:\w{1,10} ){0,2}$")


class Amount(Frozen, frozen=True):
    """Numbers found in a text, not yet known to count cells.

    :ivar low: Smallest; ``values`` has all of them where several share one power ("1, 3, 10 x10^6").
    :ivar unit: What follows: a unit of `PLAUSIBLE`, ``None`` where nothing does, ``""`` where it is something else.
    :ivar stop: End of the unit.
    """

    start: int
    end: int
    values: tuple[float, ...]
    is_range: bool
    unit: str | None
    stop: int

    @property
    def low(self) -> float:
        """The smallest of its values."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest of its values."""
        return max(self.values)


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
            kept.setdefault((dose.low, dose.high, unit, dose.role),
                            Dose(dose.low, dose.high, unit, dose.role, dose.quote, dose.rule))
    return tuple(dose for (low, high, unit, role), dose in kept.items()
                 if role != "level" or not {(low, high, unit, "start"), (low, high, unit, "RP2D")} & kept.keys())


def find_dose_escalation(passages: Sequence[Passage]) -> Fact | None:
    """Find the words that say that doses rise from group to group.

    >>> find_dose_escalation([Passage("title", "text", 0, "A 3+3 study")]).quote.text
    '3+3'
    """
    for passage in passages:
        if passage.part == "eligibility":
            continue
        for match in _ESCALATION.finditer(fold_width(passage.text)):
            if not _NEGATED.search(passage.text, max(0, match.start() - 25), match.start()):
                return Fact(True, passage.quote(*match.span()), "dose.escalation")
    return None


def read_amounts(text: str) -> tuple[Amount, ...]:
    """Find all amounts in folded text, whatever they count.

    >>> [(amount.values, amount.unit) for amount in read_amounts("1, 3 x 10^6 T cells/kg, then 2 million IU")]
    [((1000000.0, 3000000.0), 'cells/kg'), ((2000000.0,), '')]
    """
    matches = list(_AMOUNT.finditer(text))
    limits = [*(match.start() for match in matches[1:]), len(text)]
    return tuple(amount for match, limit in zip(matches, limits, strict=False)
                 for amount in _make_amount(text, match, limit))


def _make_amount(text: str, match: re.Match[str], limit: int) -> Iterator[Amount]:
    unit, stop = _read_unit(text, match.end(), min(limit, match.end() + 200))
    start = match.start()
    if match["plain"]:
        if unit:
            yield Amount(start, match.end(), (float(match["plain"].replace(",", "")),), False, unit, stop)
        return
    factor = 10.0 ** _read_exponent(match)
    numbers = list(_SMALL.finditer(text, start, match.end("list"))) if match["list"] else []
    joins = [text[one.end():other.start()].strip() for one, other in pairwise(numbers)]
    if joins and _is_ordinal(text, start, joins[0]):
        start, numbers, joins = numbers[-1].start(), numbers[-1:], []
    values = tuple(round(float(number[0].replace(",", ".")) * factor, 3) for number in numbers) or (factor,)
    is_range = len(values) == 2 and joins[0] in ("-", "~", "\\~", "to") and values[0] < values[1]
    if match["word"] and unit is None:
        unit = ""
    yield Amount(start, match.end(), values, is_range, unit, stop)


def _read_exponent(match: re.Match[str]) -> int:
    if match["word"]:
        return _WORDS[match["word"].lower()]
    if match["zeros"]:
        return match["zeros"].count("0")
    raised = match["traised"] or match["braised"]
    if raised:
        return int("".join(str(_SUPER.index(digit)) for digit in raised))
    return int(next(match[name] for name in _EXPONENTS if match[name]))


def _is_ordinal(text: str, start: int, join: str) -> bool:
    """Whether the first number before a shared power is a day, level or cohort ("day 1, 3 x 10^6")."""
    before = text[max(0, start - 12):start]
    return bool(_ORDINAL.search(before)) or (join == "," and bool(re.search(r"\bdose\s$", before)))


def _read_unit(text: str, start: int, limit: int) -> tuple[str | None, int]:
    """Unit in ``text[start:limit]`` right after an amount, and where it ends."""
    tolerance = _TOLERANCE.match(text, start, limit)
    at = tolerance.end() if tolerance else start
    per = _PER.match(text, at, limit)
    if per:
        return _name_unit(per), per.end()
    noun = _NOUN.match(text, at, limit)
    if noun is None or _STOP.search(text, at, noun.start("noun")):
        return ("", at) if _FOREIGN.match(text, at, min(limit, at + 40)) else (None, start)
    if _FOREIGN.search(text, at, noun.end()) or _FOREIGN.match(text, at, noun.end()):
        return "", noun.end()
    end = noun.end()
    following = _NEXT_NOUN.match(text, end, limit)
    end = following.end() if following else end
    while end < limit and text[end] in "+)(":
        end += 1
    tolerance = _TOLERANCE.match(text, noun.end() if end == noun.end() else end, limit)
    per = _PER.match(text, tolerance.end() if tolerance else end, limit)
    if per is None:
        return "cells", (following or noun).end()
    return _name_unit(per), per.end()


def _name_unit(per: re.Match[str]) -> str:
    return "cells/kg" if per["kg"] else "cells/m2" if per["m2"] else ""


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
        gap = text[here.end:after.start]
        if here.unit is not None or after.unit is None or len(gap) > 40:
            continue
        if _TO.fullmatch(gap) or (here.high < after.low and _is_row(text, here, after)):
            shared[index] = Amount(here.start, here.end, here.values, here.is_range, after.unit, after.stop)
        elif after.unit and _is_row(text, here, after):
            shared[index] = Amount(here.start, here.end, here.values, here.is_range, "cells", here.stop)
    return tuple(shared)


def _is_row(text: str, here: Amount, after: Amount) -> bool:
    tolerance = _TOLERANCE.match(text, here.end, after.start)
    return bool(_ROW.fullmatch(text, tolerance.end() if tolerance else here.end, after.start))


def _is_range(text: str, low: Amount, high: Amount) -> bool:
    if low.is_range or high.is_range or low.high >= high.low or len(high.values) > 1:
        return False
    start = low.end if low.stop > high.start else max(low.end, low.stop)
    tolerance = _TOLERANCE.match(text, start, high.start)
    start = tolerance.end() if tolerance else start
    if high.start - start > 30 or low.unit not in (None, high.unit):
        return False
    gap = text[start:high.start]
    return bool(_TO.fullmatch(gap)) or (
        gap.strip() == "and" and bool(_BETWEEN.search(text, max(0, low.start - 14), low.start)))


def _is_dose(text: str, first: Amount, last: Amount) -> bool:
    """Whether an amount is given to patients, and is not a count, a harvest or an assay."""
    if not last.unit and not _OPEN_END.match(text, last.end, min(len(text), last.end + 20)):
        return False
    before = _clause_before(text, first.start, 90)
    if before.rstrip().endswith(("per", "/")) or not (last.unit or _LABEL.search(before)):
        return False
    others = list(_NOT_A_DOSE.finditer(before))
    is_given = bool(_GIVEN.search(before, others[-1].end() if others else 0))
    if not is_given and (others or "CD34" in text[last.end:last.stop]):
        return False
    return not _NOT_AFTER.match(text, last.stop, min(len(text), last.stop + 80))


def _read_role(text: str, amount: Amount) -> tuple[str, str]:
    """Role of a single dose, and the rule that tells it."""
    before = _clause_before(text, amount.start, 75)
    if _RP2D.search(before):
        return "RP2D", "dose.rp2d"
    start = _START.search(before)
    if start and not _AMOUNT.search(start[0]):
        return "start", "dose.start"
    return "level", "dose.de-escalation" if _FALLBACK.search(before[-40:]) else "dose.level"


def _clause_before(text: str, end: int, width: int) -> str:
    """Up to ``width`` characters before ``end`` that belong to the same sentence."""
    window = text[max(0, end - width):end]
    cut = max(window.rfind(". "), window.rfind("\n"), window.rfind("。"), window.rfind(";"))
    return window[cut + 1:]
