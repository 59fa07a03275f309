"""Triples on their way to the index: each shared thing once, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.packing import list_shards, read_packed
from kg.pipeline import build, triples
from kg.pipeline.triples import Triples, TripleWriter, take_new
from kg.store import open_snapshot

ROOT = Path(__file__).parent.parent.parent
ID = "https://w3id.org/trialkg/id"
GRAPHS = [f"<{ID}/record/{digit * 24}>" for digit in "ab"]


def write(path: Path, *chunks: list[str]) -> Triples:
    """N-Quads lines, written as the triples of a shard."""
    given = ["".join(lines).encode() for lines in chunks]
    with TripleWriter(path) as writer:
        assert list(writer.copy(given)) == given
    return writer.list_parts()


def say(name: str, words: str, graph: int = 0) -> str:
    return f'<{ID}/{name}> <https://example.org/says> "{words}" {GRAPHS[graph]} .\n'


def hear(name: str, words: str) -> bytes:
    return f'<{ID}/{name}> <https://example.org/says> "{words}" .\n'.encode()


def take(found: Triples, seen: set[bytes]) -> list[bytes]:
    return b"".join(take_new(found, seen)).splitlines(keepends=True)


def test_what_two_records_say_of_a_date_goes_in_once(tmp_path: Path) -> None:
    first = write(
        tmp_path / "1.nt",
        [say("date/2020", "x"), say("date/2020", "x", 1), say("site/a", "y")],
        [say("trial/1", "z"), say("trial/2", "z", 1)],
    )
    second = write(tmp_path / "2.nt", [say("date/2020", "x", 1), say("site/a", "other"), say("trial/3", "z", 1)])
    seen: set[bytes] = set()
    own = [hear("trial/1", "z"), hear("trial/2", "z")]
    assert take(first, seen) == [hear("date/2020", "x"), hear("site/a", "y"), *own]
    assert take(second, seen) == [hear("site/a", "other"), hear("trial/3", "z")]
    assert list(tmp_path.iterdir()) == []


def test_chunks_may_cut_anywhere_between_lines(tmp_path: Path) -> None:
    lines = [say("date/2020", "x"), say("date/2020", "y"), say("trial/1", f"about <{ID}/trial/2>"), say("trial/2", "z")]
    whole = take(write(tmp_path / "1.nt", lines), set())
    for cut in range(len(lines) + 1):
        assert take(write(tmp_path / "2.nt", lines[:cut], lines[cut:]), set()) == whole


def test_a_thing_that_names_a_trial_is_shared(tmp_path: Path) -> None:
    found = write(tmp_path / "1.nt", [f"<{ID}/point/1> <https://example.org/of> <{ID}/trial/1> {GRAPHS[0]} .\n"])
    assert [bool(digest) for digest, _ in found.parts] == [True]


def test_a_record_is_no_shared_thing(tmp_path: Path) -> None:
    found = write(tmp_path / "1.nt", [say("point/1", "x"), say("record/1", "x"), say("site/1", "x")])
    assert [bool(digest) for digest, _ in found.parts] == [True, False, True]


def test_what_is_not_remembered_goes_in_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triples, "_REMEMBERED", 1)
    seen: set[bytes] = set()
    lines = [say("date/2020", "x"), say("date/2021", "y")]
    assert take(write(tmp_path / "1.nt", lines), seen) == [hear("date/2020", "x"), hear("date/2021", "y")]
    assert take(write(tmp_path / "2.nt", lines), seen) == [hear("date/2021", "y")]


def test_all_that_trials_share_sorts_before_trials(tmp_path: Path) -> None:
    """An update looks for what other trials still say at the head of each shard, and no further."""
    build([str(ROOT / "data")], tmp_path / "store", workers=1)
    for path in list_shards(open_snapshot(tmp_path / "store").folder):
        lines = read_packed(path).splitlines()
        is_own = [line.startswith(f"<{ID}/trial/".encode()) for line in lines]
        assert is_own == sorted(is_own)
        assert {True, False} == set(is_own)
