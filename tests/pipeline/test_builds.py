"""A build is a function of its records: not of their order, nor of the machine's mood."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kg.errors import SourceError, UsageError
from kg.model import Rejected
from kg.pipeline import State, build, parse_choice
from kg.pipeline.logs import Place, WorkLog
from kg.pipeline.readings import Reading
from kg.pipeline.rejects import write_rejects
from kg.store import open_snapshot
from tests.conftest import ROOT
from tests.pipeline.conftest import Write, make_study, read_shards


def test_nothing_but_the_records_matters(tmp_path: Path, write: Write) -> None:
    """Order of sources, worker count, PYTHONHASHSEED, TZ and locale change no byte of shards or exports."""
    part = make_study(3, "2023-01-01")
    del part["hasResults"]
    studies = [make_study(number) for number in range(70)]
    a, b = write("a.jsonl", *studies, part), write("b.jsonl", *studies[:20], make_study(5, "2024-05-05", "COMPLETED"))
    seen = []
    for sources, workers, env in (
        ((a, b), "1", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        ((b, a), "2", {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    ):
        store = tmp_path / f"store{workers}"
        command = [sys.executable, "-m", "kg"]
        environment = {**os.environ, **env, "KG_STORE": str(store)}
        subprocess.run(
            [*command, "build", *map(str, sources), "--workers", workers], cwd=ROOT, env=environment, check=True
        )
        exports = [
            subprocess.run(
                [*command, "export", "--format", form], cwd=ROOT, env=environment, check=True, capture_output=True
            ).stdout
            for form in ("nq", "ttl", "jsonld")
        ]
        snapshot = open_snapshot(store)
        seen.append((snapshot.manifest.snapshot, read_shards(snapshot), exports, list(snapshot.read_records())))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (["status=completed"], [2]),
        (["status=recruiting", "status=Completed"], [0, 1, 2]),
        (["phase=phase 2"], [1]),
        (["phase=early phase1", "status=completed"], [2]),
        (["condition=leukemia", "cell-therapy"], [0, 1, 2]),
        (["country=CH"], [0, 1, 2]),
        (["country=switzerland", "id=81000001"], [1]),
        (["country=Germany", "country=Switzerland", "funder=other"], [0, 1, 2]),
    ],
)
def test_where(tmp_path: Path, write: Write, where: list[str], kept: list[int]) -> None:
    """Several values of one key are alternatives, several keys restrict; what is left out is counted."""
    studies = [make_study(0), make_study(1, phases=["PHASE2"]), make_study(2, status="COMPLETED")]
    report = build([str(write("x.jsonl", *studies))], tmp_path / "s", workers=1, choices=list(map(parse_choice, where)))
    found = sorted(int(stored.trial[-9:-1]) - 81_000_000 for stored in open_snapshot(tmp_path / "s").read_records())
    assert found == kept
    assert report.left_out == 3 - len(kept)


def test_where_nothing_fits(tmp_path: Path, write: Write) -> None:
    """A restriction that no record meets, or that means nothing, is said plainly."""
    with pytest.raises(SourceError, match="no record of 1 meets --where status=WITHDRAWN"):
        build(
            [str(write("x.jsonl", make_study(1)))],
            tmp_path / "s",
            choices=[parse_choice("status=withdrawn")],
            workers=1,
        )
    for text in ("colour=red", "status=", "cell-therapy=yes", ""):
        with pytest.raises(UsageError, match="is no restriction"):
            parse_choice(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("status=recruting", "Did you mean Recruiting"),
        ("status=banana", "scheme=status"),
        ("phase=5", "scheme=phase"),
        ("country=Swizerland", "Switzerland"),
        ("sex=women", "scheme=sex"),
        ("type=interventionel", "Interventional"),
        ("purpose=treatmnt", "Treatment"),
    ],
)
def test_where_takes_only_terms_of_the_vocabulary(text: str, hint: str) -> None:
    """A value that no record can have is refused before anything is read, with what it may have meant."""
    with pytest.raises(UsageError) as raised:
        parse_choice(text)
    assert raised.value.where == f"--where {text.partition('=')[0]}"
    assert hint in raised.value.mend


def test_limit_and_dry_run(tmp_path: Path, write: Write) -> None:
    """So many records and no more; a dry run counts and leaves no graph."""
    source = str(write("x.jsonl", *(make_study(number) for number in range(9))))
    report = build([source], tmp_path / "s", workers=1, limit=4, is_dry=True)
    assert (report.manifest.records, report.folder) == (4, None)
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]
    assert build([source], tmp_path / "s", workers=1, limit=4).manifest.records == 4
    names = {path.name for path in (tmp_path / "s").iterdir()}
    build([source], tmp_path / "s", workers=1, is_dry=True)
    assert {path.name for path in (tmp_path / "s").iterdir()} == names


def test_what_a_build_of_other_sources_left_is_dropped_first(tmp_path: Path, write: Write) -> None:
    """Its work log is of no use here, and may be what fills the disk; a build of the same sources goes on from it."""
    store, log = tmp_path / "s", tmp_path / "s" / "unfinished.log"
    big = write("big.jsonl", *(make_study(number) for number in range(120)))

    def stop(state: State) -> None:
        if log.exists() and log.stat().st_size > 100_000:
            raise KeyboardInterrupt

    for source, is_same in ((big, True), (write("small.jsonl", make_study(500)), False)):
        with pytest.raises(KeyboardInterrupt):
            build([str(big)], store, workers=1, progress=stop)
        left = log.stat().st_size
        sizes: list[int] = []

        def watch(state: State, sizes: list[int] = sizes) -> None:
            sizes.append(log.stat().st_size)

        report = build([str(source)], store, workers=1, progress=watch)
        assert bool(report.resumed) is is_same
        assert (sizes[0] >= left) is is_same


def test_progress_tells_how_far_it_is(tmp_path: Path, write: Write) -> None:
    """Each stage tells its share, which never falls."""
    seen: list[State] = []
    build(
        [str(write("x.jsonl", *(make_study(number) for number in range(120))))],
        tmp_path / "s",
        workers=1,
        progress=seen.append,
    )
    assert {state.stage for state in seen} >= {"reading", "sorting", "merging", "asking", "checking"}
    shares = [state.share for state in seen if state.stage == "reading"]
    assert shares == sorted(shares, key=lambda share: share or 0)
    assert shares[-1] == 1
    assert seen[-1].read == 120


def test_a_torn_log_is_cut_and_another_makers_is_dropped(tmp_path: Path) -> None:
    """What a killed build wrote last may be half an entry; what other code read is of no use."""
    log = WorkLog(tmp_path / "log", "me")
    places = [log.append(Reading(f"c{number}", "f", f"<r{number}>", lines=b"x" * 100)) for number in range(3)]
    log.close()
    whole = (tmp_path / "log").read_bytes()
    for cut in (1, 50, places[2].size, places[2].size + 3):
        (tmp_path / "log").write_bytes(whole[:-cut])
        torn = WorkLog(tmp_path / "log", "me")
        assert [content for content, _ in torn.entries] == ["c0", "c1"]
        assert torn.append(Reading("c2", "f", "<r2>", lines=b"x" * 100)) == places[2]
        torn.close()
        assert (tmp_path / "log").read_bytes() == whole
    flipped = bytearray(whole)
    flipped[places[1].start + 20] ^= 1
    (tmp_path / "log").write_bytes(flipped)
    hurt = WorkLog(tmp_path / "log", "me")
    assert [content for content, _ in hurt.entries] == ["c0"]
    hurt.close()
    other = WorkLog(tmp_path / "log", "you")
    assert not other.entries
    other.close()
    assert Place(1, 2) == msgspec.structs.replace(Place(1, 3), size=2)


def test_rejects_are_listed_in_order(tmp_path: Path, write: Write) -> None:
    """The list of what was set aside does not depend on the order of the sources."""
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"a": 1}\n{"broken"\n')
    good = write("x.jsonl", make_study(1))
    lists = []
    for sources in ((bad, good), (good, bad)):
        report = build(list(map(str, sources)), tmp_path / "s", workers=1)
        assert all(isinstance(one, Rejected) for one in report.rejected)
        assert report.folder
        lists.append((report.folder / "rejects.tsv").read_bytes())
    assert lists[0] == lists[1]
    assert lists[0].count(b"\n") == 3


def test_rejects_are_a_table_whatever_they_say(tmp_path: Path) -> None:
    """Tabs, line ends and backslashes of a value are escaped, so that each row has three columns."""
    rows = [Rejected("a\tb.json", "line\r\nend", "C:\\new"), Rejected("c.json", "plain")]
    assert write_rejects(rows).decode() == (
        "file\treason\tmend\n" + r"a\tb.json" + "\t" + r"line\r\nend" + "\t" + r"C:\\new" + "\nc.json\tplain\t\n"
    )
