"""Names that resolve: ``/id/trial/NCT…`` leads to a page or to data, by suffix or by Accept.

The thing is not the document about it, so its name answers 303 (https://www.w3.org/TR/cooluris/).
"""

from __future__ import annotations

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kg.resources import list_files
from kg.terms import ID
from kg.web.negotiation import CARD, GRAPHS, HTML, choose_offer
from kg.web.replies import WebFault, check, get_service, respond
from kg.web.targets import quote_path

_MEDIA = {**{offer.name: offer.media[0] for offer in GRAPHS}, "json": "application/json"}
_SUFFIXES = tuple(_MEDIA)


async def resolve_name(request: Request) -> Response:
    """Lead from a thing to a document about it.

    :raises WebFault: no format fits.
    """
    path = request.path_params["path"]
    stem, _, suffix = path.rpartition(".")
    if stem and suffix in _SUFFIXES:
        return _lead(f"/data/{quote_path(stem)}.{suffix}")
    offers = (HTML, *GRAPHS[:3], GRAPHS[3]) if not path.startswith("trial/") else (HTML, CARD, *GRAPHS)
    chosen = choose_offer(request.headers.get("accept", ""), offers)
    if chosen is None:
        raise WebFault(406, "no format that the client accepts", f"On offer are {', '.join(('html', *_SUFFIXES))}")
    return _lead(f"/page/{quote_path(path)}" if chosen[0] == "html" else f"/data/{quote_path(path)}.{chosen[0]}")


def _lead(place: str) -> Response:
    return RedirectResponse(place, 303, {"Vary": "Accept"})


async def answer_data(request: Request) -> Response:
    """A document about a thing in one format.

    :raises WebFault: the thing or the format is unknown.
    """
    stem, _, suffix = request.path_params["path"].rpartition(".")
    if suffix not in _SUFFIXES:
        raise WebFault(404, "no such format", f"One of {', '.join(_SUFFIXES)}")
    iri = check_iri(ID + stem)
    service = get_service(request)
    if suffix == "json":
        if not stem.startswith("trial/"):
            raise WebFault(404, "only trials have a card", f"Ask for /data/{stem[:200]}.ttl")
        reply = check(await service.run_task("card", trial=iri))
    else:
        reply = check(await service.run_task("describe", iri=iri, form=suffix))
    return respond(request, reply.body, _MEDIA[suffix], form=suffix, headers={"Link": f'<{iri}>; rel="about"'})


def check_iri(text: str) -> str:
    """The text, if it is an IRI.

    :raises WebFault: it is none.
    """
    try:
        return NamedNode(text).value if len(text) < 2_000 and text.isascii() else _refuse()
    except ValueError:
        return _refuse()


def _refuse() -> str:
    raise WebFault(404, "that is no name of anything here")


async def answer_ontology(request: Request) -> Response:
    """The ontology as Turtle, or its terms as a page."""
    path = next(path for path in list_files("ontology", ".ttl") if path.stem == "kg")
    chosen = choose_offer(request.headers.get("accept", ""), (HTML, GRAPHS[0]))
    if request.scope["path"].endswith(".ttl") or (chosen and chosen[0] == "ttl"):
        return respond(request, path.read_bytes(), "text/turtle; charset=utf-8", form="ttl")
    if chosen is None:
        raise WebFault(406, "no format that the client accepts", "On offer are text/html and text/turtle")
    from kg.web.ontology_page import list_terms
    from kg.web.pages import respond_page

    return respond_page(request, "ontology.html", terms=list_terms(path))
