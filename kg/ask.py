"""``kg ask``: a question in words, answered by the stored query that fits it, with a plain account of how it was understood.

What a question can be about is the table ``INTENTS``; which parameters a query takes is its own header. Nothing that changes
the meaning is dropped in silence: what was not understood is named, and what cannot be asked is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import date

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

_EXAMPLES = ("Ask for example 'allogeneic CD123 trials', 'recruiting phase 1 CAR-NK studies in China' or 'synonyms of BCMA'; "
             "`kg query --list` names every question")
_MAX_RUNS = 16


class Intent(msgspec.Struct, frozen=True):
    """A kind of question, and the stored query that answers it.

    :ivar head: What the answer lists, in English.
    :ivar says: Words (a pattern) that ask for it; names stand as ``§`` in the text it is matched on.
    :ivar has: Concepts of which one alone asks for it.
    :ivar needs: Concepts without which it cannot be asked.
    :ivar also: Words that belong to it without asking for it.
    :ivar first: Concept that a name with several readings has here.
    """

    query: str
    head: str
    says: str = ""
    has: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    also: str = ""
    first: str = ""


_SILENT = (r"(?:not|never|n't|isn't|without)\s(?:being\s)?(?:any\s|a\s|the\s)?(?:clearly\s)?(?:stat\w+|sa(?:y|id|ying)|specif\w+|report\w*|giv\w+|"
           r"tell\w*|disclos\w+|mention\w*|known)|unstated|unspecified|unknown|undisclosed|silent|no stated|missing|unclear")
INTENTS = (
    Intent("cell_source_not_stated", "cell products that do not state whose cells they are made from",
           rf"(?:{_SILENT})[^.?]{{0,30}}(?:donors?|sources?|origin|whose|§|provenance)?|(?:donors?|sources?|origin|§)[^.?]{{0,20}}(?:{_SILENT})",
           also=r"\b(?:whether|whose|donors?|sources?|origin|cells? come|they|come|made)\b"),
    Intent("not_targets", "antigens that are named but not bound",
           r"\bnot\s(?:a\s|an\s|the\s|real\s|true\s|actual\s|used as\s|as\s)*(?:targets?|targeted|bound)\b|\bother roles?\b|\bnon-?targets?\b"
           r"|\bbut not (?:bound|targeted)\b|\bwithout being targeted\b|\bmerely\b",
           also=r"\b(?:named|mentioned|but|role|other than|than|as|merely)\b"),
    Intent("antigen_synonyms", "names and numbers",
           r"\bsynonyms?\b|\balias(?:es)?\b|\b(?:also|else|otherwise)\s(?:called|known|named)|\b(?:other|alternative|different) (?:names?|symbols?)"
           r"|\b(?:called|known as|names? (?:of|for)|gene (?:name|symbol|id)|HGNC|UniProt|NCBI)\b", needs=("antigen",),
           also=r"\b(?:also|else|names?|symbols?|called|known|stands?|gene|protein|accession|ids?|identifiers?|numbers?)\b"),
    Intent("targets_of_trial", "antigens that the products bind", r"\btarget(?:s|ed|ing)?\b|\bantigens?\b|\bbinds?\b", needs=("trial",)),
    Intent("evidence_of_trial", "words of the record behind each fact",
           r"\bevidence\b|\bquot\w+\b|\bwords\b|\bprove\w*\b|\bproof\b|\bprovenance\b|\bbased on\b|\brests?\b", needs=("trial",),
           also=r"\b(?:facts?|behind|exact|support\w*)\b"),
    Intent("endpoints_of_trial", "endpoints", r"\bend-?\s?points?\b|\boutcomes?\b|\bmeasur\w+\b", needs=("trial",), also=r"\bmeasures?\b"),
    Intent("dose_levels", "dose levels", r"\bdos(?:es?|ing|ages?|ed)\b|\bcells? (?:per|/)\s?kg\b", also=r"\b(?:levels?|cells|high\w*|escalat\w+|given)\b"),
    Intent("lymphodepletion_regimens", "lymphodepletion regimens",
           r"\blympho-?deplet\w+|\b(?:pre-?)?conditioning\b|\bflu\s?/\s?cy\b", also=r"\b(?:regimens?|before|drugs?|chemotherap\w+|prior|infusion)\b"),
    Intent("trials_excluding", "trials that exclude patients by a criterion", r"\bexclu\w+\b|\bineligible\b|\brul\w+ out\b|\bnot (?:allow|accept|admit)\w*",
           needs=("measure",), also=r"\b(?:history|positive|infected|criteri\w+|infections?|prior)\b", first="measure"),
    Intent("eligibility_thresholds", "thresholds among the eligibility criteria",
           r"\bthresholds?\b|\bcut-?\s?offs?\b|\brequir\w+\b|\beligib\w+\b|\bcriteri\w+\b|\b(?:minimum|maximum|limits?)\b|\b(?:minimal|allowed|accept\w*)\b",
           needs=("measure",), also=r"\b(?:values?|levels?|score|status|inclusion|exclusion|upper|lower|what's)\b", first="measure"),
    Intent("primary_endpoints_without_time_frame", "primary endpoints without a time frame",
           r"\b(?:without|no|missing|lack\w*|not? stat\w+)\s(?:a\s|any\s|stated\s)?time\s?-?frames?\b|\btime\s?-?frames?[^.?]{0,12}(?:missing|not stated|absent)",
           also=r"\b(?:primary|§|end-?points?|outcomes?)\b"),
    Intent("follow_up_at_least", "trials with long follow-up", r"\bfollow\w*[- ]?up\b|\bfollow(?:s|ed|ing)?\b", needs=("min_days",),
           also=r"\b(?:long|longer|long-term|years?|more|or|period)\b"),
    Intent("co_targeted_antigens", "antigens bound together with it",
           r"\b(?:together|along|alongside|combined|paired|in combination|jointly) with\b|\bco-?target\w*|\b(?:dual|double|multi)[- ]?target\w*|"
           r"\bpartners?\b|\bwhat else\b|\bwith which\b|\btogether\b", also=r"\b(?:else|together|pairs?|often|most|frequently|other|combin\w+)\b"),
    Intent("ligand_based_binders", "products that bind through a natural ligand or receptor",
           r"\bligands?\b|\bligand-(?:based|binding)\b|\breceptor-based\b|\bnatural (?:binders?|receptors?)\b|\bnot an? antibod\w+",
           has=("ligand",), also=r"\b(?:based|natural|binders?|receptors?|through|instead|rather|via)\b"),
    Intent("target_by_phase_matrix", "number of trials by target and phase",
           r"\bmatrix\b|\b(?:targets?|antigens?)\s(?:by|per|and|versus|vs\.?|against|across|in each)\s(?:the\s)?(?:clinical\s)?phases?\b"
           r"|\bphases?\s(?:by|per|and|of)\s(?:the\s|each\s)?(?:targets?|antigens?)\b|\bphase (?:distribution|breakdown)\b",
           also=r"\b(?:phases?|by|per|each|across|distribution|breakdown|table|trial)\b"),
    Intent("targets_by_condition", "antigens targeted in a disease",
           r"\b(?:what|which|whose)\s(?:other\s)?(?:antigens?|targets?|proteins?|molecules?)\b|\bwhat (?:is|are|gets?|do trials) (?:being )?target\w*|"
           r"\b(?:targets?|antigens?)\s(?:in|for|of|against)\s§", needs=("condition",),
           also=r"\b(?:most|often|common\w*|popular|frequent\w*|used|proteins?|molecules?)\b"),
    Intent("conflicts_between_records", "facts on which two records of one trial disagree",
           r"\bconflict\w*|\bdisagree\w*|\bcontradict\w*|\binconsisten\w*|\bdiscrepan\w*|\brecords? differ\w*", also=r"\b(?:records|facts|registries|versions?|other|each|two)\b"),
    Intent("completeness_by_item", "how many records state each WHO item",
           r"\bcomplete(?:ness)?\b(?! response| remission)|\bWHO\b(?=[^?]*\bitem)|\bmissing (?:items?|data|fields?)\b|\bitems? (?:are )?(?:missing|stated)\b",
           also=r"\b(?:items?|data|set|fields?|missing|often|most|WHO|registration|24)\b"),
    Intent("recruiting_near", "recruiting trials near a point", has=("latitude",), needs=("latitude", "longitude"), also=r"\b(?:near|around|close|nearest)\b"),
    Intent("stale_trials", "trials whose record is long out of date",
           r"\bstale\b|\bout-?\s?of-?\s?date\b|\boutdated\b|\bnot (?:been )?updated\b|\bno updates?\b|\boverdue\b|\bnever updated\b|\babandoned\b",
           also=r"\b(?:updated?s?|long|still|haven't|hasn't|not|been)\b"),
    Intent("new_since", "new trials", r"\bnew(?:ly|est)?\b|\bposted\b|\bregistered\b|\badded\b|\bappeared\b|\bfirst\b", needs=("since",),
           also=r"\b(?:posted|registered|added|first|after|entries)\b"),
    Intent("trials_by_endpoint", "trials that measure an endpoint", r"\bend-?\s?points?\b|\boutcomes?\b|\bmeasur\w+\b|\bassess\w*\b", has=("endpoint-kind",),
           needs=("endpoint-kind",), also=r"\b(?:rates?|negativ\w+|report\w*)\b", first="endpoint-kind"),
    Intent("endpoints_by_kind", "endpoint kinds by number of trials", r"\bend-?\s?points?\b|\boutcomes?\b|\bwhat do\b[^?]*\bmeasure\b",
           also=r"\b(?:most|common\w*|often|frequent\w*|kinds?|measures?|used|popular)\b", first="endpoint-kind"),
    Intent("trials_by_site", "trials at a site", has=("site",), needs=("site",), also=r"\b(?:hospitals?|sites?|cent(?:er|re)s?|where|recruit\w*)\b"),
    Intent("sites_by_country", "sites of trials", r"\bsites?\b|\bhospitals?\b|\bwhere\b|\bcit(?:y|ies)\b|\bcent(?:er|re)s?\b|\blocations?\b|\bfacilit\w+\b|\bclinics?\b",
           also=r"\b(?:located|take|place|near)\b"),
    Intent("trials_by_sponsor", "trials by sponsor", r"\bsponsors?\b|\bsponsored\b|\bcompan(?:y|ies)\b|\bwho (?:runs?|funds?|leads?)\b", has=("sponsor",),
           also=r"\b(?:most|top|industry|academic|have|has)\b"),
    Intent("trial_card", "all that the graph says of it", needs=("trial",),
           also=r"\b(?:card|summar\w+|details?|title|about|phase|status|sponsors?|age|ages|range|purpose|mask\w*|blind\w*|allocat\w+|design|where|"
                r"recruit\w*|enroll?\w*|conditions?|eligib\w+|criteri\w+|everything|describe|what's|arms?|sites?|dos\w+|open|many|dates?|start\w*)\b"),
    Intent("trials_by_target_and_source", "trials", has=("antigen", "cell-source")),
    Intent("trials", "trials", has=("modality", "cell-type", "phase", "status", "country", "condition", "study-type", "sponsor", "since", "until")),
    Intent("trials", "all trials", r"\b(?:how many|all|every|list(?: the| of)?|show(?: me)?)\s(?:the\s)?(?:clinical\s)?(?:trials|studies)\b"),
)
"""In order of preference: among intents that explain as much of a question, the first is taken."""

_NAMED = {"trial": ("trial",), "max_days": ("max_days",), "min_days": ("min_days", "days"), "since": ("since", "date"),
          "until": ("until", "before"), "sponsor": ("sponsor",), "site": ("site",), "latitude": ("latitude",), "longitude": ("longitude",),
          "km": ("km", "kilometres", "radius")}
"""Names of the parameters that take what is no term of a vocabulary. Terms go to the parameter of their vocabulary."""

_CLAUSES = {
    "trial": "of {}", "antigen": "binding {}", "cell-source": "with {} cells", "modality": "with {} products", "cell-type": "with {}s",
    "condition": "in {}", "phase": "in {}", "status": "with the status {}", "country": "in {}", "study-type": "of the type {}",
    "endpoint-kind": "measuring {}", "endpoint-role": "as {}", "measure": "by {}", "binder-type": "through a {}", "max_days": "within {} days",
    "min_days": "of at least {} days", "since": "first posted on or after {}", "until": "first posted on or before {}",
    "sponsor": "sponsored by '{}'", "site": "at '{}'", "latitude": "at latitude {}", "longitude": "and longitude {}", "km": "within {} km",
    "product": "with the product {}"}
_ANY = frozenset({"country", "status", "condition", "modality", "cell-source", "cell-type", "study-type", "trial", "measure", "site", "sponsor"})
"""Concepts of which "and" means either: a list of trials in China and Japan holds those of each."""

_NEGATION = re.compile(r"(?:\b(?:not|non|without|no|never|except|excluding|neither|nor|other than|apart from|but not|don't|doesn't|isn't|aren't|lacking)\b|n't\b)"
                       r"[\s-]*(?:(?!and\b|but\b)[\w'-]+\s){0,3}$", re.IGNORECASE)


class Understanding(msgspec.Struct, frozen=True):
    """What a question means. ``query`` is empty where it was not understood, and ``hint`` says why.

    :ivar parameters: As the query takes them; several values of one are joined by "and" or "or".
    :ivar unknown: Words that were not understood.
    :ivar left_out: What was understood, and the query cannot be asked.
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


