"""Frozen records that pass between the layers: what was read, and what was found in it.

A *fact* is a value with the words it was read from. Readers (``kg.sources``) make a `Study` of facts and passages;
extraction (``kg.extract``) adds the `Product`, `Endpoint`, `Criterion` … it finds, giving a `Trial`;
``kg.rdf`` turns a `Trial` into statements. Nothing here knows RDF.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Frozen(msgspec.Struct, frozen=True, gc=False):
    """Base of all records: immutable, compared by value."""


class Quote(Frozen, frozen=True):
    """Exact words of a record.

    :ivar field: Dotted path to a string of the record (list indices as numbers); ``text`` for a page.
    :ivar start: First code point in the decoded string at ``field``, untouched.
    :ivar end: One past the last code point.
    :ivar text: The words, ``string[start:end]``.
    """

    field: str
    start: int
    end: int
    text: str


NO_QUOTE = Quote("", 0, 0, "")
"""Of what is no copy of words."""


class Fact(Frozen, frozen=True):
    """A value and why we believe it.

    :ivar rule: Name of the rule that read it from prose; empty when it is the copy of a structured field,
        whose path is then evidence enough.
    :ivar basis: ``stated``, ``implied`` or ``inferred`` (``terms.tsv``).
    :ivar written: The deciding word where the quote is wider than it.
    """

    value: Any
    quote: Quote
    rule: str = ""
    basis: str = "stated"
    written: str = ""


class Passage(Frozen, frozen=True):
    """A piece of a record's text that extraction may search.

    :ivar part: What the text is: one of `PARTS`.
    :ivar field: As in `Quote`.
    :ivar start: Offset of ``text`` in the string at ``field``.
    :ivar text: The words.
    :ivar ref: What it belongs to: an intervention's name, an arm's label, ``inclusion``/``exclusion``; else empty.
    """

    part: str
    field: str
    start: int
    text: str
    ref: str = ""

    def quote(self, start: int, end: int) -> Quote:
        """Quote ``text[start:end]``.

        >>> Passage("title", "text", 10, "anti-CD7 CAR-T").quote(5, 8)
        Quote(field='text', start=15, end=18, text='CD7')
        """
        return Quote(self.field, self.start + start, self.start + end, self.text[start:end])


PARTS = (
    "title",
    "official title",
    "condition",
    "keyword",
    "intervention",
    "intervention description",
    "other name",
    "arm",
    "arm description",
    "summary",
    "description",
    "outcome",
    "outcome description",
    "eligibility",
)


class Record(Frozen, frozen=True):
    """Where a study was read.

    :ivar file: Base name of the file (with ``:line`` for a line of a JSON lines file).
    :ivar format: Name of the reader, for example ``ctgov-v2``.
    :ivar sha256: Of the record's own text.
    :ivar text: The record's text; what ``kg validate`` checks quotes against.
    :ivar updated: Date of this version as the record gives it, or empty.
    :ivar is_part: True where the record was saved with some of its fields only; it then adds to other versions of the
        registry's record and replaces none.
    """

    file: str
    format: str
    sha256: str
    text: str
    updated: str = ""
    is_part: bool = False


class Arm(Frozen, frozen=True):
    """An arm as the record lists it."""

    label: Fact
    type: Fact | None = None
    interventions: tuple[Fact, ...] = ()


class Intervention(Frozen, frozen=True):
    """An intervention as the record lists it; ``arms`` are labels."""

    name: Fact
    type: Fact | None = None
    other_names: tuple[Fact, ...] = ()
    arms: tuple[str, ...] = ()


class Outcome(Frozen, frozen=True):
    """An outcome measure as the record lists it.

    :ivar role: ``primary``, ``secondary``, ``other``, or None where the record does not say.
    """

    role: str | None
    measure: Fact
    time_frame: Fact | None = None
    description: Fact | None = None


class Site(Frozen, frozen=True):
    """A place where the trial runs.

    :ivar country: ISO 3166-1 alpha-2 code.
    :ivar latitude: WGS 84 degrees, as ``longitude``.
    :ivar status: Where recruitment stands at this site, as the record says it of the site itself.
    """

    facility: Fact | None = None
    city: Fact | None = None
    region: Fact | None = None
    country: Fact | None = None
    latitude: Fact | None = None
    longitude: Fact | None = None
    status: Fact | None = None


class Study(Frozen, frozen=True):
    """One registry record, read but not yet interpreted.

    :ivar facts: Facts of the trial itself by card key (``status``, ``phases`` …); several for a list.
    :ivar passages: All prose, in reading order.
    :ivar set_aside: Values that could not be read, each with its field and the reason; the rest of the record stands.
    """

    record: Record
    facts: dict[str, tuple[Fact, ...]]
    arms: tuple[Arm, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    sites: tuple[Site, ...] = ()
    passages: tuple[Passage, ...] = ()
    set_aside: tuple[str, ...] = ()

    def first(self, key: str) -> Any:
        """Value of the first fact under ``key``, or None."""
        found = self.facts.get(key)
        return found[0].value if found else None

    def parts(self, *names: str) -> tuple[Passage, ...]:
        """Passages of the named parts, in reading order."""
        return tuple(passage for passage in self.passages if passage.part in names)


class Rejected(Frozen, frozen=True):
    """A record that could not be read: set aside and listed, while the rest goes on.

    :ivar is_cut: True where a source broke off, so that nobody knows how many records are missing.
    """

    file: str
    reason: str
    mend: str = ""
    is_cut: bool = False


class Binding(Frozen, frozen=True):
    """What a product binds.

    :ivar antigen: Fact whose value is the antigen's notation (``IL3RA``); its quote shows the written word in context.
    :ivar written: The word itself ("CD123").
    :ivar binder: What binds it, where that is not an antibody fragment by default ("IL3").
    :ivar binder_type: ``ligand``, ``VHH`` … (``terms.tsv``).
    """

    antigen: Fact
    written: str
    binder: Fact | None = None
    binder_type: Fact | None = None


class Dose(Frozen, frozen=True):
    """A dose in cells, cells/kg or cells/m2; ``role`` is ``range``, ``start``, ``level`` or ``RP2D``."""

    low: float
    high: float
    unit: str
    role: str
    quote: Quote
    rule: str


class Product(Frozen, frozen=True):
    """An intervention, and what the record says of it if it is a cell product.

    :ivar name: Fact with the name; None where no name is written.
    :ivar facts: Facts of a cell product by card key (``modality``, ``cell_source`` …), in the order of the text.
    """

    name: Fact | None
    type: Fact | None = None
    is_cell: bool = False
    bindings: tuple[Binding, ...] = ()
    doses: tuple[Dose, ...] = ()
    facts: dict[str, tuple[Fact, ...]] = {}

    def first(self, key: str) -> Fact | None:
        """The first fact under ``key``, or None."""
        return next(iter(self.facts.get(key, ())), None)


class Mention(Frozen, frozen=True):
    """A place where an antigen is named, and in which role (``terms.tsv``: antigen role)."""

    antigen: str
    written: str
    role: str
    quote: Quote
    rule: str
    part: str = ""
    ref: str = ""


class TimeFrame(Frozen, frozen=True):
    """When an endpoint is measured.

    :ivar raw: The words.
    :ivar low: Lower bound in days (1 month = 30.4375, 1 year = 365.25); None when not told.
    :ivar high: Upper bound in days.
    :ivar days: The single times, where a list is given.
    :ivar anchor: The event it counts from, in lower case ("infusion").
    :ivar event_driven: True when it ends with an event and not after a time.
    """

    raw: str
    low: float | None = None
    high: float | None = None
    days: tuple[float, ...] = ()
    anchor: str | None = None
    event_driven: bool = False


class Endpoint(Frozen, frozen=True):
    """A named measure.

    :ivar name: Fact with the measure as written.
    :ivar kinds: Facts with endpoint-kind notations, the main one first.
    :ivar time_frame: Fact whose value is a `TimeFrame`.
    :ivar grading: Fact such as "CTCAE v5.0".
    """

    role: str | None
    name: Fact
    kinds: tuple[Fact, ...] = ()
    time_frame: Fact | None = None
    grading: Fact | None = None


class Criterion(Frozen, frozen=True):
    """An eligibility criterion that we can compare.

    :ivar list: ``inclusion``, ``exclusion``, or None where the page lost its headings.
    :ivar op: ``<``, ``<=``, ``>``, ``>=``, ``=``, ``range``; None for presence or absence only.
    :ivar value: Number, or (low, high) with ``range``.
    :ivar antigen: Antigen notation for the measure "antigen expression".
    :ivar is_negated: True where the clause asks for the absence of what the measure names ("no active infection").
    """

    list: str | None
    measure: str
    quote: Quote
    rule: str
    op: str | None = None
    value: float | tuple[float, float] | None = None
    unit: str | None = None
    antigen: str | None = None
    basis: str = "stated"
    is_negated: bool = False


class Trial(Frozen, frozen=True):
    """A study with everything extraction found in it."""

    study: Study
    conditions: tuple[Fact, ...] = ()
    products: tuple[Product, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    mentions: tuple[Mention, ...] = ()
