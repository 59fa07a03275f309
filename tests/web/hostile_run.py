"""``make hostile``: every hostile query is a clean error within its deadline, and the server lives."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.web.conftest import DEADLINE, MEMORY, Server, read_peak
from tests.web.hostile import make_costly, make_refused
from tests.web.test_sandbox import GOOD, ask

QUERIES = [*make_refused(), *make_costly()]


def test_all_hostile_queries(server: Server) -> None:
    """100 % 4xx or 503, four at a time; a good query is answered afterwards; memory stays below the cap."""
    peaks: list[int] = []
    idle = read_peak(server.process.pid)

    def attack(item: tuple[str, str]) -> tuple[str, int, float]:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        begun = time.perf_counter()
        body = item[1].encode("utf-8", "surrogatepass")
        connection.request("POST", "/sparql", body, {"Content-Type": "application/sparql-query"})
        answer = connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - begun
        connection.close()
        peaks.append(read_peak(server.process.pid))
        assert b"Traceback" not in text
        return item[0], answer.status, took

    with ThreadPoolExecutor(4) as clients:
        found = list(clients.map(attack, QUERIES))
    assert len(found) >= 300
    assert not [one for one in found if one[1] not in (400, 413, 503)]
    assert not [one for one in found if one[2] > DEADLINE + 0.5]
    assert ask(server, GOOD)[0] == 200
    assert server.process.poll() is None
    # Pages that were mapped before the cap was set and are touched first by a query come on top.
    assert max(peaks) <= 1.1 * idle + (MEMORY << 10)
    print(f"{len(found)} queries, longest {max(one[2] for one in found):.2f} s, largest worker {max(peaks) >> 10} MB")
