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
    """Files of one folder in name order, and behind them those that other packages add to it by the entry point
    ``trialkg.<folder>``. The listing is the registry: a new file is a new entry."""
    places = (find_root() / folder, *_list_added(folder))
    return tuple(path for place in places for path in sorted(place.glob(f"*{suffix}")))


@cache
def _list_added(folder: str) -> tuple[Path, ...]:
    """Folders of other packages, in order of their names; an entry point names a package that holds the files."""
    from importlib.metadata import entry_points  # a fortieth of a second, where nothing else has imported it
    from importlib.resources import files

    points = sorted(entry_points(group=f"trialkg.{folder}"), key=lambda point: point.value)
    return tuple(Path(str(files(point.value))) for point in points)


@cache
def fingerprint() -> str:
    """Digest of the code and the vocabularies, which together turn a record into statements: the same mark, the same
    graph."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in (*sorted(here.rglob("*.py")), *list_files("ontology", ".ttl")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
