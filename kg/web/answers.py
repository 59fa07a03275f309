"""Answers that are kept for as long as their snapshot is served, the least used given up first."""

from __future__ import annotations

from collections import OrderedDict

from kg.web.frames import Reply

_OVERHEAD = 1_000
"""Bytes of an answer beside its body and key."""


class Answers:
    """Replies by the job that they answer.

    :param most: Bytes that are kept; one answer may take an eighth.
    :ivar asked: How often an answer was looked for.
    :ivar found: How often it was there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked = self.found = 0
        self._kept: OrderedDict[bytes, Reply] = OrderedDict()
        self._size = 0

    def find(self, key: bytes) -> Reply | None:
        """The answer that was kept."""
        self.asked += 1
        reply = self._kept.get(key)
        if reply is not None:
            self.found += 1
            self._kept.move_to_end(key)
        return reply

    def keep(self, key: bytes, reply: Reply) -> None:
        """Keep an answer, unless it is a fault, another each time, or too large."""
        size = _weigh(key, reply)
        is_lasting = reply.fault is None and reply.meta.get("is_lasting", True)
        if not is_lasting or size > self.most // 8 or key in self._kept:
            return
        self._kept[key] = reply
        self._size += size
        while self._size > self.most:
            self._size -= _weigh(*self._kept.popitem(last=False))


def _weigh(key: bytes, reply: Reply) -> int:
    return len(reply.body) + len(key) + _OVERHEAD
