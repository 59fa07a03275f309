"""Parts of an engineered product: co-stimulation, safety switch, edited genes, type of binder.

Names such as CD28 or PD-1 stand in records for many things (beads, antibodies, markers on cells). Each finder therefore
asks for words of the construct around a name, within one sentence; eligibility and outcomes are not searched.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from kg.extract.memories import remember
from kg.extract.rules import Rule
from kg.lexicon import fold_width, open_lexicon
from kg.model import Fact, Passage

PARTS = frozenset(
    {
        "title",
        "official title",
        "keyword",
        "intervention",
        "intervention description",
        "other name",
        "arm",
        "arm description",
        "summary",
        "description",
    }
)
Found = tuple[int, int, str]

_CONSTRUCT = re.compile(
    r"(?-i:CAR)(?![a-z])|chimeric|transduc|engineered|construct|vector|lentivir|retrovir|receptor"
    r"|\bgenes?\b|fus(?:ed|ion)|modified",
    re.IGNORECASE,
)
_ENGINEERED = re.compile(r"(?-i:CAR)(?![a-z])|chimeric|transduc|engineered|\bfused\b|construct", re.IGNORECASE)
_CELLS = re.compile(
    r"(?-i:CAR)(?![a-z])|\b(?:T|NK|iNK|gdT|stem|immune)[- ]?(?:cells?|lymphocytes?)\b|cells\b|\bTILs?\b"
    r"|lymphocytes|HSPCs?|CART",
    re.IGNORECASE,
)
_EDGE = re.compile(r"(?<=[a-z)\]\d])[.;](?=\s)|\n|。")

_SHORT = re.compile(
    r"(?<![A-Za-z])(?:CD)?(?P<names>(?:28|(?:4-?1)?BB|CD27|OX-?40|ICOS|2B4"
    r"|DAP10)(?:[-./]?(?:(?:CD)?28|(?:4-?1)?BB|OX-?40|ICOS))?)"
    r"[-./]?(?:CD3-?)?z(?:eta)?(?![a-z])",
    re.IGNORECASE,
)
_SHORT_NAMES = (
    ("28", "CD28"),
    ("BB", "4-1BB"),
    ("OX", "OX40"),
    ("ICOS", "ICOS"),
    ("CD27", "CD27"),
    ("2B4", "2B4"),
    ("DAP10", "DAP10"),
)
_DOMAIN = re.compile(
    r"co-?\s?stimulat\w{2,4}(?: signal\w{0,5})? (?:endo)?(?:domain|region|motif|element|moiet"
    r"|sequence)|signal?l?ing (?:endo)?domain|endodomain"
    r"|(?:intracellular|cytoplasmic)(?: signal\w{0,5})? (?:domain|region|tail)|CD3[- ]?z|CD247"
    r"|TCR[- ]?z|second[- ]generation CAR",
    re.IGNORECASE,
)
_MOLECULE = re.compile(r"co-?\s?stimulat\w{2,4}", re.IGNORECASE)
_CAR_BESIDE = re.compile(
    r"(?:(?:CAR|chimeric antigen receptor|scFv)s?\)?[-./ _:]{1,2}(?:(?:with|containing"
    r"|incorporating|including) (?:the |a )?)?$)",
    re.IGNORECASE,
)
_CAR_AFTER = re.compile(
    r"[-./ _:](?:based |bispecific |second[- ]generation |containing )?(?:(?-i:CAR)(?![a-z])|CART"
    r"|chimeric (?:antigen )?receptor)|[^.;\n]{0,20}\badded to it",
    re.IGNORECASE,
)
_NOT_DOMAIN = re.compile(
    r"CD3\s?(?:/|and|-|\+|plus|,)\s?(?:anti-?\s?)?$|(?:anti|alpha|agonis\w{1,4}|agonist to|antibod\w{1,3} (?:to"
    r"|against))[- ](?:human )?$|[/+,-]\s?CD3\s?$",
    re.IGNORECASE,
)
_NOT_DOMAIN_AFTER = re.compile(
    r"\s?(?:\+|-(?![\w])|pos|neg|\(?(?:micro|dyna)?beads|[- ]?(?:L\b|ligand)|(?:[- ]|\s?/\s?CD3 )?(?:coated|magnetic"
    r"|micro|dyna|beads|agonis|antibod|stimulation\b|activated|super))",
    re.IGNORECASE,
)

_CASPASE = re.compile(
    r"(?:inducible|rapamycin[- ](?:activated|inducible))(?: (?:apoptotic|human|suicide"
    r"|safety))?(?: switch)? ?\(?i?casp(?:ase)?[- ]?9|\bi-?casp(?:ase)?-?9",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:no|without|not|non|lack(?:s|ing)?|free of)[- ](?:[\w-]{1,15} ){0,3}$", re.IGNORECASE)

_FAMILY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?P<TRAC>(?:ab[- ]?)?TCR(?:[- ]?(?:ab|a/b|a|alpha(?:[- /]beta)?))?"
    r"|T[- ]cell receptors?(?: \(TCR\))?(?: alpha| ab)?"
    r"|TCR[- ]CD3)|(?P<MHC2>(?:HLA|MHC)[- ](?:class )?II)|(?P<MHC1>(?:HLA"
    r"|MHC)[- ](?:class )?I))(?![A-Za-z0-9])(?: constant| chain)?",
    re.IGNORECASE,
)
_FAMILIES = {"TRAC": "TRAC", "MHC1": "HLA class I", "MHC2": "HLA class II"}
_GLUED_KO = re.compile(r"(?<![A-Za-z0-9])(?P<gene>[A-Z][A-Z0-9-]{1,7}?\d?)(?:KO|ko)(?![A-Za-z])")
_ON_PATIENTS = re.compile(
    r"\s?(?:\+|-?(?:positive|pos\b|expressing|specific|directed|targeted))|[- ]?(?:CAR"
    r"|bearing)",
    re.IGNORECASE,
)
_IN_DISEASE = re.compile(
    r"exon|mutation|mutant|chromosom|tumou?r suppressor|polymorphism|patients with"
    r"|antibod",
    re.IGNORECASE,
)
_EDITED = re.compile(
    r"\bknock(?:ed|ing)?[- ]?out|\bknockouts?|\b(?:disrupt|delet|inactivat|ablat|edit)(?:ed|ing|ions?|s|e)?\b|\bKO\b"
    r"|\b(?:base|gene|CRISPR|TALEN)[- ]?edit(?:ed|ing)"
    r"|\b(?:remov|eliminat)(?:al|ed|ing|es?|ion)\b|\b(?:deficient|deficiency|null|negative|free|lack(?:s"
    r"|ing)?)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(r"knock|KO|(?:base|gene|CRISPR|TALEN)[- ]?edit", re.IGNORECASE)
_AFTER_ONLY = re.compile(r"deficien|null|negative|free|KO", re.IGNORECASE)
_WEAK = re.compile(r"lack|remov|eliminat|negative|free", re.IGNORECASE)
_TO_VERB = re.compile(
    r"[\s)/-]{0,3}(?:(?:genes?|loci|locus|expression|molecules?|was|were|is|are|has|have|been|being"
    r"|chains?|by|CRISPR/?-?Cas9|genetically|simultaneously|surface|constant|region)[\s-]){0,5}",
    re.IGNORECASE,
)
_TO_GENE = re.compile(
    r"[\s(-]{1,3}(?:(?:of|the|both|endogenous|native|in|at|to|their|its|for|gene|genes|expression"
    r"|targeting|locus|human|surface|remove|eliminate|delete|disrupt|knock|out|by|"
    r"CRISPR/?-?Cas9|including|cells?|which|that|lack)[\s-]{1,2}){0,6}\(?",
    re.IGNORECASE,
)
_AND = re.compile(
    r"\s?(?:genes?|locus|loci|expression)?\s?(?:,|/|and|&|\+|, and|or|as well as)\s?(?:the "
    r"|endogenous )?(?:genes? )?",
    re.IGNORECASE,
)
_SECRETED = re.compile(
    r"secret|bispecific antibod|antibody[- ]drug|fusing|checkpoint|imaging|tracer|PET\b", re.IGNORECASE
)


def find_costimulation(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Find the co-stimulatory domains of the construct.

    >>> [fact.value for fact in find_costimulation([Passage("title", "text", 0, "CD19.28z CAR, CD3/CD28 beads")])]
    ['CD28']
    """
    return _collect(passages, _find_costimulation)


