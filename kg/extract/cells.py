"""Modality: what kind of engineered cells a text says are given, and not what patients had elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg.extract.memories import remember
from kg.lexicon import Match, open_lexicon
from kg.model import Fact, Passage
from kg.vocabularies import load_vocabularies

ENGINEERED = frozenset({"CAR-T", "CAR-NK", "CAR-NKT", "CAR-gdT", "CAR-Treg", "CAR-M", "CAAR-T", "TCR-T", "in-vivo CAR"})
"""Modalities with an engineered receptor."""
_RECEPTOR = re.compile(
    r"\bCARs?\b|\bCAR[-.\d]|[Cc]himeric [Aa]ntigen [Rr]eceptors?\b|\bCART\b|\bSCAR\b|\bcCAR\b|"
    r"CHIMERIC ANTIGEN RECEPTOR|\b[a-z]{1,6}CART?\b|[Cc]himeric (?:T[- ][Cc]ell |[Ii]mmune )?[Rr]eceptor|"
    r"\bCIR\b|\b(?:Tri|Bi|Dual)CAR\b|\dCAR[- ]|\d[sS]CAR|-CAR\b|\bCARvac\b"
)
_RECEPTOR_MARKS = ("CAR", "himeric", "HIMERIC", "CIR")
"""What every name of a receptor holds: most texts are passed over by these alone."""
_RECEPTOR_CELLS = (
    (re.compile(r"\bi?NK[- ]?T\b(?:[- ]?[Cc]ells?)?|(?i:natural killer T)"), "CAR-NKT"),
    (re.compile(r"γδ ?-?T|\b[Gg]amma[- /][Dd]elta"), "CAR-gdT"),
    (re.compile(r"\bNK\b|\bNK-92|(?i:natural killer)"), "CAR-NK"),
    (re.compile(r"\bTregs?\b|[Rr]egulatory T"), "CAR-Treg"),
    (re.compile(r"[Mm]acrophages?|[Mm]onocytes?"), "CAR-M"),
    (
        re.compile(
            r"\bT\b(?:[- ]?([Cc]ells?|[Ll]ymphocytes?))?|[Ll]ymphocytes?|\b(?:EB)?VSTs?\b|\bCTLs?\b|\bPBLs?\b|"
            r"\bCART|[a-z]CART\b|SCAR"
        ),
        "CAR-T",
    ),
)
_SUPPORTIVE = re.compile(
    r"(?:\bafter|\bfollowing|\bpost[- ]?|\bprior to|\bbefore|\brecipients? of|\breceiv(?:ing|ed|e)|"
    r"\bundergo(?:ing)?|\btreated with|\b(?:on|under|during|prior|previous) treatment with|"
    r"\btoxicit\w{1,4} (?:of|from|after)|\bassociated with|\brelated to|\bdue to|\binduced by|\bcandidates? for|"
    r"\bbridging to|\bwho have had|"
    r"\bcompared (?:to|with)|\bduring|\boutcomes? of|\bversus|\brefractory to|\bfailure of|\bprevious|"
    r"\bpatients? (?:on|with)|\bcaused by|\bfailing|\bcaregivers of)"
    r"\s?(?:[\w/()+-]{1,20}[ -]){0,5}$",
    re.IGNORECASE,
)
_SUPPORTIVE_AFTER = re.compile(
    r"s?[ -]?(?:cells?|therapy|cell therapy|treatment|infusion|immunotherapy|-cell)?[ -]?(?:therapy|treatment)?[ -]?"
    r"(?:eligible|ineligible|candidates|monitoring|na[iï]ve|exposed|experienced|failure|recipients|associated|related|induced|patients|survivors|toxicit|neurotox|CRS|mediated)",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(r"\b(?:long[- ]?term|follow(?:ed|ing)?[- ]?up|LTFU)\b", re.IGNORECASE)


def is_follow_up(title: str) -> bool:
    """Whether a study follows people after a treatment.

    >>> is_follow_up("Long-term Follow-up of Subjects Treated With CAR-T")
    True
    """
    return bool(_FOLLOW_UP.search(title))


def find_modalities(passages: Sequence[Passage]) -> list[tuple[Match, Passage]]:
    """Places where a modality of living cells is named as what the trial gives, in reading order."""
    return [(match, passage) for passage in passages for match, is_given in _judge_modalities(passage) if is_given]


@remember
def _judge_modalities(passage: Passage) -> Iterator[tuple[Match, bool]]:
    """Modalities of living cells in a passage, and whether each is what is given; an abbreviation in parentheses
    follows the words before it."""
    text = passage.text
    before: Match | None = None
    is_given = True
    for match in open_lexicon("modality").find(text):
        if "impliedCellType" in match.term.extra:
            is_abbreviation = (
                before is not None and "(" in text[before.end : match.start] and match.start - before.end < 9
            )
            is_given = is_given if is_abbreviation else not is_supportive(text, match.start, match.end)
            yield match, is_given
            before = match


def has_supportive_modality(passages: Sequence[Passage]) -> bool:
    """Whether a modality is named, and each time as somebody's other treatment."""
    if any(is_follow_up(passage.text) for passage in passages):
        return False
    judged = [is_given for passage in passages for _, is_given in _judge_modalities(passage)]
    return bool(judged) and not any(judged)


