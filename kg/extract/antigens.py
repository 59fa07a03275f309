"""Antigen mentions and their role: what a product binds, and what only stands near it.

Every mention is judged by the words beside it, and lists share one judgement ("anti-CD19 and CD22"). The roles are
those of
``terms.tsv``; only ``target`` makes a binding. Patterns look at a bounded window, so reading is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from kg.extract.quotes import quote_around
from kg.lexicon import Match, fold_width, open_lexicon
from kg.model import Mention, Passage
from kg.vocabularies import load_vocabularies

_WINDOW = 70
_SIGNALS = frozenset(
    {"CD28", "TNFRSF9", "CD247", "CD3E", "CD3", "ICOS", "TNFRSF4", "CD27", "CD8A", "CD8", "CD244", "CD40"}
)
"""Parts of constructs and reagents: a target only where a binder word names them as one."""

_LIST_GAP = re.compile(
    r"(?:\.|\s?(?:/|,|&|\+|;|\||×|-|–)\s?|,?\s(?:and/or|and|or|plus|x|with)\s)(?:anti[- ])?", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.;:!?](?=\s)|\n")

_TARGET_BEFORE = re.compile(
    r"(?:\banti[- ]?|\ba-|α-?|\b(?:targeting|targets?|targeted (?:to|at|against)|against|directed (?:against|to|"
    r"at|towards?)|"
    r"specific (?:for|to|against)|specifically (?:recogni[sz]e|bind|target)s?|recogni[sz](?:ing|es?)|"
    r"binds?(?: to)?|binding(?: to)?|"
    r"redirected (?:to|against|towards?)|reactive (?:to|with)|directs? .{1,20} to|bispecific|dual[- ]target(?:ing|"
    r"ed)?|armed with|"
    r"chimeric antigen receptors? (?:\(CAR\) )?(?:for|to|of)|"
    r"CAR (?:for|to)|\bTCR(?:-?T)?(?: cells?)? for(?: mutant| mutated)?|aimed at|"
    r"(?:\w{0,5}CAR(?:-?T)?|CART|TCR(?:-?T)?)(?: cells?)?)[ -]?(?:the |human |tumou?r |both |antigens? |surface |"
    r"target |epitopes? of |protein |either )*|\b(?:4S|S)?CAR|\bCART|\bhu)[- (\[]*$",
    re.IGNORECASE,
)
_TARGET_AFTER = re.compile(
    r"[)\]]?\s?[- .]?\s?(?:\d{1,2}[a-z]?\b[- ])?(?:(?:bi-?specific|dual|tandem|single|universal|allogen(?:e?ic)|"
    r"autologous|humani[sz]ed|"
    r"fully human|armou?red|fast|novel|targeted|compound|gene|logic[- ]gated|specific|based|directed|targeting|"
    r"T cells? with|"
    r"third generation|second generation|fourth generation|4th generation|modified|engineered|expressing|nanobody|"
    r"VHH|scFv|"
    r"antigen|receptor|adapt[eo]r|TCR)[- ]){0,3}"
    r"(?:CAR\b|CARs\b|CAR-|CART|CAAR|chimeric|UCAR|U-CAR|cCAR|tanCAR|iCAR|bCAR|BiCAR|gdCAR|STAR|TCR|TRuC|targeted|-?targeting|directed|"
    r"-?specific|redirected|reactive|[-/]?CAR|"
    r"CER\b|CER-T|-binding|binding (?:CAR|T|cells|chimeric|universal)|"
    r"bi-?specific(?= (?:CAR|T\b|chimeric|NK|UCAR))|dual|loaded|universal T|T[- ]?cells?\b|NK\b|γδ|engineered T|"
    r"gene[- ]modified T|transduced T|"
    r"modified T|receptor T)",
    re.IGNORECASE,
)
_COMBINATION_AFTER = re.compile(
    r"[)\]]?[- ]?(?:(?:targeted|directed|targeting|monoclonal|blocking|checkpoint|immune checkpoint|antagonist|"
    r"humani[sz]ed)[- ])?"
    r"(?:antibod|mAbs?\b|bi-?specific\b(?! (?:CAR|T\b|chimeric|NK|UCAR))|monoclonal|inhibitor|blockade|ADC\b|"
    r"bispecific antibod|immunotoxin|"
    r"checkpoint|antagonist|agonist|BiTE|TCE\b|x ?CD3)",
    re.IGNORECASE,
)
_COMBINATION_BEFORE = re.compile(
    r"(?:\b\w{3,20}(?:mab|nib|tug|tamig|fusp)\s?\((?:an? )?(?:anti[- ]?)?|"
    r"\b(?:conjugate|antibod\w{1,3}|bi-?specific|inhibitor|immunotoxin|ADC|mAb)s?,? (?:against|to|of|for|"
    r"that targets|targeting|"
    r"directed (?:at|against)) (?:the )?)$",
    re.IGNORECASE,
)
_BINDER_AFTER = re.compile(
    r"[)\]]?[- .]?(?:(?:based|derived|receptor|ligand)[- ])?(?:CAR|[Cc]himeric|UCAR|T[- ]?cells?\b|NK\b)"
)
_OWN_BINDER = re.compile(r"specific|zetakine|targeted|-TCR|anti-", re.IGNORECASE)
"""A form that holds its own binder word ("CMV-specific T cells")."""
_CODE_HEAD = re.compile(r"(?<![A-Za-z])(?!anti|CAR|TCR|[A-Za-z]{0,5}CAR-?T)[A-Za-z]{2,}-$", re.IGNORECASE)
"""A product code before a name that needs context: "CM-CS1" names no CS1."""
_SELECTED_AFTER = re.compile(
    r"(?:[- ]?(?:positive|\+))?(?: (?:stem|progenitor))?(?: cells?)?(?: (?:are|is|were|was))?[- ]"
    r"(?:selected|selection|enriche?d|enrichment|depleted|depletion)",
    re.IGNORECASE,
)
_POSITIVE_AFTER = re.compile(
    r"[)\]]?\s?(?:\(?\+\)?|[- ]?(?:positive|pos\b|expressing|expression|bearing|overexpress|high\b|"
    r"mutat|mutant|ITD|amplif|rearrang|status|level|antigen expression))",
    re.IGNORECASE,
)
_NEGATIVE_AFTER = re.compile(
    r"[)\]]?\s?(?:[- ]?(?:negative|neg\b|loss|low\b|null\b|dim\b|escape)|-(?=[\s,.;)])|\(-\))", re.IGNORECASE
)
_NEGATIVE_BEFORE = re.compile(
    r"\b(?:non-|lost|loss of|lack(?:s|ing|ed)?(?: of)?|absence of|without|no)\s?(?:expression of )?$", re.IGNORECASE
)
_REAGENT = re.compile(
    r"bead|co-?stimulation signal|magnetic|dynabead|OKT3|leukapheresis product|cell selection|selected|selection|"
    r"enrich|depleti|deplete|clinimacs|stimulated (?:with|by|through|via)|activated (?:with|by|using)|response to",
    re.IGNORECASE,
)
_EDIT_AFTER = re.compile(
    r"[)\]]?[- ]?(?:gene[- ])?(?:locus|knock|KO\b|disrupt|delet|edited|deficien|ablat|gene edit|(?:-/-)|"
    r"inactivat|-null\b|CRISPR)|[)\]]? (?:gene )?(?:is|was|are|were|has been|have been) (?:knocked|disrupt|delet|"
    r"edited|removed|ablat|"
    r"inactivat|eliminat)",
    re.IGNORECASE,
)
_EDIT_BEFORE = re.compile(
    r"(?:knock(?:ed|ing)?[- ]?(?:out|down)|disrupt\w{0,4}|delet\w{0,4}|edit\w{0,4}|ablat\w{0,4}|inactivat\w{0,4}|"
    r"deficient in|removal|eliminat\w{0,4})(?: (?:of|the|endogenous|gene|genes|both|for|in)){0,3}[ -]$",
    re.IGNORECASE,
)
_PRIOR_BEFORE = re.compile(
    r"(?:\bprior|\bprevious(?:ly)?|\brelapse[sd]?\s(?:\w{1,12}\s){0,3}(?:after|from|post|following)|\bfail(?:ed|ure|ing)?|"
    r"\brefractory to|\bresistant to|\bhistory of|\bprogress(?:ed|ion) (?:after|on|following)|\balready received|"
    r"\bwho received|"
    r"\b(?:have|has|had|having)(?: \w{1,12})? received|\bexposed to|\bexposure to|\bsalvage after|"
    r"\btreated (?:with|by)|\bpost[- ])"
    r"[^.;]{0,45}$",
    re.IGNORECASE,
)
_TREATED_NOW = re.compile(
    r"\b(?:receives?|receiving|will be given|are given|(?:will be|are|is|to be|being|be) treated (?:with|"
    r"by))\b[^.;]{0,45}$",
    re.IGNORECASE,
)
"""The trial's own treatment: "will receive", against "have received"."""
_SECRETED_BEFORE = re.compile(
    r"(?:dominant[- ]negative|secret\w{1,5}|releas\w{1,4}|self-express\w{1,4}|autocrine|armou?red with|"
    r"co-?express\w{1,4}|"
    r"express\w{1,4})[^.;,]{0,25}$",
    re.IGNORECASE,
)
_SECRETED_AFTER = re.compile(
    r"[- ]?(?:antibod|scFv|nanobod|blocking|fusion|/CD28|dominant|switch|secret)", re.IGNORECASE
)
_EXPRESSED_BY = re.compile(
    r"[)\]]?[- ]?(?:antibod\w{1,4}|scFv|nanobod\w{1,4})?[- ]?(?:self-?)?(?:expressing|secreting|"
    r"releasing)\s(?:\S{1,14}\s){0,2}\S{0,14}(?:CAR|[Cc]himeric)\b"
)
_COSTIM_NEAR = re.compile(
    r"co-?stimulat|signal+ing|endodomain|intracellular|transmembrane|zeta|ζ|domain|second[- ]generation|"
    r"third[- ]generation|hinge",
    re.IGNORECASE,
)
_SHORT_LIST = re.compile(
    r"(?<![A-Za-z])CD ?(\d{1,3}[a-z]?)((?:\s?[/&+,-]\s?(?:CD)?\d{1,3}[a-z]?){1,6})(?![A-Za-z\d.])", re.IGNORECASE
)
_CROSS = re.compile(r"(?<![A-Za-z])(CD\d{1,3}[a-z]?)x(?:CD)?(\d{1,3}[a-z]?)(?![A-Za-z\d])", re.IGNORECASE)
_CODE = re.compile(
    r"(?<![A-Za-z])(?:U?CAR-?T?|[45]?SCAR|[hH][uU]?CART|fh?CAR|CTL)[- .]?(\d{2,3}[ab]?)(?![\d%.]|[A-Za-z]{2}|"
    r" ?(?:days?|months?|years?|weeks?))"
)
_CODE_LIST = re.compile(r"(?<![A-Za-z])[45]?SCAR[- ]?((?:[A-Za-z\d]{2,6}[/,]){1,10}[A-Za-z\d]{2,6})")
_CHAIN = re.compile(r"(?<![A-Za-z\d.])(\d{2,3})(?:-\d{2,3})?[.-]?(?:28|BB)[.-]?(?:z|ζ|zeta)", re.IGNORECASE)


