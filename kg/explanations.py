"""Why a value stands on a card: which rule fired on which words, and which mentions were passed over, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kg.cards import Card
from kg.cards.criteria import say_criterion
from kg.errors import UsageError, cut
from kg.graph import Graph
from kg.model import Frozen, Trial
from kg.pipeline import reread
from kg.vocabularies import load_vocabularies


class Reason(Frozen, frozen=True):
    """One line of an explanation.

    :ivar about: Dotted path in the card; for a mention that makes no fact, ``(antigen)``.
    :ivar verdict: ``kept``, or the role for which a mention was passed over.
    :ivar meaning: What the rule says, in words.
    """

    about: str
    value: str
    verdict: str
    rule: str
    meaning: str
    basis: str | None
    quote: str
    field: str


def explain_path(graph: Graph, trial: str, path: str) -> tuple[Reason, ...]:
    """Reasons for the values at a path of a trial's card and below it; for targets, also the antigens passed over.

    :raises UsageError: the trial is not in the graph, or its card has no such path.
    """
    card = graph.card(trial)
    value = _find_value(card, path)
    kept = [_keep(one) for one in card["evidence"] if _is_about(one["about"], path)]
    if not kept and value not in (None, [], {}):
        kept = [_keep(one) for one in card["evidence"] if path.startswith(f"{one['about']}.")]
    passed = list(_pass_over(graph, card)) if path.split(".")[0] in ("interventions", "not_targets") else []
    return (*kept, *(passed if "." not in path or ".target" in path else ()))


def _find_value(card: Card, path: str) -> Any:
    value: Any = card
    for step in path.split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise UsageError(f"the card has no {cut(path)}", mend=_suggest_step(value, step)) from None
    return value


def _suggest_step(value: Any, step: str) -> str:
    """What to write instead of a step that is not there: the likeliest key, or the keys that are."""
    if isinstance(value, list):
        numbers = "one entry, 0" if len(value) == 1 else f"entries 0 to {len(value) - 1}" if value else "no entries"
        return f"Where {cut(step)} stands it has {numbers}; `kg show --format json` prints the card"
    if not isinstance(value, dict):
        return f"Leave out {cut(step)}: what stands before it has no parts"
    from rapidfuzz import fuzz, process

    inside = [f"{key}.0.{step}" for key, things in value.items() if isinstance(things, list) and step in _keys(things)]
    alike = process.extract(step, list(value), scorer=fuzz.WRatio, limit=3, score_cutoff=70)
    if near := inside or [key for key, *_ in alike]:
        return f"Did you mean {' or '.join(near)}?"
    return f"It has {', '.join(value)}"


def _keys(things: list[Any]) -> dict[str, Any]:
    """What the first of several things has."""
    return things[0] if things and isinstance(things[0], dict) else {}


def _is_about(about: str, path: str) -> bool:
    return about == path or about.startswith(f"{path}.")


def _keep(one: dict[str, Any]) -> Reason:
    value = one["value"]
    shown = "; ".join(_list_parts(value))
    rule = one["rule"] or ("record.field" if shown == one["quote"] else "record.normalised")
    return Reason(one["about"], shown, "kept", rule, _meaning(rule), one["basis"], one["quote"], one["field"])


def _list_parts(value: Any) -> list[str]:
    """A value's parts in words; what a criterion asks for is one, for its parts alone would not say "no"."""
    if not isinstance(value, dict):
        return [] if value is None else [str(value)]
    if "measure" in value and "op" in value:
        return [*filter(None, [value["list"]]), say_criterion(value)]
    return [str(part) for part in value.values() if part not in (None, [])]


def _pass_over(graph: Graph, card: Card) -> Iterator[Reason]:
    """Antigens that the records name without their being targets: the first place of each antigen in each role."""
    bound = {antigen for product in card["interventions"] for antigen in product["targets"]}
    seen = set()
    for stored in graph.snapshot.read_records(f"<{card['trial']}>"):
        read = reread(stored.record)
        for mention in read.mentions if isinstance(read, Trial) else ():
            key = mention.antigen, mention.role, mention.part
            if mention.role == "target" and mention.antigen in bound:
                continue
            if key not in seen:
                seen.add(key)
                verdict = "target elsewhere" if mention.role == "target" else mention.role
                yield Reason(
                    f"({mention.antigen})",
                    mention.written,
                    verdict,
                    mention.rule,
                    _meaning(mention.rule),
                    None,
                    mention.quote.text,
                    mention.quote.field,
                )


def _meaning(rule: str) -> str:
    term = load_vocabularies().find("rule", rule)
    return term.definition if term else ""
