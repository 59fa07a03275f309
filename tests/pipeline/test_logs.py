"""The work log: whatever a power cut or a disk made of it, the next build goes on from what proves itself."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.errors import DamageError
from kg.pipeline import Report, State, build
from kg.pipeline.logs import Place, WorkLog, read_entry
from kg.pipeline.readings import Reading
from tests.pipeline.conftest import Write, make_study, write
from tests.test_cli import run_kg

__all__ = ["write"]
STUDIES = 120


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sources and a store in which a build of them was interrupted."""
    folder = tmp_path_factory.mktemp("half")
    lines = [json.dumps(make_study(number)) + "\n" for number in range(STUDIES)]
    (folder / "x.jsonl").write_text("".join(lines))
    log = folder / "store" / "unfinished.log"

    def stop(state: State) -> None:
        if log.exists() and log.stat().st_size > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build([str(folder / "x.jsonl")], folder / "store", workers=1, progress=stop)
    return folder


def go_on(half: Path, folder: Path, change: Callable[[bytes], bytes]) -> tuple[Report, int]:
    """Build again behind a change of the log; the report, and the records that were in the log before the change."""
    shutil.copytree(half / "store", folder / "store", symlinks=True)
    log = folder / "store" / "unfinished.log"
    content = log.read_bytes()
    maker = content.partition(b"\n")[0].decode().removeprefix("kg work log 2 ")
    kept = WorkLog(log, maker)
    number = len(kept.entries)
    kept.close()
    log.write_bytes(change(content))
    return build([str(half / "x.jsonl")], folder / "store", workers=1), number


def _replace(content: bytes, start: int, new: bytes) -> bytes:
    return content[:start] + new + content[start + len(new) :]


def _swap(content: bytes, one: int, other: int) -> bytes:
    pages = content[one:][:4096], content[other:][:4096]
    return _replace(_replace(content, one, pages[1]), other, pages[0])


NOISE = random.Random(3).randbytes(5000)  # noqa: S311
TAILS: dict[str, Callable[[bytes], bytes]] = {
    "zeros behind it": lambda log: log + b"\0" * 4096,
    "eight zeros behind it": lambda log: log + b"\0" * 8,
    "a zero behind it": lambda log: log + b"\0",
    "its own beginning behind it": lambda log: log + log[:3000],
    "its own entries behind it": lambda log: log + log[log.index(b"\n") + 1 :][:3000],
    "all of itself behind it": lambda log: log + log,
    "noise behind it": lambda log: log + NOISE,
    "ones behind it": lambda log: log + b"\xff" * 100,
    "a length and nothing": lambda log: log + b"\x10\0\0\0",
}
HARMS: dict[str, Callable[[bytes], bytes]] = {
    "a zeroed end": lambda log: _replace(log, len(log) - 5000, b"\0" * 5000),
    "a zeroed middle": lambda log: _replace(log, len(log) // 2, b"\0" * 4096),
    "a middle of noise": lambda log: _replace(log, len(log) // 2, NOISE),
    "a middle that was lost": lambda log: log[: len(log) // 2] + log[len(log) // 2 + 4096 :],
    "pages swapped": lambda log: _swap(log, len(log) // 3, len(log) // 2),
    "cut short": lambda log: log[: len(log) // 2],
    "a flipped bit": lambda log: _replace(log, len(log) // 2, bytes([log[len(log) // 2] ^ 1])),
}
OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "zeros only": lambda log: b"\0" * len(log),
    "noise only": lambda log: NOISE,
    "another kg's": lambda log: log.replace(b"kg work log 2 ", b"kg work log 3 ", 1),
    "other sources'": lambda log: b"kg work log 2 another maker\n" + log.partition(b"\n")[2],
    "half a head": lambda log: log[:10],
}


@pytest.mark.parametrize("kind", TAILS)
def test_what_is_behind_the_last_entry_is_cut_off(half: Path, tmp_path: Path, kind: str) -> None:
    """Every record that was read is used, and it is said that something was amiss."""
    report, number = go_on(half, tmp_path, TAILS[kind])
    assert report.resumed == number > 0
    assert report.manifest.records == STUDIES
    assert "was damaged" in report.log_fault


@pytest.mark.parametrize("kind", HARMS)
def test_what_is_behind_damage_is_read_again(half: Path, tmp_path: Path, kind: str) -> None:
    """The entries before it are used."""
    report, number = go_on(half, tmp_path, HARMS[kind])
    assert 0 < report.resumed < number
    assert report.manifest.records == STUDIES
    assert "read again" in report.log_fault


@pytest.mark.parametrize("kind", OTHERS)
def test_a_log_of_another_build_is_dropped(half: Path, tmp_path: Path, kind: str) -> None:
    """All is read anew, and it is said."""
    report, _ = go_on(half, tmp_path, OTHERS[kind])
    assert report.resumed == 0
    assert report.manifest.records == STUDIES
    assert "dropped" in report.log_fault


def test_an_empty_log_and_none_are_nothing_to_speak_of(half: Path, tmp_path: Path) -> None:
    """A power cut leaves a file without content, too."""
    report, _ = go_on(half, tmp_path, lambda _: b"")
    assert (report.resumed, report.log_fault) == (0, "")


def test_the_command_line_says_what_became_of_the_log(tmp_path: Path, write: Write) -> None:
    """One line of it, and exit code 0: the graph is whole."""
    source = write("x.jsonl", make_study(1))
    store = tmp_path / "store"
    store.mkdir()
    (store / "unfinished.log").write_bytes(b"\0" * 100)
    done = run_kg("build", str(source), store=store)
    assert done.returncode == 0, done.stderr
    assert "unfinished.log is of another build, or damaged from its start: it was dropped" in done.stderr


def test_an_entry_that_rots_under_a_build_is_no_record(tmp_path: Path) -> None:
    """What a worker takes from the log is what was written there, or damage."""
    log = WorkLog(tmp_path / "log", "me")
    places = [log.append(Reading(f"c{number}", "f", f"<r{number}>", lines=b"x" * 100)) for number in range(3)]
    log.close()
    content = (tmp_path / "log").read_bytes()
    for place in (*places, Place(places[0].start + 1, places[0].size), Place(10**9, 10)):
        for start in (places[0].start - 8, places[1].start + 20, places[2].start + places[2].size - 1):
            (tmp_path / "log").write_bytes(_replace(content, start, bytes([content[start] ^ 1])))
            descriptor = os.open(tmp_path / "log", os.O_RDONLY)
            try:
                hurt = [one for one in places if one.start - 8 <= start < one.start + one.size]
                if place in places and place not in hurt:
                    assert read_entry(descriptor, place).content == f"c{places.index(place)}"
                else:
                    with pytest.raises(DamageError, match="Say the same command again"):
                        read_entry(descriptor, place)
            finally:
                os.close(descriptor)
