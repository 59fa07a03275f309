"""``make bench-serve``: requests a second and waits of 32 clients, beside rdflib-endpoint and ``oxigraph serve``.

The mix is every stored query with parameters, with one and with all examples of its header, where the library
answers within `SLOWEST` seconds, in a fixed random order. Each server gets the same texts over the SPARQL protocol;
``kg serve`` is also asked through its REST interface, and once more while a tenth of the requests is hostile. It keeps
its answers for as long as a snapshot is served, so each figure stands beside the share of requests that were answered
from what was kept. In the cold mixes no request is sent twice: each asks for another trial, or for other parameters.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

from kg.cards import list_trials
from kg.graph import open_graph
from kg.queries import bind_parameters, load_queries
from tests.web.conftest import find_port, read_peak
from tests.web.hostile import make_costly, make_refused

CLIENTS = 32
LONG = 600.0
"""Seconds within which every request of a mix is answered once."""
SHORT = 2.0
"""Deadline of the server that gets hostile queries only."""
ABOUT_TRIALS = ("criteria_of_trial", "endpoints_of_trial", "evidence_of_trial", "products_of_trial", "trial_card")
ABOUT_TARGETS = (
    "trials_by_target_and_source",
    "countries_by_target",
    "enrollment_by_target",
    "co_targeted_antigens",
    "costimulation_by_target",
)
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
SLOWEST = 2.0
"""A query that takes longer in the library is left out of the mix: nobody asks it twice a minute."""


class Request:
    """One request of the mix."""

    def __init__(self, name: str, path: str, body: str = "", is_hostile: bool = False) -> None:
        self.name, self.path, self.body, self.is_hostile = name, path, body, is_hostile


def make_mix(store: str) -> tuple[list[Request], list[Request]]:
    """The mix through the SPARQL protocol, and through REST."""
    graph = open_graph(store)
    sparql, rest = [], []
    for name, query in load_queries().items():
        every = {key: one.example for key, one in query.parameters.items() if one.example}
        short = dict(list(every.items())[:1]) | {key: every[key] for key in every if query.parameters[key].required}
        for given in [every, short] if every and short != every else [every] * bool(every):
            begun = time.perf_counter()
            graph.answer(name, given)
            if time.perf_counter() - begun <= SLOWEST:
                sparql.append(Request(name, "/sparql", bind_parameters(query, given)))
                rest.append(Request(name, f"/api/queries/{name}?{urlencode(given)}"))
    return sparql, rest


def make_cold_mix(store: str) -> list[Request]:
    """Pages, cards and small questions of other trials and targets each time, as visitors ask them: no two are alike.

    Of ten requests four are cards, three pages, two queries about one trial, and one a query about one target.
    """
    graph = open_graph(store)
    chance = random.Random(7)
    trials = [iri.rpartition("/")[2] for iri in list_trials(graph.snapshot)]
    chance.shuffle(trials)
    targets = sorted({row["target"] for row in graph.query("target_by_phase_matrix")})
    about_trials = itertools.cycle(ABOUT_TRIALS)
    about_targets = [(name, target) for target in targets for name in ABOUT_TARGETS]
    chance.shuffle(about_targets)
    found = []
    for number, trial in enumerate(trials):
        if number % 10 < 4:
            found.append(Request("card", f"/api/trials/{quote(trial)}"))
        elif number % 10 < 7:
            found.append(Request("page", f"/page/trial/{quote(trial)}"))
        elif number % 10 < 9:
            name = next(about_trials)
            found.append(Request(name, f"/api/queries/{name}?{urlencode({'trial': trial})}"))
        elif about_targets:
            name, target = about_targets.pop()
            found.append(Request(name, f"/api/queries/{name}?{urlencode({'target': target})}"))
    return found


def draw_random(mix: Sequence[Request], client: int) -> Iterator[Request]:
    """Requests of the mix without end, each client's own."""
    chance = random.Random(client)
    while True:
        yield chance.choice(mix)


