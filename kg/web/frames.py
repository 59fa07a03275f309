"""What a worker and the web process say to each other: a frame is a JSON head and a body of bytes."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

SIZES = struct.Struct(">II")
"""Lengths of the head and of the body, before both."""

DAMAGED = "the graph is damaged: a file of it is not what was written"
MEND = "Its keeper can run `kg snapshots verify`, go back with `kg snapshots use`, or build again with `kg build`"
"""What is said of damage, and what to do."""


class Plan(msgspec.Struct, frozen=True):
    """What a worker opens, and how far it is confined.

    :ivar store: Folder of the graph; not used with an endpoint.
    :ivar snapshot: Name of the snapshot in it; empty for the current one.
    :ivar endpoint: A remote SPARQL endpoint to ask instead.
    :ivar memory: Bytes of address space it may take beyond its own start.
    :ivar is_desk: Whether it answers our own questions (cards, stored queries) and so loads what they need.
    """

    store: str = ""
    snapshot: str = ""
    endpoint: str = ""
    graph: str = ""
    memory: int | None = None
    is_desk: bool = False


class Job(msgspec.Struct, frozen=True):
    """One thing to do: the name of a task and its arguments."""

    task: str
    arguments: dict[str, Any]

    @property
    def is_query(self) -> bool:
        """Whether it is a client's own query, which may cost anything."""
        return self.task in ("query", "sparql")

    @property
    def noun(self) -> str:
        """What a client calls it."""
        return "query" if self.is_query else "request"


class Fault(msgspec.Struct, frozen=True):
    """Why there is no answer, as a client may read it.

    :ivar near: Names of things here that may be meant.
    :ivar is_damage: Whether a file of the graph is not what was written.
    """

    status: int
    what: str
    mend: str = ""
    near: tuple[str, ...] = ()
    is_damage: bool = False


class Reply(msgspec.Struct, frozen=True):
    """An answer: facts about it, and its body; or a fault.

    :ivar trace: Where an internal error or damage arose, for the server's log only.
    """

    meta: dict[str, Any] = {}
    fault: Fault | None = None
    trace: str = ""
    body: bytes = b""


def pack(head: Any, body: bytes = b"") -> bytes:
    """A frame."""
    encoded = msgspec.json.encode(head)
    return SIZES.pack(len(encoded), len(body)) + encoded + body
