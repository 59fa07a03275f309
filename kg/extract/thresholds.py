"""Read comparisons out of text: "≥ 50 %", "no more than 2.5 times the upper limit of normal", "0, 1 or 2".

Which measure a number belongs to is worked out by place in ``kg.extract.criteria``; whether it can be that measure's,
by unit and value, is told here.
All patterns are bounded, so the time grows with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kg.lexicon import fold
from kg.model import Frozen
from kg.vocabularies import Term

_PLAIN = {
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹₂", "01234567892", strict=True)),
    **dict.fromkeys("≦⩽≲", "≤"),
    **dict.fromkeys("≧⩾≳", "≥"),
    **dict.fromkeys("×✕╳", "x"),
    "、": ",",
    **dict.fromkeys("·。", "."),
    "﹪": "%",
    "∗": "*",
    "﹥": ">",
    "﹤": "<",
    "∼": "~",
}
"""Signs that `fold` leaves, as they are read."""
TIMES = frozenset(("years", "months", "weeks", "days"))
_WORD_NUMBERS = {
    "one": 1,
    "twice": 2,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "sixteen": 16,
    "eighteen": 18,
    "twenty": 20,
    "twenty-four": 24,
    "sixty": 60,
}
_UP = r"(?:greater|more|higher|above|over|exceed(?:s|ing|ed)?|larger|older|longer|beyond|superior|better)"
_DOWN = r"(?:less(?:er)?|lower|below|under|younger|fewer|smaller|inferior|shorter|within)"
_NOT = r"(?:(?:not|no|never|cannot)\s(?:to\s)?(?:be\s)?)?"
_EQUAL = r"(?:\s?(?:or|and|/)\s?(?:is\s)?(?:equal(?:s|ed)?(?:\s?to)?|=))"
_OPERATOR = (
    r"(?:(?:[<>](?:\s{0,2}(?:or|/|and)?\s{0,2}=)?|=\s{0,2}[<>]|&[lg]t;\s{0,2}=?|[≤≥]|=)"
    rf"|\b(?:{_NOT}(?:equal(?:s)?\s(?:to\s)?(?:or|and)\s)?(?:{_UP}|{_DOWN})(?:\s(?:than|then)(?:\sto)?"
    rf"|\sto)?{_EQUAL}?(?:\sto|\sthan)?(?:\s?[<>≤≥])?"
    r"|at\s{1,2}(?:the\s)?(?:least|most)|minimum|maximum|minimal|maximal|min\.?|max\.?|up to))"
)
_FILLER = r"(?:[\s:()=<>≤≥]|of\b|the\b|than\b|an?\b|to\b|about\b|approximately\b|age\b|is\b){0,12}"
_DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,2}(?![\d,])(?:\.\d{1,3})?|\d{1,7},\d{1,2}(?![\d,])|\d{1,9}(?:\.\d{1,4})?)"
_WORDS = "|".join(sorted(_WORD_NUMBERS, key=len, reverse=True))
_BEFORE = (
    r"(?:(?<![a-z0-9.,/])|(?<=[^0-9a-z][,/])|(?<=[a-z][,/])|(?<=score)|(?<=aged)|(?<=age)|(?<=ecog)|(?<=kps)"
    r"|(?<=status)|(?<=was)|(?<=is))"
)
_NUMBER = rf"(?P<number>(?=\d){_BEFORE}{_DIGITS}(?!(?![xe])[a-z]?\d)|\b(?:{_WORDS})\b(?=[\s-]))"
_STARTS = r"(?=[<>=&≤≥\d]|\b[a-z])"
"""What an operator and a number begin with: looked at first, it passes over most places of a text at once."""
_THRESHOLD = re.compile(rf"{_STARTS}(?:(?P<op>{_OPERATOR})(?P<filler>{_FILLER}))?{_NUMBER}")
_ANY_NUMBER = re.compile(rf"\d|\b(?:{_WORDS})")
_ULN = (
    r"(?:\W{0,3}\b(?:the|of|than|above|to|institution(?:al)?(?:['`]?s)?|local|lab(?:oratory)?(?:['`]?s)?|age"
    r"|adjusted|reference|site"
    r"|corresponding|normal|range|maximum|institute|center|its|respective|their|specific|or|equal|test"
    r"|appropriate|study|site's|clinical|more|greater|higher|serum|in)\b)"
    r"{0,7}\W{0,3}(?:upper\W{0,3}(?:normal\W{1,3}|reference\W{1,3}|institutional\W{1,3}|the\W{1,3}"
    r"|laboratory\W{1,3}){0,2}(?:limit|range|bound|value|level|normal)s?"
    r"|i?uln\b|unl\b|uuln\b|ulns\b|nul\b|limits?\W{1,3}of\W{0,3}(?:the\W{1,3})?normal|normal\b|uln)"
    r"(?:\W{1,3}of\W{0,3}(?:the\W{1,3})?(?:institutional\W{1,3}|laboratory\W{1,3})?normal)?(?:\s(?:range|value"
    r"|amount)s?\b)?"
)
_MULTIPLE = r"\s{0,3}(?:-\s?)?(?:[x*]|times|time|fold)?"
_ALONE_ULN = re.compile(
    rf"{_STARTS}(?<!times )(?<!time )(?<!fold )(?<!x )(?<!x)(?P<op>{_OPERATOR})\s{{0,2}}(?:the\s)?(?:institutional\s)?"
    rf"(?:upper\slimits?(?:\sof)?\s?(?:the\s)?normal|uln\b)(?!\s?[x*]|\s?by|\s\d|\stimes)"
)
_UNITS = (
    (rf"{_MULTIPLE}{_ULN}", "ULN"),
    (r"\s{0,2}(?:/\s?\d{2}\s?)?(?:%|percent\b|per cent\b)", "%"),
    (r"\s{0,2}-?(?:mg|milligrams?)\s?(?:/|per)\s?(?:100\s?m|d|deciliter|decilitre)\s?l?\b|\s{0,2}mg\s?%", "mg/dL"),
    (r"\s{0,2}(?:u|micro)\s?mol(?:e?s)?\s?(?:/|\.|per)\s?l(?:iter|itre)?\b|\s{0,2}um/l\b", "umol/L"),
    (
        r"\s{0,2}-?(?:ml|cc|milliliters?)\s{0,2}(?:/|per|\*|\.)\s{0,2}min(?:utes?|\b"
        r"|\.)?\s{0,2}[/*.xper]{1,3}\s{0,2}1[.,]73\s{0,3}(?:sq(?:uare)?\.?\s?)?m\W{0,3}2?",
        "mL/min/1.73m2",
    ),
    (r"\s{0,2}-?(?:ml|cc|milliliters?)\s{0,2}(?:/|per|\*|\.)\s{0,2}min(?:utes?)?", "mL/min"),
    (r"\s{0,2}g(?:m|rams?)?\s?(?:/|per|%)\s?(?:dl|deciliter|decilitre|100\s?ml)\b|\s{0,2}g\s?%", "g/dL"),
    (r"\s{0,2}g(?:rams?)?\s?/\s?l\b", "g/L"),
    (r"\s{0,2}(?:iu|u|units)\s?/\s?m?l\b", "U/L"),
    (
        r"\s{0,2}(?:mmol|nmol|pmol|meq|mg|ug|ng|pg|miu|ku|miu)\s?/\s?(?:ml|l|kg|day|d|m2)\b|\s{0,2}(?:mmhg|kpa|kg|cm"
        r"|mm|ms|msec|liters?|hours?|minutes?|copies|iu|mg|ug|bpm)\b(?!\s?/)",
        "other",
    ),
    (r"\s{0,2}-?(?:years?\b|yrs?\b|yo\b|y/o\b|y\b|year)", "years"),
    (r"\s{0,2}-?(?:months?\b|mo\b|mths?\b|mos\b)", "months"),
    (r"\s{0,2}-?(?:weeks?\b|wks?\b)", "weeks"),
    (r"\s{0,2}-?(?:days?\b)", "days"),
)
_UNIT = re.compile("|".join(f"(?P<u{at}>{pattern})" for at, (pattern, _) in enumerate(_UNITS)))
_CELLS = re.compile(
    r"\s{0,2}(?:[x*]?\s{0,2}10\s{0,3}(?:\^|e|\*{1,2}|\()?\s{0,2}(?:exp\s?)?(?P<exp>\d{1,2})\)?|e\+?(?P<e>\d{1,2})"
    r"|(?P<kilo>k|thousand)\b|(?P<giga>billion))?"
    r"\s{0,2}(?:cells?)?\s{0,2}(?:(?:/|per\b|\.)\s{0,2}(?:cubic\s)?(?P<per>u\s?l|mm\s?\^?\s{0,2}3?|mcl"
    r"|microlit(?:er|re)|milli?met(?:er|re)s?|cmm|cumm|cu\.?\smm|dl|ml|l(?:iter|itre)?)\b)?"
)
_LITRE = {"l": 0, "liter": 0, "litre": 0, "dl": 1, "ml": 3}
_RANGE = re.compile(
    rf"\s{{0,2}}(?P<unit>%|years?(?: old| of age)?|yrs?|months?|weeks?|days?|y)?\s{{0,2}}(?:to|-{{1,2}}|~|through|and"
    rf"|until|up to|, ?and|to ?[<≤])\s{{0,2}}(?P<high>{_DIGITS})(?![a-z]?\d)"
)
_LIST = re.compile(
    r"[0-5](?:\s{0,2}(?:,\s?(?:and/or|or|and)?|/|or|and|and/or|-|to|~)\s{0,2}[0-5](?!\d|\.\d"
    r"|\s?%)){1,5}"
)
_LOW_AFTER = re.compile(r"\s?(?:old|of age)?\s?(?:to|-|and(?=\s{0,3}[<≤]))\s{0,3}[<≤]?\s?\d")
_HIGH_BEFORE = re.compile(r"(?:days?|weeks?|months?|years?)(?: old| of age)?\s?(?:to|-)\s?$")
_BETWEEN = re.compile(r"(?:between\W{0,3}(?:the )?(?:ages? )?(?:of )?|\bage[sd]?\W{1,3}(?:of )?)$")
_AFTER = re.compile(
    rf"[\s,]{{0,2}}\)?(?:\(?(?:years|year|months|yrs)?[\s,-]{{0,2}}(?:of age|old|points?"
    rf"|score)?[\s,]{{0,2}})(?:\(?(?:or|and|/)\s?(?:is\s|are\s)?(?P<dir>{_UP}|{_DOWN}|up|upwards?|on|at)\b"
    rf"|(?P<least>minimum\b|and up\b|at least\b)|(?P<plus>\+))"
)
_GRADE = re.compile(
    r"(?:\b(?:grades?|class|stage|phase|type|day|cycle|version|v|ctcae|nyha|cohort|arm|part|figure"
    r"|section|appendix|table"
    r"|visit|ph|icd|cns|crs|part|dose level))\W{0,3}$"
)


class Threshold(Frozen, frozen=True):
    """A comparison in a text: ``text[start:end]``.

    :ivar op: As in `Criterion`; None for a bare number.
    :ivar unit: Canonical unit, "other" for one that no measure has, None when not written.
    :ivar is_graded: True when a word like "grade" or "class" stands before the number.
    """

    start: int
    end: int
    op: str | None
    value: float | tuple[float, float]
    unit: str | None
    is_graded: bool = False
    number_start: int = 0


def flatten(text: str) -> str:
    """Fold text for reading, one character for one: case, dashes, superscripts, escapes.

    >>> flatten("PLT ≥50×10⁹/L, SpO2 \\\\>92％")
    'plt ≥50x109/l, spo2  >92%'
    """
    flat = fold(text).replace("\\", " ")
    if not flat.isascii():
        for char, plain in _PLAIN.items():  # `str.translate` looks at every letter by itself
            flat = flat.replace(char, plain)
    return flat


def read_number(words: str) -> float:
    """Value of a written number.

    >>> read_number("50,000"), read_number("1,5"), read_number("three")
    (50000.0, 1.5, 3.0)
    """
    if words in _WORD_NUMBERS:
        return float(_WORD_NUMBERS[words])
    if re.fullmatch(r"\d{1,3}(?:,\d{3}){1,2}(?:\.\d{1,3})?", words):
        return float(words.replace(",", ""))
    return float(words.replace(",", "."))


@lru_cache(maxsize=1024)
def read_operator(words: str) -> str | None:
    """The comparator that words or signs mean.

    >>> [read_operator(words) for words in ("=<", "no less than", "not exceeding", "greater than or equal to", "over")]
    ['<=', '>=', '<=', '>=', '>']
    """
    words = words.replace("&gt;", ">").replace("&lt;", "<").strip()
    if words == "=":
        return "="
    if "≥" in words or re.match(r"(?:at.{1,8}least|min)", words):
        return ">="
    if "≤" in words or re.match(r"(?:at.{1,8}most|max|up to)", words):
        return "<="
    is_up = bool(re.search(rf">|{_UP}", words))
    if not is_up and not re.search(rf"<|{_DOWN}", words):
        return None
    is_strict = "=" not in words and "equal" not in words and "within" not in words
    if re.match(r"(?:not|no|never|cannot)\b", words):
        is_up, is_strict = not is_up, not is_strict
    return (">" if is_up else "<") + ("" if is_strict else "=")


def find_thresholds(text: str) -> list[Threshold]:
    """Comparisons and bare numbers of flattened text, in order.

    >>> found = find_thresholds("alt no more than 3 times the uln, age 18-65 years")
    >>> [(one.op, one.value, one.unit) for one in found]
    [('<=', 3.0, 'ULN'), ('range', (18.0, 65.0), 'years')]
    """
    found = list(_read_all(text))
    if "uln" in text or "normal" in text:
        found.extend(
            Threshold(one.start(), one.end(), read_operator(one["op"]), 1.0, "ULN", number_start=one.start())
            for one in _ALONE_ULN.finditer(text)
        )
    return sorted(found, key=lambda one: one.start)


def _read_all(text: str) -> Iterator[Threshold]:
    at = 0
    while _ANY_NUMBER.search(text, at) and (found := _THRESHOLD.search(text, at)):
        threshold = _read_one(text, found)
        yield threshold
        at = max(threshold.end, found.end())


def _read_one(text: str, found: re.Match[str]) -> Threshold:
    start, begin, end = found.start(), found.start("number"), found.end("number")
    op = read_operator(found["op"] + "".join(re.findall("[≤≥]", found["filler"]))) if found["op"] else None
    if op in (None, "="):
        joined = _read_list(text, found) or _read_range(text, found)
        if joined:
            return joined
    unit_end, unit, factor = _read_unit(text, end)
    if op is None and unit in TIMES:
        is_high = _HIGH_BEFORE.search(text, max(0, begin - 24), begin)
        op = ">=" if _LOW_AFTER.match(text, unit_end) else "<=" if is_high else None
    after = _AFTER.match(text, unit_end) if op is None else None
    if after:
        op = ">=" if after["plus"] or after["least"] else read_after(after["dir"])
        unit_end = after.end()
    value = _scale(read_number(found["number"]), factor)
    return Threshold(start, unit_end, op, value, unit, _is_graded(text, start), begin)


def _is_graded(text: str, start: int) -> bool:
    return _GRADE.search(text, max(0, start - 14), start) is not None


def _read_list(text: str, found: re.Match[str]) -> Threshold | None:
    """A rising list of scores ("0, 1 or 2") as a range."""
    start, begin = found.start(), found.start("number")
    listed = _LIST.match(text, begin) if len(found["number"]) == 1 or "," in found["number"] else None
    if listed is None or _read_unit(text, listed.end())[1] is not None:
        return None
    digits = [float(digit) for digit in re.findall(r"\d", listed[0])]
    if digits != sorted(digits):
        return None
    return Threshold(start, listed.end(), "range", (digits[0], digits[-1]), None, _is_graded(text, start), begin)


def _read_range(text: str, found: re.Match[str]) -> Threshold | None:
    """Two numbers with one unit ("18-65 years", "between 4 and 9 weeks"); Karnofsky is also written from the top."""
    start, begin, end = found.start(), found.start("number"), found.end("number")
    ranged = _RANGE.match(text, end)
    if ranged is None or (" and" in ranged[0] and not _BETWEEN.search(text, max(0, begin - 30), begin)):
        return None
    unit_end, unit, factor = _read_unit(text, ranged.end())
    inner = _read_unit(text, end)[1] if ranged["unit"] else None
    if inner in TIMES and inner != unit:
        return None
    low, high = _scale(read_number(found["number"]), factor), _scale(read_number(ranged["high"]), factor)
    if low >= high and unit != "%":
        return None
    return Threshold(start, unit_end, "range", (min(low, high), max(low, high)), unit, _is_graded(text, start), begin)


def read_after(direction: str) -> str:
    """The comparator of "… or more", "… and under".

    >>> read_after("more"), read_after("younger")
    ('>=', '<=')
    """
    return "<=" if re.fullmatch(_DOWN, direction) else ">="


def _scale(number: float, factor: int) -> float:
    """Multiply by a power of ten without adding digits."""
    return float(f"{number * 10.0**factor:.8g}")


def _read_unit(text: str, at: int) -> tuple[int, str | None, int]:
    """End of the unit that follows, its canonical name, and the power of ten to it."""
    count = _CELLS.match(text, at)
    if count and (count["per"] or count["exp"] == "9" or count["e"] == "9"):
        exponent = int(count["exp"] or count["e"] or (3 if count["kilo"] else 9 if count["giga"] else 0))
        has_scale = any(count[name] for name in ("exp", "e", "kilo", "giga"))
        volume = re.sub(r"\s", "", count["per"] or "l")
        if has_scale or volume not in _LITRE:
            return count.end(), "10^9/L", exponent + _LITRE.get(volume, 6) - 9
    found = _UNIT.match(text, at)
    if found and found.lastgroup:
        return found.end(), _UNITS[int(found.lastgroup[1:])][1], 0
    return at, None, 0


def fit_value(term: Term, threshold: Threshold) -> tuple[str, float | tuple[float, float], str | None, str] | None:
    """Comparator, value, unit and basis of a number as the measure writes it; None when it cannot be the measure's.

    >>> from kg.vocabularies import load_vocabularies
    >>> lvef = load_vocabularies().scheme("measure")["LVEF"]
    >>> fit_value(lvef, Threshold(0, 5, ">=", 0.5, None))
    ('>=', 50.0, '%', 'stated')
    """
    allowed = term.extra.get("thresholdUnit", ())
    default = "".join(term.extra.get("defaultUnit", ()))
    values: tuple[float, ...] = threshold.value if isinstance(threshold.value, tuple) else (threshold.value,)
    unit, basis = threshold.unit, "stated"
    if threshold.is_graded and allowed != ("none",):
        return None
    if unit is None and "10^9/L" in allowed and min(values) >= 100:
        values, unit, basis = tuple(float(f"{value / 1000:.8g}") for value in values), "10^9/L", "implied"
    elif unit == "g/L" and "10^9/L" in allowed:
        unit = "10^9/L"
    elif unit is None and default == "%" and max(values) < 1:
        values = tuple(float(f"{value * 100:.8g}") for value in values)
    if not {unit or default or "none", unit or "none"} & set(allowed):
        return None
    if not all(float(term.extra["lowest"][0]) <= value <= float(term.extra["highest"][0]) for value in values):
        return None
    written = None if "none" in allowed and not default else unit or default
    return threshold.op or "=", (values[0], values[-1]) if len(values) == 2 else values[0], written, basis
