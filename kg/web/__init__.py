"""The web: a SPARQL endpoint, linked data, a REST interface and pages over one graph (``kg serve``).

The web process never evaluates a query. It checks sizes, then hands the work to confined worker processes (`pool`)
that can be killed at any moment. What a client can do to the server is in ``docs/threat-model.md``.
"""
