"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kg.store import VERSION
from tests.conftest import ROOT


def run_kg(
    *arguments: str, store: Path, given: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``kg`` as a user would, in another folder than the project."""
    done = subprocess.run(
        [sys.executable, "-m", "kg", *arguments],
        input=given,
        capture_output=True,
        cwd=store.parent,
        check=False,
        env={**os.environ, "KG_STORE": str(store), "PYTHONPATH": str(ROOT), **(env or {})},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's graph, built by the command line from the shipped records."""
    folder = tmp_path_factory.mktemp("cli") / "store"
    done = run_kg("build", store=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return folder


def read_rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def test_the_question_that_the_product_exists_for(store: Path) -> None:
    """CD123 with allogeneic cells: one yes with its words, one not stated, nothing else."""
    done = run_kg(
        "query",
        "trials_by_target_and_source",
        "--param",
        "target=CD123",
        "--param",
        "cell_source=allogeneic",
        "--format",
        "json",
        store=store,
    )
    rows = read_rows(done.stdout)
    assert [(row["registry_id"], row["answer"]) for row in rows] == [
        ("NCT05574608", "yes"),
        ("NCT04599543", "not stated"),
    ]
    assert rows[0]["quote"].startswith("Allogenic CD123-CAR-NK Cells")
    assert "5 records read" in done.stderr


def test_meta_stands_beside_the_rows(store: Path) -> None:
    """``--meta`` tells what an answer rests on, in the JSON itself."""
    found = json.loads(run_kg("query", "trials_by_target_and_source", "--meta", "--format", "json", store=store).stdout)
    assert found["meta"]["records"] == 5
    assert len(found["rows"]) == 5


def test_a_table_goes_to_stdout_and_notes_to_stderr(store: Path) -> None:
    """A pipe gets the table only."""
    done = run_kg("query", "trials_by_target_and_source", "-p", "target=KIT", store=store)
    assert "KIT" in done.stdout
    assert "records read" not in done.stdout


def test_no_trial_is_an_answer(store: Path) -> None:
    """Nothing found says among how many records."""
    done = run_kg("query", "trials_by_target_and_source", "-p", "target=GPC3", store=store)
    assert done.returncode == 0
    assert "none among 5 records read" in done.stderr


@pytest.mark.parametrize(
    ("form", "first"), [("csv", "trial,registry_id,title"), ("tsv", "trial\tregistry_id\ttitle"), ("jsonl", "{")]
)
def test_rows_can_be_piped(store: Path, form: str, first: str) -> None:
    """Each machine format begins as it should."""
    assert run_kg("query", "trials_by_target_and_source", "--format", form, store=store).stdout.startswith(first)


def test_show_prints_one_card_a_line(store: Path) -> None:
    """``--all --format jsonl`` is a card a line, every card whole."""
    lines = run_kg("show", "--all", "--format", "jsonl", store=store).stdout.splitlines()
    assert {json.loads(line)["registry_id"] for line in lines} == {None, "NCT05023707", "NCT04599543", "NCT05574608"}


def test_show_as_text_and_turtle(store: Path) -> None:
    """A card to read, and the same facts as Turtle."""
    assert "not stated" in run_kg("show", "NCT04599543", store=store).stdout
    assert "kg:hasBinding" in run_kg("show", "NCT04599543", "--format", "ttl", store=store).stdout


def test_validate_fails_from_the_chosen_severity(store: Path) -> None:
    """Two shipped records lack a registry id, which is a violation; ``never`` reports and passes."""
    assert run_kg("validate", store=store).returncode == 1
    done = run_kg("validate", "--fail-on", "never", store=store)
    assert done.returncode == 0
    assert "violation" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["query", "trials_by_targets"], 2, "trials_by_target_and_source"),
        (["query", "trials_by_target_and_source", "-p", "colour=red"], 2, "no parameter 'colour'"),
        (["query", "trials_by_target_and_source", "-p", "target"], 2, "--param name=value"),
        (["query", "trials_by_target_and_source", "-p", "target=CD9999"], 2, "is no antigen"),
        (["query", "trials_by_target_and_source", "-p", 'target=CD19" . DROP ALL'], 2, "is no antigen"),
        (["query", "trials_by_target_and_source", "-p", "phase=9"], 2, "is no phase"),
        (["show", "NCT99999999"], 2, "no trial 'NCT99999999'"),
        (["show"], 2, "no trial is named. Give an id"),
        (["build", "no/such/file"], 3, "no such file"),
        (["export", "--format", "csv"], 2, "--output FOLDER"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_misuse_is_one_clear_line(store: Path, arguments: list[str], code: int, words: str) -> None:
    """What, where and how to mend; never a traceback."""
    done = run_kg(*arguments, store=store, env={"TERM": "dumb", "COLUMNS": "200"})
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_card_breaks_long_text_below_itself(store: Path) -> None:
    """On a narrow terminal no line is longer than it, and what has a label goes on to the right of the labels."""
    lines = run_kg("show", "NCT04599543", store=store, env={"COLUMNS": "60"}).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    start = next(number for number, line in enumerate(lines) if line.startswith("  not stated "))
    after = lines[start + 1]
    assert after[:23].isspace()
    assert not after[23].isspace()


def test_rows_on_a_narrow_terminal_stand_one_value_to_a_line(store: Path) -> None:
    """Seven columns do not fit into 80 characters: names to the left, values to the right, words unbroken."""
    asked = ("query", "ligand_based_binders")
    lines = [line.rstrip() for line in run_kg(*asked, store=store, env={"COLUMNS": "80"}).stdout.splitlines()]
    assert lines[0] == "registry id  NCT04599543"
    assert "binder type  ligand" in lines
    assert "binder type" in run_kg(*asked, store=store, env={"COLUMNS": "120"}).stdout.splitlines()[1]


def test_names_of_queries_are_not_broken(store: Path) -> None:
    """On 80 characters the names that `kg query` takes can be copied from its list."""
    listed = run_kg("query", "--list", store=store, env={"COLUMNS": "80"}).stdout.split()
    assert {path.stem for path in (ROOT / "queries").glob("*.rq")} <= set(listed)


@pytest.mark.parametrize("width", ["wide", "-5", "0", ""])
def test_a_width_that_is_none_is_passed_over(store: Path, width: str) -> None:
    """What ``$COLUMNS`` cannot mean is as if it were not set."""
    asked = ("query", "ligand_based_binders")
    done = run_kg(*asked, store=store, env={"COLUMNS": width})
    assert done.stdout == run_kg(*asked, store=store, env={"COLUMNS": "150"}).stdout
    assert "NCT04599543" in done.stdout


def test_a_record_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Escape sequences, bells and bidirectional controls of a record are shown by number; data has them as they are."""
    title = "CD19 CAR-T \x1b]0;changed\x07 \u202egnikcart"
    intervention = {"name": "CD19 CAR-T \x1b[2J", "type": "GENETIC"}
    protocol = {
        "identificationModule": {"nctId": "NCT90000068", "briefTitle": title},
        "armsInterventionsModule": {"interventions": [intervention]},
    }
    (tmp_path / "one.json").write_text(json.dumps({"protocolSection": protocol}), encoding="utf-8")
    store = tmp_path / "store"
    run_kg("build", "one.json", store=store)
    for arguments in (("show", "NCT90000068"), ("query", "trials_by_target_and_source", "-p", "target=CD19")):
        shown = run_kg(*arguments, store=store).stdout
        assert "⟨U+001B⟩[2J" in shown, arguments
        assert not {"\x1b", "\x07", "\u202e"} & set(shown), arguments
    (card,) = read_rows("[" + run_kg("show", "NCT90000068", "--format", "json", store=store).stdout + "]")
    assert card["title"] == title


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    """Asking before building says how to build."""
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "absent", tmp_path / "empty"):
        done = run_kg("query", "trials_by_target_and_source", store=folder)
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert "kg build" in done.stderr


def test_a_store_of_a_newer_version(store: Path, tmp_path: Path) -> None:
    """A format that this kg does not know is refused, not misread."""
    import shutil

    copy = tmp_path / "newer"
    shutil.copytree(store, copy, symlinks=True)
    manifest = copy / "current" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"version": {VERSION}', '"version": 99'))
    done = run_kg("query", "trials_by_target_and_source", store=copy)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "99" in done.stderr


def test_a_damaged_store_is_noticed(store: Path, tmp_path: Path) -> None:
    """A changed file is named before anything is validated."""
    import shutil

    copy = tmp_path / "damaged"
    shutil.copytree(store, copy, symlinks=True)
    shard = next((copy / "current" / "quads").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    done = run_kg("validate", store=copy)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert shard.name in done.stderr


def test_a_failed_build_leaves_the_graph_served(store: Path, tmp_path: Path) -> None:
    """Sources without one good record change nothing, and say so."""
    bad = tmp_path / "bad.txt"
    bad.write_text("A page of some other site\nabout gardening\n")
    before = (store / "current").resolve()
    done = run_kg("build", str(bad), store=store)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "not one record could be read" in done.stderr
    assert (store / "current").resolve() == before
    assert not list((store / "snapshots").glob(".building*"))


def test_a_bad_record_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Good neighbours are built; the bad one is named with its reason and listed in the snapshot."""
    good = next((ROOT / "data" / "trials").glob("il3*.json"))
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(json.dumps(json.loads(good.read_text())) + '\n{"broken": \n')
    done = run_kg("build", str(mixed), store=tmp_path / "store")
    assert done.returncode == 0
    assert "mixed.jsonl:2: not JSON" in done.stderr
    head, row = (tmp_path / "store" / "current" / "rejects.tsv").read_text().splitlines()
    assert head.split("\t") == ["file", "reason", "mend"]
    assert row.split("\t")[0] == "mixed.jsonl:2"


def test_build_reads_standard_input(tmp_path: Path) -> None:
    """``-`` is stdin, gzip or plain."""
    import gzip

    record = next((ROOT / "data" / "trials").glob("il3*.json")).read_bytes()
    for index, given in enumerate((record, gzip.compress(record))):
        done = run_kg("build", "-", store=tmp_path / f"store{index}", given=given)
        assert done.returncode == 0, done.stderr
        assert "1 record, 1 trial," in done.stderr


def test_update_adds_and_the_same_record_is_not_added_twice(store: Path, tmp_path: Path) -> None:
    """A record that is there already counts as seen before."""
    folder = tmp_path / "store"
    il3, flt3 = (next((ROOT / "data" / "trials").glob(f"{name}*.json")) for name in ("il3", "flt3"))
    assert run_kg("build", str(il3), store=folder).returncode == 0
    assert "2 records, 2 trials" in run_kg("update", str(flt3), store=folder).stderr
    assert "1 seen before" in run_kg("update", str(il3), store=folder).stderr
    rows = read_rows(run_kg("query", "trials_by_target_and_source", "--format", "json", store=folder).stdout)
    assert {row["target"] for row in rows} == {"IL3RA", "FLT3"}


def test_a_build_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    """Order of sources and number of workers change nothing in the graph."""
    files = sorted(map(str, (ROOT / "data" / "trials").glob("*.json")))
    exports = []
    for index, sources in enumerate((files, files[::-1])):
        folder = tmp_path / f"store{index}"
        assert run_kg("build", *sources, store=folder).returncode == 0
        exports.append(
            [run_kg("export", "--format", form, store=folder).stdout for form in ("ttl", "nt", "nq", "jsonld")]
        )
    assert exports[0] == exports[1]
    assert all(exports[0])


def test_every_verb_has_help_with_an_example(store: Path) -> None:
    """``--help`` of each verb shows how it is used."""
    for verb in ("build", "update", "diff", "snapshots", "query", "ask", "show", "validate", "export"):
        assert "kg " + verb in run_kg(verb, "--help", store=store, env={"COLUMNS": "200", "TERM": "dumb"}).stdout, verb
