"""Standard streams that are closed, full, or of another encoding than UTF-8.

What is printed on standard output is UTF-8, whatever the locale says: JSON, CSV and N-Triples are, and escapes would
make them say something else. Notes keep the terminal's encoding, with escapes for what it lacks. A stream that was
closed goes nowhere.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

_STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


def start_in_utf8() -> None:
    """Start this process anew in Python's UTF-8 mode where the locale is of another encoding, in which file names and
    arguments could not be read (https://peps.python.org/pep-0540/)."""
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode and sys.executable:
        with suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # the same again


def prepare_streams() -> None:
    """Make the streams fit to use. Standard input that is closed stays so, for a build that is to read it."""
    for number, (name, mode) in enumerate(_STREAMS):
        if _is_closed(number):
            # In number's place, where the next file that is opened would be, and what is printed would go into it.
            _put_in_place(os.open(os.devnull, mode), number)
            if number:
                setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _put_in_place(descriptor: int, number: int) -> None:
    os.dup2(descriptor, number)
    if descriptor == number:
        os.set_inheritable(number, True)
    else:
        os.close(descriptor)


def flush_output() -> OSError | None:
    """Write out what is buffered; why it cannot be, and then the interpreter's own flush at its end goes nowhere."""
    fault = _flush(sys.stdout, 1)
    _flush(sys.stderr, 2)
    return fault


def _flush(stream: TextIO, number: int) -> OSError | None:
    try:
        stream.flush()
    except OSError as error:
        with suppress(OSError):
            _put_in_place(os.open(os.devnull, os.O_WRONLY), number)
        return error
    return None


def is_left(error: OSError) -> bool:
    """Whether nobody reads an output any more, which is no fault of anybody."""
    return error.errno == errno.EPIPE
