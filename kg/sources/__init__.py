"""Registry records in, studies out. One module per format; the folder is the registry.

A format module has ``FORMAT``, ``READS`` (``page``: the text of a page; ``json``: a decoded value), ``sniff`` and
``read``. The format is told from the content, never from the file's name.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
from functools import cache
from types import ModuleType
from typing import Any

import msgspec

from kg.model import Record, Rejected, Study
from kg.sources.placeholders import clear_placeholders

MAX_PAGE = 10_000_000
"""Longest page that is read, in characters; the longest registry records are a tenth of this."""
MAX_RECORD = 32 * 2**20
"""Longest study that is read, in bytes."""
MAX_VALUES = 2_000_000
"""Most values in a study, for each takes some 100 bytes when it is read, however short it is."""
_SMALL = 2**20
"""Bytes of a study whose values nobody need count."""
MOST_NOTES = 50
"""Values of a record that are listed as set aside; more are counted."""
_MOST_WORDS = 300


@cache
def list_formats() -> tuple[ModuleType, ...]:
    """All format modules, sorted by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return tuple(module for module in modules if hasattr(module, "sniff"))


def read_page(text: str, file: str) -> Study | Rejected:
    """Read the text of a page."""
    if not text.strip("\ufeff \t\r\n"):
        return Rejected(file, "the file is empty", "Save the record again")
    if len(text) > MAX_PAGE:
        return Rejected(file, f"a page of more than {MAX_PAGE:,} characters", "Split the file")
    for module in list_formats():
        if module.READS == "page" and module.sniff(text):
            study: Study = module.read(text, _make_record(text, text.encode(), file))
            return bound_notes(clear_placeholders(study))
    return Rejected(
        file, "text in none of the known page layouts", "See `kg build --help` for the formats that are read"
    )


def read_json(source: bytes, file: str) -> Study | Rejected:
    """Read one JSON value from its bytes."""
    if len(source) > MAX_RECORD:
        return Rejected(file, f"a study of more than {MAX_RECORD // 2**20} MB", "Ask for fewer of its fields")
    if len(source) > _SMALL and sum(map(source.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return Rejected(file, f"more than {MAX_VALUES:,} values in one study", "Give a study of a registry")
    noted: tuple[str, ...] = ()
    try:
        text = source.decode()
        try:
            value: Any = msgspec.json.decode(source)
        except msgspec.DecodeError:
            source = mend_surrogates(source)
            value = msgspec.json.decode(source)
            text, noted = source.decode(), ("half a character (a lone surrogate escape) was replaced by U+FFFD",)
    except msgspec.DecodeError as error:
        return Rejected(file, f"not JSON: {error}", "Download the record again")
    except RecursionError:
        return Rejected(file, "JSON nested too deeply", "A registry record is at most some 20 levels deep")
    except UnicodeDecodeError as error:
        return Rejected(file, f"not UTF-8 at byte {error.start:,}", "Convert the file to UTF-8, for example with iconv")
    for module in list_formats():
        if module.READS == "json" and module.sniff(value):
            study: Study = module.read(value, _make_record(text, source, file))
            if noted:
                study = msgspec.structs.replace(study, set_aside=(*study.set_aside, *noted))
            return bound_notes(clear_placeholders(study))
    return Rejected(
        file,
        "JSON, but not a ClinicalTrials.gov v2 study: it has no protocolSection",
        "Ask the API for whole studies (format=json)",
    )


def bound_notes(study: Study) -> Study:
    """The study, with no more words about what could not be read than somebody will look at."""
    notes = study.set_aside
    if not notes:
        return study
    shown = tuple(one if len(one) <= _MOST_WORDS else one[:_MOST_WORDS] + "…" for one in notes[:MOST_NOTES])
    if len(notes) > MOST_NOTES:
        shown += (f"{len(notes) - MOST_NOTES:,} more values could not be read",)
    return study if shown == notes else msgspec.structs.replace(study, set_aside=shown)


_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|u|[^u])"
)
"""Escapes of a JSON text, one at a time so that an escaped backslash hides none; the group is half a character."""


def mend_surrogates(source: bytes) -> bytes:
    r"""JSON in which half characters, which no UTF-8 can hold, are the replacement character.

    >>> print(mend_surrogates(rb'{"a": "\ud800 \ud83d\ude00 \\ud800"}').decode())
    {"a": "\ufffd \ud83d\ude00 \\ud800"}
    """
    return _ESCAPES.sub(lambda found: rb"\ufffd" if found[1] else found[0], source)


def _make_record(text: str, source: bytes, file: str) -> Record:
    return Record(file=file, format="", sha256=hashlib.sha256(source).hexdigest(), text=text)
