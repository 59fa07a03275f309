"""What a product binds, and how several targets work together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from kg.extract.antigen_roles import is_bound_by_tcr, is_construct_part
from kg.extract.antigens import list_targets
from kg.extract.constructs import find_binder_type
from kg.extract.memories import remember
from kg.extract.named_products import Named, find_mentioned, infer_bindings, infer_fact
from kg.extract.texts import TITLES, Texts
from kg.lexicon import open_lexicon
from kg.model import Binding, Fact, Intervention, Mention, Passage, Quote, Study
from kg.vocabularies import load_vocabularies

_FEW = 3
_CANDIDATES = re.compile(
    r"personali[sz]ed|individuali[sz]ed|express|one or more|depending on|according to|positive|or other|panel",
    re.IGNORECASE,
)
_CARRIER = re.compile(
    r"\b(?:virus|CMV|EBV|VZV|AdV|multivirus)[- ]specific|\b(?:EBV|CMV)-?CTLs?|\b(?:EB)?VSTs?\b", re.IGNORECASE
)
_LIGAND_AFTER = re.compile(
    r"[)\]]?[- .]?(?:zetakine[- ]?)?(?:receptor |ligand |based |derived )?(?:CAR|chimeric|UCAR|T[- ]?cells|NK\b|"
    r"TCR|-CAR)|[- ]?(?:based|expressing)",
    re.IGNORECASE,
)
_LIGAND_BEFORE = re.compile(r"(?:CAR[- .]?|CAR-T[- ]|chimeric )$")


def find_bindings(
    texts: Texts, item: Intervention | None, named: Named | None, count: int
) -> tuple[Binding, ...]:
    """What the product binds, from the nearest words that name it."""
    name = str(item.name.value) if item else None
    mentions = texts.mentions
    found: tuple[Mention, ...] = ()
    if name is not None:
        own = texts.own_mentions(name)
        found = _own_targets(own) or list_targets(own, "intervention description")
    if count <= 1 or not found:
        titles = texts.targets(*TITLES)
        merged = {mention.antigen: mention for mention in (*found, *titles)}
        if count <= 1 or not found:
            found = tuple(merged.values())
    if count <= 1:
        found = _extend_lists(found, mentions)
    natural = _find_natural(texts, name)
    if natural and not found:
        return natural
    for parts in (
        ("intervention", "other name", "intervention description"),
        ("arm", "arm description"),
        ("summary", "keyword"),
        ("description",),
        ("outcome", "outcome description"),
    ):
        if found:
            break
        found = texts.targets(*parts)
        if named and "productTarget" in named[0].extra and parts[0] == "summary":
            # Of a known product only what is known is taken from further off: prose there speaks of other drugs too.
            known = {binding.antigen.value for binding in infer_bindings(named)}
            told = tuple(one for one in texts.targets("summary", "description") if one.antigen in known)
            found = told if len(told) == len(known) else ()
            break
    if not found:
        return (
            natural
            or infer_bindings(named or texts.ask(_find_mentioned))
            or texts.ask(_bind_by_trial)
        )
    binder_type = texts.ask(_find_binder_type)
    bound = tuple(
        Binding(Fact(mention.antigen, mention.quote, mention.rule), mention.written, binder_type=binder_type)
        for mention in _drop_carriers(found)
    )
    return _join_natural(bound, natural)


def _find_binder_type(texts: Texts) -> Fact | None:
    return find_binder_type(
        texts.parts(*TITLES, "intervention", "intervention description", "summary", "description")
    )


def _find_mentioned(texts: Texts) -> Named | None:
    return find_mentioned(texts.study)


def _bind_by_trial(texts: Texts) -> tuple[Binding, ...]:
    """What the words on the trial imply that its cells bind, where none are said to bind anything."""
    return (
        _bind_disease_antigens(texts.mentions)
        or _bind_candidates(texts.study, texts.mentions)
        or _bind_keywords(texts.mentions)
    )


def _drop_carriers(found: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """Virus-specific T cells that carry a receptor, and a gene whose variant is the target, are no targets beside it.

    "HER2 CAR CMV-specific T cells" bind HER2 by their CAR; "EGFR vIII CAR" binds the variant only.
    """
    antigens = load_vocabularies().scheme("antigen")
    clear = [one for one in found if one.rule != "antigen.bare"]
    genes = {broader for one in clear for broader in antigens[one.antigen].broader}
    has_surface = any(not is_bound_by_tcr(one.antigen) for one in found)
    return tuple(
        one
        for one in found
        if not (has_surface and is_bound_by_tcr(one.antigen) and _CARRIER.search(one.quote.text))
        and not (one.rule == "antigen.bare" and antigens[one.antigen].iri in genes)
    )


def _extend_lists(found: tuple[Mention, ...], mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """A summary that lists one of the targets with others as what the cells are directed at names them all."""
    held = {mention.antigen: mention for mention in found}
    lists: dict[Quote, list[Mention]] = {}
    for mention in mentions:
        if mention.role == "target" and mention.part in ("arm description", "summary"):
            lists.setdefault(mention.quote, []).append(mention)
    for listed in lists.values():
        if any(one.antigen in held for one in listed):
            for one in listed:
                held.setdefault(one.antigen, one)
    return tuple(held.values())


def _bind_disease_antigens(mentions: Sequence[Mention]) -> tuple[Binding, ...]:
    """A title that gives cells "for X-positive" disease, and names no other antigen, implies that they bind X."""
    titled = {
        one.antigen: one for one in reversed(mentions) if one.part in TITLES and one.rule == "antigen.positive-disease"
    }
    return _bind_implied(titled, "antigen.of-disease") if len({one.quote for one in titled.values()}) == 1 else ()


def _bind_candidates(study: Study, mentions: Sequence[Mention]) -> tuple[Binding, ...]:
    """Personalised cells bind the antigens that the record lists to choose from by what the tumour expresses."""
    texts = {(one.field, one.part): one for one in study.parts("summary", "description")}
    lists: dict[tuple[str, Quote], dict[str, Mention]] = {}
    for mention in mentions:
        is_open = mention.role == "biomarker" or (mention.role == "eligibility marker" and mention.part not in TITLES)
        if mention.part in (*TITLES, "summary", "description") and is_open:
            lists.setdefault((mention.part, mention.quote), {}).setdefault(mention.antigen, mention)
    for (part, quote), found in lists.items():
        if len(found) < 2 or any(map(is_construct_part, found)):
            continue
        if part in TITLES:
            return _bind_implied(found, "antigen.candidates")
        passage = texts[quote.field, part]
        start = quote.start - passage.start
        around = passage.text[max(0, start - 120) : start + len(quote.text) + 60]
        if _CANDIDATES.search(around):
            return _bind_implied(found, "antigen.candidates")
    return ()


def _bind_keywords(mentions: Sequence[Mention]) -> tuple[Binding, ...]:
    """Keywords of a trial of engineered cells that name few antigens, where nothing else does, name what they bind."""
    found = {one.antigen: one for one in mentions if one.part == "keyword" and one.role == "biomarker"}
    found = {antigen: one for antigen, one in found.items() if not is_construct_part(antigen)}
    return _bind_implied(found, "antigen.keyword") if len(found) <= _FEW else ()


def _bind_implied(found: dict[str, Mention], rule: str) -> tuple[Binding, ...]:
    return tuple(Binding(Fact(one.antigen, one.quote, rule, "implied"), one.written) for one in found.values())


def _join_natural(bound: tuple[Binding, ...], natural: tuple[Binding, ...]) -> tuple[Binding, ...]:
    """Give a target its natural binder where one is named for it."""
    by_antigen = {str(one.antigen.value): one for one in natural}
    return tuple(
        msgspec.structs.replace(one, binder=match.binder, binder_type=match.binder_type)
        if (match := by_antigen.get(str(one.antigen.value)))
        else one
        for one in bound
    )


def _own_targets(own: Sequence[Mention]) -> tuple[Mention, ...]:
    """Targets in an intervention's names; there, a bare antigen is what the product binds."""
    found: dict[str, Mention] = {}
    for mention in own:
        if mention.part in ("intervention", "other name") and (
            mention.role == "target" or (mention.role == "biomarker" and _is_bare_target(mention))
        ):
            found.setdefault(mention.antigen, mention)
    return tuple(found.values())


