"""Families of hostile queries: each is known to crash an engine, to ignore a timeout, or to reach outside."""

from __future__ import annotations

from collections.abc import Iterator


def make_refused() -> Iterator[tuple[str, str]]:
    """Queries that no worker should see: family and text."""
    for size in (65, 100, 200, 500, 1_000, 3_000, 6_000, 30_000, 60_000):
        yield "braces", "{" * size
        yield "open-groups", "SELECT * WHERE " + "{" * size + "}" * size
        yield "parentheses", "SELECT * { FILTER(" + "(" * size + "1" + ")" * size + ") }"
        yield "brackets", "SELECT * { ?s ?p " + "[ ?p " * size + "]" * size + " }"
        yield "lists", "SELECT * { ?s ?p " + "(" * size + ")" * size + " }"
        yield "not", "ASK { FILTER(" + "!" * size + "true) }"
        yield "minus", "SELECT (" + "-" * size + "1 AS ?x) {}"
        yield "inverse", "SELECT * { ?s " + "^" * size + "<p:p> ?o }"
    for count in (101, 150, 300, 1_000):
        yield "patterns", "SELECT * { " + " ".join(f"?a{n} ?b{n} ?c{n} ." for n in range(count)) + " }"
        yield "predicate-lists", "SELECT * { ?s " + ";".join(f"?b{n} ?c{n}" for n in range(count)) + " }"
        yield "object-lists", "SELECT * { ?s ?p " + ",".join(f"?c{n}" for n in range(count)) + " }"
        yield "unions", "SELECT * { " + " UNION ".join("{ ?s ?p ?o }" for _ in range(count)) + " }"
        yield "optionals", "SELECT * { " + " ".join("OPTIONAL { ?s ?p ?o }" for _ in range(count)) + " }"
    for size in (65_537, 100_000):
        yield "long-string", 'SELECT * { ?s ?p "' + "x" * size + '" }'
        yield "long-comment", "SELECT * { } #" + "x" * size
    for word in ("SERVICE", "service", "SeRvIcE", "SERVICE SILENT"):
        for place in ("<http://127.0.0.1:9/>", "<file:///etc/passwd>", "?x", "<http://169.254.169.254/>"):
            yield "service", f"SELECT * {{ {word} {place} {{ ?s ?p ?o }} }}"
            yield "service-in-exists", f"ASK {{ FILTER EXISTS {{ {word} {place} {{ ?s ?p ?o }} }} }}"
    for name in ("<http://example.org/g>", "<file:///etc/passwd>", "ex:g", "<g>", "<http://127.0.0.1:9/>"):
        yield "from", f"PREFIX ex: <http://example.org/> SELECT * FROM {name} {{ ?s ?p ?o }}"
        yield "from-named", f"PREFIX ex: <http://example.org/> SELECT * FROM NAMED {name} {{ GRAPH ?g {{ ?s ?p ?o }} }}"
    for update in (
        "LOAD <http://127.0.0.1:9/>", "LOAD SILENT <file:///etc/passwd>", "CLEAR ALL", "DROP ALL", "CREATE GRAPH <g:g>",
        "INSERT DATA { <s:s> <p:p> 1 }", "DELETE WHERE { ?s ?p ?o }", "COPY DEFAULT TO <g:g>", "ADD <g:g> TO DEFAULT",
        "SELECT * {} ; DROP ALL", "WITH <g:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", "MOVE <g:g> TO DEFAULT",
    ):  # fmt: skip
        yield "update", update
    for escape in ("\\u007B", "\\U0000007B", "SERV\\u0049CE", "\\u0028", "\\uD800", "\\U00110000"):
        yield "escapes", f"SELECT * {{ ?s ?p ?o }} # {escape}"
    for text in ("", "SELECT", "SELECT * {", "}", "SELECT * { ?s ?p }", "\x00", "'", '"""', "<", "PREFIX", "ASK {} {}"):
        yield "syntax", text


