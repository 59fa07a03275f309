"""Drugs of lymphodepletion: what patients get to make room for the cells.

A drug counts where a sentence calls it lymphodepleting or conditioning, or puts it before the cells ("followed by
infusion of …", "on days -5 to -3"); or where it is listed as an intervention beside a cell product. Bridging, earlier
treatment, prophylaxis and drugs against side effects do not count; eligibility text is not searched.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from kg.extract.rules import Rule
from kg.lexicon import fold_width, open_lexicon
from kg.model import Fact, Passage
from kg.vocabularies import Term, load_vocabularies

PARTS = frozenset(
    {
        "title",
        "official title",
        "intervention",
        "intervention description",
        "arm",
        "arm description",
        "summary",
        "description",
    }
)
PAIR = ("fludarabine", "cyclophosphamide")

_CLASS = "conditioning agent"
_CELLS = re.compile(
    r"(?-i:U?CAA?R-?\d{0,3}T|CAA?R ?\d{0,3}T\b|CAR[- ]?(?:i?NKT?|gdT|M|Treg)|CAR\+|CAR cells|TCR|TILs?\b)"
    r"|chimeric (?:antigen|immune|T)|tumou?r[- ]infiltrating|adoptive|lymphocytes\b.{0,20}infus"
    r"|\b(?:T|NK|iNK|NKT|gdT|CIK|CTL|Treg|natural killer|killer|gamma[- ]delta)(?: \(\w{1,5}\))?[- ]cells?\b"
    r"(?![- ](?:deplet|leuk|lymphom|receptor|engag|acute|malig|ALL))"
    r"|\b(?:engineered|modified|transduced|specific) (?:\w{1,12} )?(?:cells|lymphocytes)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.;\n。]+(?:[.;](?=[\w,)])[^.;\n。]*)*[.;\n。]?")
_NAMED = re.compile(
    r"lympho(?:cyte)?[- ]?\s?(?:ablati|depleti)\w{1,3}|lymphodeplet\w{1,4}|lymphoid depletion"
    r"|depletion of lymphocytes|\bLD(?:C| chemo\w{0,7}| regimen|(?= with))\b"
    r"|(?:clearance of|clear(?:ing)?) (?:the )?lymph\w{2,8}|lymph(?:ocyte|atic)s?[- ](?:clearance|clearing)"
    r"|(?<!de)(?<!air )(?:pre-?)?condition(?:ing|ed)\b"
    r"|precondition\w{0,3}|preparative (?:regimen|chemo)|pre-?treat(?:ment|ed) (?:with |chemo|regimen)"
    r"|pre-?infusion (?:chemo|treatment)|pre-?chemotherapy",
    re.IGNORECASE,
)
_BEFORE_CELLS = re.compile(
    r"\bthen (?:an? |the )?infusion of|\bthen\b[^.;\n]{0,60}?\b(?:cells?|CAR|CART)\b[^.;\n]{0,60}?\binfus"
    r"|\b(?:followed by|prior to|before"
    r"|preced(?:ing|es?|ed by)|then (?:receive|be)\w{0,4})\b[^.;\n]{0,70}?(?:\binfus|\bcells?\b|\bCAR|\bCART)"
    r"|(?:\bcells?|infusions?|CAR-?T|injections?)\b[^.;\n]{0,40}?\b(?:after|following)\b(?! (?:infusion|the infusion"
    r"|CAR))"
    r"|\bd(?:ays?)?\s?\(?-\s?\d(?!\d{2})|\d\s?days? (?:before|prior|ahead)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\bbridg\w{2,4}|debulk\w{0,4}|\bpost-?\s?(?:transplant|HSCT)\w{0,7}|\bPT-?Cy\b|prophyla\w{2,6}"
    r"|immunosuppress\w{0,6}|salvage|\binduction|consolidation"
    r"|maintenance|mobili[sz]\w{1,6}|apheresis|leukapheresis|collection|cytokine release|\bCRS\b|previous(?:ly)?"
    r"|\bprior (?:therap|treat|line|exposure)\w{0,6}"
    r"|refractory to|failed|standard of care|chemotherapy cycles|toxicit|side effect|adverse|rescue|\bsupport\b"
    r"|relapsed? after|GVHD|ablation of the CAR"
    r"|eliminat\w{1,4}|suicide",
    re.IGNORECASE,
)
_TRANSPLANT = re.compile(r"\b(?:allo|auto|haplo)?-?(?:HSCT|SCT|BMT|HCT)\b|transplant", re.IGNORECASE)
_BEFORE_TRANSPLANT = re.compile(
    rf"\b(?:before|prior to|followed by|preced\w{{2,4}}|ahead of|then)\b[^.;\n]{{0,40}}?(?:{_TRANSPLANT.pattern})",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:no|(?<!or )without|not|except|omit\w{0,5}|instead of|contraindicat\w{1,5} (?:to|for)"
    r"|allerg\w{1,3} to)\s(?:[\w-]{1,20}\s){0,2}$",
    re.IGNORECASE,
)
_COMPARATOR = re.compile(
    r"\b(?:compar\w+ (?:to|with)|(?:as|those|that) (?:those )?seen with|unlike|than|versus)\b[^.;\n]{0,40}?"
    r"\b(?:standard|conventional|usual|historical)\b[^.;\n]{0,60}$",
    re.IGNORECASE,
)
"""The usual regimen that another one is set against."""
_DOSED = re.compile(r"\bm[cg]g?\s?/|\bd(?:ays?)?\s?\(?-\s?\d|\b(?:chemotherapy|medication)\b", re.IGNORECASE)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9/+])(?:(?:[Ff]lu?|FLU|F)\s?[/+&-]\s?(?:[Cc][Yy]|C|CTX)|(?:C[Yy]|cy|C|CTX)\s?[/+&-]\s?(?:[Ff]lu?"
    r"|FLU|F)|FluCy|CyFlu|FLUCY|FC|CF)(?![A-Za-z0-9/+])"
)
_PAIR_WORD = re.compile(
    r"\s?-?(?:chemo|regimen|condition|precondition|lympho|pre-?treat|scheme|protocol|program"
    r"|based|\()",
    re.IGNORECASE,
)

_PAIR_BEFORE = re.compile(
    r"(?:deplet\w{0,4}|condition\w{0,4}|chemotherapy|regimen)(?: regimen| chemotherapy)?[ (]{0,2}"
    r"(?:with|of|using|by|,|:|\()?\s?\(?$",
    re.IGNORECASE,
)


def find_lymphodepletion(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Find the drugs given before the cells to make room for them, each once.

    >>> text = "Patients receive FC chemotherapy followed by infusion of CAR-T cells."
    >>> [(fact.value, fact.quote.text) for fact in find_lymphodepletion([Passage("summary", "text", 0, text)])]
    [('fludarabine', 'FC'), ('cyclophosphamide', 'FC')]

    :returns: Facts whose value is a notation of the scheme ``drug``; empty when the record has no cell product.
    """
    searched = [passage for passage in passages if passage.part in PARTS]
    if not any(map(_names_cells, searched)):
        return ()
    facts: dict[str, Fact] = {}
    for passage in searched:
        if passage.part != "intervention":
            for fact in _read_context(passage):
                facts.setdefault(fact.value, fact)
    for fact in _read_interventions(searched):
        facts.setdefault(fact.value, fact)
    return tuple(facts.values())


