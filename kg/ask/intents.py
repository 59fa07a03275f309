"""What a question can be about: kinds of questions, each with the stored query that answers it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import msgspec

from kg.ask.words import NOISE
from kg.queries import load_queries


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
    :ivar refuses: Why the graph cannot answer it, and what to ask instead; ``query`` is empty then.
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
    refuses: str = ""
    defaults: tuple[tuple[str, str], ...] = ()


_SILENT = (
    r"(?:(?:not|never|n't|without|no)\s(?:being\s)?(?:any\s|an?\s|the\s)?(?:clearly\s)?"
    r"(?:stat\w+|sa(?:y|id|ying)|specif\w+|report\w*|giv\w+|tell\w*|disclos\w+|mention\w*|known)|unstated|unspecified|unknown|undisclosed|"
    r"silent|missing|unclear)"
)
_ORIGIN = r"(?:donors?|(?:cell )?sources?|origin|whose|provenance|¤+)"
_ENDPOINT = r"\bend-?\s?points?\b|\boutcomes?\b|\bmeasur(?!able)\w+\b|\bassess\w*\b"
_PLACE = (
    r"\bsites?\b|\bhospitals?\b|^where\b|\bwhere (?:are|is|do|does|can|were)\b|\bcit(?:y|ies)\b|\bcent(?:er|re)s?\b"
    r"|\blocations?\b|\bfacilit\w+|\bclinics?\b"
)
_MOST = r"\b(?:most|top|common\w*|often|frequent\w*|popular|kinds?|ranking|ranked)\b"
_FACTS = (
    r"\b(?:card|summar\w+|details?|title|about|phases?|sponsors?|ages?|range|purpose|mask\w*|blind\w*|allocat\w+|"
    r"design|recruit\w*|enroll?\w*|conditions?|eligib\w+|criteri\w+|everything|describe|what's|arms?|open|dates?)\b"
)
_COUNTRY = r"\b(?:which|what|most|top) countr(?:y|ies)\b|\bgeograph\w+|\bcountr(?:y|ies) (?:by|with|host)\w*"
_BOTH = r"\b(?:dual|tandem|bispecific|both|together)\b"
_COSTIMULATION = r"\bco-?stim\w*|\bsignal+ing\b|\bendodomains?\b"


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
        r"\bnon-?targets?\b|\b(?:antigens?|named|mentioned|but)\b[^.?§¶¤]{0,40}\bnot (?:bound|targeted)\b|"
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
        has=("drug",),
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
        r"\blimits?\b|\bdemand\w*|\bask(?:s|ing)? for\b",
        r"\b(?:values?|levels?|scores?|status|inclusion|exclusion|upper|lower|allow\w*|accept\w*|permit\w*|take)\b",
        has=("at_least", "at_most"),
        needs=("measure",),
        first="measure",
        clauses={"at_least": "with a limit of at least {}", "at_most": "with a limit of at most {}"},
    ),
    Intent(
        "",
        "trials that let patients in",
        r"\ballow\w*|\baccept\w*|\bpermit\w*|\badmit\w*|\btolerat\w*|\bwelcom\w*|\btake\b|\bopen (?:to|for)\b",
        needs=("measure",),
        first="measure",
        refuses="The graph holds what records require and exclude, and no permission. "
        "'trials that exclude {}' tells which exclude it; the others do not say",
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
        r"\btime\s?-?frames?[^.?§¶¤]{0,12}(?:missing|not stated|absent)",
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
        r"\b(?:double|multi)[- ]?target\w*|\bpartners?\b|\bwhat else\b|\btogether\b|\bbispecific\b|\btandem\b|"
        r"\bdual(?:[- ]?target\w*)?\b",
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
        clauses={"updated_since": "since {}", "updated_until": "since {}"},
        defaults=(("updated_until", "-730"),),
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
    Intent(
        "endpoints_by_kind",
        "endpoint kinds by number of trials",
        rf"\b(?:what|most|top|common\w*|popular|kinds? of)\b(?=\s(?:\S+\s){{0,3}}?(?:{_ENDPOINT}))"
        r"|\bwhat do trials measure\b",
        rf"{_MOST}|{_ENDPOINT}",
        first="endpoint-kind",
    ),
    Intent("trials_by_endpoint", "endpoints of trials", _ENDPOINT, _MOST, first="endpoint-kind"),
    Intent("trials_by_site", "trials", "", rf"{_PLACE}", has=("site",), needs=("site",)),
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
        _COUNTRY,
        rf"{_MOST}|\bhosts?\b|\bdistribution\b",
        needs=("antigen",),
    ),
    Intent(
        "countries_by_trials",
        "countries by number of trials",
        _COUNTRY,
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
        "products_by_costimulation",
        "products with a co-stimulatory domain",
        _COSTIMULATION,
        r"\b(?:domains?|intracellular|carry|carries|CARs|based)\b",
        has=("costimulation",),
        needs=("costimulation",),
        first="costimulation",
    ),
    Intent(
        "costimulation_by_target",
        "signalling domains by number of products",
        _COSTIMULATION,
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
    Intent(
        "trials_by_intervention",
        "trials",
        has=("intervention",),
        needs=("intervention",),
    ),
    Intent("named_products", "trials", r"\bnamed products?\b|\bbrands?\b|\bmarketed\b", has=("product",)),
    Intent(
        "trials_by_design",
        "trials",
        "",
        r"\b(?:accept\w*|open|take|design)\b",
        has=("allocation", "masking", "has_results", "healthy_volunteers"),
        clauses={"has_results": "with results: {}"},
    ),
    Intent("trial_card", "all that the graph says", "", rf"{_FACTS}|{_PLACE}", needs=("trial",)),
    Intent("trials_by_target_and_source", "trials", also=_BOTH, has=("antigen",), needs=("antigen",)),
    Intent(
        "trials",
        "trials",
        "",
        rf"\b(?:posted|registered|first)\b|{_BOTH}",
        has=(
            *(
                "antigen",
                "modality",
                "cell-type",
                "phase",
                "status",
                "country",
                "region",
                "condition",
                "study-type",
                "sponsor",
            ),
            *("since", "until", "started_since", "started_until", "completed_since", "completed_until"),
            *("updated_since", "updated_until", "disease-setting", "sex", "cell-source"),
        ),
    ),
    Intent(
        "trials",
        "all trials",
        r"\b(?:how many|all|every|list(?: the| of)?|show(?: me)?)\s(?:the\s)?(?:clinical\s)?(?:trials|studies)\b",
        is_alone=True,
    ),
)
"""In order of preference: among intents that explain as much of a question, the first is taken."""


def list_other_intents() -> Iterator[Intent]:
    """Queries that no intent names are asked for by the keywords of their header."""
    named = {intent.query for intent in INTENTS}
    for name, query in load_queries().items():
        special = [re.escape(word) for word in query.keywords if word.casefold() not in NOISE and len(word) > 3]
        if special and name not in named and not query.must_be_empty:
            words = rf"\b(?:{'|'.join(special)})s?\b"
            yield Intent(name, query.title[0].lower() + query.title[1:], words)


@cache
def own_words() -> re.Pattern[str]:
    """Words that the table itself knows, so that they are not taken for misspelt names."""
    patterns = [pattern for intent in INTENTS for pattern in (intent.says, intent.also) if pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