class Place(msgspec.Struct, frozen=True):
    """A name of an antigen in a passage, before it is judged.

    :ivar is_contextual: The form means the antigen only beside a binder word.
    :ivar is_code: A construct's code implies the antigen ("CART-19").
    :ivar is_switch: The name is part of a marker or safety switch ("truncated EGFR").
    """

    start: int
    end: int
    antigen: str
    is_contextual: bool = False
    is_code: bool = False
    is_switch: bool = False


def find_mentions(passages: Sequence[Passage]) -> tuple[Mention, ...]:
    """All antigen mentions of the passages, judged, in text order.

    >>> title = Passage("title", "text", 0, "CD7 CAR-T after CD19-negative relapse")
    >>> [(mention.antigen, mention.role) for mention in find_mentions([title])]
    [('CD7', 'target'), ('CD19', 'negated')]
    """
    return tuple(mention for passage in passages for mention in _judge_passage(passage))


def find_places(text: str) -> tuple[Place, ...]:
    """Names of antigens in a text, with abbreviated lists and codes written out.

    >>> [place.antigen for place in find_places("CD19/20/22 CAR-T")]
    ['CD19', 'MS4A1', 'CD22']
    >>> [place.antigen for place in find_places("CART-19 and 4SCAR20/22/PSMA")]
    ['CD19', 'MS4A1', 'CD22', 'FOLH1']
    """
    folded = fold_width(text)
    found = _Spans()
    for match in open_lexicon("antigen").find(text):
        found.add(_place(match))
    for place in (*_expand_crosses(folded), *_expand_lists(folded), *_expand_codes(folded)):
        found.add(place)
    switches, binders = _Spans(), _Spans()
    for match in open_lexicon("safety-switch").find(text):
        switches.add(_place(match))
    for match in open_lexicon("ligand").find(text):
        if not match.is_contextual:
            binders.add(_place(match))
    return tuple(
        msgspec.structs.replace(place, is_switch=True) if switches.overlaps(place) else place
        for place in found.places
        if not _is_binder(folded, place, binders)
    )


