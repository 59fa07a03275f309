"""Sources of every kind are opened, and the records in them told apart, whatever wraps them."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from kg.errors import SourceError
from kg.model import Rejected, Study
from kg.sources.inputs import find_files, read_sources
from tests.conftest import ROOT, find_shared

SHARED = find_shared() or ROOT / "nowhere"
BOM = b"\xef\xbb\xbf"


def make_study(number: int) -> bytes:
    """A small study on one line."""
    section = {"identificationModule": {"nctId": f"NCT{number:08}", "briefTitle": f"CD{number} CAR-T"}}
    return json.dumps({"protocolSection": section}).encode()


ONE, TWO, THREE = (make_study(number) for number in (1, 2, 3))
PRETTY = json.dumps(json.loads(ONE), indent=2).encode()
WRAPPED = {
    "one study on a line": (ONE, 1),
    "one study over many lines": (PRETTY, 1),
    "a study after blank lines": (b"\n \r\n\n" + ONE, 1),
    "JSON lines": (b"\n".join((ONE, TWO, THREE)), 3),
    "JSON lines with an empty line and a line end": (ONE + b"\n\n" + TWO + b"\n", 2),
    "JSON lines with a byte order mark": (BOM + ONE + b"\n" + TWO, 2),
    "JSON lines joined from files with marks": (BOM + ONE + b"\n" + BOM + TWO, 2),
    "JSON lines with CRLF": (ONE + b"\r\n" + TWO + b"\r\n", 2),
    "JSON values with CR alone": (ONE + b"\r" + TWO + b"\r", 2),
    "an API page": (b'{"studies": [' + ONE + b"," + TWO + b"]}", 2),
    "an API page with its counts first": (
        b'{"totalCount": 2, "nextPageToken": "x", "studies": [' + ONE + b"," + TWO + b"]}",
        2,
    ),
    "an API page over many lines": (b'{\n"studies": [\n' + PRETTY + b",\n" + TWO + b"\n]\n}\n", 2),
    "API pages, one a line": (b'{"studies": [' + ONE + b"]}\n" + b'{"studies": [' + TWO + b"," + THREE + b"]}\n", 3),
    "a list": (b"[" + ONE + b"," + TWO + b"]", 2),
    "a list, one study a line": (b"[\n" + ONE + b",\n" + TWO + b"\n]", 2),
    "a list of one study on its own line": (b"[\n" + ONE + b"\n]", 1),
    "studies over many lines, one after the other": (PRETTY + b"\n" + PRETTY.replace(b"00000001", b"00000002"), 2),
}


def read_bytes(tmp_path: Path, content: bytes, name: str = "x.dat") -> list[Study | Rejected]:
    (tmp_path / name).write_bytes(content)
    return list(read_sources([str(tmp_path / name)]))


@pytest.mark.parametrize("case", WRAPPED)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_wrapping(tmp_path: Path, case: str, pack: type[bytes]) -> None:
    """Each way to put studies into a file gives those studies, in order, and nothing else."""
    content, count = WRAPPED[case]
    found = read_bytes(tmp_path, pack(content))
    assert [one.first("registry_id") for one in found if isinstance(one, Study)] == [
        f"NCT{n:08}" for n in range(1, count + 1)
    ]
    assert len(found) == count


def test_line_numbers(tmp_path: Path) -> None:
    """A record of several is named by the line it stands on in the file, blank lines counted."""
    found = read_bytes(tmp_path, b"\n" + ONE + b"\n\n" + TWO, "x.jsonl")
    assert [one.record.file for one in found if isinstance(one, Study)] == ["x.jsonl:2", "x.jsonl:4"]


def test_single_record_has_the_files_name(tmp_path: Path) -> None:
    """A record that has its file to itself is named by the file alone."""
    assert [one.record.file for one in read_bytes(tmp_path, ONE + b"\n", "x.json") if isinstance(one, Study)] == [
        "x.json"
    ]


@pytest.mark.parametrize("path", sorted((SHARED / "seeds").glob("*.txt")), ids=lambda path: path.stem[:3])
def test_page_text_is_the_file(path: Path, tmp_path: Path) -> None:
    """The text of a page is the whole file, blank lines and mark included: offsets count from its start."""
    content = BOM + b"\n\n" + path.read_bytes()
    [study] = read_bytes(tmp_path, content)
    assert isinstance(study, Study)
    assert study.record.text == content.decode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, pack: type[bytes]) -> None:
    """`-` is standard input, which stays open."""
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(pack(ONE + b"\n" + TWO))))
    monkeypatch.setattr(sys, "stdin", stdin)
    found = list(read_sources(["-"]))
    assert [one.record.file for one in found if isinstance(one, Study)] == ["stdin:1", "stdin:2"]
    assert not stdin.buffer.closed


def test_named_pipe(tmp_path: Path) -> None:
    """A pipe, as the shell's `<(…)` gives one, is read like a file."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(ONE,))
    writer.start()
    assert len(list(read_sources([str(tmp_path / "pipe")]))) == 1
    writer.join()