class _Plan(msgspec.Struct, frozen=True):
    """An intent laid over a question: which value each parameter gets, and what of the question it explains."""

    intent: Intent
    values: dict[str, tuple[tuple[str, Mention], ...]]
    spans: tuple[tuple[int, int], ...]
    score: int

    def covers(self, mention: Mention) -> bool:
        """Whether the plan uses a mention."""
        return any(mention is used for values in self.values.values() for _, used in values)


def answer_question(engine: Engine, question: str) -> Reply:
    """Answer a question in words.

    :raises LimitReached: the answer has more rows than anybody can use.
    """
    found = understand_question(question)
    if not found.query:
        return Reply("", {}, found.sentence, None, found.hint)
    answer = _run(engine, load_queries()[found.query], found)
    return Reply(found.query, found.parameters, found.sentence + (_count(answer) if found.is_count else ""), answer, found.hint)


def _split_values(parameters: dict[str, str]) -> dict[str, list[str]]:
    return {name: re.split(r" (?:and|or) ", value) if name not in ("sponsor", "site", "city") else [value] for name, value in parameters.items()}


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
                for pair in given.items():
                    trials.setdefault(pair, set()).add(row.get("trial"))
    kept = list(rows.values())
    for name, several in values.items():
        if " and " in found.parameters[name] and len(several) > 1 and "trial" in query.columns:
            shared = set.intersection(*(trials.get((name, value), set()) for value in several))
            kept = [row for row in kept if row["trial"] in shared]
    return Answer(tuple(query.columns), tuple(kept))


