"""Several records of one trial become one description of it (``docs/decisions/0003``)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from kg.rdf import A, Statement, write_evidence, write_statements
from kg.rdf.sites import NOT_IN, describe_closed
from kg.terms import kg

_UNION = frozenset({kg("hasRecord"), kg("hasTrialSite"), A})
_PARTS = frozenset(
    map(
        kg,
        (
            "hasIntervention",
            "hasArm",
            "hasEndpoint",
            "hasCriterion",
            "hasAntigenMention",
            "hasBinding",
            "hasDose",
            "hasSite",
            "hasTrialSite",
            "position",
            "timeFrame",
            "usesIntervention",
            "lastUpdateDate",
            "notStated",
            "summarisedIn",
            "eligibilityIn",
        ),
    )
)


def merge_records(records: Sequence[tuple[str, str, list[Statement]]]) -> list[str]:
    """Several records of one trial as sorted N-Quads lines.

    The newest record that states a property tells its value; where two state the same day the fuller one counts as
    newer.
    What an older record tells otherwise is kept as evidence marked ``superseded``, not as a triple: a stale status
    would
    answer queries wrongly.

    :param records: Record IRI, date of the record's version, and statements, of each record.
    """
    stated = [(iri, date, [one for one in told if one.p != NOT_IN]) for iri, date, told in records]
    merge = _Merge(sorted(stated, key=lambda one: (_reverse(one[1]), -_count_told(one[2]), one[0])))
    lines = set(merge.write_conflicts())
    kept = {record: [one for one in statements if merge.is_kept(record, one)] for record, _, statements in merge.ranked}
    linked = {one.o for statements in kept.values() for one in statements if one.p == kg("hasIntervention")}
    for record, statements in kept.items():
        # An arm of one record may use what only another record lists under that name.
        kept[record] = [
            one
            for one in statements
            if (one.p != kg("usesIntervention") or one.o in linked)
            and (one.p != kg("hasTrialSite") or one.o in merge.own_sites)
        ]
    reachable = _reach(
        {merge.trial, *merge.find_outdated()}, [one for statements in kept.values() for one in statements]
    )
    kept = {record: [one for one in statements if one.s in reachable] for record, statements in kept.items()}
    if merge.own_sites:
        closed = list(describe_closed(merge.trial, itertools.chain.from_iterable(kept.values())))
        kept[merge.winners[merge.trial, kg("hasSite")]] += closed
    for record, statements in kept.items():
        lines.update(write_statements(statements, merge.trial, record))
    return sorted(lines)


def _count_told(statements: Sequence[Statement]) -> int:
    """How much a record tells; that it does not tell something adds nothing."""
    return sum(one.p != kg("notStated") for one in statements)


class _Merge:
    """Which record tells what: ``ranked`` has the record that wins first.

    :ivar own_sites: The trial's own nodes for the sites that the trial still has.
    """

    def __init__(self, ranked: list[tuple[str, str, list[Statement]]]) -> None:
        self.ranked = ranked
        self.trial = ranked[0][2][0].s
        self.winners: dict[tuple[str, str], str] = {}
        self.told: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for record, _, statements in ranked:
            for one in statements:
                self.winners.setdefault((one.s, one.p), record)
                self.told[record, one.s, one.p].add(one.o)
        self._prefer_full_endpoints()
        self.own_sites = self._list_own_sites()

    def _list_own_sites(self) -> set[str]:
        listed = self.told.get((self.winners.get((self.trial, kg("hasSite")), ""), self.trial, kg("hasSite")), set())
        return {
            one.s for _, _, statements in self.ranked for one in statements if one.p == kg("site") and one.o in listed
        }

    def _prefer_full_endpoints(self) -> None:
        """Exports of a registry may drop every time frame; a list of endpoints that has them wins over a newer one
        that has none."""
        framed = [
            record for record, _, statements in self.ranked if any(one.p == kg("timeFrame") for one in statements)
        ]
        if framed:
            self.winners[self.trial, kg("hasEndpoint")] = framed[0]

    def is_kept(self, record: str, one: Statement) -> bool:
        """Whether a statement of the record is one of the trial's."""
        if one.p == kg("notStated") and (one.s, one.o) in self.winners:
            return False
        is_shared = not one.s.startswith(self.trial[:-1])
        return is_shared or one.p in _UNION or self.winners[one.s, one.p] == record

    def find_conflicts(self) -> Iterator[tuple[str, Statement]]:
        """What older records say otherwise than the winning one; a part of its list, or a list that holds it, is no
        conflict."""
        for record, _, statements in self.ranked:
            for one in statements:
                is_own = one.s == self.trial or (one.p == kg("siteStatus") and one.s in self.own_sites)
                if is_own and one.p not in _PARTS and not self.is_kept(record, one):
                    ours, theirs = self.told[self.winners[one.s, one.p], one.s, one.p], self.told[record, one.s, one.p]
                    if not (theirs <= ours or ours <= theirs):
                        yield record, one

    def find_outdated(self) -> set[str]:
        """Things that only older records name."""
        return {one.o for _, one in self.find_conflicts()}

    def write_conflicts(self) -> Iterator[str]:
        """Evidence for both sides of each conflict, as N-Quads lines."""
        disputed = {(one.s, one.p) for _, one in self.find_conflicts()}
        for record, _, statements in self.ranked:
            for one in statements:
                if (one.s, one.p) in disputed:
                    ours = self.told[self.winners[one.s, one.p], one.s, one.p]
                    for s, p, o in write_evidence(one, self.trial, record, is_superseded=one.o not in ours):
                        yield f"{s} {p} {o} {record} .\n"


def _reverse(date: str) -> tuple[int, ...]:
    """Sort key that puts later dates first."""
    return tuple(-ord(char) for char in date.ljust(10, "\0"))


def _reach(roots: set[str], statements: Sequence[Statement]) -> set[str]:
    """Subjects that the trial, and what its older records say, lead to."""
    links: dict[str, list[str]] = defaultdict(list)
    for one in statements:
        if one.o.startswith("<"):
            links[one.s].append(one.o)
    seen, queue = set(roots), sorted(roots)
    while queue:
        for node in links.get(queue.pop(), ()):
            if node not in seen:
                seen.add(node)
                queue.append(node)
    return seen
