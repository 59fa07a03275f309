"""A trial's page in a real browser: no console message, and no request that leaves the host."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import Server

CHROMIUM = shutil.which("chromium")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-domain-reliability",
    "--no-pings",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-logging=stderr",
)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (.ci/install-chromium)")
@pytest.mark.parametrize("size", ["412,3000", "1280,2400"], ids=["phone", "desk"])
def test_the_page_of_a_trial(server: Server, size: str, tmp_path: Path) -> None:
    """At the width of a phone and of a desk."""
    log, picture = tmp_path / "net.json", tmp_path / "page.png"
    done = subprocess.run(
        [
            str(CHROMIUM),
            *QUIET,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--log-net-log={log}",
            f"--window-size={size}",
            f"--screenshot={picture}",
            f"{server.url}/page/trial/NCT05574608",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert picture.stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr
    asked = list(read_requests(log))
    own = {url for initiator, url in asked if initiator == server.url}  # the browser's own requests name no page
    assert f"{server.url}/static/style.css" in own
    assert {urlsplit(url).netloc for url in own} == {urlsplit(server.url).netloc}


def read_requests(log: Path) -> Iterator[tuple[str, str]]:
    """Who asked for what: the browser's log of the network."""
    text = log.read_text(encoding="utf-8", errors="replace").rstrip()
    for event in json.loads(text if text.endswith("}") else text.rstrip(",") + "]}")["events"]:
        params = event.get("params")
        if isinstance(params, dict) and "initiator" in params and "url" in params:
            yield params["initiator"], params["url"]
