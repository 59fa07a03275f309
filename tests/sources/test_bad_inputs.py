"""Whatever is in a file, reading goes on: a bad record is one `Rejected` of one clear line, its neighbours are read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import re
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.model import Rejected, Study
from kg.sources import MAX_PAGE, read_json, read_page, splits, streams
from kg.sources.inputs import Blob, open_file, read_blob, read_sources
from tests.conftest import ROOT, find_shared

SEED = next(iter(sorted(((find_shared() or ROOT / "nowhere") / "seeds").glob("*.txt"))), None)


def make_study(number: int, **extra: object) -> bytes:
    section = {"identificationModule": {"nctId": f"NCT{number:08}", "briefTitle": f"CD{number} CAR-T"}, **extra}
    return json.dumps({"protocolSection": section}).encode()


ONE, TWO = make_study(1), make_study(2)


def make_noise(seed: int, size: int) -> bytes:
    """The same bytes each time, which no compression shortens."""
    return random.Random(seed).randbytes(size)  # noqa: S311


NOISE = make_noise(5, 20_000)
DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
GEOJSON = b'{"type": "FeatureCollection", "features": [{"geometry": {"type": "Point", "coordinates": [1, 2]}}]}'
CUT = ONE[:-30]
HTML = b"<!DOCTYPE html>\n<html><head><title>Trials</title></head><body><p>CD19 CAR-T</p></body></html>"


def pack_tar(content: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        info = tarfile.TarInfo("x.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


def pack_zip(*contents: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents, 1):
            archive.writestr(f"{number}.json", content)
    return held.getvalue()


BAD_FILES = {
    "empty file": (b"", "empty"),
    "white space only": (b" \n\t\r\n" * 50, "empty"),
    "byte order mark only": (b"\xef\xbb\xbf", "empty"),
    "empty file in gzip": (gzip.compress(b""), "empty"),
    "binary": (NOISE, "binary|UTF-8"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE, "binary"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\n" + NOISE, "a PDF"),
    "binary after a brace": (b"{" + NOISE.replace(b"\n", b""), "UTF-8|not JSON|binary"),
    "a zip archive without a file": (pack_zip(), "no file"),
    "a zip archive cut short": (pack_zip(ONE)[:-40], "broken zip"),
    "a zip archive in gzip": (gzip.compress(pack_zip(ONE)), "zip"),
    "the first bytes of a zip archive": (b"PK\x03\x04" + NOISE, "broken zip"),
    "a tar archive": (pack_tar(ONE), "tar"),
    "a tar archive in gzip": (gzip.compress(pack_tar(ONE)), "tar"),
    "bzip2": (bz2.compress(ONE), "bzip2"),
    "xz": (lzma.compress(ONE), "xz"),
    "gzip in gzip": (gzip.compress(gzip.compress(ONE)), "UTF-8|binary"),
    "gzip's first bytes and no more": (b"\x1f\x8b", "broken gzip"),
    "gzip's first bytes and noise": (b"\x1f\x8b" + NOISE, "broken gzip"),
    "UTF-16 with a mark": (ONE.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without": (ONE.decode().encode("utf-16-le"), "binary"),
    "UTF-16 page": ("Overview\nDescription\nEligibility\n".encode("utf-16-le"), "binary|layouts"),
    "latin-1 page": ("Übersicht: Zürich".encode("latin-1"), "not UTF-8 at byte 0"),
    "latin-1 JSON": (
        '{"protocolSection": {"identificationModule": {"briefTitle": "Zürich"}}}'.encode("latin-1"),
        "not UTF-8",
    ),
    "an array of numbers": (b"[1, 2, 3]", "no protocolSection"),
    "an array of a million numbers": (b"[" + b",\n".join([b"1"] * 1_000_000) + b"]", "no protocolSection"),
    "an object of another kind": (b'{"name": "x"}', "no protocolSection"),
    "an empty object": (b"{}", "no protocolSection"),
    "an object with another protocolSection": (b'{"protocolSection": [1]}', "no protocolSection"),
    "GeoJSON": (GEOJSON, "no protocolSection"),
    "GeoJSON over many lines": (json.dumps(json.loads(GEOJSON), indent=1).encode(), "no protocolSection"),
    "no studies": (b'{"studies": []}', "without studies"),
    "an empty list": (b"[]", "without studies"),
    "studies that are no list": (b'{"studies": 5}', "no protocolSection"),
    "a number": (b"42", "layouts"),
    "a string": (b'"NCT00000001"', "layouts"),
    "null": (b"null\n", "layouts"),
    "broken JSON": (CUT, "not JSON"),
    "broken JSON over many lines": (json.dumps(json.loads(ONE), indent=1).encode()[:-4], "not JSON"),
    "a lone brace": (b"{", "not JSON"),
    "a lone bracket": (b"[\n", "not JSON"),
    "a number out of range": (b'{"protocolSection": {"a": 1e999}}', "not JSON"),
    "a lone surrogate in JSON of another kind": (b'{"a": "\\ud800"}', "no protocolSection"),
    "10,000 deep": (DEEP, "nested too deeply"),
    "10,000 deep over many lines": (DEEP.replace(b":", b":\n"), "nested too deeply"),
    "10,000 deep in a study": (b'{"protocolSection": ' + DEEP + b"}", "nested too deeply"),
    "100,000 brackets": (b"[" * 100_000, "nested too deeply"),
    "a page of another site": (HTML, "layouts"),
    "plain text": (b"The quick brown fox\n" * 1000, "layouts"),
    "a table": (b"nct,title\nNCT00000001,CD19\n", "layouts"),
    "a page too long": (b"x" * (MAX_PAGE + 1), "10,000,000 characters"),
    "a page far too long": ("é".encode() * (2 * MAX_PAGE + 1), "10,000,000 characters"),
}


def read_bytes(tmp_path: Path, content: bytes) -> list[Study | Rejected]:
    (tmp_path / "x.dat").write_bytes(content)
    return list(read_sources([str(tmp_path / "x.dat")]))


def check_line(rejected: Study | Rejected) -> str:
    """The reason, after checking that it is one short line with the file and a way to mend it."""
    assert isinstance(rejected, Rejected)
    assert rejected.file
    assert rejected.mend
    assert rejected.reason
    assert "\n" not in rejected.reason + rejected.mend + rejected.file
    assert len(rejected.reason) < 300
    return rejected.reason


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file(tmp_path: Path, case: str) -> None:
    """A bad file gives one line that says what is wrong, and no study."""
    content, expected = BAD_FILES[case]
    [rejected] = read_bytes(tmp_path, content)
    assert re.search(expected, check_line(rejected))
    assert rejected.file == "x.dat"  # type: ignore[union-attr]


BAD_LINES = {
    "broken": (CUT, "not JSON"),
    "broken, with a closing brace": (b'{"protocolSection": {"a": }}', "not JSON"),
    "broken after a comma": (ONE[:-25] + b", ", "not JSON"),
    "not JSON": (b"NCT00000007", "not JSON"),
    "a number": (b"7", "no protocolSection"),
    "another kind": (GEOJSON, "no protocolSection"),
    "numbers": (b"[1, 2]", "no protocolSection"),
    "no studies": (b'{"studies": []}', "without studies"),
    "latin-1": (make_study(7).replace(b"CAR", b"CAR \xe9"), "not UTF-8"),
    "NUL bytes": (b"\0\0\0\0", "not JSON"),
    "deep": (DEEP, "nested too deeply"),
    "over 32 MB": (b'{"protocolSection": {"a": "' + b"x" * (50 * 2**20) + b'"}}', "longer than 32 MB"),
}


# A first line that is no JSON makes the file a page.
BAD_PLACES = [
    (case, place) for case in BAD_LINES for place in (0, 1, 2) if place or BAD_LINES[case][0].startswith((b"{", b"["))
]


@pytest.mark.parametrize(("case", "place"), BAD_PLACES)
def test_bad_line(tmp_path: Path, case: str, place: int) -> None:
    """A bad line among good ones is named with its number; the lines around it are read."""
    content, expected = BAD_LINES[case]
    lines = [ONE, TWO]
    lines.insert(place, content)
    found = read_bytes(tmp_path, b"\n".join(lines) + b"\n")
    assert [one.first("registry_id") for one in found if isinstance(one, Study)] == ["NCT00000001", "NCT00000002"]
    [rejected] = (one for one in found if isinstance(one, Rejected))
    assert re.search(expected, check_line(rejected))
    assert rejected.file == f"x.dat:{place + 1}"


BAD_MEMBERS = {
    "another kind": (b'{"name": 1}', "no protocolSection"),
    "a number": (b"5", "no protocolSection"),
    "null": (b"null", "no protocolSection"),
    "deep inside": (b'{"protocolSection": {"a": "\xe9"}}', "not UTF-8"),
    "broken": (b'{"protocolSection": {"a": }}', "not JSON"),
}


@pytest.mark.parametrize("wrapping", [b'{"studies": [%s]}', b"[%s]", b"[\n%s\n]\n"])
@pytest.mark.parametrize("case", BAD_MEMBERS)
def test_bad_member(tmp_path: Path, case: str, wrapping: bytes) -> None:
    """A bad member of a list of studies is rejected; the studies around it are read."""
    content, expected = BAD_MEMBERS[case]
    found = read_bytes(tmp_path, wrapping % b",\n".join((ONE, content, TWO)))
    assert [one.first("registry_id") for one in found if isinstance(one, Study)] == ["NCT00000001", "NCT00000002"]
    [rejected] = (one for one in found if isinstance(one, Rejected))
    assert re.search(expected, check_line(rejected))
    assert rejected.file == "x.dat:2"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("joint", [b"\n", b",\n"], ids=["lines", "list"])
def test_cut_gzip(tmp_path: Path, kept: float, joint: bytes) -> None:
    """Of a gzip file that was cut, every record before the break is read, and the break is one line."""
    studies = [make_study(number, noise=make_noise(number, 500).hex()) for number in range(400)]
    content = joint.join(studies)
    packed = gzip.compress(content if joint == b"\n" else b'{"studies": [' + content + b"]}")
    cut = packed[: int(len(packed) * kept)]
    found = read_bytes(tmp_path, cut)
    *studies_read, rejected = found
    assert "broken gzip" in check_line(rejected)
    assert all(isinstance(one, Study) for one in studies_read)
    assert len(studies_read) >= int(len(studies) * kept) - 3


def test_damaged_gzip(tmp_path: Path) -> None:
    """Of a gzip file with a damaged byte, records before the damage are read, and the damage is one line."""
    packed = bytearray(gzip.compress(b"\n".join(make_study(n, noise=make_noise(n, 500).hex()) for n in range(1000))))
    packed[len(packed) // 2] ^= 0xFF
    *studies, rejected = read_bytes(tmp_path, bytes(packed))
    assert "broken gzip" in check_line(rejected)
    assert sum(isinstance(one, Study) for one in studies) > 300


LISTS = {
    "amid": b"[" + ONE + b",\n" + CUT,
    "between": b"[" + ONE + b",",
    "before-its-end": b"[" + ONE,
    "lines": b"[\n" + ONE + b",\n" + TWO + b",\n" + CUT,
    "envelope": b'{"totalCount": 9, "studies": [' + ONE + b"," + CUT,
    "indented": json.dumps([json.loads(ONE), json.loads(TWO)], indent=1).encode()[:-60],
    "deep": b"[" + ONE + b"," + DEEP + b"]",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_which_a_part_is_missing_says_so(tmp_path: Path, kind: str) -> None:
    """Nobody knows how many studies follow where a list breaks off or cannot be taken apart."""
    path = tmp_path / "list.json"
    path.write_bytes(LISTS[kind])
    told = [one for one in open_file(path) if isinstance(one, Rejected)]
    assert [one.is_cut for one in told] == [True]


@pytest.mark.parametrize("content", [CUT, b"[" + ONE + b",," + TWO + b"]", DEEP], ids=["study", "commas", "deep"])
def test_what_is_whole_but_for_one_place_has_nothing_missing(tmp_path: Path, content: bytes) -> None:
    """A study of its own is counted, and a list that goes on to its end shows all that it holds."""
    path = tmp_path / "one.json"
    path.write_bytes(content)
    assert not any(one.is_cut for one in open_file(path) if isinstance(one, Rejected))


def test_cut_list(tmp_path: Path) -> None:
    """Of a list that was cut, the whole studies are read, and the loss is one line."""
    found = read_bytes(tmp_path, b'{"studies": [' + ONE + b"," + TWO[:-20])
    assert [isinstance(one, Study) for one in found] == [True, False]
    assert "not JSON" in check_line(found[1])


def test_half_a_character_costs_a_value_and_no_record(tmp_path: Path) -> None:
    """A lone surrogate escape becomes U+FFFD and is noted; a pair, and an escaped backslash before "ud800", stay."""
    broken = ONE.replace(b"CD1 CAR-T", rb"x\ud800 \ud83d\ude00 \\ud800")
    study, other = read_bytes(tmp_path, broken + b"\n" + TWO)
    assert isinstance(study, Study)
    assert isinstance(other, Study)
    assert study.first("title") == "x\ufffd \U0001f600 \\ud800"
    assert "surrogate" in study.set_aside[0]
    assert json.loads(study.record.text)["protocolSection"]["identificationModule"]["briefTitle"] == study.first(
        "title"
    )


@pytest.mark.parametrize("written", ["completed", "Completed", " COMPLETED "])
def test_codes_are_read_as_other_tools_write_them(tmp_path: Path, written: str) -> None:
    """A closed site that is not read as closed would count with its trial, as recruiting."""
    study = json.loads(ONE)
    study["protocolSection"]["statusModule"] = {"overallStatus": "Not yet recruiting"}
    study["protocolSection"]["contactsLocationsModule"] = {"locations": [{"city": "Bern", "status": written}]}
    [found] = read_bytes(tmp_path, json.dumps(study).encode())
    assert isinstance(found, Study)
    assert found.first("status") == "NOT_YET_RECRUITING"
    assert [site.status.value for site in found.sites if site.status] == ["COMPLETED"]


@pytest.mark.parametrize("written", ["PAUSED", ["COMPLETED"], {"a": 1}, 5])
def test_a_status_of_a_site_that_cannot_be_read_is_listed(tmp_path: Path, written: Any) -> None:
    """Also one that is no word at all."""
    study = json.loads(ONE)
    study["protocolSection"]["contactsLocationsModule"] = {"locations": [{"city": "Bern", "status": written}]}
    [found] = read_bytes(tmp_path, json.dumps(study).encode())
    assert isinstance(found, Study)
    [reason] = found.set_aside
    assert reason.startswith("protocolSection.contactsLocationsModule.locations.0.status: ")
    assert "is not a known status" in reason


@pytest.mark.parametrize(
    ("module", "value", "told"),
    [
        ("statusModule", {"startDateStruct": {"date": "2021-13-45"}}, "startDateStruct.date: '2021-13-45' is no date"),
        ("statusModule", {"completionDateStruct": {"date": "2023-02-29"}}, "'2023-02-29' is no date"),
        ("statusModule", {"studyFirstSubmitDate": "soon"}, "studyFirstSubmitDate: 'soon' is no date"),
        ("statusModule", {"overallStatus": "RECRUITING_MAYBE"}, "'RECRUITING_MAYBE' is not a known status"),
        ("statusModule", {"overallStatus": ["COMPLETED"]}, "overallStatus: \"['COMPLETED']\" is not a known status"),
        ("designModule", {"enrollmentInfo": {"count": "many"}}, "count: 'many' is no whole number"),
        ("eligibilityModule", {"minimumAge": "grown up"}, "minimumAge: 'grown up' is no age"),
        ("eligibilityModule", {"healthyVolunteers": "perhaps"}, "'perhaps' is neither true nor false"),
    ],
)
def test_a_value_that_cannot_be_read_is_listed(tmp_path: Path, module: str, value: dict[str, Any], told: str) -> None:
    """With its field and its words; the rest of the record is read."""
    study = json.loads(ONE)
    study["protocolSection"][module] = value
    [found] = read_bytes(tmp_path, json.dumps(study).encode())
    assert isinstance(found, Study)
    [reason] = found.set_aside
    assert reason.startswith(f"protocolSection.{module}.")
    assert told in reason
    assert not {"start_date", "completion_date", "first_submit_date", "status", "enrollment"} & set(found.facts)
    assert found.first("title")


@pytest.mark.parametrize("date", ["2021", "2021-02", "2024-02-29", "2024-02-29T10:00"])
def test_dates_of_any_precision_are_read(tmp_path: Path, date: str) -> None:
    """Year, month or day."""
    study = json.loads(ONE)
    study["protocolSection"]["statusModule"] = {"startDateStruct": {"date": date}}
    [found] = read_bytes(tmp_path, json.dumps(study).encode())
    assert isinstance(found, Study)
    assert (found.first("start_date"), found.set_aside) == (date, ())


def test_value_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list longer than the limit is one reject that tells the way out."""
    monkeypatch.setattr(splits, "MAX_FILE", 1000)
    [rejected] = read_bytes(tmp_path, b"[\n" + b",\n".join([ONE] * 50) + b"\n]")
    assert "more than" in check_line(rejected)


