"""``kg ask``: a question in words, answered by the stored query that fits it, saying how it was understood.

What a question can be about is the table ``INTENTS``; which parameters a query takes is its own header. Nothing that
changes the meaning is dropped in silence: what was not understood is named, and what cannot be asked is refused.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import msgspec
from pyoxigraph import Store as Engine

from kg.queries import Answer, StoredQuery, load_queries, run_query
from kg.questions import (
    MAX_LENGTH,
    NOISE,
    Mention,
    Reading,
    list_leftovers,
    list_near_names,
    looks_like_antigen,
    read_question,
    show_term,
)

_EXAMPLES = (
    "Ask for example 'allogeneic CD123 trials', 'recruiting phase 1 CAR-NK studies in China' or 'synonyms of "
    "BCMA'; `kg query --list` names every question"
)
_MAX_RUNS = 16


class Intent(msgspec.Struct, frozen=True):
    """A kind of question, and the stored query that answers it.

    :ivar head: What the answer lists, in English.
    :ivar says: Words (a pattern) that ask for it. In the text it is matched on, names stand as ``§``, cell sources as
        ``¤``, conditions as ``¶``, one for each character.
    :ivar also: Words that belong to it without asking for it.
    :ivar has: Concepts of which one alone asks for it.
    :ivar needs: Concepts without which it cannot be asked.
    :ivar first: Concept that a name with several readings has here.
    :ivar clauses: How concepts join on to the head, where other than usual.
    :ivar implies: Value that the query has by itself.
    :ivar is_alone: Asked only where the question names nothing.
    :ivar defaults: Concepts with the value to take where none is given; "-730" is a date so many days ago.
    """

    query: str
    head: str
    says: str = ""
    also: str = ""
    has: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    first: str = ""
    clauses: dict[str, str] = {}
    implies: str = ""
    is_alone: bool = False
    defaults: tuple[tuple[str, str], ...] = ()


_SILENT = (
    r"(?:(?:not|never|n't|without|no)\s(?:being\s)?(?:any\s|an?\s|the\s)?(?:clearly\s)?"
    r"(?:stat\w+|sa(?:y|id|ying)|specif\w+|report\w*|giv\w+|tell\w*|disclos\w+|mention\w*|known)|unstated|unspecified|unknown|undisclosed|"
    r"silent|missing|unclear)"
)
_ORIGIN = r"(?:donors?|(?:cell )?sources?|origin|whose|provenance|¤+)"
_ENDPOINT = r"\bend-?\s?points?\b|\boutcomes?\b|\bmeasur(?!able)\w+\b|\bassess\w*\b"
_PLACE = (
    r"\bsites?\b|\bhospitals?\b|\bwhere\b|\bcit(?:y|ies)\b|\bcent(?:er|re)s?\b|\blocations?\b|\bfacilit\w+"
    r"|\bclinics?\b"
)
_MOST = r"\b(?:most|top|common\w*|often|frequent\w*|popular|kinds?|ranking|ranked)\b"
_FACTS = (
    r"\b(?:card|summar\w+|details?|title|about|phases?|sponsors?|ages?|range|purpose|mask\w*|blind\w*|allocat\w+|"
    r"design|recruit\w*|enroll?\w*|conditions?|eligib\w+|criteri\w+|everything|describe|what's|arms?|open|dates?)\b"
)
INTENTS = (
    Intent(
        "cell_source_not_stated",
        "cell products that do not state whose cells they are made from",
        rf"{_SILENT}[^.?§¶]{{0,30}}?{_ORIGIN}(?:,? (?:or|nor|and) {_ORIGIN})?|{_ORIGIN}[^.?§¶]{{0,20}}?{_SILENT}",
        r"\b(?:whether|where|whose|donors?|origin|come)\b",
    ),
    Intent(
        "not_targets",
        "antigens that are named but not bound",
        r"\bnot\s(?:a|an|the|real|true|actual|used as)\s(?:\w+\s)?targets?\b|\bnot targets\b|\bother roles?\b|"
        r"\bnon-?targets?\b|\b(?:antigens?|named|mentioned|but)\b[^.?]{0,40}\bnot (?:bound|targeted)\b|"
        r"\bwithout being (?:bound|targeted)\b",
        r"\b(?:named|mentioned|but|roles?|other|than|merely)\b",
        clauses={"antigen": "namely {}"},
    ),
    Intent(
        "antigen_synonyms",
        "names and numbers",
        r"\bsynonyms?\b|\balias(?:es)?\b|\b(?:also|else|otherwise)\s(?:called|known|named)|"
        r"\b(?:other|alternative|different) (?:names?|symbols?)|"
        r"\b(?:called|known as|names? (?:of|for)|means?|stands? for|"
        r"gene (?:name|symbol|id)|HGNC|UniProt|NCBI)\b",
        r"\b(?:under|also|else|names?|symbols?|called|known|gene|protein|accession|ids?|identifiers?|numbers?)\b",
        needs=("antigen",),
        clauses={"antigen": "of {}"},
    ),
    Intent(
        "targets_of_trial",
        "antigens that the products bind",
        r"\btarget(?:s|ed|ing)?\b|\bantigens?\b|\bbinds?\b",
        needs=("trial",),
    ),
    Intent(
        "evidence_of_trial",
        "words of the record behind each fact",
        r"\bevidence\b|\bquot\w+|\bwords\b|\bprove\w*|\bproof\b|\bprovenance\b|\bbased on\b|\brests?\b",
        r"\b(?:facts?|behind|exact|support\w*)\b",
        needs=("trial",),
    ),
    Intent("endpoints_of_trial", "endpoints", _ENDPOINT, needs=("trial",)),
    Intent(
        "criteria_of_trial",
        "criteria",
        r"\beligib\w+|\bcriteri\w+|\b(?:in|ex)clu\w+|\bwho (?:can|may)\b",
        r"\b(?:take|part|join|enter)\b",
        needs=("trial",),
    ),
    Intent(
        "products_of_trial",
        "products",
        r"\bproducts?\b|\binterventions?\b|\bdrugs?\b|\btreatments?\b",
        needs=("trial",),
    ),
    Intent("records", "records read", r"\brecords?\b|\bfiles?\b|\bversions?\b", r"\bread\b", needs=("trial",)),
    Intent(
        "dose_levels",
        "dose levels",
        r"\bdos(?:es?|ing|ages?|ed)\b|\bcells? (?:per|/)\s?kg\b",
        r"\b(?:levels?|escalat\w+|given)\b",
    ),
    Intent(
        "lymphodepletion_regimens",
        "lymphodepletion regimens",
        r"\blympho-?deplet\w+|\b(?:pre-?)?conditioning\b|\bflu\s?/\s?cy\b",
        r"\b(?:regimens?|drugs?|chemotherap\w+|before|infusion)\b",
    ),
    Intent(
        "trials_excluding",
        "trials that exclude patients",
        r"\bexclu\w+|\bineligible\b|\brul\w+ out\b|\bnot (?:allow|accept|admit)\w*",
        r"\b(?:history|positive|infected|criteri\w+|infections?|prior|active)\b",
        needs=("measure",),
        first="measure",
    ),
    Intent(
        "eligibility_thresholds",
        "thresholds among the eligibility criteria",
        r"\bthresholds?\b|\bcut-?\s?offs?\b|\brequir\w+|\beligib\w+|\bcriteri\w+|\b(?:minim|maxim)(?:um|al)\b|"
        r"\blimits?\b|\ballow\w*|\baccept\w*",
        r"\b(?:values?|levels?|scores?|status|inclusion|exclusion|upper|lower)\b",
        needs=("measure",),
        first="measure",
    ),
    Intent(
        "trials_for_age",
        "trials that take people",
        "",
        r"\b(?:aged?|olds?|years?|accept\w*|eligib\w+|open|take)\b",
        has=("age",),
        needs=("age",),
    ),
    Intent(
        "primary_endpoints_without_time_frame",
        "primary endpoints without a time frame",
        r"\b(?:without|no|missing|lack\w*|not? stat\w+)\s(?:an?\s|any\s|stated\s)?time\s?-?frames?\b|"
        r"\btime\s?-?frames?[^.?]{0,12}(?:missing|not stated|absent)",
        _ENDPOINT,
        implies="primary",
    ),
    Intent(
        "follow_up_at_least",
        "trials with a follow-up",
        rf"\bfollow\w*[- ]?up\b|\bfollow(?:s|ed|ing)?\b|{_ENDPOINT}",
        r"\b(?:long|longer|long-term|years?|more|period)\b",
        needs=("min_days",),
    ),
    Intent(
        "co_targeted_antigens",
        "antigens bound together",
        r"\b(?:together|along|alongside|combined|paired|in combination|jointly) with\b|\bco-?target\w*|"
        r"\b(?:dual|double|multi)[- ]?target\w*|\bpartners?\b|\bwhat else\b|\btogether\b|\bbispecific\b|\btandem\b",
        r"\b(?:else|pairs?|often|most|frequently|other|combin\w+)\b",
        clauses={"antigen": "with {}"},
    ),
    Intent(
        "ligand_based_binders",
        "products that bind through a natural ligand or receptor",
        r"\bligands?\b|\breceptor-based\b|\bnatural (?:binders?|receptors?)\b|\bnot an? antibod\w+",
        r"\b(?:based|binders?|receptors?|through|instead|rather|via)\b",
        has=("ligand", "binder-type"),
        clauses={"antigen": "of {}"},
    ),
    Intent(
        "target_by_phase_matrix",
        "number of trials by target and phase",
        r"\bmatrix\b|\b(?:targets?|antigens?)\s(?:by|per|and|versus|vs\.?|across|in each)\s(?:the\s)?(?:clinical\s)?"
        r"phases?\b|\bphases?\s(?:by|per|and|of)\s(?:the\s|each\s)?(?:targets?|antigens?)\b|"
        r"\bphases? (?:distribution|breakdown)\b",
        r"\b(?:by|per|each|across|distribution|breakdown|table|phases?)\b",
    ),
    Intent(
        "targets_by_condition",
        "antigens targeted",
        r"\b(?:what|which|whose)\s(?:other\s)?(?:antigens?|targets?|proteins?|molecules?)\b|"
        r"\bwhat (?:is|are|gets?|do trials) (?:being )?target\w*|"
        r"\b(?:targets?|antigens?)\s(?:in|for|of|against)\s¶",
        _MOST,
        needs=("condition",),
    ),
    Intent(
        "conflicts_between_records",
        "facts on which two records of one trial disagree",
        r"\bconflict\w*|\bdisagree\w*|\bcontradict\w*|\binconsisten\w*|\bdiscrepan\w*|\brecords? differ\w*",
        r"\b(?:facts|versions?|other|each|two)\b",
    ),
    Intent(
        "completeness_by_item",
        "how many records state each WHO item",
        r"\bcomplete(?:ness)?\b|\bWHO\b(?=[^?]*\bitem)|\bmissing (?:items?|data|fields?)\b|"
        r"\bitems? (?:are )?(?:missing|stated)\b",
        r"\b(?:items?|data|set|fields?|missing|often|most|who|registration)\b",
    ),
    Intent(
        "recruiting_near",
        "recruiting trials",
        "",
        r"\b(?:near|around|close|nearest)\b",
        has=("latitude",),
        needs=("latitude", "longitude"),
        implies="RECRUITING",
        defaults=(("km", "100"),),
    ),
    Intent(
        "stale_trials",
        "trials that say they recruit and were not updated",
        r"\bstale\b|\bout-?\s?of-?\s?date\b|\boutdated\b|\bnot (?:been )?updated\b|\bno updates?\b|\boverdue\b|"
        r"\bnever updated\b|\babandoned\b",
        r"\b(?:updated?s?|long|still|haven't|hasn't)\b",
        implies="RECRUITING",
        clauses={"since": "since {}", "until": "since {}"},
        defaults=(("until", "-730"),),
    ),
    Intent(
        "stale_trials",
        "trials that say they recruit and were not updated",
        r"\b(?:last\s)?updated?\b",
        needs=("until",),
        implies="RECRUITING",
        clauses={"until": "since {}"},
    ),
    Intent(
        "new_since",
        "new trials",
        r"\bnew(?:ly|est)?\b|\bposted\b|\bregistered\b|\badded\b|\bappeared\b",
        r"\b(?:first|after|entries)\b",
        needs=("since",),
    ),
    Intent(
        "trials_by_endpoint",
        "trials",
        _ENDPOINT,
        r"\b(?:rates?|negativ\w+|report\w*)\b",
        has=("endpoint-kind",),
        needs=("endpoint-kind",),
        first="endpoint-kind",
    ),
    Intent("endpoints_by_kind", "endpoint kinds by number of trials", _ENDPOINT, _MOST, first="endpoint-kind"),
    Intent("trials_by_endpoint", "endpoints of trials", _ENDPOINT, _MOST, first="endpoint-kind"),
    Intent("trials_by_site", "trials", "", rf"{_PLACE}|\brecruit\w*\b", has=("site",), needs=("site",)),
    Intent(
        "sites_by_trial",
        "trials by number of sites",
        r"\bmulti-?(?:cent(?:er|re)|nation)\w*|\bmany sites\b",
        has=("min_sites",),
    ),
    Intent(
        "cities_by_trials",
        "cities by number of trials",
        r"\b(?:which|what|most|top) cit(?:y|ies)\b",
        rf"{_MOST}|\bhosts?\b",
    ),
    Intent(
        "countries_by_target",
        "countries by number of trials",
        r"\b(?:which|what|most|top) countr(?:y|ies)\b|\bgeograph\w+",
        rf"{_MOST}|\bhosts?\b|\bdistribution\b",
    ),
    Intent("sites_by_country", "sites of trials", _PLACE, r"\b(?:located|place|near)\b"),
    Intent(
        "sponsors_by_trials",
        "sponsors by number of trials",
        r"\bsponsors?\b|\bcompan(?:y|ies)\b|\borgani[sz]ations?\b|\bwho (?:runs?|funds?|leads?)\b",
        rf"{_MOST}|\b(?:active|have|has)\b",
    ),
    Intent("trials_by_sponsor", "trials", has=("sponsor",), needs=("sponsor",)),
    Intent(
        "conditions_by_trials",
        "diseases by number of trials",
        r"\b(?:which|what|most|top)\s(?:studied\s)?(?:diseases?|conditions?|indications?|cancers?)\b",
        _MOST,
    ),
    Intent(
        "status_by_phase",
        "number of trials by phase and status",
        r"\bstatus (?:distribution|breakdown|by phase)\b|\bphases? (?:by|and) status\b",
        r"\b(?:by|per|distribution|phases?)\b",
    ),
    Intent(
        "modalities_by_year",
        "number of trials by kind of product and year",
        r"\b(?:by|per|each|every|over the) years?\b|\btrends?\b|\bover time\b",
        r"\b(?:per|year|years|modalit\w+|first|posted)\b",
    ),
    Intent(
        "enrollment_by_target",
        "people enrolled by target",
        r"\benroll?(?:ment|ed|s)?\b|\bhow many (?:people|patients|participants|subjects)\b",
        r"\b(?:planned|size|total|in)\b",
    ),
    Intent(
        "gene_edited_products",
        "products with an edited gene",
        r"\bgene[- ]?edit\w*|\bedit(?:s|ed|ing)?\b|\bknock(?:ed)?-?\s?outs?\b|\bCRISPR\b|\bTALENs?\b",
        r"\b(?:genes?|CRISPR)\b",
        has=("gene",),
    ),
    Intent(
        "costimulation_by_target",
        "signalling domains by number of products",
        r"\bco-?stim\w*|\bsignal+ing\b|\bendodomains?\b",
        r"\b(?:domains?|intracellular|carry|carries|CARs)\b",
    ),
    Intent(
        "trials_with_safety_switch",
        "products with a safety switch",
        r"\bsafety switch\w*|\bsuicide (?:genes?|switch\w*)",
        r"\b(?:carry|carries|carrying)\b",
        has=("safety-switch",),
    ),
    Intent("off_the_shelf_products", "products made ahead", has=("off-shelf",), implies="off-the-shelf"),
    Intent("named_products", "trials", r"\bnamed products?\b|\bbrands?\b|\bmarketed\b", has=("product",)),
    Intent(
        "trials_by_design",
        "trials",
        "",
        r"\b(?:accept\w*|open|take|design)\b",
        has=("allocation", "masking", "has_results", "healthy_volunteers"),
    ),
    Intent("trial_card", "all that the graph says", "", rf"{_FACTS}|{_PLACE}", needs=("trial",)),
    Intent("trials_by_target_and_source", "trials", has=("antigen", "cell-source")),
    Intent(
        "trials",
        "trials",
        "",
        r"\b(?:posted|registered|first)\b",
        has=("modality", "cell-type", "phase", "status", "country", "condition", "study-type", "sponsor", "since"),
    ),
    Intent(
        "trials",
        "all trials",
        r"\b(?:how many|all|every|list(?: the| of)?|show(?: me)?)\s(?:the\s)?(?:clinical\s)?(?:trials|studies)\b",
        is_alone=True,
    ),
)
"""In order of preference: among intents that explain as much of a question, the first is taken."""

_MARKS = {"cell-source": "¤", "condition": "¶"}
_NAMED = {"since": ("since", "date", "before"), "until": ("until", "before"), "min_days": ("min_days", "days")}
"""Names of parameters that take a concept, where they are not its own. Terms go to the parameter of their scheme."""

_CLAUSES = {
    "trial": "of {}",
    "antigen": "binding {}",
    "cell-source": "with {} cells",
    "modality": "with {} products",
    "cell-type": "with {}s",
    "condition": "in {}",
    "phase": "in {}",
    "status": "with the status {}",
    "country": "in {}",
    "study-type": "of the type {}",
    "endpoint-kind": "measuring {}",
    "endpoint-role": "as {}",
    "measure": "by {}",
    "binder-type": "through a {}",
    "max_days": "{}",
    "min_days": "of {}",
    "since": "first posted on or after {}",
    "until": "first posted on or before {}",
    "sponsor": "sponsored by '{}'",
    "site": "at '{}'",
    "latitude": "at latitude {}",
    "longitude": "and longitude {}",
    "km": "within {} km",
    "product": "with the product {}",
    "age": "aged {}",
    "min_sites": "at {} sites or more",
    "gene": "namely {}",
    "drug": "with {}",
    "off-shelf": "made {}",
    "safety-switch": "namely {}",
    "allocation": "with the allocation {}",
    "masking": "with {} masking",
    "has_results": "with results",
    "healthy_volunteers": "that take healthy volunteers",
}
_ANY = frozenset(
    {
        "country",
        "status",
        "condition",
        "modality",
        "cell-source",
        "cell-type",
        "study-type",
        "trial",
        "measure",
        "site",
        "sponsor",
    }
)
"""Concepts of which "and" means either: a list of trials in China and Japan holds those of each."""

_NEGATION = re.compile(
    r"(?:\b(?:not|non|without|no|never|except|excluding|neither|nor|other than|apart from|lacking)\b"
    r"|n't\b)[\s-]*(?:(?!and\b|but\b)[\w'-]+\s){0,3}$",
    re.IGNORECASE,
)
_TURNING = re.compile(
    r"not|non|no|none|nor|neither|never|without|negative|except|exclud\w*|lack\w*|unless|"
    r"rather|instead|\w+n't",
    re.IGNORECASE,
)
"""Words that, left over, would turn the answer round."""
_COUNTED = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b", re.IGNORECASE)


class Understanding(msgspec.Struct, frozen=True):
    """What a question means. ``query`` is empty where it was not understood, and ``hint`` says why.

    :ivar parameters: As the query takes them; several values of one are joined by "and" or "or".
    :ivar unknown: Words that were not understood.
    :ivar left_out: What was understood, but the query cannot be asked.
    :ivar answers: Three-valued answers to keep; all when empty.
    """

    query: str
    parameters: dict[str, str]
    unknown: tuple[str, ...]
    sentence: str
    hint: str = ""
    left_out: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    is_count: bool = False


class Reply(msgspec.Struct, frozen=True):
    """How a question was understood, and its answer; None where it was not understood, with a hint."""

    query: str
    parameters: dict[str, str]
    understood: str
    answer: Answer | None
    hint: str


_Used = tuple[tuple[str, Mention], ...]
"""Mentions that give a parameter its values, each with the concept it is read as."""


class _Plan(msgspec.Struct, frozen=True):
    """An intent laid over a question: which value each parameter gets, and what of the question it explains."""

    intent: Intent
    values: dict[str, _Used]
    spans: tuple[tuple[int, int], ...]
    score: int = 0

    def covers(self, mention: Mention) -> bool:
        """Whether the plan uses a mention, as a value or among its own words."""
        return (
            self.takes(mention)
            or self.intent.implies in mention.readings.values()
            or any(start <= mention.start and mention.end <= end for start, end in self.spans)
        )

    def takes(self, mention: Mention) -> bool:
        """Whether a mention gives a parameter its value."""
        return any(mention is used for values in self.values.values() for _, used in values)


def answer_question(engine: Engine, question: str) -> Reply:
    """Answer a question in words.

    :raises LimitReached: the answer has more rows than anybody can use.
    """
    found = understand_question(question)
    if not found.query:
        return Reply("", {}, found.sentence, None, found.hint)
    query, given = load_queries()[found.query], found.parameters
    answer = _run(engine, query, found)
    sentence = found.sentence + (_count(answer, found) if found.is_count else "")
    for name in ("sponsor", "site"):
        if not answer.rows and name in given and not run_query(engine, query, {name: given[name]}).rows:
            sentence += f"; no record names a {name} like '{given[name]}'"
    return Reply(found.query, given, sentence, answer, found.hint)


def _split_values(parameters: dict[str, str]) -> dict[str, list[str]]:
    return {
        name: [value] if name in ("sponsor", "site") else re.split(r" (?:and|or) ", value)
        for name, value in parameters.items()
    }


def _run(engine: Engine, query: StoredQuery, found: Understanding) -> Answer:
    """Run the query for each combination of values. "and" keeps the trials that every one of its values gives."""
    values = _split_values(found.parameters)
    rows: dict[str, dict[str, object]] = {}
    trials: dict[tuple[str, str], set[object]] = {}
    for chosen in itertools.product(*values.values()):
        given = dict(zip(values, chosen, strict=True))
        for row in run_query(engine, query, given).rows:
            if not found.answers or row.get("answer") in found.answers:
                rows.setdefault(repr(row), row)
                for name, value in given.items():
                    if name != "age" or row.get("answer") != "no":
                        trials.setdefault((name, value), set()).add(row.get("trial"))
    kept = list(rows.values())
    for name, several in values.items():
        if len(several) > 1 and " and " in found.parameters[name] and "trial" in query.columns:
            shared = set.intersection(*(trials.get((name, value), set()) for value in several))
            kept = [row for row in kept if row["trial"] in shared]
    return Answer(tuple(query.columns), tuple(kept))


def _count(answer: Answer, found: Understanding) -> str:
    """The number of trials, by answer where the question has three."""
    if "trial" not in answer.columns:
        return f": {len(answer.rows)} rows"
    is_valued = "answer" in answer.columns and {"cell_source", "kind", "measure"} & set(found.parameters)
    by_answer = {
        kind: len({row["trial"] for row in answer.rows if row["answer"] == kind})
        for kind in ("yes", "not stated", "no")
        if is_valued
    }
    told = ", ".join(f"{number} {kind}" for kind, number in by_answer.items() if number)
    return f": {len({row['trial'] for row in answer.rows})} trials" + (f" ({told})" if told else "")


def understand_question(question: str, today: date | None = None) -> Understanding:
    """Find the stored query that a question asks for, and its parameters. Needs no graph.

    >>> understand_question("who targets CD123?").sentence
    'trials binding IL3RA (CD123) [trials_by_target_and_source target=IL3RA]'
    """
    if not question.strip():
        return _refuse("nothing", "The question is empty. " + _EXAMPLES)
    if len(question) > MAX_LENGTH:
        return _refuse("nothing", f"The question has {len(question):,} characters; ask in at most {MAX_LENGTH:,}")
    if re.search(r"[{}]", question):
        return _refuse("nothing", "That looks like SPARQL. Ask in words, or name a stored query: `kg query --list`")
    reading = read_question(question, today, _own_words())
    plan = _choose(reading)
    negated, negation = (_find_negated(reading, plan) if plan else None) or (None, (0, 0))
    unknown = list_leftovers(reading, (*plan.spans, negation) if plan else ())
    strange = _find_strange_antigen(reading, unknown)
    if strange is not None:
        near = list_near_names(strange)
        hint = f"{strange} is no antigen that kg knows" + (f". Near names: {', '.join(near)}" if near else "")
        return _refuse(_list_unknown(unknown), hint, unknown)
    if plan is None or (unknown and (not reading.mentions or len(unknown) > 3 + 2 * len(reading.mentions))):
        known = ", ".join(_put(mention, reading.text) for mention in reading.mentions)
        understood = [f"only: {known}"] if known else []
        understood += [_list_unknown(unknown)] if unknown else []
        return _refuse("; ".join(understood) or "nothing that kg can ask for", _EXAMPLES, unknown)
    dangerous = next((word for word in unknown if _TURNING.fullmatch(word)), None)
    if dangerous is not None:
        return _refuse(_list_unknown(unknown), f"'{dangerous}' turns the meaning, and kg cannot tell what of", unknown)
    if negated is not None and negated.concept != "cell-source":
        return _refuse(
            f"a negation: not {_show(negated)}",
            f"kg cannot leave trials out by {_show(negated)}. Ask without the negation, and compare",
        )
    return _explain(reading, plan, unknown, negated)


@cache
def _own_words() -> re.Pattern[str]:
    """Words that the table itself knows, so that they are not taken for misspelt names."""
    patterns = [pattern for intent in INTENTS for pattern in (intent.says, intent.also) if pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _refuse(sentence: str, hint: str, unknown: tuple[str, ...] = ()) -> Understanding:
    return Understanding("", {}, unknown, sentence, hint)


def _list_unknown(unknown: tuple[str, ...]) -> str:
    more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    return "not understood: " + ", ".join(word[:40] for word in unknown[:8]) + more


def _find_strange_antigen(reading: Reading, unknown: tuple[str, ...]) -> str | None:
    """An unknown word that is written as antigens are, or stands where one must ("who targets FOO?")."""
    for word in unknown:
        if looks_like_antigen(word) or re.search(
            r"(?:\btarget(?:s|ing)|\banti-?|\bagainst|\bbind(?:s|ing)|\b(?:synonym|name)s? (?:of|for))\s?"
            rf"{re.escape(word)}(?![\w-])",
            reading.text,
            re.IGNORECASE,
        ):
            return word
    return None


def _choose(reading: Reading) -> _Plan | None:
    """The plan that explains most of the question; of equals, the first in the table."""
    masked = _mask(reading)
    plans = [plan for intent in (*INTENTS, *list_other_intents()) if (plan := _lay(intent, reading, masked))]
    return max(plans, key=lambda plan: plan.score, default=None)


def list_other_intents() -> Iterator[Intent]:
    """Queries that no intent names are asked for by the keywords of their header."""
    named = {intent.query for intent in INTENTS}
    for name, query in load_queries().items():
        special = [re.escape(word) for word in query.keywords if word.casefold() not in NOISE and len(word) > 3]
        if special and name not in named and not query.must_be_empty:
            words = rf"\b(?:{'|'.join(special)})s?\b"
            yield Intent(name, query.title[0].lower() + query.title[1:], words)


def _mask(reading: Reading) -> str:
    """The text with a mark for each character of a name, so that places stay."""
    text = list(reading.text)
    for mention in reading.mentions:
        text[mention.start : mention.end] = _MARKS.get(mention.concept, "§") * (mention.end - mention.start)
    return "".join(text)


def _find_spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(pattern, text, re.IGNORECASE)] if pattern else []


def _lay(intent: Intent, reading: Reading, masked: str) -> _Plan | None:
    """The intent over a question; None where the question does not ask for it."""
    query = load_queries().get(intent.query)
    readable: set[str] = {concept for mention in reading.mentions for concept in mention.readings}
    plainest = {mention.concept for mention in reading.mentions} | ({"ligand"} & readable)
    said = _find_spans(intent.says, masked)
    is_asked = said or plainest & set(intent.has) or not (intent.says or intent.has)
    if query is None or not is_asked or (intent.is_alone and reading.mentions) or not set(intent.needs) <= readable:
        return None
    values = _fill(intent, query, reading, said)
    if intent.defaults and not any(name in values for name in ("km", "before")):
        values |= _fill(intent, query, _add_defaults(intent, reading), said)
    if any(parameter.required and name not in values for name, parameter in query.parameters.items()):
        return None
    plan = _Plan(intent, values, (*said, *_find_spans(intent.also, masked)))
    weights = (3 if "trial" in mention.readings else 1 for mention in reading.mentions if plan.covers(mention))
    return msgspec.structs.replace(plan, score=sum(weights) + bool(said))


def _add_defaults(intent: Intent, reading: Reading) -> Reading:
    """The question, with what the intent takes where nothing is said."""
    end, mentions = len(reading.text), reading.mentions
    for concept, value in intent.defaults:
        said = (reading.today + timedelta(days=int(value))).isoformat() if value.startswith("-") else value
        mentions = (*mentions, Mention(end, end, {concept: said}))
    return msgspec.structs.replace(reading, mentions=mentions)


def _fill(intent: Intent, query: StoredQuery, reading: Reading, said: list[tuple[int, int]]) -> dict[str, _Used]:
    """Values of the query's parameters. A name inside the intent's words ("without stated donor") is part of them."""
    values: dict[str, _Used] = {}
    for mention in reading.mentions:
        if any(start <= mention.start and mention.end <= end for start, end in said):
            continue
        for concept in sorted(mention.readings, key=lambda one: one != intent.first):
            takes = [
                name
                for name, parameter in query.parameters.items()
                if parameter.scheme == concept or name in _NAMED.get(concept, (concept,))
            ]
            if takes:
                name = next((one for one in takes if one not in values), takes[0])
                values[name] = (*values.get(name, ()), (concept, mention))
                break
    return {name: values[name] for name in query.parameters if name in values}


def _find_negated(reading: Reading, plan: _Plan) -> tuple[Mention, tuple[int, int]] | None:
    """A name right behind a negation that is not part of the intent's own words, and where the negation stands."""
    text = reading.text
    for start, end in (*plan.spans, *((mention.start, mention.end) for mention in reading.mentions)):
        text = text[:start] + "§" * (end - start) + text[end:]
    for mention in reading.mentions:
        found = _NEGATION.search(text[: mention.start])
        if found is not None and not any(start <= mention.start < end for start, end in plan.spans):
            return mention, (found.start(), mention.start)
    return None


