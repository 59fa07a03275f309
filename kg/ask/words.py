"""Words of questions: those without a condition of their own, and those that are left over."""

from __future__ import annotations

import re

NOISE = frozenset(
    re.findall(
        r"\w+",
        """
    a an the of for in on at by to from with within and or as that this these those which what who whom whose it its
    their there if is are was were be been being do does did has have had can could would should will may might must
    i we you me us my our your they them
    how many much number count any all every each some only also both either list lists show shows find give get tell
    see display return please want wants need know look looking search currently now so now
    trial trials study studies clinical registry registries record records say says
    cell cells therapy therapies treatment treatments treat treats treating treated product products intervention
    interventions patient patients people participant participants human subject subjects
    describe describes run runs running ran use uses using used take takes exist exists made make makes include includes
    including involve
    involves involving about concerning test tests tested testing evaluate evaluates evaluating investigate investigates
    investigating investigated studied conducted disease diseases
    target targets targeted targeting anti against bind binds binding bound directed specific antigen antigens
    country countries status kind type types source sources versus vs between then s t re
    available existing currently present today actually really just simply exactly please kindly hello hi dear thanks
    thank ok okay so far yet ever still right moment help question questions answer wondering wonder interested
    interest know tell let see possible possibly example examples eg ie etc such
    where when here anywhere worldwide globally global world
    involved contain contains containing allowing carry carries carried carrying give gives giving given got
    called named name whether because since's lot lots bit
    applied apply applies but though although even car cars construct constructs
    compare compares compared comparing comparison
    trialkg kg database graph knowledge information info data results' overview
    number total altogether different various several many most more
    like similar same other others another else one ones
    whats wheres whos hows
    human's patient's
    """,
    )
)
"""Words that carry no condition of their own."""


SOFT = frozenset(
    re.findall(
        r"\w+",
        """
    interesting relevant important promising notable good nice great useful helpful quick quickly short brief
    briefly exciting innovative novel clearly possibly maybe perhaps basically generally typically usually mainly
    """,
    )
)
"""Words that colour a question and narrow nothing: an answer does without them, and says so."""


HINTS = {
    r"child\w*|ages?|infants?|newborns?|babies|young|old": ("Ask with an age, as in 'trials for a 10-year-old'"),
    r"wom[ae]n|females?|m[ae]n|males?|girls?|boys?": "Sex can be asked only as 'open to women only'",
    r"latest|newest|recent\w*": "Ask with a time, as in 'trials new in the last 6 months'",
    r"adverse|toxicit\w+|safe\w*|effective\w*|efficacy|respon\w+|works?|success\w*|best|better": (
        "The graph holds what trials plan to measure, not what came out"
    ),
    r"average|median|mean": "kg counts trials and works out no averages",
    r"\d.{0,20}[x×*]10.*|cells/kg|mg/m2": "No dose can be asked for; 'dose levels of CD19 CAR-T' lists them in order",
    r"publi\w+|papers?|pubmed|articles?": "The graph holds records of trials, and no publications",
    r"cost\w*|price\w*|pay\w*|cheap\w*|expensive": "The graph holds no costs",
    r"positive|negative|high|low|express\w*": "What patients express is among the 'eligibility criteria of' a trial",
}
"""Why the graph cannot tell, by the words (a pattern) that ask for it."""


WORD = re.compile(r"[^\W_][\w'’+*./-]*")


def list_words(text: str) -> list[str]:
    """Words of a text as people read them.

    >>> list_words("CD19, or 'CD22'?")
    ['CD19', 'or', 'CD22']
    """
    return [word for found in WORD.finditer(text) if (word := found[0].strip(".'’/-+*"))]