def test_long_api_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API page of many studies on one line is no line too long."""
    monkeypatch.setattr(splits, "MAX_LINE", 1000)
    found = read_bytes(tmp_path, b'{"studies": [' + b",".join([ONE] * 50) + b"]}")
    assert sum(isinstance(one, Study) for one in found) == len(found) == 50


BOMBS = {
    "a page": b"x",
    "white space": b" ",
    "blank lines": b"\n",
    "one line of JSON": b'{"a": "',
    "many lines of JSON": b"{\n",
    "a list": b"[{",
}


@pytest.mark.parametrize("case", BOMBS)
def test_gzip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """A small file that unpacks to a huge one takes bounded memory and time, and is one reject."""
    monkeypatch.setattr(splits, "MAX_LINE", 2**20)
    monkeypatch.setattr(splits, "MAX_FILE", 2**21)
    monkeypatch.setattr(splits, "_PAGE_BYTES", 2**21)
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as bomb:
        bomb.write(BOMBS[case])
        for _ in range(40):
            bomb.write((b"\n" if "lines" in case else b" " if "space" in case else b"x") * 2**20)
    tracemalloc.start()
    [rejected] = (
        read
        for blob in open_file(tmp_path / "bomb.gz")
        if isinstance(read := blob if isinstance(blob, Rejected) else read_blob(blob), Rejected)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert check_line(rejected)
    assert peak < 10 * 2**20


def test_a_zip_archive_is_read_member_by_member(tmp_path: Path) -> None:
    """Studies, JSON lines and bad members side by side; each is named with its archive."""
    found = read_bytes(tmp_path, pack_zip(ONE, b"{broken", TWO + b"\n" + make_study(3), gzip.compress(make_study(4))))
    assert [one.record.file if isinstance(one, Study) else one.file for one in found] == [
        "x.dat:1.json",
        "x.dat:2.json",
        "x.dat:3.json:1",
        "x.dat:3.json:2",
        "x.dat:4.json",
    ]
    assert [isinstance(one, Study) for one in found] == [True, False, True, True, True]


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_what_unpacks_without_end_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A stream of good-looking lines that unpacks to far more than its size ends in one reject, in flat memory."""
    monkeypatch.setattr(streams, "FREE", 2**20)
    line = ONE + b" " * 2**16 + b"\n"
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as member:
            for _ in range(1000):
                member.write(line)
    else:
        with gzip.open(tmp_path / "bomb", "wb") as stream:
            for _ in range(1000):
                stream.write(line)
    found = list(open_file(tmp_path / "bomb"))
    assert isinstance(found[0], Blob)
    assert isinstance(found[-1], Rejected)
    assert "times its size" in found[-1].reason
    assert found[-1].is_cut
    assert len(found) < 600