def _show(mention: Mention, concept: str = "", text: str = "") -> str:
    """A mention in words; a time as it was written, with its days."""
    concept = concept or mention.concept
    value = show_term(concept, mention.readings[concept])
    return f"{text[mention.start : mention.end]} ({value} days)" if concept.endswith("_days") else value


def _put(mention: Mention, text: str) -> str:
    return _CLAUSES.get(mention.concept, "{}").format(_show(mention, text=text))


def _join(used: _Used, reading: Reading) -> str:
    """The word between several values of a parameter: as the question joins them, and as it can be meant."""
    concept = used[0][0]
    between = reading.text[used[0][1].end : used[-1][1].start]
    is_any = concept in _ANY or (concept == "phase" and " and " in between) or re.search(r"\bor\b", between)
    return " or " if is_any or "ligand" in used[0][1].readings else " and "


def _explain(reading: Reading, plan: _Plan, unknown: tuple[str, ...], negated: Mention | None) -> Understanding:
    """Put the plan in a sentence."""
    parameters = {
        name: _join(used, reading).join(dict.fromkeys(mention.readings[concept] for concept, mention in used))
        for name, used in plan.values.items()
    }
    if math.prod(map(len, _split_values(parameters).values())) > _MAX_RUNS:
        return _refuse("too many names at once", "Ask about fewer names in one question")
    query = load_queries()[plan.intent.query]
    if negated is not None and (not plan.takes(negated) or "answer" not in query.columns):
        source = _show(negated)
        return _refuse(
            f"a negation: not {source}",
            f"kg can ask 'which CD19 trials are not {source}?', with an antigen and no sponsor or date",
        )
    left_out = tuple(dict.fromkeys(_put(one, reading.text) for one in reading.mentions if not plan.covers(one)))
    given = "".join(f" {name}={_quote(value)}" for name, value in parameters.items())
    given += ", answers 'no' and 'not stated'" if negated else ""
    clauses = (
        _negate(_phrase(plan.intent, used, reading), negated if any(one is negated for _, one in used) else None)
        for used in plan.values.values()
    )
    head = " ".join((plan.intent.head, *clauses))
    notes = (*reading.notes, *_list_notes(plan, left_out, negated), *([_list_unknown(unknown)] if unknown else []))
    return Understanding(
        query.name,
        parameters,
        unknown,
        "; ".join((f"{head} [{query.name}{given}]", *notes)),
        left_out=left_out,
        answers=("no", "not stated") if negated else (),
        is_count=_COUNTED.search(reading.text) is not None,
    )