def _is_bare_target(mention: Mention) -> bool:
    """Whether a bare name in a product's name is what it binds: no part of its construct, and no ligand that binds."""
    return not is_construct_part(mention.antigen) and not open_lexicon("ligand").find(mention.written)


def _find_natural(texts: Texts, name: str | None) -> tuple[Binding, ...]:
    """Targets that a natural ligand or receptor binds ("IL3 CAR-T" binds CD123): quoted from the antigen's own
    mention if there is one."""
    own = texts.parts("intervention", "other name") if name is None else texts.own(name)
    named = (one for one in own if one.part != "intervention description")
    near = (fact for one in (*texts.parts(*TITLES), *named) for fact in _read_natural(one))
    binder = next(near, None) or texts.ask(_find_natural_in_prose)
    if binder is None:
        return ()
    vocabularies = load_vocabularies()
    extra = vocabularies.scheme("ligand")[binder.value].extra
    kind = Fact(vocabularies.refer(extra["productBinderType"][0]).notation, binder.quote, "binder.natural")
    antigens = [vocabularies.refer(iri).notation for iri in extra["bindsAntigen"]]
    return tuple(_quote_natural(antigen, texts, binder, kind) for antigen in antigens)


def _find_natural_in_prose(texts: Texts) -> Fact | None:
    passages = texts.parts("intervention description", "arm", "arm description", "summary")
    return next((fact for one in passages for fact in _read_natural(one)), None)


