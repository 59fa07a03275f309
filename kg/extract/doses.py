"""Cell doses and dose escalation in the prose of a record.

A dose is read in three steps: *amounts* (numbers with a power of ten, or counted in millions) are found by one pattern; the
words right after an amount tell whether it counts cells, and per what; amounts that stand in a row share the unit of the
last. What is counted in other units (IU, mg, /L, CFU, viral genomes) or for another purpose (collection, assays, blood
counts) is left out. Every pattern looks at a window of bounded width, so time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg.lexicon import fold_width
from kg.model import Dose, Fact, Frozen, Passage

DOSE_PARTS = frozenset({"title", "official title", "intervention", "intervention description", "other name", "arm",
                        "arm description", "summary", "description"})
PLAUSIBLE = {"cells": (1e3, 1e12), "cells/kg": (1e2, 1e10), "cells/m2": (1e3, 1e12)}

_NUMBER = r"(?:0,\d{1,2}|\d{1,4}(?:\.\d{1,3})?)"
_JOIN = r"(?:\s?(?:\\?~|-|,|/|#)\s?(?:(?:and|or)\s)?|\s(?:to|and|or)\s)"
_LIST = rf"{_NUMBER}(?:{_JOIN}{_NUMBER}){{0,6}}"
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def _spell_power(name: str) -> str:
    r"""Pattern of a power of ten ("10^6", "10\^6", "10(6)", "10e6", "10⁶") whose groups start with ``name``."""
    return (rf"10(?:\s?(?:\\?\^|\*\*)\s?[({{]?\s?(?P<{name}caret>\d{{1,2}})[)}}]?|\s?[\[(](?P<{name}round>\d{{1,2}})[\])]"
            rf"|\s?(?:e|exp)\s?\+?(?P<{name}exp>\d{{1,2}})|(?P<{name}raised>[{_SUPER}]{{1,2}}))(?!\d)")


_AMOUNT = re.compile(
    rf"(?<![\w^\\])(?<!\d\.)(?:(?P<list>\(\s?{_LIST}\s?\)|{_LIST})(?:\s{{0,2}}\\?[x×*·✕]\s{{0,2}}(?:{_spell_power('t')}"
    r"|10 ?(?P<lost>\d{1,2})(?!\d|\.\d|,\d{3}(?!\d))|(?P<zeros>1(?:,?000){1,3})(?!\d))"
    r"|[ -]?(?P<word>thousand|million|billion)s?\b(?![ -](?:thousand|million))|e\+?(?P<sci>\d{1,2})(?![\d.]))"
    rf"|(?<![×*·✕]){_spell_power('b')}|(?P<plain>[1-9]\d{{0,2}}(?:,\d{{3}}){{1,3}}(?![\d,])|[1-9]\d{{4,11}}(?!\d|\.\d)))",
    re.IGNORECASE)
_WORDS = {"thousand": 3, "million": 6, "billion": 9}
_SMALL = re.compile(_NUMBER)

_TOLERANCE = re.compile(r"\s{0,2}[(\[]?\s?(?:±|\+\s?/?\s?-)\s?\d{1,2}(?:\.\d)?\s?%\s?[)\]]?")
_PER = re.compile(
    r"\s?\)?(?:\s(?:injection|product|infusion|dose))?\s?(?:/|\bper\b|\\/)\s?(?:(?:recipient|patient|subject)(?:'s)?\s)?"
    r"(?:(?:actual |ideal )?body ?weight\s)?\(?(?:(?P<kg>kgs?|kilograms?|kilogramme)\b|(?P<m2>m\s?\\?\^?\s?(?:2|²)|square met(?:er|re))"
    r"|(?P<other>m[lL]\b|[uμµ]l\b|microlit|millilit|lit(?:er|re)\b|L\b|l\b|dl\b|mm|\d?\s?cc\b|well|tube|plate|capsule|sachet|tablet|cm|flask))"
    r"(?:\s(?:of\s)?(?:recipient\s|actual\s|ideal\s)?body ?weight\b|\s?bw\b)?", re.IGNORECASE)
_NOUN = re.compile(
    r"\s{0,2}(?:[^\s;]{1,30}[ \t]{1,2}){0,8}?[^\s;/]{0,30}?(?P<noun>cells?|lymphocytes?|CAR-?T'?s?|CART-?\d*|CAR-?NKs?|CAR\+?-? ?gdT|gdT"
    r"|MSCs?|TILs?|Tregs?|NKs?|DCs?|\w{1,12}(?:cytes?|phages?|blasts?))(?:\b|(?=[+(]))", re.IGNORECASE)
_NEXT_NOUN = re.compile(r"[ -]?(?:T|NK|CTL|iNKT|gdT|\d{1,3})?[ -]?(?:cells?|lymphocytes)\b", re.IGNORECASE)
_STOP = re.compile(r"[。:]|\.\s|\n|\b(?:to|was|were|is|are|will|if|on|in|for|with|by|at|from|than|when|before|after|who|day|days|level|"
                   r"until|dose|doses|as|via|based)\b", re.IGNORECASE)
_FOREIGN = re.compile(
    r"\s{0,2}\W?\s?(?:mg|g|kg|ug|mcg|ng|iu|u|units?|vg|vp|gc|pfu|cfu|tcid|mbq|gy|ppm|copies|usd|dollars|%)\b"
    r"|(?<![a-z])(?:IU|U/|units?|vg|viral|virus|vector|genomes?|particles?|plaque|PFU|CFU|colony|colonies|bacteri\w{1,6}|"
    r"lactobac\w{1,8}|bifido\w{1,10}|spores?|copies|organisms?|people|persons?|patients|platelets?|sperm\w{0,8}|tumou?r cells|"
    r"red blood|blood cells|leukemi[ac] |blasts?|exosomes?|reads|erythrocytes?|granulocytes|neutrophils?)(?![a-z])", re.IGNORECASE)
_NOT_A_DOSE = re.compile(
    r"(?<![a-z])(?:collect\w{0,5}|harvest\w{0,4}|apheres[ie]s|leukapheres[ie]s|mobili[sz]\w{1,6}|sperm\w{0,8}|platelets?|neutrophils?|anc|wbc|"
    r"white blood|leu[kc]ocyte count|lymphocyte count|counts?|contain[s]? (?:at least|more)|cultur(?:ed?|ing)|seed(?:ed|ing)|plated|stain\w{0,4}|"
    r"incubat\w{1,3}|cryopreserv\w{1,5}|probiotics?|capsules?|sachets?|lactobacill\w{1,6}|bifidobac\w{1,8}|concentration|copies|"
    r"expan(?:d|ded|sion to)|viral load|vector|aav\d?|plaque|titer|detect\w{0,5}|backup|back-up|freez\w{1,5}|frozen)(?![a-z])", re.IGNORECASE)
_NOT_AFTER = re.compile(r"[^.;\n]{0,40}?\b(?:(?:will|should|must) be (?:collected|harvested|cryopreserved|frozen|stored|cultured|isolated)|"
                        r"(?:were|was) (?:collected|harvested|isolated|cultured|seeded|plated|stained|stimulated)|per well|are required)",
                        re.IGNORECASE)
_GIVEN = re.compile(r"(?<![a-z])(?:infus|inject|dos(?:e|es|age|ing)(?![a-z])|administ|receiv|given|transplant|levels?\b|DL)", re.IGNORECASE)

_TO = re.compile(r"[\s,)]{0,3}(?:\\?~|-{1,2}|to|until|up to|to up to|to a maximum(?: dose)? of|and up to|(?:and|but) (?:\\?[<≤]=?|up to))\s{0,2}\(?")
_ROW = re.compile(r"[\s,;、#/&()\]*-]{0,5}(?:(?:and|or|then|and/or|to|until)\b)?[\s,(]{0,3}(?:(?:\(?(?:dose|level|group|cohort|DL)[\s-]{0,2}){0,3}-?"
                  r"(?:\d|[A-F]|[IV]{1,3})?[\s:)=(-]{0,4})?", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:between|from)\s{1,2}[(~\\]{0,2}$", re.IGNORECASE)
_ORDINAL = re.compile(r"(?:\b(?:days?|levels?|cohorts?|groups?|phases?|stages?|parts?|arms?|weeks?|cycles?|months?|grades?|no\.?|DL|day)|\bd)"
                      r"\s?-?\s?$", re.IGNORECASE)
_LABEL = re.compile(
    r"(?<![a-z])(?:(?:dose|dosage|dosing)s?(?: level| group| range| cohort)?s?(?: [-\d]{1,2}| [A-F])?|DL|level|RP2D|cells?|CAR-?T|lymphocytes)"
    r"[^.;。\n]{0,28}$", re.IGNORECASE)
_OPEN_END = re.compile(r"(?:\s{0,2}$|\s?[,;:.)(\]、。\n#~+-]|\s(?:and|or|to|on|for|if|in|by|via|at|is|was|as|with|will|per (?:dose|infusion|time))\b"
                       r"|\s{1,2}(?:dose|DL|level|cohort|group)\b|\s?/\s?(?:dose|infusion|time)|[(\s]{1,2}[±+])", re.IGNORECASE)
_START = re.compile(r"(?<![a-z])(?:start(?:s|ed|ing)?|initial|first)(?![a-z])[^.;。\n]{0,60}$", re.IGNORECASE)
_START_DOSE = re.compile(r"dos|infus|level|with|at|cohort|from", re.IGNORECASE)
_RP2D = re.compile(r"(?<![a-z])(?:RP2D|recommended (?:phase (?:2|II) )?dose)(?![a-z])[^.;。\n]{0,50}$", re.IGNORECASE)
_ESCALATION = re.compile(
    r"\b(?:dos(?:e|es|age|ing)[- ]{1,2}escalat\w{1,4}|escalat(?:ed|ing|ion)(?: of)?(?: [\w+-]{1,15}){0,3}? dos(?:e|es|age|ing)\b"
    r"|dos(?:e|es) (?:will be |is |are )?(?:escalated|climbing)|(?:ascending|increasing|rising)[- ]dos(?:e|es)\b"
    r"|increased? to the next (?:higher )?dos(?:e|age)|next higher dose)|(?<![\d.+/])3 ?\+ ?3(?![\d.+%])", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:no|without|not|non)[- ](?:\w{1,10} ){0,2}$", re.IGNORECASE)


class Amount(Frozen):
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

    :returns: Doses in text order. One without a unit of its own ("DL1: 1 x 10^6") takes the only unit of the others, else cells.
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
    joins = [text[a.end():b.start()].strip() for a, b in zip(numbers, numbers[1:], strict=False)]
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
    names = ("tcaret", "tround", "texp", "lost", "sci", "bcaret", "bround", "bexp")
    return int(next(match[name] for name in names if match[name]))


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
        role = _read_role(text, amount)
        for value in amount.values:
            yield Dose(value, value, amount.unit or "", role, quote, f"dose.{role.lower()}")


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
    return bool(_TO.fullmatch(gap)) or (gap.strip() == "and" and bool(_BETWEEN.search(text, max(0, low.start - 14), low.start)))


def _is_dose(text: str, first: Amount, last: Amount) -> bool:
    """Whether an amount is given to patients, and is not a count, a harvest or an assay."""
    before = _clause_before(text, first.start, 90)
    if before.rstrip().endswith(("per", "/")) or _NOT_AFTER.match(text, last.stop, min(len(text), last.stop + 80)):
        return False
    other = list(_NOT_A_DOSE.finditer(before))
    if other and not _GIVEN.search(before, other[-1].end()):
        return False
    if "CD34" in text[last.end:last.stop] and not _GIVEN.search(before):
        return False
    if last.unit:
        return True
    return bool(_LABEL.search(before)) and bool(_OPEN_END.match(text, last.end, min(len(text), last.end + 20)))


def _read_role(text: str, amount: Amount) -> str:
    before = _clause_before(text, amount.start, 75)
    if _RP2D.search(before):
        return "RP2D"
    start = _START.search(before)
    return "start" if start and _START_DOSE.search(start[0]) and not _AMOUNT.search(start[0]) else "level"


def _clause_before(text: str, end: int, width: int) -> str:
    """Up to ``width`` characters before ``end`` that belong to the same sentence."""
    window = text[max(0, end - width):end]
    cut = max(window.rfind(". "), window.rfind("\n"), window.rfind("。"), window.rfind(";"))
    return window[cut + 1:]