def _count(answer: Answer) -> str:
    """The number of trials, by answer where there are three."""
    if "trial" not in answer.columns:
        return f": {len(answer.rows)} rows"
    trials = len({row["trial"] for row in answer.rows})
    if "answer" not in answer.columns:
        return f": {trials} trials"
    by_answer = {kind: len({row["trial"] for row in answer.rows if row["answer"] == kind}) for kind in ("yes", "not stated", "no")}
    return f": {trials} trials ({', '.join(f'{number} {kind}' for kind, number in by_answer.items() if number) or 'none'})"


def understand_question(question: str, today: date | None = None) -> Understanding:
    """Find the stored query that a question asks for, and its parameters. Needs no graph.

    >>> understand_question("allogeneic CD123 trials").sentence
    'trials binding IL3RA (CD123) with allogeneic cells [trials_by_target_and_source target=IL3RA cell_source=allogeneic]'
    """
    if not question.strip():
        return _refuse("nothing", "The question is empty. " + _EXAMPLES)
    if len(question) > MAX_LENGTH:
        return _refuse("nothing", f"The question has {len(question):,} characters; ask in at most {MAX_LENGTH:,}")
    reading = read_question(question, today)
    plan = _choose(reading)
    unknown = list_leftovers(reading, plan.spans if plan else ())
    strange = next((word for word in unknown if looks_like_antigen(word)), None) or _find_strange_target(reading, unknown)
    if strange is not None:
        return _refuse_antigen(strange, unknown)
    if plan is None or (unknown and (not reading.mentions or len(unknown) > 3 + 2 * len(reading.mentions))):
        return _refuse(_list_unknown(unknown) or "nothing that kg can ask for", _EXAMPLES, unknown)
    negated = _find_negated(reading, plan)
    if negated is not None and negated.concept != "cell-source":
        what = _show(negated.concept, negated.readings[negated.concept])
        return _refuse(f"a negation: not {what}", f"kg cannot leave trials out by {what}. Ask without the negation, and compare")
    return _explain(reading, plan, unknown, negated)