def find_receptor_modality(passages: Sequence[Passage]) -> Fact | None:
    """A modality from a receptor and a kind of cell that stand apart in one line: "GD2 specific CAR expressing NKT
    cells".

    >>> fact = find_receptor_modality([Passage("title", "text", 0, "CAR-BCMA T in Myeloma")])
    >>> fact.value, fact.quote.text
    ('CAR-T', 'CAR-BCMA T')
    """
    return next((fact for passage in passages for fact in _read_receptor(passage)), None)


@remember
def _read_receptor(passage: Passage) -> Iterator[Fact]:
    """The modality of a passage's first receptor, if a kind of cell stands beside it."""
    is_likely = any(mark in passage.text for mark in _RECEPTOR_MARKS)
    receptor = _RECEPTOR.search(passage.text) if is_likely else None
    if receptor is None or _is_homograph(passage.text, receptor):
        return
    low, high = max(0, receptor.start() - 80), receptor.end() + 80
    for pattern, notation in _RECEPTOR_CELLS:
        cells = pattern.search(passage.text, low, high)
        start, end = (min(receptor.start(), cells.start()), max(receptor.end(), cells.end())) if cells else (0, 0)
        if cells and not is_supportive(passage.text, start, end):
            yield Fact(notation, passage.quote(start, end), "modality.receptor-and-cells")
            return


def _is_homograph(text: str, receptor: re.Match[str]) -> bool:
    """Whether "CAR" abbreviates other words: "cortisol awakening response (CAR)".

    >>> text = "Cortisol awakening response (CAR) and NK cells"
    >>> find_receptor_modality([Passage("title", "text", 0, text)]) is None
    True
    """
    before = text[max(0, receptor.start() - 50) : receptor.start()]
    return before.endswith("(") and "eceptor" not in before


def is_supportive(text: str, start: int, end: int) -> bool:
    """Whether cells are named as somebody's other treatment: "infections after CAR-T".

    >>> is_supportive("Tocilizumab after CAR-T", 18, 23), is_supportive("CD7 CAR-T for T-ALL", 4, 9)
    (True, False)
    """
    return bool(_SUPPORTIVE.search(text[max(0, start - 60) : start]) or _SUPPORTIVE_AFTER.match(text, end))


def choose_modality(found: Sequence[tuple[Match, Passage]]) -> Fact | None:
    """The modality of the first place; one that is more special and stands elsewhere beside it is named by itself."""
    if not found:
        return None
    match, passage = found[0]
    return Fact(match.term.notation, passage.quote(match.start, match.end), "modality.named")


def find_modality(passages: Sequence[Passage]) -> Fact | None:
    """The modality that is named, else one of a receptor and a kind of cell."""
    return choose_modality(find_modalities(passages)) or find_receptor_modality(passages)


def infer_cell_type(modality: Fact) -> Fact | None:
    """The kind of cell that the modality's name implies."""
    vocabularies = load_vocabularies()
    term = vocabularies.find("modality", str(modality.value))
    implied = term.extra.get("impliedCellType") if term else None
    if not implied:
        return None
    return Fact(vocabularies.refer(implied[0]).notation, modality.quote, "cell-type.of-modality", modality.basis)