def _names_cells(passage: Passage) -> bool:
    """Whether a passage speaks of therapeutic cells, by their kind or by the name of a known product."""
    return bool(_CELLS.search(fold_width(passage.text)) or open_lexicon("product").find(passage.text))


def find_drugs(text: str) -> tuple[tuple[int, int, Term], ...]:
    """Drugs used for conditioning in ``text``, in order; the pair's abbreviations give both.

    >>> [term.notation for _, _, term in find_drugs("Flu/Cy, then melphalan with IL-2")]
    ['fludarabine', 'cyclophosphamide', 'melphalan']
    """
    drugs = load_vocabularies().scheme("drug")
    broader = drugs[_CLASS].iri
    text = fold_width(text)
    pairs = [match for match in _PAIR.finditer(text) if _is_pair(text, match)]
    found = [(match.start(), match.end(), drugs[name]) for match in pairs for name in PAIR]
    taken = {position for match in pairs for position in range(*match.span())}
    found.extend(
        (match.start, match.end, match.term)
        for match in open_lexicon("drug").find(text)
        if broader in match.term.broader and match.start not in taken
    )
    return tuple(sorted(found, key=lambda one: one[0]))


def _is_pair(text: str, match: re.Match[str]) -> bool:
    """Whether "FC" or "F/C" stands for the drugs: "Flu/Cy" always does, bare letters only beside a regimen word."""
    before = text[max(0, match.start() - 60) : match.start()]
    return "y" in match[0].lower() or bool(
        _PAIR_WORD.match(text, match.end(), match.end() + 12) or _PAIR_BEFORE.search(before)
    )


