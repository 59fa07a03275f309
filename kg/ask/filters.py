"""Conditions that a question's own query does not take: each is asked by itself, and the trials in both are kept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping

import msgspec
from pyoxigraph import Store as Engine

from kg.ask.mentions import Mention
from kg.ask.plans import Used
from kg.ask.readings import Reading
from kg.queries import load_queries, run_query

FILTERS: dict[str, tuple[str, str]] = {
    "antigen": ("trials", "target"),
    "off-shelf": ("off_the_shelf_products", ""),
    "cell-source": ("trials", "cell_source"),
    "modality": ("trials", "modality"),
    "cell-type": ("trials", "cell_type"),
    "phase": ("trials", "phase"),
    "status": ("trials", "status"),
    "country": ("trials", "country"),
    "region": ("trials", "region"),
    "condition": ("trials", "condition"),
    "study-type": ("trials", "study_type"),
    "disease-setting": ("trials", "setting"),
    "sponsor": ("trials", "sponsor"),
    "sex": ("trials", "sex"),
    **{name: ("trials", name) for name in ("since", "until")},
    **{
        f"{role}_{limit}": ("trials", f"{role}_{limit}")
        for role in ("started", "completed", "updated")
        for limit in ("since", "until")
    },
    "site": ("trials_by_site", "site"),
    "endpoint-kind": ("trials_by_endpoint", "kind"),
    "endpoint-role": ("trials_by_endpoint", "role"),
    "max_days": ("trials_by_endpoint", "max_days"),
    "min_days": ("follow_up_at_least", "days"),
    "allocation": ("trials_by_design", "allocation"),
    "masking": ("trials_by_design", "masking"),
    "has_results": ("trials_by_design", "has_results"),
    "healthy_volunteers": ("trials_by_design", "healthy_volunteers"),
    "age": ("trials_for_age", "age"),
    "up_to": ("trials_for_age", "up_to"),
    "min_sites": ("sites_by_trial", "min_sites"),
    "costimulation": ("products_by_costimulation", "costimulation"),
    "safety-switch": ("trials_with_safety_switch", "switch"),
    "gene": ("gene_edited_products", "gene"),
    "drug": ("lymphodepletion_regimens", "drug"),
    "product": ("named_products", "product"),
    "binder-type": ("ligand_based_binders", "binder_type"),
    "intervention": ("trials_by_intervention", "name"),
}
"""The stored query, and its parameter, that tells which trials meet a concept."""

ANY = frozenset(
    {
        *("country", "region", "status", "condition", "modality", "cell-source", "cell-type", "study-type", "trial"),
        *("measure", "site", "sponsor", "intervention", "disease-setting", "allocation", "masking", "fact"),
    }
)
"""Concepts of which "and" means either: a list of trials in China and Japan holds those of each."""


_COMPARED = re.compile(r"\bcompar\w+|\bversus\b|\bvs\b", re.IGNORECASE)


class Filter(msgspec.Struct, frozen=True):
    """A condition on trials that is asked by itself.

    :ivar uses: The mentions behind it, to say it in words.
    :ivar is_negated: Trials that meet it are left out.
    """

    query: str
    parameters: dict[str, str]
    uses: tuple[tuple[str, Mention], ...]
    is_negated: bool = False

    def __str__(self) -> str:
        given = "".join(f" {name}={quote(value)}" for name, value in self.parameters.items())
        return ("not " if self.is_negated else "only ") + self.query + given


def quote(value: str) -> str:
    """A value, in quotes where it has spaces."""
    return f"'{value}'" if " " in value else value


def join_values(used: Used, reading: Reading) -> str:
    """The word between several values of a parameter: as the question joins them, and as it can be meant."""
    concept = used[0][0]
    between = reading.text[used[0][1].end : used[-1][1].start]
    is_any = (
        concept in ANY
        or _COMPARED.search(reading.text)
        or (concept == "phase" and " and " in between)
        or re.search(r"\bor\b", between)
    )
    return " or " if is_any or "ligand" in used[0][1].readings else " and "


def put_values(used: Used, reading: Reading) -> str:
    """Values as a parameter takes them: several are joined by "and" or "or"."""
    return join_values(used, reading).join(dict.fromkeys(mention.readings[concept] for concept, mention in used))


def make_filters(mentions: Iterable[Mention], reading: Reading, negated: Iterable[Mention]) -> list[Filter] | Mention:
    """Filters for mentions that the query does not take; a mention that no query can filter by, where there is one.

    Conditions of one query are asked together: target and modality are then those of one product.
    """
    positive: dict[str, dict[str, Used]] = {}
    made: list[Filter] = []
    turned = list(negated)
    for mention in mentions:
        concept = next((one for one in mention.readings if one in FILTERS), None)
        if concept is None:
            return mention
        query, name = FILTERS[concept]
        if mention in turned:
            is_shared = bool(made) and made[-1].uses[-1][1].end == mention.start and name not in made[-1].parameters
            last = made.pop() if is_shared else None
            given = {name: mention.readings[concept]} if name else {}
            uses = (*(last.uses if last else ()), (concept, mention))
            made.append(Filter(query, {**(last.parameters if last else {}), **given}, uses, is_negated=True))
        else:
            used = positive.setdefault(query, {})
            used[name] = (*used.get(name, ()), (concept, mention))
    for query, values in positive.items():
        parameters = {name: put_values(used, reading) for name, used in values.items() if name}
        made.append(Filter(query, parameters, tuple(itertools.chain.from_iterable(values.values()))))
    return sorted(made, key=lambda one: one.is_negated)


def split_values(parameters: Mapping[str, str]) -> dict[str, list[str]]:
    """The single values of each parameter."""
    return {
        name: re.split(r" or " if name in ("sponsor", "site", "name") else r" (?:and|or) ", value)
        for name, value in parameters.items()
    }


_FREE = {"site": "site_name", "sponsor": "sponsor", "name": "intervention"}
"""Parameters that take a part of a name, and the column that shows the whole."""


def has_words(text: object, name: str) -> bool:
    """Whether a text holds a name as whole words.

    >>> has_words("Barcelona, Spain", "Bar"), has_words("Hospital of Bar, Montenegro", "bar")
    (False, True)
    """
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", str(text), re.IGNORECASE) is not None


def is_named(row: Mapping[str, object], given: Mapping[str, str]) -> bool:
    """Whether a row has the names it was asked by as whole words: the stored query takes any part of them."""
    return all(has_words(row[_FREE[name]], value) for name, value in given.items() if _FREE.get(name) in row)


def list_trials(engine: Engine, one: Filter) -> set[object]:
    """Trials that meet a filter: those whose record says so."""
    query, values = load_queries()[one.query], split_values(one.parameters)
    by_value: dict[tuple[str, str], set[object]] = {}
    found: set[object] = set()
    for chosen in itertools.product(*values.values()):
        given = dict(zip(values, chosen, strict=True))
        rows = run_query(engine, query, given).rows
        trials = {row["trial"] for row in rows if row.get("answer", "yes") == "yes" and is_named(row, given)}
        found |= trials
        for pair in given.items():
            by_value.setdefault(pair, set()).update(trials)
    for name, several in values.items():
        if len(several) > 1 and " and " in one.parameters[name]:
            found &= set.intersection(*(by_value.get((name, value), set()) for value in several))
    return found