def run(
    url: str, mix: Sequence[Request], path: str | None, seconds: float = SECONDS, *, is_once: bool = False
) -> dict[str, float]:
    """Ask with all clients at once until the time is up; rate and waits.

    :param is_once: Whether each request of the mix is sent once, by one of the clients, and then the run ends.
    """
    waits: list[tuple[float, bool]] = []
    faults: list[str] = []
    stop = time.perf_counter() + seconds
    lock = threading.Lock()
    shared = iter(mix)

    def work(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        for request in shared if is_once else draw_random(mix, number):
            if time.perf_counter() > stop:
                break
            begun = time.perf_counter()
            try:
                status = send(connection, request, path)
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__  # type: ignore[assignment]
                connection.close()
            wait = time.perf_counter() - begun
            with lock:
                waits.append((wait, request.is_hostile))
                is_clean = isinstance(status, int) and (400 <= status < 500 or status == 503)
                good = is_clean if request.is_hostile else status == 200
                if not good:
                    faults.append(f"{request.name} {status}")
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    good = sorted(wait for wait, is_hostile in waits if not is_hostile)
    hostile = [wait for wait, is_hostile in waits if is_hostile]
    return {
        "per_second": round(len(good) / took, 1),
        "p50_ms": round(1000 * statistics.median(good), 1) if good else 0,
        "p99_ms": round(1000 * good[int(0.99 * (len(good) - 1))], 1) if good else 0,
        "requests": len(good),
        "errors": len(faults),
        **({"hostile": len(hostile), "hostile_longest_s": round(max(hostile), 2)} if hostile else {}),
        **({"faults": str(sorted(set(faults))[:5])} if faults else {}),  # type: ignore[dict-item]
    }


def run_kg(url: str, mix: Sequence[Request], seconds: float = SECONDS, *, is_once: bool = False) -> dict[str, float]:
    """The same for our own server, with the share of its answers that were kept from before."""
    before = read_health(url)
    found = run(url, mix, None, seconds, is_once=is_once)
    after = read_health(url)
    asked = after["asked"] - before["asked"]
    return {**found, "kept_share": round((after["kept"] - before["kept"]) / asked, 4) if asked else 0.0}


def read_health(url: str) -> dict[str, int]:
    """What the server says of itself."""
    with urlopen(f"{url}/health", timeout=30) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def send(connection: http.client.HTTPConnection, request: Request, path: str | None) -> int:
    if request.body:
        headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
        body = request.body.encode("utf-8", "surrogatepass")
        connection.request("POST", path or request.path, body, headers)
    else:
        connection.request("GET", request.path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@contextmanager
def start(command: Sequence[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of the comparison."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(3_000):
            try:
                urlopen(url, timeout=5).close()
                break
            except OSError as error:
                if getattr(error, "code", 0) or process.poll() is not None:
                    break
                time.sleep(0.2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def measure_hostile(url: str, process: subprocess.Popen[bytes], deadline: float) -> dict[str, object]:
    """Every hostile query once, eight at a time: statuses, the longest wait, and the largest worker."""
    queries = [*make_refused(), *make_costly()]
    statuses: dict[int, int] = {}
    longest, largest = 0.0, 0
    lock = threading.Lock()
    todo = iter(queries)

    def work() -> None:
        nonlocal longest, largest
        while True:
            with lock:
                item = next(todo, None)
            if item is None:
                return
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
            begun = time.perf_counter()
            status = send(connection, Request(item[0], "/sparql", item[1] or " "), None)
            wait = time.perf_counter() - begun
            connection.close()
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
                longest, largest = max(longest, wait), max(largest, read_peak(process.pid))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "queries": len(queries),
        "statuses": statuses,
        "longest_s": round(longest, 2),
        "deadline_s": deadline,
        "largest_worker_mb": largest >> 10,
        "server_lives": process.poll() is None,
    }


def main() -> None:
    """Measure, and print one JSON object a line."""
    store = os.environ.get("KG_STORE") or sys.exit("set KG_STORE to a store built from the corpora")
    sparql, rest = make_mix(store)
    cold = make_cold_mix(store)
    queries = len({one.name for one in sparql})
    say({"mix": len(sparql), "queries": queries, "cold": len(cold), "clients": CLIENTS, "seconds": SECONDS})
    hostile = [
        Request(name, "/sparql", text or " ", is_hostile=True) for name, text in (*make_refused(), *make_costly())
    ]
    with start_kg(store) as (url, _):
        say({"server": "kg serve, cold: each request another", **run_kg(url, cold, is_once=True)})
        for name, mix in (("REST", rest), ("SPARQL", sparql)):
            say({"server": f"kg serve, {name}, each once", **run_kg(url, mix, LONG, is_once=True)})
            say({"server": f"kg serve, {name}", **run_kg(url, mix)})
            mixed = [*mix * 9, *(random.Random(1).choices(hostile, k=len(mix)))]
            say({"server": f"kg serve, {name}, a tenth hostile", **run_kg(url, mixed)})
    with start_kg(store, "--timeout", str(SHORT)) as (url, process):
        say({"server": "kg serve, hostile only", **measure_hostile(url, process, SHORT)})
    for server, measure in (("oxigraph serve", run_oxigraph), ("rdflib-endpoint", run_rdflib)):
        try:
            say({"server": server, **measure(store, sparql)})
        except (OSError, ValueError) as error:
            say({"server": server, "left_out": str(error)[:200]})


@contextmanager
def start_kg(store: str, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Our own server, and its address."""
    port = find_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kg", "serve", "--store", store, "--port", str(port), *options]
    with start(command, f"{url}/health") as process:
        yield url, process


def run_oxigraph(store: str, mix: Sequence[Request]) -> dict[str, float]:
    program = Path(sys.executable).parent / "oxigraph"
    if not program.exists():
        raise OSError("pip install oxigraph")
    port = find_port()
    index = open_graph(store).snapshot.folder / "index"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(index, Path(folder) / "index")
        command = [str(program), "serve-read-only", "--location", f"{folder}/index", "--bind", f"127.0.0.1:{port}"]
        with start(command, f"http://127.0.0.1:{port}/"):
            return run(f"http://127.0.0.1:{port}", mix, "/query")


_RDFLIB = """
import sys, uvicorn, rdflib
from rdflib_endpoint import SparqlEndpoint
graph = rdflib.Dataset(default_union=True)
graph.parse(sys.argv[1], format="nt")
uvicorn.run(SparqlEndpoint(graph=graph, path="/sparql"), host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
"""


def run_rdflib(store: str, mix: Sequence[Request]) -> dict[str, float]:
    from pyoxigraph import DefaultGraph, RdfFormat

    port = find_port()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "graph.nt"
        engine = open_graph(store).snapshot.engine
        engine.dump(str(data), format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
        command = [sys.executable, "-c", _RDFLIB, str(data), str(port)]
        with start(command, f"http://127.0.0.1:{port}/sparql"):
            return run(f"http://127.0.0.1:{port}", mix, "/sparql", max(SECONDS, 60))


def say(found: dict[str, object]) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
