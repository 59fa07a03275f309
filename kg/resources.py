"""Where the project's files of knowledge are: in the checkout, or inside the installed wheel."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDERS = ("ontology", "shapes", "queries", "data")


@cache
def find_root() -> Path:
    """Folder that holds ``ontology/``, ``shapes/``, ``queries/`` and ``data/``."""
    here = Path(__file__).resolve().parent
    packed = here / "_files"
    return packed if packed.is_dir() else here.parent


def list_files(folder: str, suffix: str) -> tuple[Path, ...]:
    """Files of one folder in name order. The listing is the registry: a new file is a new entry."""
    return tuple(sorted((find_root() / folder).glob(f"*{suffix}")))


@cache
def fingerprint() -> str:
    """Digest of the code and the vocabularies, which together turn a record into statements: the same mark, the same
    graph."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in (*sorted(here.rglob("*.py")), *list_files("ontology", ".ttl")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
