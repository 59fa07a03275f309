"""Ask a remote SPARQL endpoint the same stored queries (SPARQL 1.1 Protocol, https://www.w3.org/TR/sparql11-protocol/)."""

from __future__ import annotations

import io
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from pyoxigraph import QueryResultsFormat, QuerySolutions, parse_query_results

from kg.errors import EndpointError, LimitReached, UsageError

MAX_BYTES = 256 * 2**20
"""Longest answer that is read."""


class RemoteEngine:
    """An endpoint that answers queries as the embedded store does.

    :param url: The endpoint, http or https.
    :param graph: IRI of the graph to ask as default graph, where the server keeps several.
    :param timeout: Seconds to wait for the answer.
    """

    def __init__(self, url: str, graph: str | None = None, timeout: int = 60) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise UsageError(f"{url!r} is no endpoint", mend="Give an http or https address")
        self.url, self.graph, self.timeout = url, graph, timeout

    def query(self, text: str) -> QuerySolutions:
        """Solutions of a SELECT query.

        :raises EndpointError: no answer, an error, or something that is no SPARQL result.
        :raises LimitReached: the answer is too long.
        """
        from SPARQLWrapper import JSON, POST, SPARQLWrapper
        from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

        wrapper = SPARQLWrapper(self.url, returnFormat=JSON, defaultGraph=self.graph)
        wrapper.setMethod(POST)
        wrapper.setTimeout(self.timeout)
        wrapper.setQuery(text)
        try:
            with wrapper.query().response as response:
                body = response.read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                raise LimitReached(
                    f"an answer of more than {MAX_BYTES // 2**20} MB", where=self.url, mend="Ask with more parameters"
                )
            found = parse_query_results(io.BytesIO(body), QueryResultsFormat.JSON)
        except (TimeoutError, HTTPError, URLError, SPARQLWrapperException, OSError) as error:
            what = str(getattr(error, "reason", "") or error).splitlines()[0][:200]
            raise EndpointError(
                f"no answer ({what})", where=self.url, mend="Check the address and that the server runs"
            ) from None
        except (SyntaxError, ValueError) as error:
            raise EndpointError(
                f"the answer is no SPARQL result ({error})",
                where=self.url,
                mend="Check that the address is a SPARQL endpoint",
            ) from None
        if not isinstance(found, QuerySolutions):
            raise EndpointError("the answer has no rows", where=self.url)
        return found
