"""A graph on a remote server, with the face of a snapshot: cards and shapes read it as they read the store.

The server holds the triples; ``kg load`` puts the texts of the records beside them, in a graph of their own, so that
every quote can be filled in and checked. A server that was filled in another way has no texts, and its cards show only
the words that stand in the graph.
"""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
from pyoxigraph import Literal, NamedNode, Quad
from pyoxigraph import Store as Engine

from kg.errors import EndpointError
from kg.manifests import seal_folder
from kg.model import Record
from kg.neighbourhood import collect_neighbourhood
from kg.packing import SHARD, open_shard, pack
from kg.remote import RefusalError, RemoteEngine, put_terms
from kg.store import VERSION, Manifest, Snapshot, StoredRecord, add_record, open_records
from kg.terms import KG, LOAD, mint_load_graph
from kg.vocabularies import list_knowledge

_RECORDS = f"""SELECT ?record ?head ?text WHERE {{
  VALUES ?trial {{ UNDEF }} ?record <{LOAD}trial> ?trial ; <{LOAD}head> ?head ; <{LOAD}text> ?text }}"""
_HEADS = f"SELECT ?record ?head WHERE {{ ?record <{LOAD}head> ?head }}"
_MANIFEST = f"SELECT ?manifest WHERE {{ ?graph <{LOAD}manifest> ?manifest }}"
_PLAIN_RECORDS = f"""SELECT ?trial ?record ?file ?format ?sha WHERE {{
  ?trial <{KG}hasRecord> ?record . ?record <{KG}fileName> ?file .
  OPTIONAL {{ ?record <{KG}recordFormat> ?format }} OPTIONAL {{ ?record <{KG}sha256> ?sha }} }}"""
_COUNTS = (
    f"SELECT (COUNT(DISTINCT ?trial) AS ?trials) (COUNT(DISTINCT ?record) AS ?records) "
    f"WHERE {{ ?trial <{KG}hasRecord> ?record }}"
)


class RemoteSnapshot(Snapshot):
    """What a server holds.

    :param engine: The endpoint.
    :param held: Triples of one trial that were fetched already, to be read instead.
    """

    def __init__(self, engine: RemoteEngine, held: Engine | None = None, manifest: Manifest | None = None) -> None:
        self.remote = engine
        self.folder = Path()  # nothing of it is on this machine
        self.texts = RemoteEngine(engine.url, mint_load_graph(engine.graph), engine.timeout)
        self.__dict__["engine"] = cast(Engine, held if held is not None else engine)
        self.manifest = manifest or self._read_manifest()

    def _read_manifest(self) -> Manifest:
        for row in self._select_texts(_MANIFEST):
            return msgspec.json.decode(_text(row["manifest"]), type=Manifest)
        for row in self.remote.select(_COUNTS):
            trials, records = (int(_text(row[name])) for name in ("trials", "records"))
            return Manifest(VERSION, "remote", trials, records, 0, "", (self.remote.url,), {})
        raise EndpointError("the server does not count", where=self.remote.url)

    def _select_texts(self, text: str) -> Iterator[Any]:
        """Rows over the graph of texts; none from a server that refuses to hear of it."""
        with contextlib.suppress(RefusalError):
            yield from self.texts.select(text)

    def focus(self, trial: str) -> Snapshot:
        """The same snapshot with one trial's triples at hand: a handful of requests instead of one for each node."""
        held = Engine()
        held.extend(Quad(one.subject, one.predicate, one.object) for one in collect_neighbourhood(self.remote, trial))
        return RemoteSnapshot(self.remote, held, self.manifest)

    def read_records(self, trial: str | None = None) -> Iterator[StoredRecord]:
        """The records of a trial (an IRI as N-Triples), or all of them, in order of file name."""
        heads = list(self.list_records()) if trial is None else []
        for iri in dict.fromkeys(one.trial for one in heads) if trial is None else (trial,):
            found = [
                _read_record(_text(row["head"]), _text(row["text"]))
                for row in self._select_texts(put_terms(_RECORDS, "trial", [NamedNode(iri[1:-1])]))
            ]
            kept = found or [one for one in heads or self.list_records() if one.trial == iri]
            yield from sorted(kept, key=lambda one: (one.record.file, one.iri))

    def list_records(self) -> Iterator[StoredRecord]:
        """All records without their texts, in order of file name."""
        found = [msgspec.json.decode(_text(row["head"]), type=StoredRecord) for row in self._select_texts(_HEADS)]
        if not found:
            found = [
                StoredRecord(
                    f"<{_text(row['record'])}>",
                    f"<{_text(row['trial'])}>",
                    Record(_text(row["file"]), _text(row["format"]), _text(row["sha"]), "", ""),
                )
                for row in self.remote.select(_PLAIN_RECORDS)
            ]
        yield from sorted(found, key=lambda one: (one.record.file, one.iri))

    def mirror(self, folder: Path) -> Snapshot:
        """A copy of the graph and its records in the folder."""
        (folder / "quads").mkdir()
        index = Engine(str(folder / "index"))
        lines: set[str] = set()
        with contextlib.closing(open_records(folder / "records.sqlite", is_new=True)) as records:
            described: set[str] = set()
            for stored in self.read_records():
                add_record(records, stored, pack(stored.record.text.encode()))
                if stored.trial not in described:
                    described.add(stored.trial)
                    triples = collect_neighbourhood(self.remote, stored.trial[1:-1])
                    index.extend(Quad(one.subject, one.predicate, one.object) for one in triples)
                    lines.update(f"{one} {stored.iri} .\n" for one in triples)
            records.commit()
        index.bulk_extend(Quad(*triple) for triple in list_knowledge())
        index.flush()
        del index
        with open_shard(folder / "quads" / f"00{SHARD}", "wt") as shard:
            shard.writelines(sorted(lines))
        seal_folder(folder, msgspec.structs.replace(self.manifest, version=VERSION, shards={}))
        return Snapshot(folder)

    def verify(self) -> None:
        """Nothing to compare: the files are the server's."""


def pack_record(stored: StoredRecord) -> tuple[Literal, Literal]:
    """A record as two literals: what it is, and its text in letters that no server changes."""
    head = msgspec.structs.replace(stored, record=msgspec.structs.replace(stored.record, text=""))
    packed = base64.b64encode(zlib.compress(stored.record.text.encode(), 6)).decode()
    return Literal(msgspec.json.encode(head).decode()), Literal(packed)


def _read_record(head: str, text: str) -> StoredRecord:
    stored = msgspec.json.decode(head, type=StoredRecord)
    whole = zlib.decompress(base64.b64decode(text)).decode()
    return msgspec.structs.replace(stored, record=msgspec.structs.replace(stored.record, text=whole))


def _text(term: Any) -> str:
    return "" if term is None else str(term.value)
