"""Amounts in text: numbers with a power of ten, or counted in millions, and the unit that follows them.

What an amount counts is told by the words right after it: cells, per kilogram or square metre, or something else (IU,
mg, /L, CFU, viral genomes). Every pattern looks at a window of bounded width, so time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from kg.model import Frozen


def compile_any(*patterns: str) -> re.Pattern[str]:
    """One pattern, in any case, for whichever comes.

    >>> compile_any("infus", "inject").search("Injected once")[0]
    'Inject'
    """
    return re.compile("|".join(patterns), re.IGNORECASE)


def _spell_power(name: str) -> str:
    r"""Pattern of a power of ten ("10^6", "10\^6", "10(6)", "10e6", "10⁶") whose groups start with ``name``."""
    return (
        rf"10(?:\s?(?:\\?\^|\*\*)\s?[({{]?\s?(?P<{name}caret>\d{{1,2}})[)}}]?"
        rf"|\s?[\[(](?P<{name}round>\d{{1,2}})[\])]|\s?(?:e|exp)\s?\+?(?P<{name}exp>\d{{1,2}})|(?P<{name}raised>[{_SUPER}]{{1,2}}))(?!\d)"
    )


_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_NUMBER = r"(?:0,\d{1,2}|\d{1,4}(?:\.\d{1,3})?)"
_LIST = rf"{_NUMBER}(?:(?:\s?(?:\\?~|-|,|/|#)\s?(?:(?:and|or)\s)?|\s(?:to|and|or)\s){_NUMBER}){{0,6}}"
AMOUNT = re.compile(
    rf"(?<![\w^\\×])(?<!\d\.)(?<![×*]\s)(?:(?P<list>\(\s?{_LIST}\s?\)|{_LIST})"
    rf"(?:\s{{0,2}}\\?[x×*·✕]\s{{0,2}}(?:{_spell_power('t')}"
    r"|10 ?(?P<lost>\d{1,2})(?!\d|\.\d|,\d{3}(?!\d))|(?P<zeros>10{3,11}|1(?:,000){1,3})(?!\d))"
    r"|[ -]?(?P<word>thousand|million|billion)s?\b(?![ -](?:thousand|million))"
    r"|(?<!\W10)(?<!^10)e\+?(?P<sci>\d{1,2})(?![\d.]))"
    rf"|(?<![*·✕]){_spell_power('b')}"
    r"|(?P<plain>[1-9]\d{0,2}(?:,\d{3}){1,3}(?![\d,])|[1-9]\d{4,11}(?!\d|\.\d)))",
    re.IGNORECASE,
)
_EXPONENTS = ("tcaret", "tround", "texp", "lost", "sci", "bcaret", "bround", "bexp")
_WORDS = {"thousand": 3, "million": 6, "billion": 9}
_SMALL = re.compile(_NUMBER)
# What follows an amount.
TOLERANCE = compile_any(r"\s{0,2}[(\[]?\s?(?:±|\+\s?/?\s?-)\s?\d{1,2}(?:\.\d)?\s?%\s?[)\]]?")
_PER = compile_any(
    r"\s?\)?(?:\s(?:injection|product|infusion|dose))?\s?(?:/|\bper\b|\\/)\s?(?:(?:recipient|patient"
    r"|subject)(?:'s)?\s)?"
    r"(?:(?:actual |ideal )?body ?weight\s)?\(?(?:(?P<kg>kgs?|kilograms?|kilogramme)\b"
    r"|(?P<m2>m\s?\\?\^?\s?(?:2|²)|square met(?:er|re))"
    r"|(?P<other>m?l\b|[uμµ]l\b|dl\b|microlit|millilit|lit(?:er|re)\b|mm|\d?\s?cc\b|well|tube|plate|capsule|sachet"
    r"|tablet|cm|flask))(?:\s(?:of\s)?(?:recipient\s|actual\s|ideal\s)?body ?weight\b|\s?bw\b)?"
)
_NOUN = compile_any(
    r"\s{0,2}(?:[^\s;]{1,30}[ \t]{1,2}){0,8}?[^\s;/]{0,30}?(?P<noun>cells?|lymphocytes?|CAR-?T'?s?|CART-?\d*|CAR-?NKs?"
    r"|CAR\+?-? ?gdT|CAR(?=\+)|gdT|MSCs?|TILs?|Tregs?|NKs?|DCs?|\w{1,12}(?:cytes?|phages?|blasts?))(?:\b|(?=[+(]))"
)
_NEXT_NOUN = compile_any(r"\+?[ -]?(?:T|NK|CTL|iNKT|gdT|\d{1,3})?[ -]?(?:cells?|lymphocytes)\b")
_STOP = compile_any(
    r"[。:]|\.\s|\n",
    r"\b(?:to|was|were|is|are|will|if|on|in|for|with|by|at|from|than|when|before"
    r"|after|who|days?|level|until|doses?|as|via|based)\b",
)
_FOREIGN = compile_any(
    r"\s{0,2}\W?\s?(?:m?g|kg|ug|mcg|ng|iu|u|units?|vg|vp|gc|pfu|cfu|tcid|mbq|gy|ppm|copies|usd|dollars|%)\b",
    r"(?<![a-z])(?:IU|U/|units?|vg|viral|virus|vector|genomes?|particles?|plaque|PFU|CFU|colony|colonies|bacteri\w{1,6}"
    r"|lactobac\w{1,8}|bifido\w{1,10}|spores?|copies|organisms?|people|persons?|patients|platelets?|sperm\w{0,8}"
    r"|tumou?r cells|red blood|blood cells|leukemi[ac] |blasts?|exosomes?|reads|erythrocytes?|granulocytes"
    r"|neutrophils?)"
    r"(?![a-z])",
)
_ORDINAL = compile_any(
    r"(?:\b(?:days?|levels?|cohorts?|groups?|phases?|stages?|parts?|arms?|weeks?"
    r"|cycles?|months?|grades?|no\.?|DL)|\bd)\s?-?\s?$"
)


class Amount(Frozen, frozen=True):
    """Numbers found in a text, not yet known to count cells.

    :ivar low: Smallest; ``values`` has all of them where several share one power ("1, 3, 10 x10^6").
    :ivar unit: What follows: ``cells``, ``cells/kg`` or ``cells/m2``; ``None`` where nothing does, ``""`` where it is
        something else.
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