def make_costly() -> Iterator[tuple[str, str]]:
    """Small queries that cost without end on a graph of any size: family and text."""
    triple = "?{0}s ?{0}p ?{0}o ."
    for count in (4, 5, 6, 7, 8, 9, 10, 12, 16, 20):
        cross = " ".join(triple.format(chr(97 + n)) for n in range(count))
        names = " ".join(f"?{chr(97 + n)}s" for n in range(count))
        yield "cross-join-order", f"SELECT * {{ {cross} }} ORDER BY {names}"
        yield "cross-join-count", f"SELECT (COUNT(*) AS ?n) {{ {cross} }}"
        yield "cross-join-distinct", f"SELECT DISTINCT {names} {{ {cross} }}"
        yield "cross-join-group", f"SELECT ?ap (COUNT(?bp) AS ?n) {{ {cross} }} GROUP BY ?ap"
        yield "cross-join-filter", f"SELECT * {{ {cross} FILTER(?ao = CONCAT(STR(?bo), 'x')) }}"
        yield "cross-join-minus", f"SELECT * {{ {cross} MINUS {{ ?x ?y ?z . ?k ?l ?m }} }}"
        chain = " ".join(f"?n{n} ?p{n} ?n{n + 1} ." for n in range(count))
        yield "chain-back", f"SELECT * {{ {chain} ?n{count} ?q ?n0 }} ORDER BY ?n1"
        yield "exists", f"ASK {{ ?s ?p ?o FILTER EXISTS {{ {cross} FILTER(?ao = 'none such') }} }}"
    for grow in (28, 32, 36, 40, 48):
        concat = f"SELECT ?x0 {{ BIND('aaaaaaaaaaaaaaaa' AS ?x{grow}) "
        concat += " ".join(f"BIND(CONCAT(?x{n + 1}, ?x{n + 1}) AS ?x{n})" for n in range(grow - 1, -1, -1))
        yield "concat-bomb", concat + " }"
        yield "replace-bomb", concat.replace("CONCAT", "REPLACE").replace(", ?x", ", 'a', ?x") + " }"
        yield "encode-bomb", concat + f" FILTER(STRLEN(ENCODE_FOR_URI(?x{0})) > 0) }}"
        yield (
            "group-concat",
            (
                f"SELECT (GROUP_CONCAT(CONCAT(STR(?a), STR(?b), STR(?c), '{'x' * grow}')) AS ?t) "
                "{ ?a ?p ?b . ?c ?q ?d . ?e ?r ?f . ?g ?h ?i }"
            ),
        )
    for mark in ("*", "+"):
        for path in ("(!<x:x>)", "(!<x:x>|^!<x:x>)", "(<p:p>|!<p:p>)", "((!<x:x>)/(!<x:x>))", "(^(!<x:x>)/(!<x:x>))"):
            yield (
                "path-closure",
                f"SELECT * {{ ?a {path}{mark} ?b . ?c {path}{mark} ?d . ?e {path}{mark} ?f }} ORDER BY ?f",
            )
            yield (
                "path-count",
                f"SELECT (COUNT(*) AS ?n) {{ ?a {path}{mark} ?b . ?c {path}{mark} ?d . ?b {path}{mark} ?e }}",
            )
    for count in (20, 60, 95):
        terms = " ".join(f"?v{n} ?w{n} ?u{(n * 7) % count} ." for n in range(count))
        yield "planner", f"SELECT * {{ {terms} }} ORDER BY ?v0 ?v1"
    for depth in (10, 20, 30, 60):
        yield (
            "nested-optional",
            "SELECT * " + "{ ?s ?p ?o OPTIONAL " * depth + "{ ?a ?b ?c }" + " }" * depth + " ORDER BY ?c",
        )
        inner = "?a ?b ?c . ?d ?e ?f ."
        for _ in range(depth // 2):
            inner = "{ SELECT * { " + inner + " } }" if len(inner) < 2_000 else inner
        yield "nested-select", "SELECT * { " + inner + " ?g ?h ?i . ?j ?k ?l } ORDER BY ?l"
    for size in (1_000, 2_000):
        terms = "+".join(["STRLEN(STR(?a))", "STRLEN(STR(?d))", "STRLEN(STR(?i))", *["1"] * size])
        yield "long-sum", f"SELECT * {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER({terms} = 0) }}"
        yield (
            "long-or",
            "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER("
            + "||".join(["?a=?f"] * (size // 3))
            + ") } ORDER BY ?i",
        )
        sequence = "/".join(["(!<x:x>)"] * (size // 4))
        yield "long-path", f"SELECT * {{ ?a {sequence} ?b . ?c ?d ?e . ?f ?g ?h . ?i ?j ?k }} ORDER BY ?k"
    values = " ".join(f"({n})" for n in range(150))
    joins = " ".join(f"VALUES (?v{n}) {{ {values} }}" for n in range(6))
    yield "values-product", f"SELECT (COUNT(*) AS ?n) {{ {joins} }}"
    yield (
        "regex",
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(REGEX(STR(?c), '(a*)*(a*)*(a*)*b{1,200}', 'i')) } ORDER BY ?i",  # noqa: E501
    )
    yield "describe-all", "DESCRIBE * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    yield "construct-all", "CONSTRUCT { ?a ?e ?i } { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
