"""Role of an antigen's name, judged by the words beside it (``terms.tsv``: antigen role).

Patterns look at a bounded window, so reading is linear in the text. Those for the words before a name read them in
lower case, which takes a third of the time of a case-insensitive search.
"""

from __future__ import annotations

import re

from kg.extract.antigen_absences import is_edited, is_negated, is_selected
from kg.extract.antigen_places import Place
from kg.extract.payloads import is_bound_by_expressed_binder, is_secreted
from kg.extract.prior_therapies import is_prior
from kg.vocabularies import load_vocabularies

_WINDOW = 70
_SENTENCE_END = re.compile(r"[.;:!?](?=\s)|\n")

_TARGET_BEFORE = re.compile(
    r"(?=α|\b\w)"
    r"(?:\banti[- ]?|\ba-|α-?|\b(?:targeting|targets?|targeted (?:to|at|against)|against|directed (?:against|to|"
    r"at|towards?)|"
    r"specific (?:for|to|against)|specifically (?:recogni[sz]e|bind|target)s?|recogni[sz](?:ing|es?)|"
    r"binds?(?: to)?|binding(?: to)?|"
    r"redirected (?:to|against|towards?)|reactive (?:to|with)|directs? .{1,20} to|bispecific|dual[- ]target(?:ing|"
    r"ed)?|armed with|"
    r"chimeric antigen receptors? (?:\(car\) )?(?:for|to|of)|"
    r"car (?:for|to)|\btcr(?:-?t)?(?: cells?)? for(?: mutant| mutated)?|aimed at|"
    r"(?:\w{0,5}car(?:-?t)?|cart|tcr(?:-?t)?)(?: cells?)?(?: targeted)?)[ -]?(?:the |human |tumou?r |"
    r"cancer[- ]cell |cell[- ]surface |both |"
    r"antigens? |surface |"
    r"target |epitopes? of |protein |either ){0,18}|\b(?:4s|s)?car|\bcart|"
    r"\bhu)(?:cluster of differentiation (?:\(cd\) ?)?)?[-. (\[]{0,70}$"
)
_TARGET_AFTER = re.compile(
    r" as (?:the |an? )?(?:\w{1,12} ){0,4}targets?\b|(?:\s?\([\w -]{1,14}\)(?=[- ]?(?:targeted|directed|"
    r"specific|CAR)))?[)\]]?\s?[- .]?\s?(?:\d{1,2}[a-z]?\b[- ])?(?:(?:(?:bi|tri)-?specific|dual|multi|triple|"
    r"tandem|single|universal|in[- ]vivo|allogen(?:e?ic)|"
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
_RECEPTOR_AFTER = re.compile(r"[- ]?(?:CAR\b|CAR-|chimeric)")
_COMBINATION_AFTER = re.compile(
    r"[)\]]?[- ]targeted (?:\d{2,3})?-?(?:Lu\b|lutetium|radio|PET\b|imaging|conjugate)|"
    r"[)\]]?[- ]?(?:(?:targeted|directed|targeting|monoclonal|blocking|checkpoint|immune checkpoint|antagonist|"
    r"humani[sz]ed)[- ])?"
    r"(?:antibod|mAbs?\b|bi-?specific\b(?! (?:CAR|T\b|chimeric|NK|UCAR))|monoclonal|inhibitor|blockade|ADC\b|"
    r"bispecific antibod|immunotoxin|"
    r"checkpoint|antagonist|agonist|BiTE|TCE\b|x ?CD3)",
    re.IGNORECASE,
)
_COMBINATION_BEFORE = re.compile(
    r"(?:\b\w{3,20}(?:mab|nib|tug|tamig|vedotin),? (?:which |that )?(?:targeting|targets|binds|against|directed (?:at|"
    r"against|to)) (?:the )?|"
    r"\b\w{3,20}(?:mab|nib|tug|tamig|fusp)\s?\((?:an? )?(?:anti[- ]?)?|"
    r"\b(?:conjugate|(?:auto)?antibod\w{1,3}|bi-?specific|inhibitor|immunotoxin|adc|mab)s?,? (?:against|to|of|for|"
    r"that targets|targeting|"
    r"directed (?:at|against)) (?:the )?)$"
)
_OWN_BINDER = re.compile(r"specific|zetakine|targeted|-TCR|anti-", re.IGNORECASE)
"""A form that holds its own binder word ("CMV-specific T cells")."""
_CODE_HEAD = re.compile(r"(?<![a-z])(?!anti|car|tcr|[a-z]{0,5}car-?t)[a-z]{2,}-$")
"""A product code before a name that needs context: "CM-CS1" names no CS1."""
_NUMBER_HEAD = re.compile(r"\d ?[x×*]?$")
"""A number before a name that needs context: "1.5 E6 cells" is a dose."""
_POSITIVE_AFTER = re.compile(
    r"[)\]]?\s?(?:\(?\+\)?|[- ]?(?:positive|pos\b|expressing|expression|bearing|overexpress|high\b|"
    r"mutat|mutant|ITD|amplif|rearrang|status|level|antigen expression))",
    re.IGNORECASE,
)
_REAGENT = re.compile(
    r"bead|co-?stimulation signal|magnetic|dynabead|OKT3|leukapheresis product|cell selection|selected|selection|"
    r"enrich|depleti|deplete|clinimacs|stimulated (?:with|by|through|via)|activated (?:with|by|using)|response to",
    re.IGNORECASE,
)
_BESIDE_ANTIGEN = re.compile(r"\b[A-Za-z-]{1,6}\d[\w-]{0,5}[/ -]$|\w-$")
"""Another name just before: "B7H3/IL-7Ra CAR" targets the first, "αCD19-TCRz-CD137 CAR" is a chain of parts."""
_COMBINED_BEFORE = re.compile(r"\b(?:combin\w{2,7}|together|plus|along)(?: with)? (?:an? )?(?:anti[- ]?)$")
_COSTIM_NEAR = re.compile(
    r"co-?stimulat|signal+ing|endodomain|intracellular|transmembrane|zeta|ζ|domain|second[- ]generation|"
    r"third[- ]generation|hinge",
    re.IGNORECASE,
)


def judge_place(text: str, place: Place, part: str) -> tuple[str | None, str]:
    """Role of one name by the words beside it, and the rule that says so; None where they say nothing."""
    start = _sentence_start(text, place.start)
    before = text[max(start, place.start - _WINDOW) : place.start]
    ending = _SENTENCE_END.search(text, place.end, place.end + _WINDOW)
    after = text[place.end : ending.start() if ending else place.end + _WINDOW]
    if place.is_switch:
        return "marker or safety switch", "antigen.marker"
    if place.is_contextual and (_CODE_HEAD.search(before.lower()) or _NUMBER_HEAD.search(before)):
        return None, "antigen.bare"
    is_bound_after = _TARGET_AFTER.match(after) is not None
    if is_construct_part(place.antigen):
        return (
            _judge_reagent(before, after)
            or _judge_absence(before, after, is_bound_after=is_bound_after)
            or _judge_company(before, after, is_bound_after=is_bound_after)
            or (("secreted payload", "antigen.secreted") if is_bound_by_expressed_binder(before) else None)
            or _judge_signal(before, after, part)
        )
    is_bound = bool(
        place.is_code
        or _TARGET_BEFORE.search(before.lower())
        or is_bound_after
        or _OWN_BINDER.search(text, place.start, place.end)
    )
    return (
        _judge_absence(before, after, is_bound_after=is_bound_after)
        or _judge_history(before, after, part, is_bound=is_bound)
        or _judge_company(before, after, is_bound_after=is_bound_after)
        or _judge_binding(before, after, place, is_bound=is_bound)
    )


Role = tuple[str | None, str]


def _judge_reagent(before: str, after: str) -> Role | None:
    return ("reagent", "antigen.reagent") if _REAGENT.search(before[-40:] + after[:40]) else None


def _judge_absence(before: str, after: str, *, is_bound_after: bool) -> Role | None:
    if is_edited(before, after, is_bound_after=is_bound_after):
        return "edited gene", "antigen.edited"
    if is_negated(before, after):
        return "negated", "antigen.negated"
    return ("reagent", "antigen.selected") if is_selected(after) else None


def _judge_history(before: str, after: str, part: str, *, is_bound: bool) -> Role | None:
    """What describes patients: their eligibility, and what they had before."""
    is_past = is_prior(before, after)
    if part == "eligibility":
        return (
            ("prior therapy", "antigen.prior-therapy")
            if is_past and is_bound
            else ("eligibility marker", "antigen.eligibility")
        )
    if is_past and part not in ("intervention", "other name", "arm"):
        return "prior therapy", "antigen.prior-therapy"
    return None


def _judge_signal(before: str, after: str, part: str) -> Role:
    """Antigens that are parts of constructs and reagents: targets only where a binder word says so of them."""
    is_named = bool(
        re.search(r"(?:\btarget\w{0,4}|\bagainst)[- ]?$", before, re.IGNORECASE)
        or (re.search(r"\banti[- ]?$", before, re.IGNORECASE) and not _COMBINED_BEFORE.search(before.lower()))
        or re.match(r"[- ]?(?:targeted|binding|directed|specific)\b", after, re.IGNORECASE)
    )
    if is_named or (
        re.match(r"[- ]?CAR\b", after)
        and not _BESIDE_ANTIGEN.search(before)
        and part in ("title", "official title", "intervention")
        and not _COSTIM_NEAR.search(after[:40])
    ):
        return "target", "antigen.beside-binder-word"
    if part == "eligibility":
        return "eligibility marker", "antigen.eligibility"
    if _COSTIM_NEAR.search(before[-40:] + after[:40]) or re.search(r"CAR|[Cc]himeric", before[-30:] + after[:30]):
        return "co-stimulation", "antigen.signal"
    if _POSITIVE_AFTER.match(after):
        return "eligibility marker", "antigen.positive-disease"
    return None, "antigen.bare"


def _judge_company(before: str, after: str, *, is_bound_after: bool) -> Role | None:
    """What is given or secreted beside the product's own binding."""
    if is_secreted(before, after):
        return "secreted payload", "antigen.secreted"
    low = before.lower()
    is_combined = _COMBINED_BEFORE.search(low) and not is_bound_after
    if _COMBINATION_AFTER.match(after) or _COMBINATION_BEFORE.search(low) or is_combined:
        return "combination drug target", "antigen.antibody"
    return None


def _judge_binding(before: str, after: str, place: Place, *, is_bound: bool) -> Role:
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


def is_construct_part(antigen: str) -> bool:
    """Whether the vocabulary says that constructs and reagents hold the molecule as a part ("CD28", "CD3")."""
    term = load_vocabularies().find("antigen", antigen)
    return term is not None and "constructPart" in term.extra


def is_bound_by_tcr(antigen: str) -> bool:
    """Whether T-cell receptors bind the antigen, as a peptide on HLA."""
    term = load_vocabularies().find("antigen", antigen)
    return term is not None and "boundByTcr" in term.extra


def is_followed_by_receptor(text: str, end: int) -> bool:
    """Whether a receptor is named after a list: "B7H3/IL-7Ra CAR"."""
    return bool(_RECEPTOR_AFTER.match(text, end))
