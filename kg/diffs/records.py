"""Two versions of a registry's record compared where a card shows nothing of them: other names, long texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kg.diffs.changes import Change, make_change, tell_member
from kg.diffs.passages import find_differences
from kg.model import Study
from kg.pipeline import reread_study
from kg.store import StoredRecord

_TEXTS = {
    "summary": "brief summary",
    "description": "detailed description",
    "eligibility": "eligibility text",
    "arm description": "description of arm",
    "intervention description": "description of intervention",
}
_NAMES = {"keyword": "keyword", "other name": "other name of"}


def diff_records(old: Iterable[StoredRecord], new: Iterable[StoredRecord]) -> list[Change]:
    """The differences between the newest records that each registry has of a trial on both sides, each told once."""
    before, after = _read_newest(old), _read_newest(new)
    found: dict[tuple[str, str], Change] = {}
    for form in sorted(before.keys() & after.keys()):
        for change in _diff_studies(before[form], after[form]):
            found.setdefault((change.about, change.words), change)
    return list(found.values())


def _read_newest(records: Iterable[StoredRecord]) -> dict[str, Study]:
    found: dict[str, Study] = {}
    for one in sorted(records, key=lambda one: (one.record.updated, one.record.sha256)):
        study = reread_study(one.record)
        if isinstance(study, Study):
            found[one.record.format] = study
    return found


def _diff_studies(old: Study, new: Study) -> Iterator[Change]:
    names = [_list_names(study) for study in (old, new)]
    for part, ref in dict.fromkeys((*names[0], *names[1])):
        held = [side.get((part, ref), {}) for side in names]
        yield from _diff_lists(part.replace(" ", "_"), f"{_NAMES[part]} {ref}".strip(), held[0], held[1])
    texts = [_list_texts(study) for study in (old, new)]
    for place in dict.fromkeys((*texts[0], *texts[1])):
        part, ref, _ = place
        one, other = (side.get(place, "") for side in texts)
        yield from _diff_texts(part.replace(" ", "_"), f"{_TEXTS[part]} {ref}".strip(), one, other)
    described = [_list_descriptions(study) for study in (old, new)]
    for measure in filter(described[1].__contains__, described[0]):
        name = f"description of outcome {measure}"
        yield from _diff_texts("outcome_description", name, described[0][measure], described[1][measure])


def _diff_lists(about: str, name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    """Members that one side has; both are words by value."""
    for side, words, other, verb in ((1, new, old, "added"), (0, old, new, "removed")):
        for value, quote in words.items():
            if value not in other:
                yield tell_member(side, about, f"{name} {verb}: {value}", value, quote)


def _list_names(study: Study) -> dict[tuple[str, str], dict[str, str]]:
    """Keywords and other names by part and what each belongs to."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for one in study.parts(*_NAMES):
        found[one.part, one.ref][one.text] = one.text
    return found


def _list_texts(study: Study) -> dict[tuple[str, str, int], str]:
    """Texts by part, what each belongs to, and its number among several of one thing."""
    found: dict[tuple[str, str, int], str] = {}
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for one in study.parts(*_TEXTS):
        found[one.part, one.ref, numbers[one.part, one.ref]] = one.text
        numbers[one.part, one.ref] += 1
    return found


def _list_descriptions(study: Study) -> dict[str, str]:
    """What outcomes are measured by, by the outcome's name."""
    described = ((str(one.measure.value), one.description) for one in study.outcomes)
    return {measure: fact.quote.text if fact else "" for measure, fact in described}


def _diff_texts(about: str, name: str, old: str, new: str) -> Iterator[Change]:
    for one in find_differences(old, new):
        if not one.old:
            words = f"{name} now has “{one.new}”"
        elif not one.new:
            words = f"{name} no longer has “{one.old}”"
        else:
            words = f"{name} changed from “{one.old}” to “{one.new}”"
        yield make_change(about, words, one.old or None, one.new or None, one.old_quote, one.new_quote)