class _Spans:
    """Places in text order that do not overlap: the first to come stays."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._starts: list[int] = []

    def find(self, place: Place) -> Place | None:
        """A held place that overlaps this one."""
        at = bisect_right(self._starts, place.start)
        near = (*self.places[max(0, at - 1) : at], *self.places[at : at + 1])
        return next((other for other in near if other.start < place.end and place.start < other.end), None)

    def overlaps(self, place: Place) -> bool:
        """Whether a held place overlaps this one."""
        return self.find(place) is not None

    def add(self, place: Place) -> None:
        """Hold the place unless another is there."""
        if not self.overlaps(place):
            at = bisect_right(self._starts, place.start)
            self._starts.insert(at, place.start)
            self.places.insert(at, place)


def _is_binder(text: str, place: Place, binders: _Spans) -> bool:
    """Whether the name is that of a natural binder, which binds another antigen ("APRIL CAR-T" binds BCMA)."""
    other = binders.find(place)
    if other is None or not _BINDER_AFTER.match(text, place.end):
        return False
    vocabularies = load_vocabularies()
    bound = vocabularies.scheme("ligand")[other.antigen].extra.get("bindsAntigen", ())
    return place.antigen not in {vocabularies.refer(iri).notation for iri in bound}


def _place(match: Match) -> Place:
    return Place(match.start, match.end, match.term.notation, match.is_contextual)


def _lookup(name: str) -> str | None:
    """Antigen that a bare code names: "19" is CD19."""
    for form in (f"CD{name}",) if name[:1].isdigit() else (name,):
        matches = open_lexicon("antigen").find(form)
        if len(matches) == 1 and matches[0].end - matches[0].start == len(form):
            return matches[0].term.notation
    return None


def _expand_crosses(text: str) -> Iterator[Place]:
    """ "CD19xCD20" names both."""
    for found in _CROSS.finditer(text):
        for group in (1, 2):
            antigen = _lookup(found[group])
            if antigen:
                yield Place(found.start(group), found.end(group), antigen)


def _expand_lists(text: str) -> Iterator[Place]:
    for found in _SHORT_LIST.finditer(text):
        for number in re.finditer(r"\d{1,3}[a-z]?", found[2], re.IGNORECASE):
            antigen = _lookup(number[0])
            if antigen:
                start = found.start(2) + number.start()
                yield Place(start, start + len(number[0]), antigen)


def _expand_codes(text: str) -> Iterator[Place]:
    for found in _CODE_LIST.finditer(text):
        for name in re.finditer(r"[A-Za-z\d]{2,6}", found[1]):
            antigen = _lookup(name[0])
            if antigen:
                start = found.start(1) + name.start()
                yield Place(start, start + len(name[0]), antigen, is_code=True)
    for pattern in (_CODE, _CHAIN):
        for found in pattern.finditer(text):
            antigen = _lookup(found[1])
            if antigen:
                yield Place(found.start(1), found.end(1), antigen, is_code=True)


def _judge_passage(passage: Passage) -> Iterator[Mention]:
    text = fold_width(passage.text)
    places = find_places(passage.text)
    for group in _group_lists(text, places):
        roles = [_judge_place(text, place, passage.part) for place in group]
        shared = _share_role(roles)
        for place, (role, rule) in zip(group, shared, strict=True):
            if role is None or (place.is_contextual and role != "target"):
                continue
            quote = quote_around(passage, min(group[0].start, place.start), max(group[-1].end, place.end))
            yield Mention(
                place.antigen, passage.text[place.start : place.end], role, quote, rule, passage.part, passage.ref
            )


def _group_lists(text: str, places: tuple[Place, ...]) -> Iterator[tuple[Place, ...]]:
    """Neighbours with nothing but a list's connective between them."""
    group: list[Place] = []
    for place in places:
        if group and not (
            place.start >= group[-1].end
            and _LIST_GAP.fullmatch(text, group[-1].end, place.start)
            and place.start - group[-1].end < 14
        ):
            yield tuple(group)
            group = []
        group.append(place)
    if group:
        yield tuple(group)


