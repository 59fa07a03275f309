"""An update gives the graph that a build of all records would, and touches only what changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import StoreError
from kg.graph import open_graph
from kg.pipeline import build, builds
from kg.pipeline.records import Plan
from kg.pipeline.reductions import ShardTasks
from kg.store import open_snapshot
from tests.pipeline.conftest import Write, make_study, read_shards, read_triples, read_versions
from tests.test_cli import run_kg


def test_a_newer_version_takes_the_place_of_the_older(tmp_path: Path, write: Write) -> None:
    """One registry's record has one status, no conflict with itself, and one text."""
    old, new = make_study(1, "2024-01-01"), make_study(1, "2024-06-01", "COMPLETED")
    for order in ((old, new), (new, old)):
        report = build([str(write("both.jsonl", *order))], tmp_path / "store", workers=1)
        assert (report.manifest.records, report.replaced) == (1, 1)
        graph = open_graph(tmp_path / "store")
        assert graph.card("NCT81000001")["status"] == "COMPLETED"
        assert not graph.query("conflicts_between_records")


def test_an_older_version_comes_too_late(tmp_path: Path, write: Write) -> None:
    """An update with a version from before changes nothing."""
    build([str(write("new.jsonl", make_study(1, "2024-06-01", "COMPLETED")))], tmp_path / "store", workers=1)
    before = open_snapshot(tmp_path / "store").folder
    report = build(
        [str(write("old.jsonl", make_study(1, "2024-01-01")))], tmp_path / "store", is_update=True, workers=1
    )
    assert (report.replaced, report.older) == (0, 1)
    assert open_snapshot(tmp_path / "store").folder == before
    done = run_kg("update", str(tmp_path / "old.jsonl"), store=tmp_path / "store")
    assert "1 older than the graph's" in done.stderr
    assert "replaced" not in done.stderr


