"""Choose the format that a client prefers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_MOST = 60
"""Most ranges of an Accept header that are looked at."""
_LONGEST = 200
"""Characters of a range that are looked at."""


class Offer(msgspec.Struct, frozen=True):
    """A format on offer: its name here, and its media types, the first of which is sent."""

    name: str
    media: tuple[str, ...]


ROWS = (
    Offer("json", ("application/sparql-results+json", "application/json")),
    Offer("xml", ("application/sparql-results+xml", "application/xml", "text/xml")),
    Offer("csv", ("text/csv",)),
    Offer("tsv", ("text/tab-separated-values",)),
)
GRAPHS = (
    Offer("ttl", ("text/turtle", "application/x-turtle")),
    Offer("nt", ("application/n-triples", "text/plain")),
    Offer("jsonld", ("application/ld+json", "application/json")),
    Offer("rdf", ("application/rdf+xml", "application/xml", "text/xml")),
)
HTML = Offer("html", ("text/html", "application/xhtml+xml"))
CARD = Offer("json", ("application/json",))


def choose_offer(accept: str, offers: Sequence[Offer]) -> tuple[str, str] | None:
    """Name and media type of the format that fits best, the first on offer among equals; None where none fits.

    >>> choose_offer("text/csv;q=0.5, application/json", ROWS)
    ('json', 'application/json')
    >>> choose_offer("image/png", ROWS) is None
    True
    """
    ranges = _read_ranges(accept or "*/*")
    best: tuple[float, str, str] = (0.0, "", "")
    for offer in offers:
        for media in offer.media:
            weight = _weigh(media, ranges)
            shown = media if media in ranges else offer.media[0]
            if weight > best[0]:
                best = (weight, offer.name, shown)
    return best[1:] if best[0] > 0 else None


def _read_ranges(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.split(",", _MOST)[:_MOST]:
        media, *rest = (piece.strip().lower() for piece in part[:_LONGEST].split(";"))
        weight = 1.0
        for piece in rest:
            if piece.startswith("q="):
                try:
                    weight = min(1.0, max(0.0, float(piece[2:])))
                except ValueError:
                    weight = 0.0
        if media:
            ranges[media] = weight
    return ranges


def _weigh(media: str, ranges: dict[str, float]) -> float:
    """Weight of the most specific range that holds the media type."""
    for name in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name] if ranges[name] == ranges[name] else 0.0
    return 0.0
