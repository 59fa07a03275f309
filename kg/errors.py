"""The errors that trialkg raises on purpose. Each is one line: what, where, how to mend it."""

from __future__ import annotations


def cut(text: str, limit: int = 80) -> str:
    """A user's text as an error quotes it: in quotes, without line ends, and only as much as one can read.

    >>> cut("CD999"), cut("x" * 100, 4)
    ("'CD999'", "'xxxx…'")
    """
    return repr(text if len(text) <= limit else text[:limit] + "…")


def count(number: int, noun: str) -> str:
    """ "1 record", "2 records"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class KgError(Exception):
    """Anything trialkg can explain. ``exit_code`` is what the command line returns."""

    exit_code = 3

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        told = ": ".join(part for part in (where, what) if part)
        super().__init__(f"{told}{'' if told.endswith('?') else '.'} {mend}" if mend else told)


class UsageError(KgError):
    """The command was given something it cannot mean (an unknown query, a value of the wrong type)."""

    exit_code = 2


class SourceError(KgError):
    """A source cannot be read at all: a missing file, a broken archive."""


class MissingError(SourceError):
    """There is nothing at a URL, and the server says so."""


class VocabularyError(KgError):
    """A vocabulary file contradicts itself."""


class OntologyError(KgError):
    """A declaration of the ontology cannot be meant."""


class QueryError(KgError):
    """A stored query's header and its text disagree, or a parameter does not fit."""

    exit_code = 2


class ShapeError(KgError):
    """A shapes file cannot be used."""


class StoreError(KgError):
    """The store is missing, or cannot be read or written."""


class DamageError(StoreError):
    """A file of the graph is not what was written: no answer rests on it."""


class VersionError(StoreError):
    """The graph was written by another version of kg, which can read it."""


class LimitReached(KgError):  # noqa: N818  # the name says what happened
    """A bound on time, rows or memory was reached; the answer would have been incomplete."""

    exit_code = 4


class EndpointError(KgError):
    """A remote SPARQL endpoint did not answer, or answered with something else."""


class ClusterError(KgError):
    """A Dask cluster cannot be used."""