def _share_role(roles: list[tuple[str | None, str]]) -> list[tuple[str | None, str]]:
    """In a list, one clear target makes targets of the members that say nothing themselves; other roles spread
    likewise."""
    for wanted in (
        "reagent",
        "prior therapy",
        "edited gene",
        "secreted payload",
        "combination drug target",
        "target",
        "negated",
        "eligibility marker",
    ):
        named = next(((role, rule) for role, rule in roles if role == wanted), None)
        if named:
            return [named if role is None else (role, rule) for role, rule in roles]
    return [("biomarker" if role is None else role, rule) for role, rule in roles]


def _judge_place(text: str, place: Place, part: str) -> tuple[str | None, str]:
    """Role of one name by the words beside it, and the rule that says so; None where they say nothing."""
    start = _sentence_start(text, place.start)
    before, after = text[max(start, place.start - _WINDOW) : place.start], text[place.end : place.end + _WINDOW]
    if place.is_switch:
        return "marker or safety switch", "antigen.marker"
    if place.is_contextual and _CODE_HEAD.search(before):
        return None, "antigen.bare"
    if place.antigen in _SIGNALS:
        return _judge_signal(before, after, part)
    is_bound = bool(
        place.is_code
        or _TARGET_BEFORE.search(before)
        or _TARGET_AFTER.match(after)
        or _OWN_BINDER.search(text, place.start, place.end)
    )
    return (
        _judge_absence(before, after)
        or _judge_history(before, part, is_bound=is_bound)
        or _judge_company(before, after)
        or _judge_binding(before, after, place, is_bound=is_bound)
    )


