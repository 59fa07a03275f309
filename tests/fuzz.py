"""Feed the rules 100,000 odd strings: ``make fuzz``. No exception, every quote in its text. Too slow for every run."""

from __future__ import annotations

import os
import random
import re

from kg.extract import extract_trial
from kg.model import Passage, Record, Study
from kg.rdf import describe

COUNT = int(os.environ.get("FUZZ", "100000"))
PIECES = re.findall(
    r"[^ ]+",
    "CAR-T CD19 CD19/20/22 anti- -targeted universal donor autologous allogeneic HSCT prior relapsed after 1x10^6 "
    "cells/kg 10\\^9 1×105 up to 12 months Day 28 ≥ ≤ < > ULN ALT AST creatinine LVEF ECOG 0-2 % mg/dL No without HIV "
    "pregnancy ( ) [ ] / - – , . ; : \n * 1. IL3 α β γδ ζ 4-1BB EGFRt knock-out fludarabine 30 mg/m2 phase I/II "
    "open-label single-arm overall survival MRD \u200b \ud7ff \u0301",
)
PARTS = ("title", "summary", "description", "eligibility", "arm description")


def make_study(source: random.Random) -> Study:
    """A study of one passage of random pieces, one of them perhaps repeated many times."""
    words = [source.choice(PIECES) * source.choice((1, 1, 1, 2, 40)) for _ in range(source.randint(1, 40))]
    text = source.choice((" ", "", " ")).join(words)
    record = Record("fuzz", "fuzz", "0" * 64, text)
    return Study(record, {}, passages=(Passage(source.choice(PARTS), "text", 0, text),))


def test_odd_strings() -> None:
    """Every string is read, and every quote is the text between its offsets."""
    source = random.Random(20261123)  # noqa: S311  # a fixed seed, not a secret
    for _ in range(COUNT):
        study = make_study(source)
        for statement in describe(extract_trial(study)):
            if statement.fact and statement.fact.quote.field:
                quote = statement.fact.quote
                assert study.record.text[quote.start : quote.end] == quote.text
