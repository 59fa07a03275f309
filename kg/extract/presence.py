"""Read what must be present or absent: infections, earlier treatments, pregnancy, consent, an antigen on the disease.

A name counts where its clause is about it: not in an exception ("other than …") or an aside ("at the time of consent").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.extract.eligibility import Wording
from kg.extract.thresholds import Threshold
from kg.lexicon import Match
from kg.model import Frozen

ANTIGEN = "antigen expression"
_INFECTION = "active infection"
_EXCEPTION = re.compile(
    r"\b(?:except|excluding|exclud(?:es|ed)"
    r"(?!\s?:|(?: from (?:the |this )?\w{4,13})? (?:if|when)\b)|other than|apart from|exception of|unless|but not"
    r"|not including|rather than|regardless of|irrespective of)\b"
)
_BRACKETED = re.compile(r"\([^()]{0,300}\)")
_OR_C = re.compile(
    r"\s{0,2}(?:\(?hbv\)?|virus|viral"
    r"|surface antigen)?\s{0,2}(?:\(hbv\))?\s{0,2}(?:infection)?\s{0,2}(?:or|and|/|,|and/or|&"
    r"|or/and)\s{0,2}(?:type )?c\b"
)
_NOT_PRESENT = re.compile(
    r"\W{0,3}(?:cells?|therapy|product)?\W{0,2}(?:infusion|manufactur|collection|production"
    r"|preparation|apheresis|transfusion|administration|prophyla"
    r"|prevent|vaccin|trial|study)"
)
_CONSIDERED = re.compile(
    r"\b(?:in|un)?eligible\b|candidates?\b|refus|\b(?:un|not )suitable|proceed|plan|schedul"
    r"|intend|await|option|identified|appropriate|\bfor\b.{0,20}$|declin"
)
_ASIDES = {
    "consent": re.compile(
        r"(?:\b(?:time|date|day|prior|before|after|since|from|at|upon|of|to|on) (?:of |to "
        r"|the |signing |signed |signature |giving |obtaining |informed |written |study "
        r"|main |subject |patient ){0,24}$)"
    ),
    "prior allogeneic transplant": _CONSIDERED,
    "prior autologous transplant": _CONSIDERED,
}
_VIRAL = re.compile(r"hepatitis|\bhbv|\bhcv|\bhiv|immunodeficiency|syphilis")
_POSITIVE = re.compile(
    r"\W{0,2}(?:antigens?|target|protein|tumou?r|surface|molecule|ligand"
    r"|receptor)?[\s)]{0,2}(?:(?:is|are|was|were)\s)?(?:\+|\(\+\)|-?\s?pos(?:itive|itivity)?\b"
    r"|(?:\w{1,60}\s){0,2}express|[- ]high)"
)
_POSITIVE_BEFORE = re.compile(
    r"(?:\bstaining(?: \w+){0,2} (?=of)|\bexpress(?:ion|es|ing|ed)?|\bpositiv(?:e|ity)"
    r"|over-?express\w*)\b(?:\s(?:of|for|the|target|antigens?|surface|markers?|tumor|expression|in|level|levels"
    r"|status|both|either|rate|)){0,5}\W{0,3}$"
)
_SHARE = re.compile(r"express|posit|stain|cells|\+|blasts|^\W{0,3}(?:by|in|on|of|is)?\W{0,3}$")
_OF_PART = re.compile(r"\bcohort|\bkilling|\blysis|transduc|\bcytotoxic")
"""Words before a share that is a part's, or the product's."""
_GRADED = re.compile(r"[^.;]{0,40}\b(?:is|are) (?:considered|defined|regarded|classified|partially|weakly)\b")
_NOT_EXPRESSED = re.compile(
    r"\b(?:negative|loss|lack|without|absence|no longer|not express|low or no|absent"
    r"|lost)\b|\bno\b"
)
_NOT_DISEASE = re.compile(
    r"\W{0,3}(?:t[- ](?:cells?|lymph)|nk\b|stem|progenitor|lymphocyt|hematopoietic|hsc"
    r"|cells? (?:count|per|collected|infus|dose|x)|cells?/|donor|counts?\b|selected|car)"
)
_ANTI = re.compile(r"\banti-?\s?$")
_ABSENT = re.compile(
    r"\b(?:(?<!or )without|(?<!or )w/o|absence of|lack(?:s|ing)?(?: of)?|(?:free|freedom|clear|devoid) (?:of|from)|off"
    r"|never|none of|neither|nor|zero|den(?:y|ies|ied|ying)|rul\w+ out|(?:sero-?)?negative|uninfected"
    r"|(?:un|not |n't )willing|refus\w*|unable|inability|incapable|disagree\w*|fail(?:s|ure|ed)? to|non-?(?=\S{0,12}$)"
    r"|(?:no|not|cannot|[a-z]{2,6}n't)(?! (?:be )?(?:more|less|greater|later|earlier|longer|fewer|sooner|only"
    r"|limited|recover|respon|respond|resol|achiev|eligible|suitable|amenable|candidate|due|related|attribut|controlled"
    r"|meet|permit|necessar|exceed|improv|sufficient|adequate|tolerat|effective|remission|available|standard|matched|donor"
    r"|benefit|alternative|limit|restriction|curative|need|of|other (?:curative|effective|standard|available))))"
    r"(?![a-z])"
)
_SCOPE_END = re.compile(
    r"\b(?:but|however|although|because|unless|if|since|after|(?<!the )following"
    r"|(?<!and )(?<!or )from|who|whose|prior to|before|positive"
    r"|respon[sd]\w*|relaps\w*|progress\w*|remission|recurrence|willing|agree\w*|able|must|should|may)\b"
    r"|,\s?(?:and )?(?:with|have|has|is|are|having)\b"
)
_CLOSE = 16
"""Most characters between two negations that undo each other ("without a negative test")."""
_NOTS = frozenset(("not", "never", "cannot"))
_UNDONE = frozenset(
    ("without", "w/o", "absence of", "lack of", "lacking", "free of", "free from", "clear of", "devoid of")
)
"""Negations that one right before them undoes ("not free of")."""
_NOT_BEFORE = re.compile(
    r"(?:\bnot|n't|\bwithout(?: an?)?|\b(?:absence|lack) of(?: an?)?)(?: (?:be|known to be|tested))? $"
)
"""Words before a name that undo what is negative right behind it ("not HIV negative")."""
_RIGHT_BEHIND = re.compile(r"\W{0,2}(?:(?:antibod\w{1,4}|infection|status|tests?)\W{1,2})?(?:sero-?)?negative")
_BARRING = re.compile(r"\bexclude\b|\bexcluded(?:\s?:|(?: from (?:the |this )?\w{4,13})? (?:if|when)\b)")
"""Words among the inclusions before a name that bar who has it."""
_ABOVE = 400
"""Most characters of an item that are looked at for what announces a list within it."""
_WILL = frozenset(("contraception", "consent"))
"""What people do and do not have: it is negated only by what they do not do."""
_NOT_DONE = re.compile(
    r"\b(?:(?:un|not |n't |nor )willing\w*|refus\w*|unable|inability|incapable|not able|disagree\w*|fail\w* to"
    r"|cannot|can't|without|lack(?:s|ing)?(?: of)?|absence of|no(?= (?:\w+ ){0,3}\W?$)"
    r"|declin\w*|decided not|unlikely to"
    r"|(?:not|n't)(?! (?:of|surgical|steril|post|yet|limited|necessar|only|pregnan"
    r"|lactat|breast|nurs|required|needed|have|be pregnan)))"
    r"(?: (?!and |or (?:who|to be )|but |if )[^\s,;(]{1,20}){0,9}"
    r"(?:,? or [^\s,;(]{1,20}(?: [^\s,;(]{1,20}){0,6})?[\s(]{0,2}$"
)
_NOT_GIVEN = re.compile(
    r"[^.;,]{0,25}\b(?:can ?not|could not|is not|not (?:be )?obtained|refused|not given|not signed|withdrawn)\b"
)
_NEGATIVE = re.compile(
    r"\W{0,3}\(-\)|\W{0,3}:\s?no(?:ne)?\s?[.;]?$|\W{0,2}uninfected\b"
    r"|(?:(?!positiv|, (?:and|or|but|who|with)\b|\bif\b|\bunless\b)[^.;]){0,90}?(?<!or )(?<!not )(?<!not be )"
    r"\b(?:(?:sero-?)?negative|absent|undetectable(?! (?:viral|hiv|plasma|load|levels? of))"
    r"|not detect\w*|ruled out|below the (?:detection|lower))"
)
_BARRED = re.compile(
    r"(?:(?!positiv|\bif\b)[^.;]){0,60}?\b(?:(?:is|are|be|been|will|must|should) (?:be )?(?:excluded|ineligible"
    r"|prohibited|an? exclusion|exclusionary"
    r"|not (?:be )?(?:allowed|permitted|eligible|acceptable|present|enrolled|included))"
    r"|not (?:allowed|permitted)\b|ineligible\b)"
)
_NONE_OF = re.compile(
    r"\b(?:none of|no|not have|without|absence of|free (?:of|from)|must not|do(?:es)? not|negative)\b[^.;]{0,80}"
    r"\b(?:following|these|below|conditions?|any of|history|diseases?|infections?|evidence)\b[^.;]{0,60}:\s{0,3}$"
)
_NEGATIVE_AFTER = re.compile(r"\W{0,3}(?:\w{1,20}\W){0,3}negative")


class Found(Frozen, frozen=True):
    """A criterion before it is given its list and quote.

    :ivar is_conditional: True for a limit that holds only for some ("with liver metastases").
    """

    start: int
    end: int
    measure: str
    rule: str
    op: str | None = None
    value: float | tuple[float, float] | None = None
    unit: str | None = None
    antigen: str | None = None
    basis: str = "stated"
    is_conditional: bool = False
    is_negated: bool = False


def read_presence(words: Wording, matches: list[Match]) -> Iterator[Found]:
    """Things that are present or absent, where the clause is about them; an item's first word on each is taken."""
    told: set[str] = set()
    for match in matches:
        measure = match.term.notation
        if measure in told:
            continue
        start, end = words.bound_clause(match.start, match.end)
        lead = words.flat[start : match.start]
        aside = _ASIDES.get(measure)
        if _EXCEPTION.search(_BRACKETED.sub("", lead)) or (aside and aside.search(lead[-70:])):
            continue
        if match.is_contextual and not _is_qualified(lead, match):
            continue
        if measure == _INFECTION and _VIRAL.search(words.flat, match.end, match.end + 25):
            continue
        if (match.is_contextual or measure == "graft-versus-host disease") and _NOT_PRESENT.match(
            words.flat, match.end
        ):
            continue
        told.add(measure)
        is_negated = _is_negated(words, match, start)
        yield Found(start, end, measure, "criterion.presence", is_negated=is_negated)
        if measure == "hepatitis B" and "hepatitis C" not in told and _OR_C.match(words.flat, match.end):
            told.add("hepatitis C")
            yield Found(start, end, "hepatitis C", "criterion.presence", is_negated=is_negated)


