"""Merging the files of an index once it is loaded.

The engine's bulk load writes a file per column and million triples, and leaves it to RocksDB to merge them. Left to the
engine's settings, that takes one core, and the merged files are not packed: the first two levels of the tree never are,
and in a tree that was empty the last level is the second. Told otherwise (``docs/decisions/0013``), RocksDB takes all
cores and a third less disk.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pyoxigraph import Store as Engine

from kg.processes import count_cores

if TYPE_CHECKING:
    from rocksdict import Options, Rdict

_FORMAT = 5
"""Version of RocksDB's file format: the one the engine writes, so that it can read what is written here."""
_LEVELS = 7
_UNMERGED = "rocksdb.num-files-at-level0"


def merge_files(index: Path) -> None:
    """Merge the files of an index, which nobody has open, into sorted and packed ones.

    :raises OSError: they cannot be merged, as a rule for lack of space.
    """
    try:
        database = _open(index)
    except Exception:  # noqa: BLE001  # whatever it raises where it is not installed or does not know the engine's files
        Engine(str(index)).optimize()
        return
    from rocksdict import BottommostLevelCompaction, CompactOptions

    order = CompactOptions()
    order.set_bottommost_level_compaction(BottommostLevelCompaction.force_optimized())
    with closing(database):
        columns = [database.get_column_family(name) for name in database.list_cf(str(index))]
        for column in columns:
            column.compact_range(None, None, order)
        is_merged = not any(column.property_int_value(_UNMERGED) for column in columns)
    if not is_merged:
        is_full = shutil.disk_usage(index).free < sum(entry.stat().st_size for entry in os.scandir(index))
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, os.strerror(code), str(index))


def _open(index: Path) -> Rdict:
    from rocksdict import Rdict

    names = Rdict.list_cf(str(index))
    return Rdict(str(index), _make_options(), {name: _make_options() for name in names if name != "default"})


def _make_options() -> Options:
    from rocksdict import BlockBasedOptions, DBCompressionType, Options

    options, table = Options(raw_mode=True), BlockBasedOptions()
    options.create_if_missing(False)
    options.set_compression_per_level([DBCompressionType.lz4()] * _LEVELS)
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_disable_auto_compactions(True)
    options.set_max_subcompactions(count_cores())
    options.set_max_background_jobs(count_cores())
    table.set_format_version(_FORMAT)
    options.set_block_based_table_factory(table)
    return options
