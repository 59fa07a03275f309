"""An HTTP server of files on loopback, with the ways of servers: with ranges or without, breaking off, silent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Served = dict[str, bytes]
PAUSE = 0.5
"""Seconds between the halves of what a server sends before it breaks off."""


@contextmanager
def serve_files(files: Served, *, has_ranges: bool = True, breaks_at: int | None = None) -> Iterator[str]:
    """Serve files by their names; the address that they stand below.

    :param breaks_at: Bytes after which the server goes away, though it promised more.
    """
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._begin(files.get(self.path.partition("?")[0][1:]))

        def do_GET(self) -> None:
            if self.path == "/silent":
                release.wait(30)
                return
            content = files.get(self.path.partition("?")[0][1:])
            part = self._begin(content)
            if breaks_at is None:
                self.wfile.write(part)
                return
            half = breaks_at // 2
            self.wfile.write(part[:half])
            release.wait(PAUSE)  # a client drops what it has not read yet when it hears that the connection is gone
            self.wfile.write(part[half:breaks_at])

        def _begin(self, content: bytes | None) -> bytes:
            if content is None:
                self.send_error(404)
                return b""
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if has_ranges else None
            start, end = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (0, len(content))
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content[start:end])))
            self.send_header("Accept-Ranges", "bytes" if has_ranges else "none")
            self.end_headers()
            return content[start:end]

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def read_folder(folder: Path) -> Served:
    """The files below a folder, by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
