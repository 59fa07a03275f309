"""Records at URLs are read as files are, and what a server does wrong is one line."""

from __future__ import annotations

import gc
import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from kg import locations, remote_files
from kg.errors import KgError, SourceError, UsageError
from kg.model import Rejected
from kg.pipeline import build
from kg.sources.inputs import Blob, find_files, measure_file, open_files, open_sources
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.file_servers import serve_files
from tests.test_cli import run_kg

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
memory = pytest.importorskip("fsspec.implementations.memory")


def make_line(number: int) -> bytes:
    section = {"identificationModule": {"nctId": f"NCT{number:08}", "briefTitle": f"CD{number} CAR-T"}}
    return json.dumps({"protocolSection": section}).encode() + b"\n"


LINES = b"".join(map(make_line, range(1, 4)))
BIG = b"".join(map(make_line, range(1, 3000)))


def pack_zip(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def read(*urls: str) -> list[tuple[str, bytes]]:
    found = list(open_sources(urls))
    assert all(isinstance(one, Blob) for one in found), found
    return [(one.name, one.content.strip()) for one in found if isinstance(one, Blob)]


def name_lines(name: str, content: bytes = LINES) -> list[tuple[str, bytes]]:
    """What lines of a file must give: the file's name and the line's number, and the line."""
    return [(f"{name}:{number}", line) for number, line in enumerate(content.splitlines(), 1)]


@pytest.mark.parametrize("has_ranges", [True, False])
def test_http(has_ranges: bool) -> None:
    """Plain, gzip, and with a query behind the path; a server need not know ranges."""
    with serve_files({"x.jsonl": LINES, "big.gz": gzip.compress(BIG, 0)}, has_ranges=has_ranges) as url:
        assert read(f"{url}/x.jsonl?token=1") == name_lines("x.jsonl")
        assert read(f"{url}/big.gz") == name_lines("big.gz", BIG)


def test_an_archive_over_http_is_read_in_parts() -> None:
    """A zip archive's contents stand at its end, so its server must send ranges; else one is told what to do."""
    archive = pack_zip(a=LINES, b=b"\n".join([LINES] * 2))
    with serve_files({"x.zip": archive}) as url:
        assert len(read(f"{url}/x.zip")) == 9
        assert read(f"zip://a::{url}/x.zip") == name_lines("a")
        assert len(read(f"simplecache::{url}/x.zip")) == 9
    with serve_files({"x.zip": archive}, has_ranges=False) as url:
        [cut] = open_sources([f"{url}/x.zip"])
        assert isinstance(cut, Rejected)
        assert cut.is_cut
        assert "simplecache::" in cut.reason


def test_memory_and_local_files(tmp_path: Path) -> None:
    """A file, a folder and a pattern; hidden files are left out."""
    (tmp_path / "deep").mkdir()
    for name in ("a.jsonl", "deep/b.jsonl", ".hidden"):
        (tmp_path / name).write_bytes(LINES)
        fsspec.filesystem("memory").pipe(f"/remote/{name}", LINES)
    for base in (f"file://{tmp_path}", "memory://remote"):
        assert read(base) == name_lines("a.jsonl") + name_lines("b.jsonl")
        assert read(f"{base}/*.jsonl", f"{base}/a.jsonl") == name_lines("a.jsonl")
        assert [measure_file(file) for file in find_files([base])] == [len(LINES)] * 2
    fsspec.filesystem("memory").rm("/remote", recursive=True)


def test_a_name_that_looks_like_a_pattern() -> None:
    """Brackets stand in names too: such a file is read, and a pattern is tried where there is none."""
    for name in ("[1].jsonl", "1.jsonl"):
        fsspec.filesystem("memory").pipe(f"/odd/{name}", LINES)
    assert read("memory://odd/[1].jsonl") == name_lines("[1].jsonl")
    fsspec.filesystem("memory").rm_file("/odd/[1].jsonl")
    assert read("memory://odd/[1].jsonl") == name_lines("1.jsonl")
    fsspec.filesystem("memory").rm("/odd", recursive=True)


class ShutFileSystem(memory.MemoryFileSystem):  # type: ignore[name-defined,misc]
    """A server that keeps the folder "locked" to itself, and has a thing that is no file."""

    protocol = "shut"
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("shut://")))

    def ls(self, path: str, detail: bool = True, **options: object) -> list[dict[str, object]]:
        if "/locked" in path:
            raise PermissionError(13, "Permission denied")
        found = [{**one, "type": "other"} if "odd" in one["name"] else one for one in super().ls(path, detail=True)]
        return found if detail else [one["name"] for one in found]


@pytest.mark.parametrize("pattern", ["", "/*", "/**", "/**/*.jsonl"])
def test_a_remote_folder_that_cannot_be_read_is_told(pattern: str) -> None:
    """A folder without rights and a thing that is no file are told, whatever names them; the rest is read."""
    fsspec.register_implementation("shut", ShutFileSystem, clobber=True)
    for name in ("a.jsonl", "deep/b.jsonl", "locked/c.jsonl", "odd.jsonl"):
        fsspec.filesystem("shut").pipe(f"/data/{name}", LINES)
    found = list(open_sources([f"shut://data{pattern}"]))
    read_lines = [(one.name, one.content.strip()) for one in found if isinstance(one, Blob)]
    assert read_lines == name_lines("a.jsonl") + name_lines("b.jsonl")
    told = {one.file: one for one in found if isinstance(one, Rejected)}
    assert set(told) == {"/data/odd.jsonl", "/data/locked"}
    assert all(one.is_cut and one.mend for one in told.values())
    assert "Permission denied" in told["/data/locked"].reason


