"""Sites and countries as statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kg.model import Fact, Site
from kg.rdf.statements import LABEL, A, Described, Statement
from kg.terms import GEO, decimal, iri, kg, literal, mint, mint_under, slug
from kg.vocabularies import load_vocabularies

_SAID_OF_SITES = tuple(map(kg, ("hasSite", "site", "siteStatus", "country")))
NOT_IN = kg("doesNotRecruitIn")
"""Property that is worked out from what is said of a trial's sites, anew where records are merged."""


def describe_sites(of: Described) -> Iterator[Statement]:
    """Sites, the countries in which they are, and those in which the trial does not recruit."""
    countries: dict[str, Fact] = {}
    told: list[Statement] = []
    for site in of.study.sites:
        told.extend(_describe_site(of, site))
        if site.country:
            countries.setdefault(str(site.country.value), site.country)
    yield from told
    if any(site.status for site in of.study.sites):
        yield from describe_closed(of.iri, told)
    for code, fact in countries.items():
        yield Statement(of.iri, kg("country"), of.term("country", code), Fact(fact.value, fact.quote))


def describe_closed(trial: str, statements: Iterable[Statement]) -> Iterator[Statement]:
    """The countries in which no site of a trial recruits, worked out from what is said of its sites.

    A site whose record lists it twice recruits if one of the two does. In a country that has a site without a status
    of its own, the trial's own status counts.
    """
    held: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in _SAID_OF_SITES}
    for one in statements:
        if (found := held.get(one.p)) is not None:
            found[one.s].add(one.o)
    linked, sites, statuses, countries = held.values()
    recruiting = load_vocabularies().node("status", "RECRUITING")
    closed = {site for node, said in statuses.items() if recruiting not in said for site in sites[node]}
    is_open = {country for site in linked[trial] - closed for country in countries.get(site, ())}
    for country in sorted({country for site in closed for country in countries.get(site, ())} - is_open):
        yield Statement(trial, NOT_IN, country)


def _describe_site(of: Described, site: Site) -> Iterator[Statement]:
    named = [fact for fact in (site.facility, site.city, site.region, site.country) if fact]
    if not named:
        return
    label = ", ".join([str(fact.value) for fact in named])
    key = slug(label, 80)
    node = mint("site", key)
    yield Statement(of.iri, kg("hasSite"), node, named[0])
    yield Statement(node, A, kg("Site"))
    yield Statement(node, LABEL, literal(label))
    for name, fact in (("facility", site.facility), ("city", site.city), ("region", site.region)):
        if fact:
            yield Statement(node, kg(name), literal(str(fact.value)), Fact(fact.value, fact.quote))
    if site.status:
        yield from _describe_status(of, node, key, site.status)
    if site.country:
        yield Statement(
            node,
            kg("country"),
            of.term("country", str(site.country.value)),
            Fact(site.country.value, site.country.quote),
        )
    if site.latitude and site.longitude:
        # A thing of its own: registries move the coordinates of one site from record to record.
        latitude, longitude = float(site.latitude.value), float(site.longitude.value)
        point = mint("point", f"{latitude:.6f},{longitude:.6f}")
        yield Statement(node, kg("location"), point, site.latitude)
        yield Statement(point, A, kg("Point"))
        yield Statement(point, iri(f"{GEO}lat"), decimal(latitude), site.latitude)
        yield Statement(point, iri(f"{GEO}long"), decimal(longitude), site.longitude)


def _describe_status(of: Described, site: str, key: str, status: Fact) -> Iterator[Statement]:
    """A site's own status. Trials share sites, so it is said of the trial's own node for the site."""
    node = mint_under(of.iri, "site", key)
    yield Statement(of.iri, kg("hasTrialSite"), node)
    yield Statement(node, A, kg("TrialSite"))
    yield Statement(node, kg("site"), site)
    said = status if status.quote.field else None
    yield Statement(node, kg("siteStatus"), of.term("status", str(status.value)), said)