def _read_context(passage: Passage) -> Iterator[Fact]:
    """Drugs that the passage's own sentences call lymphodepleting or put before the cells."""
    text = fold_width(passage.text)
    drugs = find_drugs(passage.text)
    if not drugs:
        return
    starts = [start for start, _, _ in drugs]
    is_open = bool(_NAMED.search(passage.ref))
    for sentence in _SENTENCE.finditer(text):
        start, end = sentence.span()
        here = drugs[bisect_left(starts, start) : bisect_left(starts, end)]
        named = _find_positions(_NAMED, text, start, end)
        cues = named or _find_positions(_BEFORE_CELLS, text, start, end)
        others = _find_positions(_OTHER, text, start, end)
        is_transplant = bool(_TRANSPLANT.search(text, start, end)) and not (
            _CELLS.search(text, start, end) or "lympho" in sentence[0].lower()
        )
        is_dosed = is_open and not cues and not others and bool(_DOSED.search(text, start, end))
        transplants = _Transplants(text, start, end)
        for begin, stop, term in () if is_transplant else here:
            if _NEGATED.search(text, max(start, begin - 60), begin):
                continue
            if _COMPARATOR.search(text, max(start, begin - 160), begin):
                continue
            if transplants.is_next(stop):
                continue
            if is_dosed or (cues and _distance(begin, cues) <= _distance(begin, others)):
                yield Fact(term.notation, passage.quote(begin, stop), "lymphodepletion.context")
        is_cued = bool(named) or (bool(cues) and "chemotherapy" in sentence[0].lower())
        is_open = (is_cued and not is_transplant) or (is_open and (bool(here) or end - start < 25))


class _Transplants:
    """Where words in a sentence put what comes before them ahead of a transplant.

    A sentence may name thousands of drugs: what was found for one is used for the next as long as it comes after it.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._end = text, end
        self._is_about_cells = "lympho" in text[start:end].lower()
        self._found: re.Match[str] | None = None
        self._cells: re.Match[str] | None = None
        self._is_searched = self._are_cells_sought = False

    def is_next(self, stop: int) -> bool:
        """Whether the drug that ends at ``stop`` conditions for a transplant: that comes next, and no cells before it.

        Asked in text order.
        """
        if self._is_about_cells:
            return False
        if not self._is_searched or (self._found and self._found.start() < stop):
            self._found = _BEFORE_TRANSPLANT.search(self._text, stop, self._end)
            self._is_searched, self._are_cells_sought = True, False
        if self._found is None:
            return False
        if not self._are_cells_sought or (self._cells and self._cells.start() < stop):
            self._cells = _CELLS.search(self._text, stop, self._found.end())
            self._are_cells_sought = True
        return self._cells is None


def _find_positions(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[int]:
    """Sorted starts and ends of all matches."""
    return [position for match in pattern.finditer(text, start, end) for position in match.span()]


def _distance(position: int, others: list[int]) -> int:
    """How far the nearest of sorted positions is; very far when there is none."""
    at = bisect_left(others, position)
    return min((abs(position - other) for other in others[max(0, at - 1) : at + 1]), default=10**9)


def _read_interventions(passages: list[Passage]) -> Iterator[Fact]:
    """Drugs listed as interventions beside a cell product."""
    names = [passage for passage in passages if passage.part == "intervention"]
    listed = [(passage, drug) for passage in names for drug in find_drugs(passage.text)]
    heads = [passage for passage in passages if passage.part not in ("summary", "description", "arm description")]
    if not listed or not any(map(_names_cells, heads)):
        return
    is_pair = {*PAIR} <= {term.notation for _, (_, _, term) in listed}
    are_cells_told = any(_CELLS.search(fold_width(passage.text)) for passage in heads)
    prose = [fold_width(passage.text) for passage in passages]
    has_cue = any("deplet" in text.lower() and _NAMED.search(text) for text in prose)
    descriptions = _join_descriptions(passages)
    judged: dict[str, bool | None] = {}
    for passage, (start, end, term) in listed:
        if passage.text not in judged:  # once, however many drugs a name holds, or interventions share it
            judged[passage.text] = _judge_description(passage.text, descriptions.get(passage.text, ""))
        is_told = judged[passage.text]
        is_usual = is_pair and (are_cells_told or term.notation in PAIR)  # what else is listed may be the other arm's
        if is_told or (is_told is None and (has_cue or is_usual)):
            yield Fact(term.notation, passage.quote(start, end), "lymphodepletion.intervention")


def _join_descriptions(passages: list[Passage]) -> dict[str, str]:
    """What is said of interventions, by their names."""
    found: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        if passage.part == "intervention description":
            found[passage.ref].append(fold_width(passage.text))
    return {name: " ".join(texts) for name, texts in found.items()}


def _judge_description(name: str, about: str) -> bool | None:
    """Whether an intervention's words say that it makes room for the cells; False where they say that it does other
    things, None where they say nothing."""
    is_named = _NAMED.search(about) is not None
    if _OTHER.search(about) and not is_named:
        return False
    return True if is_named or _NAMED.search(name) or _BEFORE_CELLS.search(about) else None


RULES = (Rule("interventions.lymphodepletion", find_lymphodepletion, tuple(sorted(PARTS))),)
