"""Text in a spreadsheet's cell: it must be read, never run."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""First characters that make a spreadsheet run a cell (https://owasp.org/www-community/attacks/CSV_Injection)."""


def neutralise(text: str) -> str:
    """Text with an apostrophe before it where a spreadsheet would run it as a formula.

    >>> neutralise("=1+1"), neutralise("CD19")
    ("'=1+1", 'CD19')
    """
    return f"'{text}" if _FORMULA.match(text) else text