def test_an_update_says_when_there_is_nothing_new(tmp_path: Path, write: Write) -> None:
    """Records that are all known leave the graph as it is; files that hold none are a fault, and so is no store."""
    source = str(write("x.jsonl", make_study(1)))
    (tmp_path / "bad.json").write_text("{}")
    assert run_kg("build", source, store=tmp_path / "store").returncode == 0
    before = open_snapshot(tmp_path / "store").folder
    done = run_kg("update", source, str(tmp_path / "bad.json"), store=tmp_path / "store")
    assert done.returncode == 0
    assert f"nothing new, {before.name} stays" in done.stderr
    assert "rejects.tsv" not in done.stderr  # that file is about the build before
    done = run_kg("update", source, "--where", "status=completed", store=tmp_path / "store")
    assert (done.returncode, "nothing new" in done.stderr) == (0, True)
    done = run_kg("update", str(tmp_path / "bad.json"), store=tmp_path / "store")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "not one record could be read" in done.stderr
    assert open_snapshot(tmp_path / "store").folder == before
    done = run_kg("update", source, store=tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no such store" in done.stderr
    assert not (tmp_path / "none").exists()


def test_records_of_different_sources_still_merge(tmp_path: Path, write: Write) -> None:
    """A record saved with some fields only, and one of another registry, stay beside the whole one."""
    whole, part = make_study(1, "2024-06-01", "COMPLETED"), make_study(1, "2024-01-01")
    del part["hasResults"]
    report = build([str(write("both.jsonl", whole, part))], tmp_path / "store", workers=1)
    assert (report.manifest.records, report.manifest.trials, report.replaced) == (2, 1, 0)
    assert {row["value"] for row in open_graph(tmp_path / "store").query("conflicts_between_records")} >= {"COMPLETED"}


def test_an_update_equals_a_build(tmp_path: Path, write: Write) -> None:
    """Shards byte for byte and the index triple for triple: versions change, a site closes, trials come and merge."""
    first = [make_study(number) for number in range(30)]
    part = make_study(3, "2023-01-01")
    del part["hasResults"]
    second = [make_study(4, "2024-03-01", "COMPLETED"), make_study(40), make_study(7, "2024-03-01"), part]
    second[2]["protocolSection"]["contactsLocationsModule"]["locations"][0]["facility"] = "Another hospital"
    third = [make_study(7, "2024-04-01", "TERMINATED"), make_study(3, "2024-04-01", phases=["PHASE2"])]
    store = tmp_path / "updated"
    build([str(write("a.jsonl", *first))], store, workers=1)
    build([str(write("b.jsonl", *second))], store, is_update=True, workers=1)
    build([str(write("c.jsonl", *third))], store, is_update=True, workers=1)
    updated = open_snapshot(store)
    build([str(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "c.jsonl")], tmp_path / "whole", workers=1)
    whole = open_snapshot(tmp_path / "whole")
    assert updated.manifest.snapshot == whole.manifest.snapshot
    assert read_shards(updated) == read_shards(whole)
    assert read_triples(updated) == read_triples(whole)
    assert list(updated.list_records()) == list(whole.list_records())
    updated.verify()


def test_what_only_one_trial_said_of_a_shared_site_goes_with_it(tmp_path: Path, write: Write) -> None:
    """A site stays while any trial has it, and not longer."""
    store = tmp_path / "store"
    build([str(write("a.jsonl", *(make_study(number) for number in range(10))))], store, workers=1)

    def count(facility: str) -> int:
        return sum(facility in triple for triple in read_triples(open_snapshot(store)))

    assert count("Hospital 3")
    for number, is_left in ((3, True), (8, False)):
        moved = make_study(number, "2024-02-01")
        moved["protocolSection"]["contactsLocationsModule"] = {}
        build([str(write("b.jsonl", moved))], store, is_update=True, workers=1)
        assert bool(count("Hospital 3")) is is_left


def test_updates_leave_no_more_files_behind_than_lookups_can_bear(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of an index leaves files that every lookup goes through; after some the index is loaded anew."""
    monkeypatch.setattr(builds, "_CHANGES", 2)
    store = tmp_path / "store"
    build([str(write("0.jsonl", *(make_study(number) for number in range(20))))], store, workers=1)
    changes, files = [], []
    for day in range(1, 5):
        build([str(write(f"{day}.jsonl", make_study(7, f"2024-02-0{day}")))], store, is_update=True, workers=1)
        updated = open_snapshot(store)
        changes.append(updated.manifest.changes)
        files.append(len(list((updated.folder / "index").glob("*.sst"))))
        build([str(path) for path in tmp_path.glob("*.jsonl")], tmp_path / "whole", workers=1)
        assert read_triples(updated) == read_triples(open_snapshot(tmp_path / "whole"))
    assert changes == [1, 2, 0, 1]
    assert files[2] == len(list((open_snapshot(tmp_path / "whole").folder / "index").glob("*.sst"))) < files[1]


def test_damage_is_not_taken_over(tmp_path: Path, write: Write) -> None:
    """An update of a graph with a damaged file would sign the damage as its own."""
    store = tmp_path / "store"
    build([str(write("a.jsonl", make_study(1), make_study(2)))], store, workers=1)
    before = open_snapshot(store).folder
    damaged = max((before / "index").glob("*.sst"), key=lambda path: path.stat().st_size)
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(StoreError, match="not the one that was built") as caught:
        build([str(write("b.jsonl", make_study(3)))], store, is_update=True, workers=1)
    assert caught.value.where == str(damaged)
    assert open_snapshot(store).folder == before
    assert list((store / "snapshots").iterdir()) == [before]


def test_only_changed_records_are_read(tmp_path: Path, write: Write) -> None:
    """Records that are there already, byte for byte, are passed over, whatever file they come in; the log of changes
    names the others."""
    store = tmp_path / "store"
    studies = [make_study(number) for number in range(10)]
    build([str(write("a.jsonl", *studies))], store, workers=1)
    studies[2] = make_study(2, "2024-02-01", "WITHDRAWN")
    report = build([str(write("b.jsonl", make_study(11), *studies))], store, is_update=True, workers=1)
    assert (report.duplicates, report.replaced, report.manifest.records) == (9, 1, 11)
    assert report.folder
    changes = [json.loads(line) for line in (report.folder / "changes.jsonl").read_text().splitlines()]
    assert [(one["trial"][-8:], one["change"], one["after"]["updated"]) for one in changes] == [
        ("81000002", "changed", "2024-02-01"),
        ("81000011", "added", "2024-01-01"),
    ]


def test_an_update_by_another_kg_makes_every_statement_anew(tmp_path: Path, write: Write) -> None:
    """Statements of two makers are never mixed: the texts that are kept are read again."""
    import msgspec

    from kg.store import write_manifest

    store = tmp_path / "store"
    build([str(write("a.jsonl", *(make_study(number) for number in range(3))))], store, workers=1)
    before = open_snapshot(store)
    write_manifest(before.folder, msgspec.structs.replace(before.manifest, maker="another"))
    build([str(write("b.jsonl", make_study(5)))], store, is_update=True, workers=1)
    build([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")], tmp_path / "whole", workers=1)
    assert read_shards(open_snapshot(store)) == read_shards(open_snapshot(tmp_path / "whole"))
    assert read_triples(open_snapshot(store)) == read_triples(open_snapshot(tmp_path / "whole"))


def test_texts_are_read_when_a_task_is_asked_for(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making all statements anew holds the texts of a few shards at once, not those of the registry."""
    build([str(write("a.jsonl", *(make_study(number) for number in range(9))))], tmp_path / "store", workers=1)
    read: list[str] = []

    def note(_plan: Plan, trial: str, _log: Path) -> tuple[()]:
        read.append(trial)
        return ()

    monkeypatch.setattr(Plan, "read_texts", note)
    plan = Plan(open_snapshot(tmp_path / "store"), is_fresh=True)
    tasks = ShardTasks(plan, tmp_path, tmp_path / "log", is_small=False)
    assert read == []
    first = next(iter(tasks))
    assert len(read) == len(first.merges) < 9
    assert sum(len(task.merges) for task in tasks) == 9


def test_real_versions_one_after_the_other(tmp_path: Path, shared: Path) -> None:
    """Fifty records in up to six versions: after updates in order of date the graph is that of the newest ones."""
    versions = read_versions(shared)
    newest = {one["nct"]: one["study"] for one in versions}
    thirds = [versions[:40], versions[40:80], versions[80:]]
    store = tmp_path / "store"
    for number, some in enumerate(thirds):
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(json.dumps(one["study"]) + "\n" for one in some))
        build([str(path)], store, is_update=number > 0, workers=1)
    snapshot = open_snapshot(store)
    assert snapshot.manifest.records == snapshot.manifest.trials == len(newest) == 50
    texts = {stored.trial.rpartition("/")[2][:-1]: json.loads(stored.record.text) for stored in snapshot.read_records()}
    assert texts == newest
    build([str(tmp_path / f"{number}.jsonl") for number in (2, 0, 1)], tmp_path / "whole", workers=1)
    whole = open_snapshot(tmp_path / "whole")
    assert read_shards(snapshot) == read_shards(whole)
    assert read_triples(snapshot) == read_triples(whole)
