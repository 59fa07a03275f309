"""Snapshots and exports go to URLs and come back as they were, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kg import remote_files, transfers
from kg.errors import KgError, SourceError, StoreError, UsageError
from kg.pipeline import build
from kg.remote_files import fetch_file
from kg.store import open_snapshot, write_manifest
from kg.transfers import copy_snapshot, fetch_snapshot
from tests.file_servers import read_folder, serve_files
from tests.pipeline.conftest import Write, make_study, read_shards, read_triples, write
from tests.test_cli import run_kg

__all__ = ["write"]
fsspec = pytest.importorskip("fsspec")
from fsspec.implementations.memory import MemoryFileSystem  # noqa: E402


@pytest.fixture
def store(tmp_path: Path, write: Write) -> Path:
    build([str(write("x.jsonl", make_study(1), make_study(2)))], tmp_path / "store", workers=1)
    return tmp_path / "store"


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket in memory."""
    yield "memory://bucket"
    if fsspec.filesystem("memory").exists("/bucket"):
        fsspec.filesystem("memory").rm("/bucket", recursive=True)


def test_there_and_back(store: Path, tmp_path: Path, bucket: str) -> None:
    """A fetched snapshot has the same shards and answers, and is served; a second copy changes nothing."""
    snapshot = open_snapshot(store)
    target = copy_snapshot(snapshot, bucket)
    assert target == f"{bucket}/{snapshot.folder.name}"
    assert copy_snapshot(snapshot, bucket) == target
    fetched = fetch_snapshot(tmp_path / "other", target)
    assert fetched.folder == open_snapshot(tmp_path / "other").folder
    assert read_shards(fetched) == read_shards(snapshot)
    assert read_triples(fetched) == read_triples(snapshot)
    assert read_folder(fetched.folder) == read_folder(snapshot.folder)


