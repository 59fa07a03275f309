"""Sites and countries as statements."""

from __future__ import annotations

from collections.abc import Iterator

from kg.model import Fact, Site
from kg.rdf.statements import LABEL, A, Described, Statement
from kg.terms import GEO, decimal, iri, kg, literal, mint, slug


def describe_sites(of: Described) -> Iterator[Statement]:
    """Sites, and the countries in which they are."""
    countries: dict[str, Fact] = {}
    for site in of.study.sites:
        yield from _describe_site(of, site)
        if site.country:
            countries.setdefault(str(site.country.value), site.country)
    for code, fact in countries.items():
        yield Statement(of.iri, kg("country"), of.term("country", code), Fact(fact.value, fact.quote))


def _describe_site(of: Described, site: Site) -> Iterator[Statement]:
    named = [fact for fact in (site.facility, site.city, site.region, site.country) if fact]
    if not named:
        return
    label = ", ".join([str(fact.value) for fact in named])
    node = mint("site", slug(label, 80))
    yield Statement(of.iri, kg("hasSite"), node, named[0])
    yield Statement(node, A, kg("Site"))
    yield Statement(node, LABEL, literal(label))
    for name, fact in (("facility", site.facility), ("city", site.city), ("region", site.region)):
        if fact:
            yield Statement(node, kg(name), literal(str(fact.value)), Fact(fact.value, fact.quote))
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