def list_names(*sources: str) -> list[str]:
    return [one.file if isinstance(one, Rejected) else one.name for one in find_files(sources)]


def test_folders_and_globs(tmp_path: Path) -> None:
    """Folders are walked in order of name, hidden files are left out, and a file named twice is read once."""
    (tmp_path / "deep").mkdir()
    for name in ("b.json", "a.json", ".hidden", "deep/c.json"):
        (tmp_path / name).write_bytes(ONE)
    assert list_names(str(tmp_path)) == ["a.json", "b.json", "c.json"]
    assert list_names(str(tmp_path / "*.json"), str(tmp_path / "b.json")) == [
        "a.json",
        "b.json",
    ]


NOTHING = {
    "missing file": "gone.json",
    "glob without match": "*.gone",
    "folder without files": "empty",
    "hidden files only": "hidden",
    "a NUL in the path": "a\0b",
    "a record in place of a path": '{"protocolSection": {}}' * 200,
}


@pytest.mark.parametrize("case", NOTHING)
def test_names_nothing(tmp_path: Path, case: str) -> None:
    """A source that names nothing is an error of one line, with where and how to mend it; the exit code is 3."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".x").write_bytes(ONE)
    with pytest.raises(SourceError) as caught:
        list(read_sources([str(tmp_path / NOTHING[case])]))
    assert caught.value.exit_code == 3
    assert caught.value.where
    assert caught.value.mend
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_odd_file_name(tmp_path: Path) -> None:
    """A file name of any bytes becomes a name that can be printed on one line and stored as UTF-8."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\nb.json"))
    path.write_bytes(ONE)
    [study] = read_sources([str(tmp_path)])
    assert isinstance(study, Study)
    assert study.record.file == "a\ufffd\ufffdb.json"


NONCONFORMING = SHARED / "corpora" / "other" / "nonconforming_ctrdata.jsonl.gz"
LISTS = {"conditions": "conditionsModule.conditions", "phases": "designModule.phases"}
PARTS = {
    "arms": "armsInterventionsModule.armGroups",
    "interventions": "armsInterventionsModule.interventions",
    "sites": "contactsLocationsModule.locations",
}


@pytest.mark.skipif(not NONCONFORMING.exists(), reason="the corpus is not here")
def test_scalars_for_lists() -> None:
    """Exports that write a list of one as the thing itself, and an empty one as {}, are read with nothing lost."""
    with gzip.open(NONCONFORMING) as lines:
        sections = [json.loads(line)["study"]["protocolSection"] for line in lines]
    found = list(read_sources([str(NONCONFORMING)]))
    assert len(found) == len(sections) == 15
    for study, section in zip(found, sections, strict=True):
        assert isinstance(study, Study)
        assert not study.set_aside
        for key, path in LISTS.items():
            assert [fact.value for fact in study.facts.get(key, ())] == list_members(section, path)
        for key, path in PARTS.items():
            assert len(getattr(study, key)) == len(list_members(section, path))
        outcomes = [
            one
            for role in ("primary", "secondary", "other")
            for one in list_members(section, f"outcomesModule.{role}Outcomes")
        ]
        assert [outcome.measure.value for outcome in study.outcomes] == [one["measure"] for one in outcomes]
        arms = list_members(section, PARTS["arms"])
        assert [len(arm.interventions) for arm in study.arms] == [
            len(as_list(one.get("interventionNames"))) for one in arms
        ]
        named = list_members(section, PARTS["interventions"])
        assert [len(one.other_names) for one in study.interventions] == [
            len(as_list(one.get("otherNames"))) for one in named
        ]


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value in (None, "", {}) else [value]


def list_members(section: dict[str, object], path: str) -> list[dict[str, object]]:
    value: object = section
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return as_list(value)  # type: ignore[return-value]


def test_the_store_is_no_input(tmp_path: Path) -> None:
    """What lies in the store is not read, though the store lies in the source."""
    (tmp_path / "kg" / "snapshots").mkdir(parents=True)
    (tmp_path / "kg" / "snapshots" / "changes.jsonl").write_bytes(ONE)
    (tmp_path / "x.json").write_bytes(TWO)
    assert find_files([str(tmp_path)], outside=tmp_path / "kg") == [tmp_path / "x.json"]
    assert len(find_files([str(tmp_path)])) == 2


def test_a_source_that_breaks_off_says_so(tmp_path: Path) -> None:
    """A truncated gzip gives the records before the break, and a reject that marks the cut."""
    whole = gzip.compress(b"\n".join([ONE, TWO] * 3000))
    found = read_bytes(tmp_path, whole[: len(whole) // 2])
    assert isinstance(found[0], Study)
    assert isinstance(found[-1], Rejected)
    assert found[-1].is_cut
