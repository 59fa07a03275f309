"""Print what ``kg validate`` found, trial by trial as it is found, or as a report at the end."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO

import msgspec

from kg.queries import find_query, run_query
from kg.rows import make_safe
from kg.shapes.baselines import Baseline, Changes
from kg.shapes.findings import Checked, Finding, find_registry_gaps
from kg.shapes.graphs import SEVERITIES
from kg.shapes.registries import list_gaps
from kg.shapes.reports import write_turtle
from kg.shapes.runs import Choice, validate
from kg.shapes.scores import Tally, name_items, percent
from kg.store import Manifest, Snapshot

_SHOWN = 12


def report(
    snapshot: Snapshot, choice: Choice, form: str, baseline: Baseline | None = None, stream: IO[str] | None = None
) -> Counter[str]:
    """Validate and print.

    :param form: ``text``, ``json``, ``jsonl``, ``csv``, ``ttl`` or ``html``.
    :returns: Number of findings by severity.
    """
    out = stream or sys.stdout
    counts: Counter[str] = Counter()
    tally = Tally()
    if baseline:
        baseline.narrow(choice.trials, choice.shapes)
    found = _watch(snapshot, choice, tally, counts)
    if form == "ttl":
        for piece in write_turtle(_compare(found, baseline)):
            out.write(piece)
    elif form in _WRITERS:
        _WRITERS[form](_make_rows(_compare(found, baseline)), tuple(_columns(baseline)), out)
    else:
        for one in found:
            if baseline:
                baseline.compare(one)
        changes = baseline.finish() if baseline else None
        if form == "html":
            from kg.shapes.pages import write_page

            query = find_query("completeness_beside_published")
            is_whole = choice.trials is None and choice.shapes is None
            published = run_query(snapshot.engine, query).rows if is_whole else ()
            source = describe_source(snapshot.manifest)
            out.write(write_page(tally, source, changes, published, has_scores=choice.shapes is None))
        else:
            _print_text(snapshot.manifest, tally, changes, out)
            if choice.shapes is None:
                _print_items(tally, out)
    return counts


def _watch(snapshot: Snapshot, choice: Choice, tally: Tally, counts: Counter[str]) -> Iterator[Finding]:
    """Every finding, trial by trial; what a registry cannot hold comes last, once for the registry."""
    registries: set[str] = set()
    for trial in validate(snapshot, choice):
        findings = trial.findings
        tally.add(trial, findings)
        counts.update(one.severity for one in findings)
        registries.update(_with_gaps(trial))
        yield from findings
    for one in find_registry_gaps(registries):
        if choice.shapes is None or one.shape in choice.shapes:
            tally.add_registry(one)
            counts[one.severity] += 1
            yield one


def _with_gaps(trial: Checked) -> Iterator[str]:
    if list_gaps(trial.registry):
        yield trial.registry


def _columns(baseline: Baseline | None) -> Iterator[str]:
    yield from Finding.__struct_fields__
    if baseline:
        yield "change"


def _compare(found: Iterable[Finding], baseline: Baseline | None) -> Iterator[tuple[Finding, str]]:
    """Findings, each with what became of it since the baseline; those that were mended come last."""
    for one in found:
        yield one, baseline.compare(one) if baseline else ""
    for one in baseline.list_mended() if baseline else ():
        yield one, "mended"


def _make_rows(compared: Iterable[tuple[Finding, str]]) -> Iterator[dict[str, object]]:
    for one, change in compared:
        row = msgspec.structs.asdict(one)
        yield row | {"change": change} if change else row


def _write_json(rows: Iterator[dict[str, object]], columns: tuple[str, ...], out: IO[str]) -> None:
    mark = "["
    for row in rows:
        out.write(mark + "\n " + msgspec.json.encode(row).decode())
        mark = ","
    out.write("[]\n" if mark == "[" else "\n]\n")


def _write_lines(rows: Iterator[dict[str, object]], columns: tuple[str, ...], out: IO[str]) -> None:
    for row in rows:
        out.write(msgspec.json.encode(row).decode() + "\n")


def _write_csv(rows: Iterator[dict[str, object]], columns: tuple[str, ...], out: IO[str]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([make_safe(row[column]) for column in columns] for row in rows)


_WRITERS: dict[str, Callable[[Iterator[dict[str, object]], tuple[str, ...], IO[str]], None]] = {
    "json": _write_json,
    "jsonl": _write_lines,
    "csv": _write_csv,
}


def describe_source(manifest: Manifest) -> str:
    """What was checked, in one line."""
    newest = f", newest of {manifest.newest}" if manifest.newest else ""
    return f"{manifest.records:,} records{newest}; snapshot {manifest.snapshot}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _enumerate(names: Sequence[str], number: int) -> str:
    """The first names, and how many of them there are more."""
    return ", ".join(names[:_SHOWN]) + (f" … and {number - _SHOWN:,} more" if number > _SHOWN else "")


def _name_trials(what: str, names: Sequence[str]) -> str:
    return f"  {what}: {_enumerate(names, len(names))}\n" if names else ""


def _print_text(manifest: Manifest, tally: Tally, changes: Changes | None, out: IO[str]) -> None:
    """Counts, what changed, then each message with the trials it stands for, the gravest first."""
    totals = ", ".join(_count(getattr(tally.all, name), name) for name in SEVERITIES)
    out.write(f"{_count(tally.all.trials, 'trial')} ({describe_source(manifest)}): {totals}\n")
    if changes:
        out.write(
            f"since the baseline: {changes.mended:,} mended, {changes.new:,} new, {changes.same:,} as before\n"
            + "".join(f"  {name}: {gone:,} mended, {new:,} new\n" for name, (gone, new) in changes.by_shape)
            + _name_trials("better", changes.better)
            + _name_trials("worse", changes.worse)
            + _name_trials("better and worse", changes.mixed)
        )
    for severity in SEVERITIES:
        lines = tally.list_lines(severity)
        if lines:
            out.write(f"\n{severity}\n")
        for line in lines:
            one = line.finding
            what = _count(line.trials, "trial") if one.trial else "the registry"
            out.write(f"  {what}, {_count(line.findings, 'finding')}: {one.message} {one.mend}\n")
            out.write(f"      {_enumerate(line.sample, line.trials)}\n")


def _print_items(tally: Tally, out: IO[str]) -> None:
    """The mean score, and the WHO items that some trial lacks."""
    if tally.all.trials:
        out.write(f"\ncompleteness {percent(tally.all.score)} of the WHO items asked (mean over trials)\n")
    missing = [(number, *tally.items[number]) for number in tally.items]
    incomplete = [(number, asked, given) for number, asked, given in missing if asked > given]
    if incomplete:
        out.write("\nWHO items that not every trial gives\n")
    for number, asked, given in incomplete:
        out.write(f"  {number:>2} {name_items().get(number, ''):<34} {given:>7,} of {asked:,}\n")