def _refuse(sentence: str, hint: str, unknown: tuple[str, ...] = ()) -> Understanding:
    return Understanding("", {}, unknown, sentence, hint)


def _refuse_antigen(word: str, unknown: tuple[str, ...]) -> Understanding:
    near = list_near_names(word)
    hint = f"{word} is no antigen that kg knows" + (f". Near names: {', '.join(near)}" if near else "")
    return _refuse(_list_unknown(unknown), hint, unknown)


def _list_unknown(unknown: tuple[str, ...]) -> str:
    if not unknown:
        return ""
    return "not understood: " + ", ".join(word[:40] for word in unknown[:8]) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")


def _find_strange_target(reading: Reading, unknown: tuple[str, ...]) -> str | None:
    """An unknown word where an antigen must stand ("who targets FOO?")."""
    for word in unknown:
        if re.search(rf"(?:\btarget(?:s|ing)|\banti-?|\bagainst|\bbind(?:s|ing)|\bsynonyms? (?:of|for)|\bnames? (?:of|for))\s?{re.escape(word)}(?![\w-])", reading.text,
                     re.IGNORECASE):
            return word
    return None


def _choose(reading: Reading) -> _Plan | None:
    """The plan that explains most of the question; of equals, the first in the table."""
    masked = _mask(reading)
    best: _Plan | None = None
    for intent in (*INTENTS, *_list_other_intents()):
        plan = _lay(intent, reading, masked)
        if plan is not None and (best is None or plan.score > best.score):
            best = plan
    return best


