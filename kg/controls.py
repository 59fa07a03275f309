"""Characters of a registry's text that would steer a terminal, or reorder or hide what stands beside them."""

from __future__ import annotations

import re

CONTROLS = re.compile(
    "[\u200b-\u200f\u061c\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
"""Bidirectional and invisible controls (Unicode TR 36, TR 9) and C0 and C1 controls other than tab and line ends."""


def show_controls(text: str) -> str:
    """Text with its controls shown by number.

    >>> show_controls("abc\u202edef")
    'abc⟨U+202E⟩def'
    """
    return CONTROLS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
