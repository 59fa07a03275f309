"""However much is bad, what a build keeps and says of it stays short, and everything is counted."""

from __future__ import annotations

import gzip
import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.model import Rejected, Study
from kg.pipeline import build
from kg.pipeline.intakes import BATCH, BATCH_BYTES, take_batch
from kg.pipeline.rejects import LISTED, MOST_LISTED, Rejects
from kg.sources import MAX_RECORD, MAX_VALUES, MOST_NOTES, members, read_json
from kg.sources.inputs import Blob, open_file
from kg.sources.members import open_members, walk_members
from tests.pipeline.conftest import make_study

GOOD = json.dumps(make_study(1)).encode()
MANY = 100_000


def pack_empty_members(number: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("good.json", GOOD)
        for one in range(number):
            archive.writestr(f"{one}.json", b"")
    return held.getvalue()


FLOODS: dict[str, tuple[Callable[[int], bytes], int]] = {
    "a list of empty objects": (lambda n: b"[" + GOOD + b",{}" * n + b"]", MANY),
    "an API page of empty objects": (lambda n: b'{"studies": [' + GOOD + b",{}" * n + b"]}", MANY),
    "a list of objects over lines": (lambda n: b"[\n" + GOOD + b",\n{}" * n + b"\n]", MANY),
    "lines of empty objects": (lambda n: GOOD + b"\n{}" * n, MANY),
    "lines that are no JSON": (lambda n: GOOD + b"\n{x" * n, MANY),
    "lines of lists": (lambda n: GOOD + b"\n[{},{}]" * (n // 2), 20_000),
    "broken, with studies in it": (lambda n: b"[" + GOOD + b',{"study":{}}' * n, 20_000),
    "studies one after the other": (lambda n: GOOD + b'\n {"study":\n{}} x' * n, 20_000),
    "empty members of an archive": (pack_empty_members, 5_000),
}


@pytest.mark.parametrize("case", FLOODS)
def test_a_flood_of_bad_records_is_taken_one_at_a_time(tmp_path: Path, case: str) -> None:
    """Records of a source come one at a time: what is held is the text, twice or thrice, and no list of them all."""
    make, number = FLOODS[case]
    content = make(number)
    with gzip.open(tmp_path / "x.gz", "wb", compresslevel=1) as stream:
        stream.write(content)
    path = tmp_path / "x.gz"
    if "archive" in case:
        path = tmp_path / "x.zip"
        path.write_bytes(content)
    tracemalloc.start()
    count = sum(1 for _ in open_file(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count >= number // 3
    assert peak < 20 * 2**20 + 6 * len(content)


@pytest.mark.parametrize("case", ["a list of empty objects", "lines that are no JSON", "empty members of an archive"])
def test_a_build_lists_the_first_and_counts_the_rest(tmp_path: Path, case: str) -> None:
    """Of 3,000 bad records of one source 100 are listed and 2,900 counted; the good one is read."""
    (tmp_path / "x").write_bytes(FLOODS[case][0](3000))
    report = build([str(tmp_path / "x")], tmp_path / "store", workers=1)
    assert (report.manifest.records, report.manifest.rejected, report.rejected_count) == (1, 3000, 3000)
    assert len(report.rejected) == LISTED + 1
    assert report.rejected[-1].file == "x"
    assert report.rejected[-1].reason.startswith("2,900 more: ")
    assert report.folder
    lines = (report.folder / "rejects.tsv").read_text().splitlines()
    assert len(lines) == 1 + LISTED + 1
    assert "2,900 more" in lines[-1]


def test_the_list_does_not_depend_on_the_order_of_reading() -> None:
    """The first by number are listed, whichever came first."""
    rejected = [Rejected(f"x.jsonl:{number}", f"not JSON: at byte {number}", "Mend it") for number in range(1, 1001)]
    rejected += [Rejected(f"y.jsonl:{number}", "not UTF-8 at byte 5") for number in range(1, 11)]
    rows = Rejects(rejected).list_rows()
    assert [one.file for one in rows[:LISTED]] == [f"x.jsonl:{number}" for number in range(1, LISTED + 1)]
    assert [one.file for one in rows[LISTED:]] == [f"y.jsonl:{number}" for number in range(1, 11)] + ["x.jsonl"]
    assert (rows[-1].reason, rows[-1].mend) == ("900 more: not JSON", "Mend it")
    random.Random(3).shuffle(rejected)  # noqa: S311
    assert Rejects(rejected).list_rows() == rows


def test_each_reason_of_a_source_is_listed() -> None:
    """A flood of one reason hides no other."""
    rejected = [Rejected("x:1", "not JSON: a")] * 1000 + [Rejected("x:2", "not UTF-8 at byte 7")]
    assert Rejected("x:2", "not UTF-8 at byte 7") in Rejects(rejected).list_rows()


def test_many_bad_sources_are_counted() -> None:
    """A million bad files give a list of bounded length that accounts for each."""
    many = Rejects(Rejected(f"{number}.txt", "the file is empty") for number in range(MOST_LISTED + 5000))
    rows = many.list_rows()
    assert (many.count, len(rows)) == (MOST_LISTED + 5000, MOST_LISTED + 1)
    assert (rows[-1].file, rows[-1].reason) == ("other files", "5,000 more: the file is empty")


def test_words_of_a_reject_are_cut() -> None:
    """A name or a reason of a megabyte is shown by its ends."""
    [one] = Rejects([Rejected("n" * 10**6, "r" * 10**6)]).list_rows()
    assert len(one.file) + len(one.reason) < 1000


def test_a_loss_is_remembered_beyond_the_list() -> None:
    """One loss among a flood still makes the build one of a part."""
    assert Rejects([Rejected("x:1", "a")] * 1000 + [Rejected("x:2", "a", is_cut=True)]).is_cut
    assert not Rejects([Rejected("x:1", "a")]).is_cut


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"protocolSection": {"a": [' + b"[]," * MAX_VALUES + b"[]]}}", "values"),
        (b'{"protocolSection": {"a": [' + b'{"a":1},' * MAX_VALUES + b"{}]}}", "values"),
        (b'{"protocolSection": {"a": "' + b"x" * MAX_RECORD + b'"}}', "MB"),
        (b'{"protocolSection": {"' + b"x" * MAX_RECORD + b'": 1}}', "MB"),
    ],
    ids=["lists", "objects", "a long string", "a long key"],
)
def test_a_huge_study_is_set_aside(content: bytes, told: str) -> None:
    """Before it is decoded to what takes many times its size."""
    tracemalloc.start()
    found = read_json(content, "x.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, Rejected)
    assert told in found.reason
    assert peak < 2**20


def test_a_study_of_bad_values_says_so_in_a_few_lines() -> None:
    """Of 5,000 unknown countries, each of 10,000 letters, the first are named, shortened, and the others counted."""
    sites = [{"city": "Basel", "country": f"{number} " + "x" * 10_000} for number in range(1000)]
    found = read_json(json.dumps({"protocolSection": {"contactsLocationsModule": {"locations": sites}}}).encode(), "x")
    assert isinstance(found, Study)
    assert len(found.sites) == 1000
    assert len(found.set_aside) == MOST_NOTES + 1
    assert found.set_aside[-1] == f"{1000 - MOST_NOTES:,} more values could not be read"
    assert max(map(len, found.set_aside)) < 400


def test_batches_of_long_records_are_small() -> None:
    """Several batches wait at once, and the memory they take is that of the records in them."""
    short, long = Blob("s", b"x", is_json=True), Blob("l", b"x" * (BATCH_BYTES // 3), is_json=True)
    assert len(take_batch(iter([short] * 200))) == BATCH
    assert len(take_batch(iter([long] * 200))) == 4
    assert take_batch(iter(())) == []


MEMBERS = [
    b"{}",
    b'{"a": "]},{"}',
    b"12",
    b"-1.5e10",
    b"true",
    b"null",
    b'"x, [ \\" y"',
    "“é𝄞”".encode().join((b'"', b'"')),
    b"[[], [1,2]]",
    b'{"a": "' + b"y" * 90 + b'"}',
    b'"\\ud800"',
]


@pytest.mark.parametrize("window", [1, 2, 3, 7, 50, 1000])
def test_members_are_those_of_the_list_whatever_the_window(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings that hold brackets, numbers and letters that the window cuts: each member comes as it is written."""
    monkeypatch.setattr(members, "WINDOW", window)
    given = [*MEMBERS, *random.Random(window).choices(MEMBERS, k=40)]  # noqa: S311
    for joint in (b",", b" , ", b",\n"):
        assert list(walk_members(b"[" + joint.join(given) + b"]")) == given
    assert list(walk_members(b"[ ]")) == []


@pytest.mark.parametrize("content", [b'[1, "x", {"a": 1}]', b'{"studies": [{"a": 1}, 2]}', b"[[]]", b"[]", b"[1, 2]"])
def test_a_long_list_is_opened_as_a_short_one_is(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken apart in one go or a window at a time: the same."""
    found = open_members(content, "x")
    whole = found and list(found)
    monkeypatch.setattr(members, "MOST_COMMAS", -1)
    found = open_members(content, "x")
    assert (found and list(found)) == whole