def _phrase(intent: Intent, used: _Used, reading: Reading) -> str:
    concept = used[0][0]
    values = dict.fromkeys(_show(mention, concept, reading.text) for concept, mention in used)
    clause = {**_CLAUSES, **intent.clauses}.get(concept, "{}")
    return clause.format(_join(used, reading).join(values))


def _negate(clause: str, negated: Mention | None) -> str:
    return clause if negated is None else f"not known to be {clause}"


def _list_notes(plan: _Plan, left_out: tuple[str, ...], negated: Mention | None) -> Iterator[str]:
    """What a reader must know of how the question was taken."""
    for _, mention in itertools.chain.from_iterable(plan.values.values()):
        if mention.concept == "off-shelf":
            yield "read off-the-shelf as allogeneic"
        if "ligand" in mention.readings:
            yield f"{mention.readings['ligand']} binds {_show(mention, 'antigen')}"
    if negated is not None:
        source = _show(negated)
        yield f"not {source}: 'no' is another stated source, 'not stated' may still be {source}"
    if left_out and plan.intent.query == "trial_card":
        yield f"look there for: {', '.join(left_out)}"
    elif left_out:
        yield f"left out, as this question cannot take it: {', '.join(left_out)}"


def _quote(value: str) -> str:
    return f"'{value}'" if " " in value else value