def _list_other_intents() -> Iterator[Intent]:
    """Queries that no intent names are asked for by the keywords of their header."""
    named = {intent.query for intent in INTENTS}
    for name, query in load_queries().items():
        if name not in named and not query.must_be_empty:
            special = [word for word in query.keywords if word.casefold() not in NOISE and len(word) > 3]
            if special:
                words = r"\b(?:" + "|".join(re.escape(word) + "s?" for word in special) + r")\b"
                yield Intent(name, query.title[0].lower() + query.title[1:], words, also=words)


def _mask(reading: Reading) -> str:
    text = list(reading.text)
    for mention in reading.mentions:
        text[mention.start:mention.end] = "§" * (mention.end - mention.start)
    return re.sub(r"§+", lambda found: "§" + "\u200b" * (len(found[0]) - 1), "".join(text))


def _lay(intent: Intent, reading: Reading, masked: str) -> _Plan | None:
    query = load_queries().get(intent.query)
    if query is None:
        return None
    found = [one.span() for one in re.finditer(intent.says, masked.replace("\u200b", "§"), re.IGNORECASE)] if intent.says and "§" not in intent.says \
        else [one.span() for one in re.finditer(intent.says.replace("§", "§\u200b*"), masked, re.IGNORECASE)] if intent.says else []
    concepts = {mention.concept for mention in reading.mentions} | {concept for mention in reading.mentions for concept in mention.readings if concept == "ligand"}
    readable = {concept for mention in reading.mentions for concept in mention.readings}
    is_asked = bool(found) or bool(concepts & set(intent.has)) or (not intent.says and not intent.has)
    if not is_asked or not set(intent.needs) <= readable:
        return None
    values = _fill(intent, query, reading, found)
    if any(parameter.required and name not in values for name, parameter in query.parameters.items()):
        return None
    also = [one.span() for one in re.finditer(intent.also, masked, re.IGNORECASE)] if intent.also else []
    plan = _Plan(intent, values, (*found, *also), 0)
    covered = sum(plan.covers(mention) for mention in reading.mentions)
    return msgspec.structs.replace(plan, score=covered + bool(found))