def _is_negated(words: Wording, match: Match, start: int) -> bool:
    """Whether the clause from ``start`` asks for the absence of what it names; "without a negative test" does not."""
    lead = _BRACKETED.sub("", words.flat[start : match.start])
    if match.term.notation in _WILL:
        return bool(_NOT_DONE.search(lead[-160:]) or _NOT_GIVEN.match(words.flat, match.end))
    if _NEGATIVE.match(words.flat, match.end):
        return not (_NOT_BEFORE.search(lead) and _RIGHT_BEHIND.match(words.flat, match.end))
    found = [one for one in _ABSENT.finditer(lead) if not _SCOPE_END.search(lead, one.end())]
    if not found:
        return words.list == "inclusion" and _is_barred(words, match, start)
    return len(found) == 1 or not _is_undone(found[-2], found[-1])


def _is_barred(words: Wording, match: Match, start: int) -> bool:
    """Whether an item among the inclusions bars who has what it names, or stands under "none of the following:"."""
    return bool(
        _BARRED.match(words.flat, match.end)
        or _BARRING.search(words.flat, start, match.start)
        or _NONE_OF.search(words.within)
        or _NONE_OF.search(_read_announcement(words.flat, start))
    )


def _read_announcement(flat: str, start: int) -> str:
    """The words of an item up to the last colon before a clause."""
    low = max(0, start - _ABOVE)
    return flat[low : flat.rfind(":", low, start) + 1]


