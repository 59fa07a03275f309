"""The command line: thin verbs over the library. Results go to stdout; progress, notes and errors to stderr."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules

from kg.cli import verbs
from kg.cli.application import app
from kg.cli.printing import note
from kg.errors import KgError

for _verb in iter_modules(verbs.__path__):
    import_module(f"{verbs.__name__}.{_verb.name}")


def main() -> None:
    """Run, and turn every error into one line and its exit code."""
    try:
        app()
    except KgError as error:
        note(f"kg: {error}")
        code = error.exit_code
    except BrokenPipeError:
        with suppress(OSError):
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # the reader went away; nothing is left to say
        code = 0
    except KeyboardInterrupt:
        note("kg: interrupted; the previous graph is unchanged")
        code = 130
    except MemoryError:
        note("kg: out of memory. Give fewer --workers, or fewer sources")
        code = 4
    except Exception as error:  # the outermost edge
        if os.environ.get("KG_DEBUG"):
            raise
        note(
            f"kg: internal error: {type(error).__name__}: {error}. Set KG_DEBUG=1 for the traceback, and please "
            f"report it"
        )
        code = 5
    else:
        return
    sys.exit(code)