def _fill(intent: Intent, query: StoredQuery, reading: Reading, spans: list[tuple[int, int]]) -> dict[str, tuple[tuple[str, Mention], ...]]:
    """Values of the query's parameters. A name inside the words of the intent ("without stated donor") is part of them."""
    values: dict[str, tuple[tuple[str, Mention], ...]] = {}
    for mention in reading.mentions:
        for concept in sorted(mention.readings, key=lambda one: one != intent.first):
            takes = [name for name, parameter in query.parameters.items() if parameter.scheme == concept or name in _NAMED.get(concept, ())]
            if takes and not any(start <= mention.start and mention.end <= end for start, end in spans):
                name = next((one for one in takes if one not in values), takes[0])
                values[name] = (*values.get(name, ()), (concept, mention))
                break
    return values


def _find_negated(reading: Reading, plan: _Plan) -> Mention | None:
    """A name right behind a negation that is not part of the intent's own words."""
    for mention in reading.mentions:
        before = list(reading.text[:mention.start])
        for start, end in (*plan.spans, *((other.start, other.end) for other in reading.mentions)):
            before[start:min(end, mention.start)] = "§" * max(0, min(end, mention.start) - start)
        if _NEGATION.search("".join(before).replace("§", "\u00a7")):
            return mention
    return None


def _show(concept: str, value: str) -> str:
    return show_term(concept, value)


def _join(name: str, concept: str, used: tuple[tuple[str, Mention], ...], reading: Reading) -> str:
    """Values of one parameter, joined as the question joins them."""
    values = list(dict.fromkeys(mention.readings[concept] for concept, mention in used))
    between = reading.text[used[0][1].end:used[-1][1].start]
    is_any = concept in _ANY or re.search(r"\bor\b", between) or (concept == "phase" and " and " in between) or not between
    return (" or " if is_any else " and ").join(values)


def _explain(reading: Reading, plan: _Plan, unknown: tuple[str, ...], negated: Mention | None) -> Understanding:
    parameters = {name: _join(name, used[0][0], used, reading) for name, used in plan.values.items()}
    if len(list(itertools.product(*_split_values(parameters).values()))) > _MAX_RUNS:
        return _refuse("too many names at once", "Ask about fewer names in one question")
    clauses = [plan.intent.head]
    for used in plan.values.values():
        values = list(dict.fromkeys(mention.readings[concept] for concept, mention in used))
        joined = f" {'and' if ' and ' in _join('', used[0][0], used, reading) else 'or'} ".join(_show(used[0][0], value) for value in values)
        clauses.append(_CLAUSES.get(used[0][0], "{}").format(joined))
    given = "".join(f" {name}={_quote(value)}" for name, value in parameters.items())
    left_out = tuple(dict.fromkeys(_show(mention.concept, mention.readings[mention.concept]) for mention in reading.mentions
                                   if not plan.covers(mention) and not _is_inside(mention, plan.spans)))
    answers: tuple[str, ...] = ()
    notes = list(reading.notes)
    notes += [f"{mention.readings['ligand']} binds {_show('antigen', mention.readings['antigen'])}" for mention in reading.mentions
              if "ligand" in mention.readings and plan.covers(mention)]
    if negated is not None:
        source = negated.readings["cell-source"]
        if not plan.covers(negated) or "answer" not in load_queries()[plan.intent.query].columns:
            return _refuse(f"a negation: not {source}", f"kg can ask 'which CD19 trials are not {source}?', with an antigen and no sponsor or date")
        answers = ("no", "not stated")
        notes.append(f"not {source}: 'no' is another stated source; 'not stated' may still be {source}")
    notes += [f"left out, because this question cannot take it: {', '.join(left_out)}"] if left_out else []
    notes += [_list_unknown(unknown)] if unknown else []
    sentence = f"{' '.join(clauses)} [{plan.intent.query}{given}]" + "".join(f"; {note}" for note in notes)
    is_count = re.search(r"\bhow many\b|\bnumber of\b|\bcount\b", reading.text, re.IGNORECASE) is not None
    return Understanding(plan.intent.query, parameters, unknown, sentence, "", left_out, answers, is_count)


def _is_inside(mention: Mention, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start <= mention.start and mention.end <= end for start, end in spans)


def _quote(value: str) -> str:
    return f"'{value}'" if " " in value else value
