"""``make schemathesis``: cases made from the OpenAPI document find no server error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.web.conftest import Server, start_server, stop


def test_no_case_is_a_server_error(store: Path, tmp_path: Path) -> None:
    """At least 1,000 cases over all operations."""
    server: Server = start_server("--store", str(store), "--workers", "2")
    try:
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"),
                "run",
                f"{server.url}/api/openapi.json",
                "--checks",
                "not_a_server_error",
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                "30",
                "--workers",
                "4",
                "--seed",
                "1",
            ],
            cwd=tmp_path,  # it leaves a cache where it runs
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        stop(server.process)
    print(done.stdout[-1_500:])
    assert done.returncode == 0, done.stdout[-3_000:]
    (cases,) = re.findall(r"(\d+) generated", done.stdout)
    assert int(cases) >= 1_000
