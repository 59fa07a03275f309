"""What is refused before any parser sees it, and what is not."""

from __future__ import annotations

import pytest

from kg.queries import load_queries
from kg.web.limits import MAX_NESTING, QueryRefused, check_query
from tests.web.hostile import make_costly, make_refused

REFUSED = [(family, text) for family, text in make_refused() if family != "syntax"]


@pytest.mark.parametrize("family", sorted({family for family, _ in REFUSED}))
def test_each_family_is_refused(family: str) -> None:
    """Every query of the family, with a status of 400 or 413 and one line of text."""
    for name, text in REFUSED:
        if name == family:
            with pytest.raises(QueryRefused) as caught:
                check_query(text)
            assert caught.value.status in (400, 413)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(load_queries()))
def test_stored_queries_are_within_the_limits(name: str) -> None:
    """Our own queries would pass as a client's."""
    assert check_query(load_queries()[name].text).form == "SELECT"


def test_small_costly_queries_pass_here() -> None:
    """No limit of words can tell that a cross join is costly; the sandbox stops it."""
    assert all(check_query(text).form for _, text in make_costly())


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s ?p 'SERVICE <http://a> { LOAD' }",
        "SELECT * { ?s ?p ?service } # SERVICE { { {",
        "SELECT * { ?s <http://example.org/SERVICE> ?load }",
        "PREFIX service: <http://a/> SELECT * { ?s service:load service:insert }",
        'SELECT * { ?s ?p """{ " {{ \\""" { """ }',
        "SELECT * { ?s ?p ?o FILTER(?o<3&&?o>1) }",
        "SELECT * { ?s ?p 'caf\\u00E9' }",
    ],
)
def test_words_inside_strings_names_and_comments_are_no_keywords(text: str) -> None:
    """Only a keyword is one."""
    assert check_query(text).form == "SELECT"


def test_the_deepest_nesting_that_is_allowed_passes() -> None:
    """64 brackets are within the limit, 65 are not."""
    deepest = "SELECT * " + "{" * MAX_NESTING + "}" * MAX_NESTING
    assert check_query(deepest).form == "SELECT"
    with pytest.raises(QueryRefused):
        check_query(deepest.replace("{}", "{{}}"))


def test_from_may_name_a_graph_of_the_store_only() -> None:
    """And is left alone where the request gives the dataset itself."""
    text = "SELECT * FROM <http://a/g> { ?s ?p ?o }"
    assert check_query(text, graphs={"http://a/g"}).form == "SELECT"
    assert check_query(text, has_dataset=True).form == "SELECT"
    with pytest.raises(QueryRefused, match="nothing is fetched"):
        check_query(text, graphs={"http://a/other"})
