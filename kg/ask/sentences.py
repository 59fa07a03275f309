"""Say how a question was understood, in plain English."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from kg.ask.filters import Filter, join_values, quote
from kg.ask.kinds import Intent
from kg.ask.mentions import Mention, show_term
from kg.ask.plans import Plan, Used
from kg.ask.readings import Reading
from kg.queries import load_queries

CLAUSES = {
    "trial": "of {}",
    "antigen": "binding {}",
    "cell-source": "with {} cells",
    "modality": "with {} products",
    "cell-type": "with {}s",
    "condition": "in {}",
    "phase": "in {}",
    "status": "with the status {}",
    "country": "in {}",
    "study-type": "of the type {}",
    "endpoint-kind": "measuring {}",
    "endpoint-role": "as {}",
    "measure": "for {}",
    "binder-type": "through a {}",
    "max_days": "{}",
    "min_days": "of {}",
    "region": "in {}",
    "disease-setting": "in {} disease",
    "sex": "open to {} participants only",
    "costimulation": "with the domain {}",
    "intervention": "giving something named '{}'",
    "at_least": "of at least {}",
    "at_most": "of at most {}",
    "started_since": "started on or after {}",
    "started_until": "started on or before {}",
    "completed_since": "completed on or after {}",
    "completed_until": "completed on or before {}",
    "updated_since": "last updated on or after {}",
    "updated_until": "last updated on or before {}",
    "since": "first posted on or after {}",
    "until": "first posted on or before {}",
    "sponsor": "sponsored by '{}'",
    "site": "at '{}'",
    "latitude": "at latitude {}",
    "longitude": "and longitude {}",
    "km": "within {} km",
    "product": "with the product {}",
    "age": "aged {}",
    "up_to": "up to {}",
    "min_sites": "at {} sites or more",
    "gene": "namely {}",
    "drug": "with {}",
    "off-shelf": "made {}",
    "safety-switch": "namely {}",
    "allocation": "with the allocation {}",
    "masking": "with {} masking",
    "has_results": "with results: {}",
    "healthy_volunteers": "that take healthy volunteers",
}


def put_plan(plan: Plan, reading: Reading, parameters: dict[str, str], filters: Sequence[Filter]) -> str:
    """The question as it is asked: what is listed, under which conditions, and by which stored query."""
    turned = plan.negated
    clauses = [
        _negate(_phrase(plan.intent, used, reading), any(one in turned for _, one in used))
        for used in plan.values.values()
    ]
    if plan.is_silent:
        clauses.append("whose record states none")
    sentence = " ".join((plan.intent.head, *clauses))
    for one in filters:
        words = " ".join(put_mention(mention, reading.text, concept) for concept, mention in one.uses)
        sentence += f", leaving out those {words}" if one.is_negated else f", only those {words}"
    given = "".join(f" {name}={quote(value)}" for name, value in parameters.items())
    given += ", answers 'no' and 'not stated'" if is_turned(plan) else ""
    return f"{sentence} [{'; '.join((plan.intent.query + given, *map(str, filters)))}]"


def is_turned(plan: Plan) -> bool:
    """Whether the plan asks for the answers other than "yes"."""
    return plan.is_silent or any(one in plan.negated for used in plan.values.values() for _, one in used)


def list_notes(plan: Plan, filters: Sequence[Filter]) -> Iterator[str]:
    """What a reader must know of how the question was taken."""
    for _, mention in itertools.chain.from_iterable(plan.values.values()):
        if mention.concept == "off-shelf":
            yield "read off-the-shelf as allogeneic"
        if "ligand" in mention.readings:
            yield f"{mention.readings['ligand']} binds {show_mention(mention, 'antigen')}"
        if mention in plan.negated:
            source = show_mention(mention)
            yield f"not {source}: 'no' is another stated source, 'not stated' may still be {source}"
    if "cell_source" in plan.values and "answer" not in load_queries()[plan.intent.query].columns:
        yield "these state their cell source; what a record does not say is left out"
    if "setting" in plan.values:
        yield "records that name no disease setting are left out"
    if ("negated", True) in plan.intent.keeps:
        yield "shown too is whose absence the other list asks for"
    if plan.is_silent:
        yield "no record states that there is none: these do not say"
    if any(one.is_negated for one in filters):
        yield "left out is what says so; what a record does not say stays"
    if any(not one.is_negated and "answer" in load_queries()[one.query].columns for one in filters):
        yield "kept is what says so; what a record does not say is left out"


def show_mention(mention: Mention, concept: str = "", text: str = "") -> str:
    """A mention in words; a time as it was written, with its days."""
    concept = concept or mention.concept
    value = show_term(concept, mention.readings[concept])
    return f"{text[mention.start : mention.end]} ({value} days)" if concept.endswith("_days") else value


def put_mention(mention: Mention, text: str, concept: str = "") -> str:
    """A mention as a clause: "in China"."""
    concept = concept or mention.concept
    return CLAUSES.get(concept, "{}").format(show_mention(mention, concept, text))


def list_unknown(unknown: Sequence[str]) -> str:
    """The words that were not understood."""
    more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    return "not understood: " + ", ".join(word[:40] for word in unknown[:8]) + more


def _phrase(intent: Intent, used: Used, reading: Reading) -> str:
    concept = used[0][0]
    values = dict.fromkeys(show_mention(mention, concept, reading.text) for concept, mention in used)
    clause = {**CLAUSES, **intent.clauses}.get(concept, "{}")
    return clause.format(join_values(used, reading).join(values))


def _negate(clause: str, is_negated: bool) -> str:
    return f"not known to be {clause}" if is_negated else clause