def test_what_is_served_already_is_not_fetched_again(
    store: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daily fetch of a graph that did not change costs a look; one that was damaged here is fetched anew."""
    target = copy_snapshot(open_snapshot(store), bucket)
    first = fetch_snapshot(tmp_path / "other", target).folder
    taken: list[str] = []

    def note_and_fetch(url: str, path: Path, limit: int) -> None:
        taken.append(url)
        fetch_file(url, path, limit)

    monkeypatch.setattr(transfers, "fetch_file", note_and_fetch)
    assert fetch_snapshot(tmp_path / "other", target).folder == first
    assert taken == []
    (first / "records.sqlite").write_bytes(b"x")
    again = fetch_snapshot(tmp_path / "other", target)
    assert taken
    again.verify()


def test_the_folder_above_will_do_where_it_holds_one(store: Path, tmp_path: Path, write: Write, bucket: str) -> None:
    """The URL that `copy` was given: its only snapshot is fetched; of several the names are told."""
    first = open_snapshot(store)
    copy_snapshot(first, bucket)
    assert fetch_snapshot(tmp_path / "other", bucket).folder.name == first.folder.name
    build([str(write("y.jsonl", make_study(3)))], store, workers=1)
    second = open_snapshot(store)
    copy_snapshot(second, bucket)
    with pytest.raises(UsageError, match="there are 2 snapshots") as raised:
        fetch_snapshot(tmp_path / "other", bucket)
    assert first.folder.name in str(raised.value)
    assert second.folder.name in str(raised.value)


def test_the_command_line_copies_and_fetches(store: Path, tmp_path: Path) -> None:
    """To a folder by its URL, and from any web server of files."""
    done = run_kg("snapshots", "copy", "current", f"file://{tmp_path}/shelf", store=store)
    assert done.returncode == 0, done.stderr
    name = open_snapshot(store).folder.name
    with serve_files(read_folder(tmp_path / "shelf")) as url:
        done = run_kg("snapshots", "fetch", f"{url}/{name}", store=tmp_path / "other")
    assert done.returncode == 0, done.stderr
    rows = json.loads(run_kg("query", "trials", "--format", "json", store=tmp_path / "other").stdout)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [
        ("no mark", SourceError, "there is nothing"),
        ("flipped byte", StoreError, "not the one that was built"),
        ("missing file", SourceError, "there is nothing"),
        ("longer file", SourceError, "longer than"),
        ("a way out", StoreError, "no build writes"),
        ("another name", StoreError, "no build writes"),
    ],
)
def test_what_is_not_whole_is_not_served(
    store: Path, tmp_path: Path, write: Write, harm: str, kind: type[KgError], words: str
) -> None:
    """The graph that was served stays, and nothing is left beside it."""
    snapshot = open_snapshot(store)
    if harm in ("a way out", "another name"):
        manifest = snapshot.manifest
        if harm == "a way out":
            sizes = {**manifest.sizes, "../../../evil": 3}
            manifest = msgspec.structs.replace(manifest, sizes=sizes, files=dict.fromkeys(sizes, ""))
        else:
            manifest = msgspec.structs.replace(manifest, snapshot="../../../evil")
        write_manifest(snapshot.folder, manifest)
    files = read_folder(snapshot.folder) | {"../../../evil": b"bad"}
    if harm == "no mark":
        del files["manifest.sha256"]
    elif harm == "flipped byte":
        files["records.sqlite"] = files["records.sqlite"][:-1] + bytes([files["records.sqlite"][-1] ^ 1])
    elif harm == "missing file":
        del files["records.sqlite"]
    elif harm == "longer file":
        files["records.sqlite"] += b"x"
    other = tmp_path / "a" / "b" / "other"
    build([str(write("y.jsonl", make_study(3)))], other, workers=1)
    before = open_snapshot(other).folder
    with serve_files(files) as url, pytest.raises(kind, match=words) as raised:
        fetch_snapshot(other, url)
    assert "\n" not in str(raised.value)
    assert open_snapshot(other).folder == before
    assert [path.name for path in (other / "snapshots").iterdir()] == [before.name]
    assert not list(tmp_path.rglob("evil"))


def test_another_build_is_not_written_over(store: Path, bucket: str) -> None:
    """A snapshot at a URL may be read by others: it is never changed."""
    snapshot = open_snapshot(store)
    target = copy_snapshot(snapshot, bucket)
    fsspec.filesystem("memory").pipe(f"{target}/manifest.sha256", b"another\n")
    with pytest.raises(UsageError, match="another build"):
        copy_snapshot(snapshot, bucket)


def test_no_bucket_is_made(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making folders of a store of objects makes the bucket, so that a wrong name would be taken for a new one."""
    system = ObjectStore()
    monkeypatch.setattr(remote_files, "open_filesystem", lambda _: (system, "bukcet/graphs"))
    with pytest.raises(StoreError, match="there is nothing"):
        copy_snapshot(open_snapshot(store), "memory://bukcet/graphs")
    assert not system.made


class ObjectStore:
    """A file system as those of buckets are: its paths begin with the bucket, and making folders makes buckets."""

    protocol = "bucket"

    def __init__(self) -> None:
        self.made: list[str] = []

    def info(self, path: str) -> None:
        raise FileNotFoundError(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.made.append(path.partition("/")[0])

    def put_file(self, _: str, path: str) -> None:
        if path.partition("/")[0] not in self.made:
            raise FileNotFoundError(path)


@pytest.mark.parametrize("refusal", [PermissionError("no"), ConnectionError("no")])
def test_a_copy_is_not_begun_where_it_cannot_be_told_what_is_there(
    store: Path, bucket: str, monkeypatch: pytest.MonkeyPatch, refusal: OSError
) -> None:
    """A refused question is no "there is nothing": another build might be written over."""

    def refuse(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(MemoryFileSystem, "info", refuse)
    with pytest.raises(SourceError, match="no"):
        copy_snapshot(open_snapshot(store), bucket)
    assert not MemoryFileSystem.store


@pytest.mark.parametrize("url", ["s3://me:word@bucket/store", "file:///tmp/store"])
def test_a_store_at_a_url_is_refused(tmp_path: Path, url: str) -> None:
    """No folder of that name is made, and the way round is told; by the option and by the environment."""
    for done in (
        run_kg("build", "--store", url, store=tmp_path / "none"),
        run_kg("query", "trials", store=tmp_path / "none", env={"KG_STORE": url}),
    ):
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "local disk" in done.stderr
        assert "kg snapshots copy" in done.stderr
        assert "word" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_web_server_takes_no_copy(store: Path) -> None:
    """Writing over HTTP is refused in one line."""
    with serve_files({}) as url:
        done = run_kg("snapshots", "copy", "current", url, store=store)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "HTTP" in done.stderr


def test_exports_go_to_urls(store: Path, tmp_path: Path) -> None:
    """One file or a folder of tables, the same bytes as on this machine; nothing where it failed."""
    near = run_kg("export", "--format", "nt", store=store).stdout
    assert run_kg("export", "--format", "nt", "-o", f"file://{tmp_path}/far/graph.nt", store=store).returncode == 0
    assert (tmp_path / "far" / "graph.nt").read_text() == near
    for place in (str(tmp_path / "near"), f"file://{tmp_path}/far/tables"):
        assert run_kg("export", "--format", "csv", "-o", place, store=store).returncode == 0
    assert read_folder(tmp_path / "far" / "tables") == read_folder(tmp_path / "near")
    assert read_folder(tmp_path / "near")
    done = run_kg("export", "--format", "nt", "-o", "foo://x/graph.nt", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
