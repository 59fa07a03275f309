"""Nothing in a folder, an archive or behind a pattern is left out in silence."""

from __future__ import annotations

import glob
import io
import os
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kg.model import Rejected, Study
from kg.pipeline import build
from kg.sources.inputs import find_files, open_files, read_sources
from tests.sources.test_inputs import ONE, THREE, TWO
from tests.test_cli import run_kg


def read(*sources: object) -> tuple[list[str], list[Rejected]]:
    """Registry ids of the studies that were read, in order, and what was told."""
    found = list(read_sources(map(str, sources)))
    ids = [str(one.first("registry_id"))[-1] for one in found if isinstance(one, Study)]
    return ids, [one for one in found if isinstance(one, Rejected)]


def make_tree(folder: Path) -> Path:
    """Three studies: one in a folder, one in a folder of it, one in a file beside that."""
    (folder / "data" / "deep").mkdir(parents=True)
    for name, content in (("a.json", ONE), ("deep/b.json", TWO), ("z.json", THREE)):
        (folder / "data" / name).write_bytes(content)
    return folder / "data"


def shut(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the system refuse what has a name: root, who runs the tests in a container, may read everything."""

    def refuse(run: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, int) and os.path.basename(os.fspath(path)) == name:
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return run(path, *arguments, **options)

        return call

    monkeypatch.setattr(os, "scandir", refuse(os.scandir))
    monkeypatch.setattr(Path, "open", refuse(Path.open))


def add_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may have 100 characters
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def add_circle(path: Path) -> None:
    path.symlink_to(path.name + "2")
    path.with_name(path.name + "2").symlink_to(path.name)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a broken link": (lambda path: path.symlink_to("gone"), "a link that leads nowhere"),
    "a link below a file": (lambda path: path.symlink_to("a.json/x"), "Not a directory"),
    "links in a circle": (add_circle, "a link that leads nowhere"),
    "a named pipe": (os.mkfifo, "a named pipe"),
    "a socket": (add_socket, "a socket"),
    "a link to a device": (lambda path: path.symlink_to("/dev/null"), "a device"),
}


@pytest.mark.parametrize("pattern", ["", "*", "**", "**/*", "[!.]*"], ids=lambda one: one or "folder")
@pytest.mark.parametrize("case", ODD)
def test_what_is_no_file_is_told(tmp_path: Path, case: str, pattern: str) -> None:
    """What lies among the files and is none is told with its path, a reason and a way to mend it, and marked as a loss;
    the rest is read."""
    data = make_tree(tmp_path)
    make, reason = ODD[case]
    make(data / "odd")
    ids, told = read(data / pattern)
    assert ids == ["1", "2", "3"]
    assert told
    assert {one.file for one in told} <= {str(data / "odd"), str(data / "odd2")}
    for one in told:
        assert reason in one.reason
        assert one.mend
        assert one.is_cut


@pytest.mark.parametrize("pattern", ["", "*", "**", "**/*.json", "*/*.json"], ids=lambda one: one or "folder")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without rights, met by name or behind a pattern, is told; files beside it are read."""
    data = make_tree(tmp_path)
    shut(monkeypatch, "deep")
    ids, [told] = read(data / pattern)
    assert "2" not in ids
    assert (ids == ["1", "3"]) is (pattern != "*/*.json")
    assert (told.file, told.is_cut) == (str(data / "deep"), True)
    assert "Permission denied" in told.reason
    assert "right" in told.mend


def test_a_file_that_cannot_be_read_is_told_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with its name only, which files of several folders may have."""
    data = make_tree(tmp_path)
    shut(monkeypatch, "b.json")
    ids, [told] = read(data)
    assert (ids, told.file, told.is_cut) == (["1", "3"], str(data / "deep" / "b.json"), True)


def test_a_source_that_cannot_be_read_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two sources the one without rights is told, and the other is read."""
    data = make_tree(tmp_path)
    (tmp_path / "locked").mkdir()
    shut(monkeypatch, "locked")
    ids, [told] = read(tmp_path / "locked", data)
    assert (ids, told.file) == (["1", "2", "3"], str(tmp_path / "locked"))


@pytest.mark.parametrize("is_update", [False, True])
@pytest.mark.parametrize("is_dry", [False, True])
def test_a_build_says_that_something_is_missing(
    tmp_path: Path, is_update: bool, is_dry: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Build and update, dry or not: what was read counts, what was not is listed, and the report is of a part."""
    data = make_tree(tmp_path)
    if is_update:
        build([str(data / "a.json")], tmp_path / "store", workers=1)
    shut(monkeypatch, "deep")
    report = build([str(data)], tmp_path / "store", workers=1, is_update=is_update, is_dry=is_dry)
    assert report.manifest.records == 2
    assert [one.file for one in report.rejected] == [str(data / "deep")]
    assert report.is_cut


@pytest.mark.parametrize("verb", ["build", "build --dry-run"])
def test_the_exit_code_says_that_something_is_missing(tmp_path: Path, verb: str) -> None:
    """3, with the place and how to mend it; the rest is in the graph."""
    data = make_tree(tmp_path)
    (data / "odd").symlink_to("gone")
    done = run_kg(*verb.split(), str(data), store=tmp_path / "store")
    assert done.returncode == 3, done.stderr
    assert "3 records" in done.stderr
    assert f"{data / 'odd'}: cannot be read: a link that leads nowhere. Mend the link" in done.stderr


@pytest.mark.parametrize(
    "pattern", ["", "**", "**/*", "**/*.json", "*/*/*/*/*/*.json", "*/**/*.json", "l1/l2/l1/*.json", "*"]
)
def test_links_in_a_circle_come_to_an_end(tmp_path: Path, pattern: str) -> None:
    """Twelve links to a folder itself and to those above: each file once, and no error."""
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a.json").write_bytes(ONE)
    for number in range(12):
        (data / f"l{number}").symlink_to(".")
        (data / "deep" / f"up{number}").symlink_to("..")
    ids, told = read(data / pattern)
    assert ids == ["1"]
    assert not any(one.is_cut for one in told)


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    """It holds what the user put there; a file that two ways lead to is read once."""
    data = make_tree(tmp_path)
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "y.json").write_bytes(ONE.replace(b"00000001", b"00000004"))
    (data / "more").symlink_to(tmp_path / "away")
    (data / "same.json").symlink_to("a.json")
    assert read(data) == (["1", "2", "4", "3"], [])
    assert len(find_files([str(data), str(tmp_path / "away"), f"{data}/*.json"])) == 4


def test_a_link_to_a_folder_above_is_told_and_not_followed(tmp_path: Path) -> None:
    """What lies above is no part of the source; nothing is lost by that."""
    data = make_tree(tmp_path)
    (tmp_path / "other.json").write_bytes(ONE.replace(b"00000001", b"00000004"))
    (data / "up").symlink_to("..")
    ids, [told] = read(data)
    assert (ids, told.file, told.is_cut) == (["1", "2", "3"], str(data / "up"), False)


def test_folders_that_fit_a_pattern_are_read(tmp_path: Path) -> None:
    """A pattern names what the shell would name: the folders among it are read too."""
    assert read(make_tree(tmp_path) / "*") == (["1", "2", "3"], [])


PATTERNS = ["*.json", "**/*.json", "d*/b.json", "*/b.json", "?.json", "[az].json", "**/b.json", "*/", ".h*", "./*.json"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_what_they_do_elsewhere(tmp_path: Path, pattern: str) -> None:
    """The files that Python's own `glob` finds, and those of the folders that it finds."""
    data = make_tree(tmp_path)
    (data / ".hidden.json").write_bytes(ONE)
    matched = [Path(one) for one in glob.glob(f"{data}/{pattern}", recursive=True)]
    wanted = {one for found in matched for one in (found.rglob("*.json") if found.is_dir() else [found])}
    found = find_files([f"{data}/{pattern}"])
    assert {one for one in found if isinstance(one, Path)} == wanted


def test_a_relative_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns are looked for where the user is."""
    monkeypatch.chdir(make_tree(tmp_path))
    assert read("*.json")[0] == ["1", "3"]
    assert read("deep")[0] == read("d*")[0] == ["2"]


def test_a_file_that_goes_while_others_are_read(tmp_path: Path) -> None:
    """It is told, and the others are read."""
    data = make_tree(tmp_path)
    files = find_files([str(data)])
    (data / "deep" / "b.json").unlink()
    [told] = (one for one in open_files(files) if isinstance(one, Rejected))
    assert (told.file, told.is_cut) == (str(data / "deep" / "b.json"), True)
    assert "No such file" in told.reason


def test_a_folder_breaks_off_while_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails halfway through a folder is told; what was listed is read."""
    data = make_tree(tmp_path)

    class Failing:
        def __init__(self, entries: Any) -> None:
            self.entries = entries

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            with self.entries:
                yield next(one for one in self.entries if one.name == "a.json")
            raise OSError(5, "Input/output error")

        def __exit__(self, *_: object) -> None:
            pass

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Failing(scandir(path)))
    ids, [told] = read(data)
    assert (ids, told.file, told.is_cut) == (["1"], str(data), True)
    assert "Input/output" in told.reason


def test_folders_deeper_than_a_path_is_long(tmp_path: Path) -> None:
    """What cannot be reached is told."""
    name, here, opened = "d" * 200, os.open(tmp_path, os.O_RDONLY), []
    for _ in range(25):
        opened.append(here)
        os.mkdir(name, dir_fd=here)
        here = os.open(name, os.O_RDONLY, dir_fd=here)
    os.close(here)
    (tmp_path / "a.json").write_bytes(ONE)
    try:
        ids, [told] = read(tmp_path)
    finally:
        for descriptor in reversed(opened):
            os.rmdir(name, dir_fd=descriptor)
            os.close(descriptor)
    assert (ids, told.is_cut) == (["1"], True)
    assert "too long" in told.reason


def pack(content: bytes, method: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, text in (("1.json", ONE), ("2.json", content), ("3.json", THREE)):
            member = zipfile.ZipInfo(name)  # with a date of its own, so that the bytes are the same each time
            member.compress_type = method
            archive.writestr(member, text)
    return held.getvalue()


def damage(packed: bytes) -> bytes:
    """Turn a byte in the middle of the second member."""
    content = bytearray(packed)
    content[content.index(b"2.json") + 60] ^= 0xFF
    return bytes(content)


def set_in_heads(packed: bytes, local: int, central: int, value: int) -> bytes:
    """Set a byte in both heads of the second member."""
    content = bytearray(packed)
    first = content.index(b"2.json")
    content[first - 30 + local] = value
    content[content.index(b"2.json", first + 1) - 46 + central] = value
    return bytes(content)


LONG = TWO + b" " * 50 + os.urandom(200).hex().encode()
MEMBERS = {
    "a password": set_in_heads(pack(TWO, zipfile.ZIP_DEFLATED), 6, 8, 1),
    "an unknown method": set_in_heads(pack(TWO, zipfile.ZIP_DEFLATED), 8, 10, 97),
    "stored, damaged": damage(pack(TWO, zipfile.ZIP_STORED)),
    "deflate, damaged": damage(pack(LONG, zipfile.ZIP_DEFLATED)),
    "bzip2, damaged": damage(pack(LONG, zipfile.ZIP_BZIP2)),
    "lzma, damaged": damage(pack(LONG, zipfile.ZIP_LZMA)),
    "an archive in an archive": pack(pack(TWO, zipfile.ZIP_DEFLATED), zipfile.ZIP_STORED),
    "a 7z archive": pack(b"7z\xbc\xaf\x27\x1c" + TWO, zipfile.ZIP_STORED),
    "zstd": pack(b"\x28\xb5\x2f\xfd" + TWO, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_a_member_that_cannot_be_unpacked_is_told(tmp_path: Path, case: str) -> None:
    """With its name and as a loss; the members before and after it are read."""
    (tmp_path / "x.zip").write_bytes(MEMBERS[case])
    ids, told = read(tmp_path / "x.zip")
    assert [ids[0], ids[-1]] == ["1", "3"]
    assert {one.file.partition(":")[2].partition(":")[0] for one in told} == {"2.json"}
    assert any(one.is_cut for one in told)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_damage_of_an_archive_is_told(tmp_path: Path, method: int) -> None:
    """Each byte of an archive, turned: records or words about the loss, and never an exception."""
    packed = pack(TWO, method)
    for place in range(0, len(packed), 3):
        content = bytearray(packed)
        content[place] ^= 0x5A
        (tmp_path / "x.zip").write_bytes(bytes(content))
        ids, told = read(tmp_path / "x.zip")
        assert len(ids) == 3 or told, place


def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    """A pipe in a folder is passed over, and one that is named is read."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(ONE,))
    writer.start()
    assert read(tmp_path / "pipe") == (["1"], [])
    writer.join()