def test_a_damaged_member_costs_no_other(tmp_path: Path) -> None:
    """A member whose bytes are not what the archive says is a reject; the members around it are read."""
    content = bytearray(pack_zip(ONE, make_noise(7, 3000), TWO))
    content[content.index(b"2.json") + 500] ^= 255
    found = read_bytes(tmp_path, bytes(content))
    assert [isinstance(one, Study) for one in (found[0], found[-1])] == [True, True]
    assert any(isinstance(one, Rejected) and one.is_cut for one in found)


def test_memory_of_a_long_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of six times the limit takes three times the limit at most, and the next line is read."""
    monkeypatch.setattr(splits, "MAX_LINE", 2**22)
    (tmp_path / "x.jsonl").write_bytes(b'{"a": "' + b"x" * (6 * 2**22) + b'"}\n' + ONE)
    tracemalloc.start()
    found = list(open_file(tmp_path / "x.jsonl"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(one).__name__ for one in found] == ["Rejected", "Blob"]
    assert peak < 3 * 2**22


def test_a_folder_of_all_of_them(tmp_path: Path) -> None:
    """In a folder of bad files the good ones are read."""
    for number, case in enumerate(name for name in BAD_FILES if "too long" not in name):
        (tmp_path / f"{number:02}").write_bytes(BAD_FILES[case][0])
    (tmp_path / "good").write_bytes(ONE)
    found = list(read_sources([str(tmp_path)]))
    assert sum(isinstance(one, Study) for one in found) == 1
    assert {one.file for one in found if isinstance(one, Rejected)} == {path.name for path in tmp_path.iterdir()} - {
        "good"
    }


PIECES = st.sampled_from(
    [
        ONE,
        TWO,
        CUT,
        b"\n",
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b'{"studies": [',
        b"\xef\xbb\xbf",
        b"\0",
        b"\xff",
        b'"',
        b"\\",
        b"\r\n",
        b"\x1f\x8b",
        b'{"protocolSection": ',
        gzip.compress(ONE),
        b" ",
        b"null",
        b"Overview\nDescription\nEligibility\n",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(PIECES, max_size=9).map(b"".join),
        st.lists(PIECES, max_size=9).map(b"".join).map(gzip.compress),
    )
)
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """Any bytes give studies and rejects, at least one of them, and never an exception."""
    found = read_bytes(tmp_path, content)
    assert found
    for one in found:
        assert isinstance(one, Study) or check_line(one)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([ONE, TWO, CUT, b'{"name": 1}', b"[1]", b'{"a"', b"{", b"[", b"]", b"7"]), max_size=6))
def test_good_lines_survive(tmp_path: Path, lines: list[bytes]) -> None:
    """However many lines are bad, each good line after a first that begins like JSON is read."""
    found = read_bytes(tmp_path, b"\n".join([ONE, *lines]))
    assert sum(isinstance(one, Study) for one in found) == 1 + sum(line in (ONE, TWO) for line in lines)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.sampled_from(["PHASE1", "18 Years", "9" * 400 + " years", "2020-13-45", "Biological: x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "date",
                    "name",
                    "id",
                    "label",
                    "type",
                    "measure",
                    "count",
                    "city",
                    "country",
                    "lat",
                    "lon",
                    "geoPoint",
                    "class",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
FIELDS = sorted({*re.findall(r'"(\w+)"', (ROOT / "kg" / "sources" / "ctgov_v2.py").read_text(encoding="utf-8"))})


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(FIELDS), st.one_of(JSON, st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)), max_size=6
    )
)
def test_any_shape(section: dict[str, object]) -> None:
    """A study whose fields hold values of any shape is read or rejected, never an exception."""
    found = read_json(json.dumps({"protocolSection": section}).encode(), "x.json")
    assert isinstance(found, Study) or check_line(found)


@pytest.mark.skipif(SEED is None, reason="the seeds are not here")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damaged_page(data: st.DataObject) -> None:
    """A page that lost lines, or had them doubled, reordered or cut, is read or rejected, never an exception."""
    assert SEED is not None
    lines = SEED.read_text(encoding="utf-8").split("\n")
    kept = data.draw(st.lists(st.sampled_from(lines), max_size=len(lines)))
    found = read_page("\n".join((*kept, "Recruitment & Eligibility", "Study & Design")), "x.txt")
    assert isinstance(found, Study) or check_line(found)


@pytest.mark.parametrize(
    "piece", [b'{"protocolSection": ', b'{"study":[0,', b"{\n", b"[\n", b'{"studies": [', b'"', b"\\", b"[{"]
)
def test_hostile_text_comes_to_an_end(tmp_path: Path, piece: bytes) -> None:
    """One piece over and over: a rule that backtracks without bound would never come back."""
    found = read_bytes(tmp_path, piece * (2**21 // len(piece)))
    assert all(map(check_line, found))
