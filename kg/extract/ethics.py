"""Ethics review (item 21 of the WHO data set), where prose tells that a committee has approved the study.

None of the formats that are read has a field for it. A plan ("will be approved by the ethics committee") is no
approval, and a committee that approved a consent form, a leaflet or another study has not approved this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg.extract.rules import Rule
from kg.lexicon import fold
from kg.model import Fact, Passage

_PARTS = ("summary", "description", "arm description", "intervention description")
_COMMITTEE = (
    r"(?:(?:medical |clinical |research |biomedical |hospital |local |institutional |independent )?"
    r"ethic(?:s|al)?\b[^.;,\n]{0,40}?\b(?:committees?|commissions?|boards?)|"
    r"(?:institutional )?review boards?|IRBs?|IECs?|REBs?)"
)
_COMMITTEE_MARKS = ("ethic", "review board", "irb", "iec", "reb")
"""Of these each name of a committee holds one."""
_STUDY = r"(?:study|trial|protocol|research|project|investigation|work)"
_HAS_APPROVED = (
    # "The study protocol was approved by the Ethics Committee of …"
    rf"\b{_STUDY}\b[^.;\n]{{0,60}}?\b(?:was|is|were|has been|have been|had been|being) (?:[^.;\n]{{0,80}}? )?"
    rf"approved by [^.;\n]{{0,80}}?\b{_COMMITTEE}\b",
    # "The ethics committee of … approved the study protocol"
    rf"\b{_COMMITTEE}\b[^.;\n]{{0,60}}?\b(?:has |have )?approved (?:of )?(?:this|the|our) (?:\w+ ){{0,2}}?{_STUDY}\b",
    # "Ethical approval was obtained from …"
    rf"\b(?:ethic(?:s|al) (?:committee |board |review )?approval|{_COMMITTEE} approval)\b[^.;\n]{{0,40}}?"
    rf"\b(?:was|were|has been|have been) (?:\w+ )?(?:obtained|granted|given|received|taken|secured)\b",
    # "After approval was received from the … Ethics Committee"
    rf"\bapproval (?:was|were|has been|have been) (?:obtained|granted|given|received|taken|secured) (?:from|by) "
    rf"[^.;\n]{{0,80}}?\b{_COMMITTEE}\b",
)
_APPROVALS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _HAS_APPROVED)
_BEFORE = 40
"""Characters before the clause in which a word may say that something else was approved."""
_TAIL = re.compile(r"[^.;\n]{0,120}")
_NO_APPROVAL = re.compile(
    r"\b(?:will|be|shall|must|should|would|may|not|never|until|once|unless|if|before|future|other|another|previous|prior|"
    r"amendments?|modifications?|consents?|forms?|leaflets?|pamphlets?|data sharing)\b",
    re.IGNORECASE,
)


def find_approval(passages: Sequence[Passage]) -> Fact | None:
    """The first clause that tells of an approval; its value is the clause."""
    return next(_find_approvals(passages), None)


def _find_approvals(passages: Sequence[Passage]) -> Iterator[Fact]:
    for passage in passages:
        low = fold(passage.text)
        if "approv" not in low or not any(name in low for name in _COMMITTEE_MARKS):
            continue  # most records; the patterns cost a hundred times as much
        for pattern in _APPROVALS:
            for match in pattern.finditer(passage.text):
                before = re.split(r"[.;\n]", passage.text[max(0, match.start() - _BEFORE) : match.start()])[-1]
                if not _NO_APPROVAL.search(before + match[0]):
                    tail = _TAIL.match(passage.text, match.end())
                    words = (match[0] + (tail[0] if tail else "")).rstrip()
                    yield Fact(words, passage.quote(match.start(), match.start() + len(words)), "ethics.approval")


RULES = (Rule("ethics_review", find_approval, _PARTS),)
