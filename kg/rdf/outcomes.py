"""Endpoints and eligibility criteria as statements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from kg.model import Criterion, Endpoint, Fact, TimeFrame
from kg.rdf.statements import LABEL, A, Described, Statement, describe_terms, key_of, soften
from kg.terms import boolean, decimal, hash_key, integer, kg, literal, mint, mint_under, slug


def describe_endpoint(of: Described, position: int, endpoint: Endpoint) -> Iterator[Statement]:
    """An endpoint with its kinds and time frame; one that a record repeats is described once."""
    frame = endpoint.time_frame.value if endpoint.time_frame else None
    node = _mint_endpoint(of, endpoint)
    if node in of.endpoints:
        return
    of.endpoints.add(node)
    yield Statement(of.iri, kg("hasEndpoint"), node)
    yield Statement(node, A, kg("Endpoint"))
    yield Statement(node, kg("position"), integer(position))
    yield Statement(node, LABEL, literal(str(endpoint.name.value)), endpoint.name)
    if endpoint.role:
        yield Statement(node, kg("endpointRole"), of.term("endpoint-role", endpoint.role))
    yield from describe_terms(of, node, "endpointKind", "endpoint-kind", *map(soften, endpoint.kinds))
    for fact in endpoint.kinds[:1]:
        yield Statement(node, kg("mainKind"), of.term("endpoint-kind", str(fact.value)))
    if endpoint.grading:
        yield Statement(node, kg("grading"), literal(str(endpoint.grading.value)), endpoint.grading)
    if endpoint.time_frame is not None and frame is not None:
        of_frame = _list_time_frame(frame)
        yield Statement(node, kg("timeFrame"), of_frame[0].s, soften(endpoint.time_frame))
        yield from of_frame
    else:
        yield Statement(node, kg("notStated"), kg("timeFrame"))


def _mint_endpoint(of: Described, endpoint: Endpoint) -> str:
    """Role, name and time frame tell endpoints apart; where a record repeats all three, what they measure does."""
    node = mint_under(of.iri, f"endpoint/{endpoint.role or 'unstated'}", slug(str(endpoint.name.value)))
    if endpoint.time_frame is not None:
        node = mint_under(node, "at", key_of(endpoint.time_frame.value.raw))
    if node not in of.endpoints:
        return node
    described = [
        str(endpoint.name.value),
        *(str(kind.value) for kind in endpoint.kinds),
        str(endpoint.grading and endpoint.grading.value),
    ]
    return mint_under(node, "also", hash_key("\x1f".join(described)))


@lru_cache(maxsize=2048)
def _list_time_frame(frame: TimeFrame) -> tuple[Statement, ...]:
    """Statements on a time frame, made once for all endpoints that share it."""
    return tuple(_describe_time_frame(frame))


def _describe_time_frame(frame: TimeFrame) -> Iterator[Statement]:
    node = mint("time-frame", key_of(frame.raw))
    yield Statement(node, A, kg("TimeFrame"))
    yield Statement(node, LABEL, literal(frame.raw))
    for name, value in (("minDays", frame.low), ("maxDays", frame.high)):
        if value is not None:
            yield Statement(node, kg(name), decimal(value))
    for day in frame.days:
        yield Statement(node, kg("atDays"), decimal(day))
    if frame.anchor:
        yield Statement(node, kg("anchor"), literal(frame.anchor))
    yield Statement(node, kg("eventDriven"), boolean(frame.event_driven))


def describe_criterion(of: Described, position: int, criterion: Criterion) -> Iterator[Statement]:
    """An eligibility criterion that can be compared or counted.

    What a clause asks to be absent is never its ``measure``: a query that forgets negation finds nothing, not the
    opposite (``docs/decisions/0018``).
    """
    low, high = criterion.value if isinstance(criterion.value, tuple) else (criterion.value, criterion.value)
    key = slug(
        " ".join(
            str(part)
            for part in (
                criterion.list or "either",
                "no" if criterion.is_negated else "",
                criterion.measure,
                criterion.antigen or "",
                criterion.op or "",
                "" if low is None else f"{low:g}",
                "" if high is None else f"{high:g}",
                criterion.unit or "",
            )
        )
    )
    node = mint_under(of.iri, "criterion", f"{key}-{hash_key(criterion.op or '')[:4]}" if criterion.op else key)
    fact = Fact(None, criterion.quote, criterion.rule, criterion.basis)
    yield Statement(of.iri, kg("hasCriterion"), node, fact)
    yield Statement(node, A, kg("Criterion"))
    yield Statement(node, kg("position"), integer(position))
    if criterion.list:
        yield Statement(node, kg("criterionList"), of.term("criterion-list", criterion.list))
    name = "absentMeasure" if criterion.is_negated else "measure"
    yield Statement(node, kg(name), of.term("measure", criterion.measure))
    if criterion.antigen:
        yield Statement(node, kg("antigen"), of.term("antigen", criterion.antigen))
    if criterion.op:
        yield Statement(node, kg("comparator"), literal(criterion.op))
    if low is not None and high is not None:
        yield Statement(node, kg("thresholdLow"), decimal(low))
        yield Statement(node, kg("thresholdHigh"), decimal(high))
    if criterion.unit:
        yield Statement(node, kg("unit"), literal(criterion.unit))
    if criterion.is_negated:
        yield Statement(node, kg("negated"), boolean(True))