def test_a_remote_pattern_does_not_look_where_nothing_can_fit() -> None:
    """A folder without rights whose name does not fit is none of the source's."""
    fsspec.register_implementation("shut", ShutFileSystem, clobber=True)
    for name in ("deep/b.jsonl", "locked/c.jsonl"):
        fsspec.filesystem("shut").pipe(f"/other/{name}", LINES)
    assert read("shut://other/d*/*.jsonl") == name_lines("b.jsonl")


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    """What cannot be read there is told as it is for a path."""
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "odd").symlink_to("gone")
    *_, told = open_sources([f"file://{tmp_path}"])
    assert isinstance(told, Rejected)
    assert (told.file, told.is_cut) == (str(tmp_path / "odd"), True)


class S3Error(Exception):
    """As botocore raises it: an answer of an S3 server."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the HeadObject operation: {message}")
        self.response = {"Error": {"Code": code, "Message": message}}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (S3Error("403", "Forbidden"), "the server says 403 Forbidden"),
        (S3Error("NoSuchBucket", "There is no such bucket."), "the server says NoSuchBucket: There is no such bucket"),
        (S3Error("NoSuchKey", "No such key."), "there is nothing"),
        (ValueError('Invalid bucket name "me:wo/rd@bucket"'), 'Invalid bucket name "***@bucket"'),
        (OSError("cannot connect to http://127.0.0.1:80/a@b"), "cannot connect to http://127.0.0.1:80/a@b"),
    ],
)
def test_what_a_bucket_answers(error: Exception, said: str) -> None:
    """The server's own code and words, without the names of calls, and without a password."""
    assert locations.explain(error) == said


def test_a_server_that_breaks_off() -> None:
    """Records from before the break are read, whole and in order, and the break is told."""
    with serve_files({"x.jsonl": BIG}, breaks_at=len(BIG) - 1000) as url:
        found = list(open_files(find_files([f"{url}/x.jsonl"])))
    whole = [(one.name, one.content) for one in found if isinstance(one, Blob)]
    assert whole == name_lines("x.jsonl", BIG)[: len(whole)]
    assert any(isinstance(one, Rejected) and one.is_cut for one in found)
    assert 0 < len(whole) < len(BIG.splitlines())


def test_a_server_that_breaks_off_at_once() -> None:
    """The connection is closed as well: an open one would be told of when it is collected, and warnings are errors."""
    with serve_files({"x.jsonl": BIG}, breaks_at=0) as url:
        [cut] = open_sources([f"{url}/x.jsonl"])
    assert isinstance(cut, Rejected)
    assert cut.is_cut
    gc.collect()


def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing is given up."""
    monkeypatch.setattr(locations, "SILENT_SECONDS", 0.3)
    with serve_files({"silent": b""}) as url:
        [cut] = open_sources([f"{url}/silent"])
    assert isinstance(cut, Rejected)
    assert "does not answer in time" in cut.reason


def test_a_server_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than any registry has are broken off."""
    monkeypatch.setattr(remote_files, "MAX_BYTES", 100_000)
    with serve_files({"x.jsonl": BIG}) as url:
        *_, cut = open_sources([f"{url}/x.jsonl"])
    assert isinstance(cut, Rejected)
    assert "come from there" in cut.reason


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("{http}/none.json", SourceError, "there is nothing"),
        ("http://127.0.0.1:1/x", SourceError, "Connect"),
        ("memory://none", SourceError, "there is nothing"),
        ("memory://none/*.json", SourceError, "there is nothing"),
        ("foo://x", UsageError, "foo"),
        ("s3://bucket/x", UsageError, r"s3fs.*trialkg\[s3\]"),
        ("s3://KEY:xy/zzy@bucket/x", UsageError, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_what_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, url: str, kind: type[KgError], words: str) -> None:
    """One line: what, where, how to mend it."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with serve_files({}) as http, pytest.raises(kind, match=words) as raised:
        list(open_sources([url.format(http=http)]))
    assert "\n" not in str(raised.value)
    assert raised.value.where
    assert raised.value.mend
    assert "zzy" not in str(raised.value)


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain installation says what to install."""
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match=r"trialkg\[remote\]"):
        find_files(["https://example.org/x"])


def test_a_build_from_a_url_keeps_no_secret_of_it(tmp_path: Path) -> None:
    """The graph is that of the local file; user, password and signature stand neither in the manifest nor in notes."""
    [page] = (ROOT / "data" / "trials").glob("il3*.json")
    with serve_files({page.name: page.read_bytes()}) as url:
        secret = url.replace("//", "//me:word@") + f"/{page.name}?signature=abc"
        done = run_kg("build", secret, store=tmp_path / "far")
        missing = run_kg("build", secret.replace(page.name, "none"), store=tmp_path / "far")
    assert done.returncode == 0, done.stderr
    build([str(page)], tmp_path / "near", workers=1)
    far, near = open_snapshot(tmp_path / "far").manifest, open_snapshot(tmp_path / "near").manifest
    assert far.snapshot == near.snapshot
    assert far.sources == (f"{url}/{page.name}",)
    assert (missing.returncode, missing.stderr.count("\n")) == (3, 1)
    for word in ("word", "abc"):
        assert word not in done.stderr + missing.stderr


def test_nothing_of_it_is_loaded_without_a_url(tmp_path: Path) -> None:
    """Reading files touches neither fsspec nor a network library."""
    code = f"""
import sys
from kg.sources.inputs import open_sources
assert list(open_sources([{str(ROOT / "data" / "trials")!r}]))
assert not {{"fsspec", "aiohttp"}} & set(sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
