"""``make s3``: sources, exports and snapshots in a bucket of a real S3 server (SeaweedFS), asked as a user asks it.

It is no part of ``make test``: the server's program has 150 MB.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from tests.file_servers import read_folder
from tests.pipeline.conftest import make_study
from tests.test_cli import run_kg
from tests.web.conftest import find_port, stop

SECRET = "sec/ret+word"  # noqa: S105  # of a server that lives for one test
OWNER, READER = "AKIDOWNER", "AKIDREADER"
NAMES = ("with space.json", "100%.json", "a%20b.json", "größe-試験.json", "q?x=1#y.json", "[1].json", "at@sign:x.json")
"""Keys of objects that a URL of the web would have to escape."""
STUDIES = [json.dumps(make_study(number)).encode() for number in (1, 2)]
LINES = b"\n".join(STUDIES)
Env = dict[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one who may do all and one who may only read."""
    program = Path(sys.executable).parent / "weed"
    folder = tmp_path_factory.mktemp("weed")
    rights = {OWNER: ["Admin"], READER: ["Read", "List"]}
    people = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": actions}
        for key, actions in rights.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": people}))
    ports = {name: find_port() for name in ("master", "volume", "filer", "s3")}
    options = [f"-{name}.port={port}" for name, port in ports.items()]
    options += [f"-{name}.port.grpc={find_port()}" for name in ports]
    options += [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    options += [f"-s3.config={folder}/s3.json", "-s3.autoCreateBucket=false", "-master.volumeSizeLimitMB=64"]
    options += [f"-{name}.localSocket={folder}/{name}.sock" for name in ("s3", "filer")]
    process = subprocess.Popen(
        [program, f"-logdir={folder}", "server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{ports['s3']}"
    try:
        _wait(url, process)
        yield url
    finally:
        stop(process)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the server refuses one without credentials, as it must."""
    for _ in range(300):
        assert process.poll() is None
        try:
            urlopen(url, timeout=5)  # noqa: S310  # loopback
        except HTTPError as error:
            if error.code == 403:
                return
        except (URLError, OSError):
            pass
        time.sleep(0.2)
    pytest.fail("the server does not answer")


@pytest.fixture(scope="module")
def env(server: str) -> Env:
    """What a user sets."""
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": OWNER,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture
def bucket(server: str) -> Iterator[Any]:
    """The bucket ``studies``, empty."""
    import s3fs  # installed by `make s3` alone, while `make test` looks through this module for examples

    system = s3fs.S3FileSystem(key=OWNER, secret=SECRET, endpoint_url=server, use_listings_cache=False)
    system.mkdir("studies")
    yield system
    system.rm("studies", recursive=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of two trials."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "x.jsonl").write_bytes(LINES)
    assert run_kg("build", "x.jsonl", store=folder / "store").returncode == 0
    return folder / "store"


def pack_zip(studies: list[bytes]) -> bytes:
    """An archive of one file for each study."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, study in enumerate(studies):
            archive.writestr(f"{number}.json", study)
    return packed.getvalue()


def test_sources(bucket: Any, env: Env, tmp_path: Path) -> None:
    """Lines, an archive, a pattern, a folder, a member of an archive, and an update."""
    bucket.pipe("studies/x.jsonl.gz", gzip.compress(LINES))
    bucket.pipe("studies/x.zip", pack_zip(STUDIES))
    for number, study in enumerate(STUDIES):
        bucket.pipe(f"studies/daily/{number}.json", study)
    urls = ("s3://studies/x.jsonl.gz", "s3://studies/x.zip", "s3://studies/daily/*.json", "s3://studies/daily")
    for number, url in enumerate((*urls, "zip://*.json::s3://studies/x.zip")):
        done = run_kg("build", url, store=tmp_path / str(number), env=env)
        assert "2 records, 2 trials" in done.stderr, done.stderr
    done = run_kg("update", urls[0], store=tmp_path / "0", env=env)
    assert "nothing new" in done.stderr


def test_names(bucket: Any, env: Env, tmp_path: Path) -> None:
    """A key is given as it is, without escapes, whatever stands in it."""
    for name in NAMES:
        bucket.pipe(f"studies/odd/{name}", STUDIES[0])
    for name in NAMES:
        done = run_kg("build", "--dry-run", f"s3://studies/odd/{name}", store=tmp_path / "store", env=env)
        assert done.returncode == 0, done.stderr


def test_exports(bucket: Any, env: Env, store: Path, tmp_path: Path) -> None:
    """A file and a folder of tables are what they are on this machine."""
    place = "studies/out/my graph.nt"
    assert run_kg("export", "--format", "nt", "-o", f"s3://{place}", store=store, env=env).returncode == 0
    assert bucket.cat(place).decode() == run_kg("export", "--format", "nt", store=store).stdout
    for form in ("csv", "parquet"):
        assert run_kg("export", "--format", form, "-o", f"s3://studies/{form}", store=store, env=env).returncode == 0
    assert run_kg("export", "--format", "csv", "-o", str(tmp_path), store=store).returncode == 0
    assert {path.rpartition("/")[2]: bucket.cat(path) for path in bucket.find("studies/csv")} == read_folder(tmp_path)
    assert len(bucket.find("studies/parquet")) == len(read_folder(tmp_path))


def test_snapshots(bucket: Any, env: Env, store: Path, tmp_path: Path) -> None:
    """There, there again, and back; a copy that was broken off is not fetched, and is made whole by the next."""
    for _ in range(2):
        assert run_kg("snapshots", "copy", "current", "s3://studies/graphs", store=store, env=env).returncode == 0
    [mark] = bucket.glob("studies/graphs/*/manifest.sha256")
    bucket.rm(mark)
    broken = run_kg("snapshots", "fetch", "s3://studies/graphs", store=tmp_path / "far", env=env)
    assert (broken.returncode, broken.stderr.count("\n")) == (3, 1)
    assert "there is nothing" in broken.stderr
    assert run_kg("snapshots", "copy", "current", "s3://studies/graphs", store=store, env=env).returncode == 0
    done = run_kg("snapshots", "fetch", "s3://studies/graphs", store=tmp_path / "far", env=env)
    assert done.returncode == 0, done.stderr
    assert read_folder((tmp_path / "far" / "current").resolve()) == read_folder((store / "current").resolve())


VERBS = (
    ("build", "s3://{}/x.json"),
    ("export", "--format", "nt", "-o", "s3://{}/graph.nt"),
    ("export", "--format", "csv", "-o", "s3://{}/tables"),
    ("snapshots", "copy", "current", "s3://{}/graphs"),
    ("snapshots", "fetch", "s3://{}/graphs"),
)


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({}, "bukcet", "bucket does not exist"),
        ({"AWS_SECRET_ACCESS_KEY": "another/secret"}, "studies", "the server says"),
        ({"AWS_ACCESS_KEY_ID": "NOBODY"}, "studies", "the server says"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "studies", "Could not connect"),
    ],
    ids=["no such bucket", "wrong secret", "unknown key", "no server"],
)
def test_failures(bucket: Any, env: Env, store: Path, change: Env, name: str, words: str) -> None:
    """Each verb says in one line what and where, shows no secret, makes no bucket, and leaves the graph as it was."""
    before = read_folder(store)
    for verb in VERBS:
        done = run_kg(*(part.format(name) for part in verb), store=store, env={**env, **change})
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert words in done.stderr
        assert f"s3://{name}/" in done.stderr
        assert SECRET not in done.stderr
        assert "another/secret" not in done.stderr
    assert read_folder(store) == before
    assert bucket.ls("") == ["studies"]


def test_a_reader_writes_nothing(bucket: Any, env: Env, store: Path, tmp_path: Path) -> None:
    """Rights to read are enough for sources, and the refusal of the rest is one line."""
    bucket.pipe("studies/x.jsonl", LINES)
    reader = {**env, "AWS_ACCESS_KEY_ID": READER}
    assert run_kg("build", "s3://studies/x.jsonl", store=tmp_path / "far", env=reader).returncode == 0
    for verb in VERBS[1:4]:
        done = run_kg(*(part.format("studies") for part in verb), store=store, env=reader)
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert "AccessDenied" in done.stderr
