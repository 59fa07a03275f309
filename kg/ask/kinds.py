"""A kind of question, and the words that several kinds share."""

from __future__ import annotations

import msgspec


class Intent(msgspec.Struct, frozen=True):
    """A kind of question, and the stored query that answers it.

    :ivar head: What the answer lists, in English.
    :ivar says: Words (a pattern) that ask for it. In the text it is matched on, names stand as ``§``, cell sources as
        ``¤``, conditions as ``¶``, one for each character.
    :ivar also: Words that belong to it without asking for it.
    :ivar joins: Words that belong to it where several antigens are named ("dual CD19/CD22"); beside one they say more.
    :ivar has: Concepts of which one alone asks for it.
    :ivar needs: Concepts without which it cannot be asked.
    :ivar first: Concept that a name with several readings has here.
    :ivar clauses: How concepts join on to the head, where other than usual.
    :ivar implies: Value that the query has by itself.
    :ivar is_alone: Asked only where the question names nothing.
    :ivar refuses: Why the graph cannot answer it, and what to ask instead; ``query`` is empty then.
    :ivar keeps: Columns and values of the only rows that the question means: those that have one of them.
    :ivar defaults: Concepts with the value to take where none is given; "-730" is a date so many days ago.
    """

    query: str
    head: str
    says: str = ""
    also: str = ""
    joins: str = ""
    has: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    first: str = ""
    clauses: dict[str, str] = {}
    implies: str = ""
    is_alone: bool = False
    refuses: str = ""
    keeps: tuple[tuple[str, str | bool], ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


SILENT = (
    r"(?:(?:not|never|n't|without|no)\s(?:being\s)?(?:any\s|an?\s|the\s)?(?:clearly\s)?"
    r"(?:stat\w+|sa(?:y|id|ying)|specif\w+|report\w*|giv\w+|tell\w*|disclos\w+|mention\w*|known)|unstated|unspecified|unknown|undisclosed|"
    r"silent|missing|unclear)"
)
ORIGIN = r"(?:donors?|(?:cell )?sources?|origin|whose|provenance|¤+)"
ENDPOINT = r"\bend-?\s?points?\b|\boutcomes?\b|\bmeasur(?!able)\w+\b|\bassess\w*\b"
PLACE = (
    r"\bsites?\b|\bhospitals?\b|^where\b|\bwhere (?:are|is|do|does|can|were)\b|\bcit(?:y|ies)\b|\bcent(?:er|re)s?\b"
    r"|\blocations?\b|\bfacilit\w+|\bclinics?\b"
)
MOST = r"\b(?:most|top|common\w*|often|frequent\w*|popular|kinds?|ranking|ranked)\b"
FACTS = (
    r"\b(?:card|summar\w+|details?|title|about|phases?|sponsors?|ages?|range|purpose|mask\w*|blind\w*|allocat\w+|"
    r"design|recruit\w*|enroll?\w*|conditions?|eligib\w+|criteri\w+|everything|describe|what's|arms?|open|dates?)\b"
)
COUNTRY = r"\b(?:which|what|most|top) countr(?:y|ies)\b|\bgeograph\w+|\bcountr(?:y|ies) (?:by|with|host)\w*"
BOTH = r"\b(?:dual|tandem|bispecific|both|together)\b"
COSTIMULATION = r"\bco-?stim\w*|\bsignal+ing\b|\bendodomains?\b"