def read_amounts(text: str) -> tuple[Amount, ...]:
    """Find all amounts in folded text, whatever they count.

    >>> [(amount.values, amount.unit) for amount in read_amounts("1, 3 x 10^6 T cells/kg, then 2 million IU")]
    [((1000000.0, 3000000.0), 'cells/kg'), ((2000000.0,), '')]
    """
    matches = list(AMOUNT.finditer(text))
    limits = [*(match.start() for match in matches[1:]), len(text)]
    return tuple(
        amount for match, limit in zip(matches, limits, strict=False) for amount in _make_amount(text, match, limit)
    )


def _make_amount(text: str, match: re.Match[str], limit: int) -> Iterator[Amount]:
    unit, stop = _read_unit(text, match.end(), min(limit, match.end() + 200))
    start = match.start()
    if match["plain"]:
        if unit:
            yield Amount(start, match.end(), (float(match["plain"].replace(",", "")),), False, unit, stop)
        return
    factor = 10.0 ** _read_exponent(match)
    numbers = list(_SMALL.finditer(text, start, match.end("list"))) if match["list"] else []
    joins = [text[one.end() : other.start()].strip() for one, other in pairwise(numbers)]
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
    before = text[max(0, start - 12) : start]
    return bool(_ORDINAL.search(before)) or (join == "," and bool(re.search(r"\bdose\s$", before)))


def _read_unit(text: str, start: int, limit: int) -> tuple[str | None, int]:
    """Unit in ``text[start:limit]`` right after an amount, and where it ends."""
    tolerance = TOLERANCE.match(text, start, limit)
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
    tolerance = TOLERANCE.match(text, noun.end() if end == noun.end() else end, limit)
    per = _PER.match(text, tolerance.end() if tolerance else end, limit)
    if per is None:
        return "cells", (following or noun).end()
    return _name_unit(per), per.end()


def _name_unit(per: re.Match[str]) -> str:
    return "cells/kg" if per["kg"] else "cells/m2" if per["m2"] else ""
