"""The map step: one record's bytes in, its N-Quads out. Pure, so that it runs in any process on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from kg import rdf
from kg.errors import KgError, OntologyError
from kg.extract import extract_trial, extract_trials
from kg.model import Record, Rejected, Study, Trial
from kg.packing import pack
from kg.pipeline.bounds import OverTimeError, check_size, hold_to_bounds, reject, reject_deadly
from kg.pipeline.filters import Choice, is_chosen, is_kept
from kg.sources.inputs import Blob, read_blob


class Reading(msgspec.Struct, frozen=True):
    """One record, read: what the snapshot keeps of it.

    :ivar content: SHA-256 of the bytes that were read.
    :ivar iri: Of the record, as N-Triples; empty where a restriction left the record out.
    :ivar trial: IRI of its trial, as N-Triples.
    :ivar is_part: Whether the record was saved with some of its fields only.
    :ivar text: The record's text, packed.
    :ivar lines: Its sorted N-Quads lines, packed.
    :ivar set_aside: Single values that could not be read.
    """

    content: str
    file: str
    iri: str = ""
    trial: str = ""
    format: str = ""
    sha256: str = ""
    updated: str = ""
    is_part: bool = False
    text: bytes = b""
    lines: bytes = b""
    set_aside: tuple[str, ...] = ()


def read_batch(blobs: Sequence[Blob], choices: Sequence[Choice] = ()) -> list[Reading | Rejected]:
    """Read the records of a batch to their N-Quads, in their order; one that takes more than its share is set aside."""
    try:
        with hold_to_bounds():
            return _read_together(blobs, choices)
    except (OverTimeError, MemoryError):
        pass  # nothing of what was half done is held while the records are tried one by one
    return [_read_alone(blob, choices) for blob in blobs]


def _read_alone(blob: Blob, choices: Sequence[Choice]) -> Reading | Rejected:
    try:
        with hold_to_bounds():
            return _read_together((blob,), choices)[0]
    except (OverTimeError, MemoryError) as error:
        return reject(blob.name, error)


def give_up_on(blob: Blob) -> Reading | Rejected:
    """What stands for a record that kills the process that reads it."""
    return reject_deadly(blob.name)


def _read_together(blobs: Sequence[Blob], choices: Sequence[Choice]) -> list[Reading | Rejected]:
    """Each step is taken for all records before the next: its code and tables then stay in the processor's caches."""
    studies = [_take_study(blob, choices) for blob in blobs]
    trials = iter(interpret_all([one for one in studies if isinstance(one, Study)]))
    found = [next(trials) if isinstance(one, Study) else one for one in studies]
    return [
        _take_reading(blob, one, choices) if isinstance(one, Trial) else one
        for blob, one in zip(blobs, found, strict=True)
    ]


def _take_study(blob: Blob, choices: Sequence[Choice]) -> Study | Reading | Rejected:
    """The study, or a reading that holds nothing where a restriction leaves it out."""
    study = read_blob(blob)
    if isinstance(study, Rejected):
        return study
    is_out = bool(choices) and not is_chosen(study, choices)
    return Reading(hash_content(blob), blob.name) if is_out else check_size(study)


def _take_reading(blob: Blob, trial: Trial, choices: Sequence[Choice]) -> Reading | Rejected:
    """The trial's reading, which holds nothing where a restriction leaves it out."""
    if choices and not is_kept(trial, choices):
        return Reading(hash_content(blob), blob.name)
    record = trial.study.record
    try:
        lines = rdf.write_record(trial)
    except KgError as error:
        return Rejected(record.file, str(error), "Please report the record: this is a fault of kg")
    text = record.text.encode()
    return Reading(
        record.sha256 if text == blob.content else hash_content(blob),
        record.file,
        rdf.mint_record(trial),
        rdf.mint_trial(trial),
        record.format,
        record.sha256,
        record.updated,
        record.is_part,
        pack(text),
        pack(b"".join(map(str.encode, lines))),  # lines are plain ASCII but a few: joined they would all be wide
        trial.study.set_aside,
    )


def hash_content(blob: Blob) -> str:
    """What a record is known by from run to run: its bytes."""
    return hashlib.sha256(blob.content).hexdigest()


def read_trial(blob: Blob) -> Trial | Rejected:
    """Read one record and find everything in it."""
    study = read_blob(blob)
    return study if isinstance(study, Rejected) else interpret(study)


_STUMBLES = (KgError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


def interpret_all(studies: Sequence[Study]) -> Sequence[Trial | Rejected]:
    """Extraction from many studies: one by one only where our own code stumbles over one of them."""
    try:
        return extract_trials(studies)
    except OntologyError:
        raise
    except _STUMBLES:
        return [interpret(study) for study in studies]


def interpret(study: Study) -> Trial | Rejected:
    """Extraction with a net: a record that our own code stumbles over is set aside like a bad one, for one odd record
    must not end a build of half a million."""
    try:
        return extract_trial(study)
    except OntologyError:
        raise  # a wrong declaration is no fault of a record: each would be set aside for it
    except _STUMBLES as error:
        return Rejected(
            study.record.file,
            f"kg could not interpret it ({type(error).__name__}: {error})",
            "Please report the record: this is a fault of kg",
        )


def reread(record: Record) -> Trial | Rejected:
    """Read a stored record again, and find everything in it."""
    study = reread_study(record)
    return study if isinstance(study, Rejected) else interpret(study)


def reread_study(record: Record) -> Study | Rejected:
    """Read a stored record again."""
    is_json = record.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    return read_blob(Blob(record.file, record.text.encode(), is_json=is_json))
