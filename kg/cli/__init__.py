"""The command line: thin verbs over the library. Results go to stdout; progress, notes and errors to stderr."""

from __future__ import annotations

import gc
import os
import re
import sys
from importlib import import_module
from pkgutil import iter_modules

from kg.cli import verbs
from kg.cli.application import app
from kg.cli.printing import note, shorten
from kg.cli.streams import flush_output, is_left, prepare_streams, start_in_utf8
from kg.errors import KgError, LimitReached, UsageError

for _verb in iter_modules(verbs.__path__):
    import_module(f"{verbs.__name__}.{_verb.name}")


_INTERRUPTED = 130
_SURROGATE = re.compile("[\ud800-\udfff]")
"""What Python puts in the place of a byte of an argument that is not UTF-8."""


def main() -> None:
    """Run, and turn every error into one line and its exit code."""
    if os.name != "posix":
        note("kg: runs on Linux and macOS. Windows: run kg inside WSL")
        sys.exit(UsageError.exit_code)
    start_in_utf8()
    prepare_streams()
    gc.set_threshold(50_000)  # vocabularies are many small objects that live to the end; looking through them is wasted
    sys.exit(_end(_run()))


def _end(code: int) -> int:
    """The exit code, once all is written out."""
    fault = flush_output()
    if fault is None:
        return code
    if is_left(fault):
        return 0 if code in (0, 1) else code
    if code in (0, 1):
        note(f"kg: the output cannot be written: {fault.strerror}. Nothing in the graph has changed")
        return KgError.exit_code
    return code


def _run() -> int:
    try:
        app()
    except SystemExit as done:
        # Click and rich end with 1 when the reader of a pipe went away, which is no fault of anybody.
        if isinstance(done.__context__, BrokenPipeError):
            return 0
        if done.code == _INTERRUPTED:
            note("kg: interrupted; the previous graph is unchanged")
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KgError as error:
        note(f"kg: {shorten(str(error))}")
        return error.exit_code
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        note("kg: interrupted; the previous graph is unchanged")
        return _INTERRUPTED
    except MemoryError:
        note("kg: out of memory. Give fewer --workers, or fewer sources")
        return LimitReached.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        note(f"kg: {shorten(where)}{error.strerror or error}. Check the rights and the free space there")
        return KgError.exit_code
    except Exception as error:  # noqa: BLE001  # the outermost edge
        return _report_internal(error)
    return 0


def _report_internal(error: Exception) -> int:
    if any(_SURROGATE.search(argument) for argument in sys.argv):
        note("kg: an argument is not UTF-8. Give it in UTF-8; only a file may have any name")
        return UsageError.exit_code
    if os.environ.get("KG_DEBUG"):
        raise error
    note(
        f"kg: internal error: {type(error).__name__}: {shorten(str(error))}. Set KG_DEBUG=1 for the traceback, "
        f"and please report it"
    )
    return 5