_Role = tuple[str | None, str]


def _judge_signal(before: str, after: str, part: str) -> _Role:
    """Antigens that are parts of constructs and reagents: targets only where a binder word says so of them."""
    if _REAGENT.search(before[-40:] + after[:40]):
        return "reagent", "antigen.reagent"
    is_named = bool(
        re.search(r"(?:\banti|\btarget\w{0,4}|\bagainst)[- ]?$", before, re.IGNORECASE)
        or re.match(r"[- ]?(?:targeted|binding|directed|specific)\b", after, re.IGNORECASE)
    )
    if is_named or (
        re.match(r"[- ]?CAR\b", after)
        and part in ("title", "official title", "intervention")
        and not _COSTIM_NEAR.search(after[:40])
    ):
        return "target", "antigen.beside-binder-word"
    if part == "eligibility":
        return "eligibility marker", "antigen.eligibility"
    if _COSTIM_NEAR.search(before[-40:] + after[:40]) or re.search(r"CAR|[Cc]himeric", before[-30:] + after[:30]):
        return "co-stimulation", "antigen.signal"
    return None, "antigen.bare"


def _judge_absence(before: str, after: str) -> _Role | None:
    """Genes that are edited away, antigens that are absent, cells that are sorted out."""
    if _EDIT_AFTER.match(after) or _EDIT_BEFORE.search(before):
        return "edited gene", "antigen.edited"
    if _NEGATIVE_AFTER.match(after) or _NEGATIVE_BEFORE.search(before):
        return "negated", "antigen.negated"
    if _SELECTED_AFTER.match(after):
        return "reagent", "antigen.selected"
    return None


def _judge_history(before: str, part: str, *, is_bound: bool) -> _Role | None:
    """What describes patients: their eligibility, and what they had before."""
    is_prior = bool(_PRIOR_BEFORE.search(before)) and not _TREATED_NOW.search(before)
    if part == "eligibility":
        return (
            ("prior therapy", "antigen.prior-therapy")
            if is_prior and is_bound
            else ("eligibility marker", "antigen.eligibility")
        )
    if is_prior and part not in ("intervention", "other name", "arm"):
        return "prior therapy", "antigen.prior-therapy"
    return None


def _judge_company(before: str, after: str) -> _Role | None:
    """What is given or secreted beside the product's own binding."""
    if _EXPRESSED_BY.match(after) or (
        _SECRETED_BEFORE.search(before) and (_SECRETED_AFTER.match(after) or "dominant" in before)
    ):
        return "secreted payload", "antigen.secreted"
    if _COMBINATION_AFTER.match(after) or _COMBINATION_BEFORE.search(before):
        return "combination drug target", "antigen.antibody"
    return None


def _judge_binding(before: str, after: str, place: Place, *, is_bound: bool) -> _Role:
    if is_bound:
        return "target", "antigen.code" if place.is_code else "antigen.beside-binder-word"
    if _POSITIVE_AFTER.match(after):
        return "eligibility marker", "antigen.positive-disease"
    if _REAGENT.search(before[-25:] + after[:25]):
        return "reagent", "antigen.reagent"
    return None, "antigen.bare"


def _sentence_start(text: str, position: int) -> int:
    low = max(0, position - _WINDOW)
    ends = [found.end() for found in _SENTENCE_END.finditer(text, low, position)]
    return ends[-1] if ends else low


def list_targets(mentions: Sequence[Mention], *parts: str, ref: str | None = None) -> tuple[Mention, ...]:
    """First target mention of each antigen in the named parts (all parts when none is named)."""
    found: dict[str, Mention] = {}
    for mention in mentions:
        if mention.role == "target" and (not parts or mention.part in parts) and (ref is None or mention.ref == ref):
            found.setdefault(mention.antigen, mention)
    return tuple(found.values())