def _is_undone(first: re.Match[str], second: re.Match[str]) -> bool:
    """Whether a negation undoes the next ("without a negative test", "not free of")."""
    gap = second.start() - first.end()
    if second[0].endswith("negative"):
        return gap <= _CLOSE
    return second[0] in _UNDONE and first[0] in _NOTS and gap <= len(" be ")


def _is_qualified(lead: str, match: Match) -> bool:
    """Whether a qualifier of the term stands shortly before ("active … infection", "prior … CAR-T")."""
    near = lead[-60:]
    qualifiers = "|".join(map(re.escape, match.term.extra.get("qualifier", ())))
    return bool(re.search(rf"\b(?:{qualifiers})\b(?!\s+to\b)", near)) and not (
        match.term.notation == _INFECTION and _VIRAL.search(near)
    )


def read_antigens(
    words: Wording, matches: list[Match], thresholds: list[Threshold], presence: list[Match]
) -> tuple[list[Found], set[int]]:
    """Antigens that the disease must (or must not) express, and the starts of the numbers that say how much."""
    viruses = {at for match in presence for at in range(match.start, match.end)}
    shares = [one for one in thresholds if one.unit == "%" and one.op]
    found: list[Found] = []
    taken: set[int] = set()
    after: Match | None = None  # the next antigen, where it is expressed: in "A, B and C positive" all are
    for match in reversed([match for match in matches if match.start not in viruses]):
        is_chained = after is not None and words.is_joined(match.end, after.start)
        after = match if is_chained or _is_expressed(words, match) else None
        if after is None:
            continue
        share = next((one for one in shares if _is_share(words, match, one)), None)
        if share is None:
            start, end = words.bound_clause(match.start, match.end)
            found.append(Found(start, end, ANTIGEN, "criterion.antigen", antigen=match.term.notation))
            continue
        taken.add(share.start)
        first, last = min(match.start, share.start), max(match.end, share.end)
        if not (_OF_PART.search(words.read_lead(first, 90)) or _GRADED.match(words.flat, last)):
            found.append(
                Found(first, last, ANTIGEN, "criterion.antigen", share.op, share.value, "%", match.term.notation)
            )
    return found, taken


def _is_share(words: Wording, match: Match, share: Threshold) -> bool:
    """Whether a percentage says how many cells carry the antigen."""
    if words.is_cut(min(share.start, match.start), max(share.start, match.start)):
        return False
    is_after = share.start >= match.end
    between = words.flat[match.end : share.start] if is_after else words.flat[share.end : match.start]
    if len(between) > (120 if is_after else 60) or (not is_after and ")" in between):
        return False
    return bool(_SHARE.search(between)) and "marrow blast" not in between


def _is_expressed(words: Wording, match: Match) -> bool:
    """Whether the words say that the disease carries the antigen."""
    lead = words.read_lead(match.start, 60)
    after = _POSITIVE.match(words.flat, match.end)
    if not after and not _POSITIVE_BEFORE.search(lead):
        return False
    tail = after.end() if after else match.end
    return not (
        _NOT_DISEASE.match(words.flat, tail)
        or _NOT_EXPRESSED.search(lead[-25:])
        or _ANTI.search(lead)
        or _NEGATIVE_AFTER.match(words.flat, tail)
    )