def find_safety_switches(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Find safety switches and markers; "suicide gene" only where no more exact name is given.

    >>> [fact.value for fact in find_safety_switches([Passage("title", "text", 0, "CAR-T with the iC9 safety switch")])]
    ['iCasp9']
    """
    facts = _collect(passages, _find_switches)
    exact = tuple(fact for fact in facts if fact.value != "suicide gene")
    return exact or facts


def find_edits(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Find the genes that the text says were removed from the product, as symbols.

    >>> [fact.value for fact in find_edits([Passage("title", "text", 0, "CAR-T cells with knockout of TCR and PD-1")])]
    ['TRAC', 'PDCD1']
    """
    return _collect(passages, _find_edits)


def find_binder_type(passages: Sequence[Passage]) -> Fact | None:
    """Find the words that say what kind of molecule binds the antigen.

    >>> find_binder_type([Passage("title", "text", 0, "CAR with a nanobody")]).value
    'VHH'
    """
    found = _collect(passages, _find_binder_types)
    return found[0] if found else None


def _collect(passages: Sequence[Passage], find: Callable[[Passage], Sequence[Fact]]) -> tuple[Fact, ...]:
    facts: dict[str, Fact] = {}
    for passage in passages:
        if passage.part in PARTS:
            for fact in find(passage):
                facts.setdefault(fact.value, fact)
    return tuple(facts.values())


def _make_finder(read: Callable[[str], Iterator[Found]], rule: str) -> Callable[[Passage], tuple[Fact, ...]]:
    """A reader of texts as one of passages: the first fact of each value."""

    @remember
    def find(passage: Passage) -> Iterable[Fact]:
        facts: dict[str, Fact] = {}
        for start, end, value in read(passage.text):
            if value not in facts:
                facts[value] = Fact(value, passage.quote(start, end), rule)
        return facts.values()

    return find


class _Sentences:
    """Where sentences end, found once per text."""

    def __init__(self, text: str) -> None:
        self._ends = [0, *(match.start() + 1 for match in _EDGE.finditer(text)), len(text)]

    def find(self, start: int, end: int, width: int = 160) -> tuple[int, int]:
        """Bounds of the sentence around a place, at most ``width`` characters to each side."""
        low = self._ends[max(0, bisect_right(self._ends, start) - 1)]
        high = self._ends[min(bisect_left(self._ends, end), len(self._ends) - 1)]
        return max(low, start - width), min(high, end + width)


def _read_costimulation(written: str) -> Iterator[Found]:
    text = fold_width(written)
    found: list[Found] = []
    for match in _SHORT.finditer(text):
        names = match["names"].upper()
        found.extend((match.start(), match.end(), value) for sign, value in _SHORT_NAMES if sign in names)
    matches = open_lexicon("costimulation").find(written)
    sentences = _Sentences(text)
    chained = {
        match.start
        for one, other in pairwise(matches)
        if text[one.end : other.start] in ("-", ".", "/")
        for match in (one, other)
    }
    found.extend(
        (match.start, match.end, match.term.notation)
        for match in matches
        if _is_domain(text, match.start, match.end, match.start in chained, sentences)
    )
    yield from sorted(found)


def _is_domain(text: str, start: int, end: int, is_chained: bool, sentences: _Sentences) -> bool:
    """Whether a name such as CD28 means a part of the construct."""
    if _NOT_DOMAIN.search(text, max(0, start - 30), start) or _NOT_DOMAIN_AFTER.match(text, end, end + 20):
        return False
    before, after = text[max(0, start - 30) : start], text[end : end + 45]
    if is_chained or _CAR_BESIDE.search(before) or _CAR_AFTER.match(after):
        return True
    low, high = sentences.find(start, end, 90)
    if _DOMAIN.search(text, low, high):
        return True
    is_molecule = bool(_MOLECULE.search(text, max(low, start - 40), min(high, end + 40)))
    return is_molecule and bool(_ENGINEERED.search(text, low, high))


def _read_switches(written: str) -> Iterator[Found]:
    text = fold_width(written)
    found = [(match.start(), match.end(), "iCasp9") for match in _CASPASE.finditer(text)]
    found.extend((match.start, match.end, match.term.notation) for match in open_lexicon("safety-switch").find(written))
    for start, end, value in sorted(found):
        if not _NEGATED.search(text, max(0, start - 50), start):
            yield start, end, value


def _read_edits(written: str) -> Iterator[Found]:
    text = fold_width(written)
    for match in _GLUED_KO.finditer(text):
        gene = next(iter(_find_genes(match["gene"])), None)
        if gene:
            yield match.start(), match.end(), gene[2]
    verbs = list(_EDITED.finditer(text))
    runs = _join_runs(text, _find_genes(written)) if verbs else []
    ends = [run[-1][1] for run in runs]
    sentences = _Sentences(text)
    for verb in verbs if runs else ():
        low, high = sentences.find(verb.start(), verb.end(), 200)
        if (
            _NEGATED.search(text, max(low, verb.start() - 40), verb.start())
            or not _CELLS.search(text, low, high)
            or (_IN_DISEASE.search(text, low, high) and not _STRONG.match(verb[0]))
        ):
            continue
        at = bisect_right(ends, verb.start())
        for run in runs[max(0, at - 1) : at + 1]:
            if low <= run[0][0] and run[-1][1] <= high and _is_edited(text, verb, run):
                yield from run


def _find_genes(written: str) -> list[Found]:
    """Names of genes in order: antigens of the vocabulary, and the families that edits speak of."""
    text = fold_width(written)
    found = [(match.start(), match.end(), _FAMILIES[str(match.lastgroup)]) for match in _FAMILY.finditer(text)]
    taken = {position for start, end, _ in found for position in range(start, end)}
    found.extend(
        (match.start, match.end, match.term.notation)
        for match in open_lexicon("antigen").find(written)
        if match.start not in taken and not _ON_PATIENTS.match(text, match.end)
    )
    return sorted(found)


def _is_edited(text: str, verb: re.Match[str], run: list[Found]) -> bool:
    """Whether the verb beside a list of genes says that the product lost them."""
    start, end = run[0][0], run[-1][1]
    if _WEAK.match(verb[0]) and not {"TRAC", "B2M"} & {gene[2] for gene in run}:
        return False
    if end <= verb.start() <= end + 90:
        return bool(_TO_VERB.fullmatch(text, end, verb.start()))
    return (
        verb.end() <= start <= verb.end() + 90
        and not _AFTER_ONLY.match(verb[0])
        and bool(_TO_GENE.fullmatch(text, verb.end(), start))
    )


def _join_runs(text: str, genes: list[Found]) -> list[list[Found]]:
    """Genes that stand in one list ("TRAC, B2M and CIITA")."""
    runs: list[list[Found]] = []
    for gene in genes:
        if runs and gene[0] - runs[-1][-1][1] <= 30 and _AND.fullmatch(text, runs[-1][-1][1], gene[0]):
            runs[-1].append(gene)
        else:
            runs.append([gene])
    return runs


def _read_binder_types(written: str) -> Iterator[Found]:
    text = fold_width(written)
    sentences = _Sentences(text)
    for match in open_lexicon("binder-type").find(written):
        low, high = sentences.find(match.start, match.end)
        if _CONSTRUCT.search(text, low, high) and not _SECRETED.search(text, low, high):
            yield match.start, match.end, match.term.notation


_find_costimulation = _make_finder(_read_costimulation, "construct.costimulation")
_find_switches = _make_finder(_read_switches, "construct.safety-switch")
_find_edits = _make_finder(_read_edits, "construct.edit")
_find_binder_types = _make_finder(_read_binder_types, "construct.binder-type")


RULES = (
    Rule("interventions.costimulation", find_costimulation),
    Rule("interventions.safety_switch", find_safety_switches),
    Rule("interventions.edits", find_edits),
)
