"""Kinds of questions about what trials, products and records say."""

from __future__ import annotations

from kg.ask.kinds import ENDPOINT, MOST, ORIGIN, PLACE, SILENT, Intent

_REQUIRE = r"\b(?:requir\w+|demand\w*|must have)\b"

FACTS_ASKED = (
    Intent(
        "cell_source_not_stated",
        "cell products that do not state whose cells they are made from",
        rf"{SILENT}[^.?§¶]{{0,30}}?{ORIGIN}(?:,? (?:or|nor|and) {ORIGIN})?|"
        rf"{ORIGIN}[^.?§¶]{{0,20}}?{SILENT}(?!\w|\s(?:an?\s)?{ORIGIN})",
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
        has=("antigen",),
        needs=("trial",),
    ),
    Intent(
        "evidence_of_trial",
        "words of the record behind each fact",
        r"\bevidence\b|\bquot\w+|\bwords\b|\bprove\w*|\bproof\b|\bprovenance\b|\bbased on\b|\brests?\b",
        r"\b(?:facts?|behind|exact|support\w*)\b",
        needs=("trial",),
    ),
    Intent("endpoints_of_trial", "endpoints", ENDPOINT, has=("endpoint-kind",), needs=("trial",)),
    Intent(
        "criteria_of_trial",
        "exclusion criteria",
        r"\bexclu\w+(?: criteri\w+)?|\bwho (?:can't|cannot|may not|can not)\b|\bineligible\b",
        r"\b(?:take|part|join|enter|patients)\b",
        needs=("trial",),
        keeps=(("list", "exclusion"), ("negated", True)),
    ),
    Intent(
        "criteria_of_trial",
        "inclusion criteria",
        r"\binclusion(?: criteri\w+)?|\brequir\w+",
        r"\b(?:take|part|join|enter|patients)\b",
        needs=("trial",),
        keeps=(("list", "inclusion"), ("negated", True)),
    ),
    Intent(
        "criteria_of_trial",
        "criteria",
        r"\beligib\w+|\bcriteri\w+|\b(?:in|ex)clu\w+|\bwho (?:can|may)\b",
        r"\b(?:take|part|join|enter|allow\w*|accept\w*|permit\w*|wom[ae]n)\b",
        has=("measure",),
        needs=("trial",),
    ),
    Intent(
        "products_of_trial",
        "products",
        r"\bproducts?\b|\binterventions?\b|\bdrugs?\b|\btreatments?\b",
        needs=("trial",),
    ),
    Intent(
        "records",
        "records read",
        r"\brecords?\b|\bfiles?\b|\bversions?\b|\b(?:last )?updated?\b",
        r"\bread\b",
        needs=("trial",),
    ),
    Intent(
        "sites_of_trial",
        "sites",
        rf"(?:{PLACE})(?=[^.?]{{0,80}}\brecruit)",
        rf"{PLACE}|\brecruit\w*",
        needs=("trial",),
        defaults=(("status", "RECRUITING"),),
    ),
    Intent(
        "sites_of_trial",
        "sites",
        PLACE,
        r"\brecruit\w*\b|\blocated\b",
        has=("country", "region", "site"),
        needs=("trial",),
    ),
    Intent(
        "facts_of_trial",
        "what the record says",
        also=r"\b(?:take part|join|enter|open)\b",
        needs=("trial", "fact"),
        clauses={"fact": "({})"},
    ),
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
        r"\bexclu\w+|\bineligible\b|\brul\w+ out\b|\bnot (?:allow|accept|admit)\w*|"
        rf"{_REQUIRE}\s(?:\w+\s){{0,3}}?(?:no|without|free (?:of|from)|absence of)\b",
        r"\b(?:history|positive|infected|criteri\w+|infections?|prior|active)\b",
        needs=("measure",),
        first="measure",
    ),
    Intent(
        "trials_requiring",
        "trials that require",
        rf"{_REQUIRE}|\bexclu\w+\s(?:\w+\s){{0,3}}?(?:without|lacking)\b",
        r"\b(?:history|positive|infected|criteri\w+|infections?|prior|active)\b",
        needs=("presence",),
        first="measure",
        clauses={"measure": "{}"},
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
        ENDPOINT,
        implies="primary",
    ),
    Intent(
        "follow_up_at_least",
        "trials with a follow-up",
        rf"\bfollow\w*[- ]?up\b|\bfollow(?:s|ed|ing)?\b|{ENDPOINT}",
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
        MOST,
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
        r"\bcomplete(?:ness)?\b|\bWHO\b(?=[^?]{0,200}\bitem)|\bmissing (?:items?|data|fields?)\b|"
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
        ENDPOINT,
        r"\b(?:rates?|negativ\w+|report\w*)\b",
        has=("endpoint-kind",),
        needs=("endpoint-kind",),
        first="endpoint-kind",
    ),
    Intent(
        "endpoints_by_kind",
        "endpoint kinds by number of trials",
        rf"\b(?:what|most|top|common\w*|popular|kinds? of)\b(?=\s(?:\S+\s){{0,3}}?(?:{ENDPOINT}))"
        r"|\bwhat do trials measure\b",
        rf"{MOST}|{ENDPOINT}",
        first="endpoint-kind",
    ),
    Intent("trials_by_endpoint", "endpoints of trials", ENDPOINT, MOST, first="endpoint-kind"),
)
