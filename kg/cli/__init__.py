"""The command line: thin verbs over the library. Results go to stdout; progress, notes and errors to stderr."""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules

from kg.cli import verbs
from kg.cli.application import app
from kg.cli.printing import note, shorten
from kg.errors import KgError, LimitReached

for _verb in iter_modules(verbs.__path__):
    import_module(f"{verbs.__name__}.{_verb.name}")


_INTERRUPTED = 130


def main() -> None:
    """Run, and turn every error into one line and its exit code."""
    gc.set_threshold(50_000)  # vocabularies are many small objects that live to the end; looking through them is wasted
    code = _run()
    if not _flush():
        code = 0 if code in (0, 1) else code
    sys.exit(code)


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
    except Exception as error:  # the outermost edge
        if os.environ.get("KG_DEBUG"):
            raise
        note(
            f"kg: internal error: {type(error).__name__}: {shorten(str(error))}. Set KG_DEBUG=1 for the traceback, "
            f"and please report it"
        )
        return 5
    return 0


def _flush() -> bool:
    """Write out what is buffered; False when nobody reads it any more, and then the interpreter's own flush at its end
    goes nowhere."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno != errno.EPIPE:
            note(f"kg: the output cannot be written: {error.strerror}. Nothing in the graph has changed")
            sys.exit(KgError.exit_code)
        return False
    return True
