"""Standard streams that are closed, full, or of another encoding than UTF-8: no verb stumbles over them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import make_study
from tests.test_cli import run_kg

NAME = "Hôpital “Łódź” ≥ 中文 𝄞"
"""Letters that ASCII lacks, that Latin-1 lacks, and that 16 bits lack."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of one trial, with such letters in its title, sponsor and site."""
    folder = tmp_path_factory.mktemp("streams")
    study = make_study(1)
    section = study["protocolSection"]
    section["identificationModule"]["briefTitle"] = f"CD19 CAR-T, {NAME}"
    section["sponsorCollaboratorsModule"]["leadSponsor"]["name"] = NAME
    (folder / "x.json").write_text(json.dumps(study), encoding="utf-8")
    done = run_kg("build", str(folder / "x.json"), store=folder / "store")
    assert done.returncode == 0, done.stderr
    return folder / "store"


VERBS = {
    "query trials": 0,
    "query sponsors_by_trials --format json": 0,
    "query --list": 0,
    "ask which CD19 trials are recruiting": 0,
    "show NCT81000001": 0,
    "show --all --format ttl": 0,
    "explain NCT81000001 title": 0,
    "validate --fail-on never": 0,
    "validate --fail-on info --format jsonl": 1,
    "export --format nt": 0,
    "export --format csv --table trials": 0,
    "snapshots list": 0,
    "diff current current": 0,
    "--help": 0,
    "--version": 0,
    "query nothing_of_this_name": 2,
    "show NCT00000000": 2,
}
"""Verbs, and the exit codes they have with streams in order."""


def run(store: Path, arguments: str, redirection: str = "", **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``kg`` under a shell's redirection."""
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m kg {arguments} {redirection}"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=store.parent,
        env={**os.environ, "KG_STORE": str(store), "TERM": "dumb", "PYTHONPATH": str(ROOT), **env},
        check=False,
    )


def check_calm(done: subprocess.CompletedProcess[bytes]) -> None:
    for word in (b"Traceback", b"internal error", b"Exception ignored", b"lost sys.std"):
        assert word not in done.stderr + done.stdout


CLOSED = [">&-", "<&-", "2>&-", ">&- 2>&- <&-"]


@pytest.mark.parametrize("verb", VERBS)
def test_closed_streams(store: Path, verb: str) -> None:
    """A stream that is closed is one that nobody looks at: the exit code is that of the work, and nothing that belongs
    to one stream comes out of another."""
    for redirection in CLOSED if verb in ("query trials", "show NCT00000000") else CLOSED[-1:]:
        done = run(store, verb, redirection)
        check_calm(done)
        assert done.returncode == VERBS[verb], (redirection, done.stderr)
        if ">&-" in redirection.split():
            assert done.stdout == b""
        if "2>&-" in redirection:
            assert b"records read" not in done.stdout


@pytest.mark.parametrize("verb", [verb for verb, code in VERBS.items() if code < 2 and "diff" not in verb])
def test_a_full_disk_under_the_output(store: Path, verb: str) -> None:
    """An answer that cannot be written is told in one line, and the exit code says so."""
    done = run(store, verb, ">/dev/full")
    check_calm(done)
    assert done.returncode == 3, done.stderr
    assert [b"No space left" in line for line in done.stderr.splitlines() if b"kg: " in line] == [True]


@pytest.mark.parametrize("verb", ["query trials", "ask which CD19 trials are recruiting", "query nothing", "show X"])
def test_a_full_disk_under_the_notes(store: Path, verb: str) -> None:
    """The answer is whole, and the exit code is that of the work."""
    done, calm = run(store, verb, "2>/dev/full"), run(store, verb)
    assert (done.returncode, done.stdout) == (calm.returncode, calm.stdout)


def test_closed_streams_of_a_build(store: Path, tmp_path: Path) -> None:
    """No file that is opened takes the place of a stream, where notes would be written into it."""
    done = run(tmp_path / "new", f"build {store.parent / 'x.json'}", ">&- 2>&- <&-")
    assert done.returncode == 0
    done = run(tmp_path / "new", "snapshots verify")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "lock").read_bytes() == b""


def test_a_build_from_closed_input(tmp_path: Path) -> None:
    """There is nothing to read, and it is told."""
    done = run(tmp_path / "new", "build -", "<&-")
    check_calm(done)
    assert done.returncode == 3
    assert b"standard input is closed" in done.stderr


LOCALES = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


C_LOCALE = LOCALES[-1]
PRINTED = [verb for verb, code in VERBS.items() if code < 2]
IN_LOCALES = [*((verb, C_LOCALE) for verb in PRINTED), *((verb, one) for verb in PRINTED[:5:2] for one in LOCALES[:-1])]


@pytest.mark.parametrize(("verb", "locale"), IN_LOCALES)
def test_another_encoding(store: Path, verb: str, locale: dict[str, str]) -> None:
    """What is printed is UTF-8 whatever the locale says, the same bytes as ever."""
    done, usual = run(store, verb, **locale), run(store, verb, PYTHONUTF8="1")
    check_calm(done)
    assert done.returncode == VERBS[verb], done.stderr
    assert done.stdout == usual.stdout


@pytest.mark.parametrize("locale", LOCALES)
def test_results_stay_exact(store: Path, locale: dict[str, str]) -> None:
    """JSON and CSV hold the very words."""
    rows = json.loads(run(store, "query sponsors_by_trials --format json", **locale).stdout)
    assert [row["sponsor"] for row in rows] == [NAME]
    text = run(store, "query sponsors_by_trials --format csv", **locale).stdout.decode()
    assert [row["sponsor"] for row in csv.DictReader(text.splitlines())] == [NAME]


@pytest.mark.parametrize("locale", LOCALES)
def test_arguments_and_files_of_other_letters(store: Path, tmp_path: Path, locale: dict[str, str]) -> None:
    """They are read as UTF-8: a file by its name, a value by its letters."""
    folder = tmp_path / "Łódź 中"
    folder.mkdir()
    (folder / "é.json").write_bytes((store.parent / "x.json").read_bytes())
    done = run(tmp_path / "new", f"build '{folder}'", **locale)
    assert done.returncode == 0, done.stderr
    done = run(tmp_path / "new", "query trials_by_sponsor -p sponsor=Łódź --format json", **locale)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 1


NO_TEXT = [
    "build $'no\\xff'",
    "query $'\\xff'",
    "query trials_by_sponsor -p $'sponsor=\\xff'",
    "ask $'\\xffé'",
    "show $'\\xff'",
    "explain $'\\xff' title",
]


@pytest.mark.parametrize("locale", [{}, C_LOCALE], ids=["usual", "C"])
@pytest.mark.parametrize("verb", NO_TEXT)
def test_an_argument_that_is_no_text(store: Path, verb: str, locale: dict[str, str]) -> None:
    """Bytes that are not UTF-8 are one line, as any argument that means nothing is."""
    done = run(store, verb, **locale)
    check_calm(done)
    assert done.returncode in (0, 2, 3), done.stderr
    assert done.stderr


def test_a_source_whose_name_is_no_text(store: Path, tmp_path: Path) -> None:
    """Files may have any name; the graph names the source as it can be shown."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff"))
    folder.mkdir()
    (folder / "x.json").write_bytes((store.parent / "x.json").read_bytes())
    done = run(tmp_path / "new", "build $'d\\xff'")
    assert done.returncode == 0, done.stderr