@remember
def _read_natural(passage: Passage) -> Iterator[Fact]:
    """The first natural binder that stands beside a receptor."""
    for match in open_lexicon("ligand").find(passage.text):
        before = passage.text[max(0, match.start - 12) : match.start]
        if _LIGAND_AFTER.match(passage.text, match.end) or _LIGAND_BEFORE.search(before):
            yield Fact(match.term.notation, passage.quote(match.start, match.end), "binder.natural")
            return


def _quote_natural(antigen: str, texts: Texts, binder: Fact, kind: Fact) -> Binding:
    mention = texts.ask(_list_quotable).get(antigen)
    if mention:
        return Binding(
            Fact(antigen, mention.quote, "antigen.of-natural-binder", "implied"), mention.written, binder, kind
        )
    return Binding(
        Fact(antigen, binder.quote, "antigen.of-natural-binder", "inferred"), binder.quote.text, binder, kind
    )


def _list_quotable(texts: Texts) -> dict[str, Mention]:
    """The first mention of each antigen as a target or a marker outside of the eligibility text."""
    found: dict[str, Mention] = {}
    for mention in texts.mentions:
        if mention.part != "eligibility" and mention.role in ("target", "eligibility marker", "biomarker"):
            found.setdefault(mention.antigen, mention)
    return found


_LOGIC = (
    (re.compile(r"\btandem\b|tan-?CAR", re.IGNORECASE), "tandem"),
    (re.compile(r"\bcompound CAR|\bcCAR\b", re.IGNORECASE), "compound"),
    (re.compile(r"\blogic[- ]gated\b|\bTmod\b|\bAND[- ]gate|\bNOT[- ]gate", re.IGNORECASE), "gated"),
    (re.compile(r"\bsequential(?:ly)?\b", re.IGNORECASE), "sequential"),
    (re.compile(r"\bcocktail\b|\bcombin\w{3,7} of\b|\bcombinational\b|\bpooled\b", re.IGNORECASE), "pooled"),
    (re.compile(r"\bdual\b|\bbi-?specific\b|\bdual[- ]target", re.IGNORECASE), "dual"),
)


@remember
def _read_logic(passage: Passage) -> Iterator[dict[str, Fact]]:
    """The first word of a passage for each way in which targets work together; nothing where it has none."""
    found = {
        value: Fact(value, passage.quote(*match.span()), "logic.named")
        for pattern, value in _LOGIC
        if (match := pattern.search(passage.text))
    }
    if found:
        yield found


def find_logic(bindings: tuple[Binding, ...], around: Sequence[Passage], named: Named | None) -> Fact | None:
    """How the targets work together; a single target is ``single`` by counting, several without a word are
    ``unknown``."""
    if not bindings:
        return None
    first = bindings[0].antigen
    if len(bindings) == 1:
        return Fact("single", first.quote, "logic.count", first.basis)
    inferred = infer_fact(named, "productLogic")
    told = [facts for passage in around if (facts := _read_logic(passage))]
    for _, value in _LOGIC if told else ():
        for facts in told:
            if value in facts[0]:
                return facts[0][value]
    # Two targets named in one breath are one product's; more, or apart, may be several products'.
    is_pair = len(bindings) == 2 and bindings[0].antigen.quote == bindings[1].antigen.quote
    return inferred or Fact("dual" if is_pair else "unknown", first.quote, "logic.count")
