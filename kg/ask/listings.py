"""Kinds of questions that list or count trials, places, sponsors and products."""

from __future__ import annotations

from kg.ask.kinds import BOTH, COSTIMULATION, COUNTRY, FACTS, MOST, PLACE, Intent

LISTINGS = (
    Intent("trials_by_site", "trials", "", rf"{PLACE}", has=("site",), needs=("site",)),
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
        rf"{MOST}|\bhosts?\b",
    ),
    Intent(
        "countries_by_target",
        "countries by number of trials",
        COUNTRY,
        rf"{MOST}|\bhosts?\b|\bdistribution\b",
        needs=("antigen",),
    ),
    Intent(
        "countries_by_trials",
        "countries by number of trials",
        COUNTRY,
        rf"{MOST}|\bhosts?\b|\bdistribution\b",
    ),
    Intent("sites_by_country", "sites of trials", PLACE, r"\b(?:located|place|near)\b"),
    Intent(
        "sponsors_by_trials",
        "sponsors by number of trials",
        r"\bsponsors?\b|\bcompan(?:y|ies)\b|\borgani[sz]ations?\b|"
        r"\bwho(?:'s| is)? (?:runs?|funds?|leads?|running|funding|leading)\b",
        rf"{MOST}|\b(?:active|have|has)\b",
    ),
    Intent("trials_by_sponsor", "trials", has=("sponsor",), needs=("sponsor",)),
    Intent(
        "conditions_by_trials",
        "diseases by number of trials",
        r"\b(?:which|what|most|top)\s(?:studied\s)?(?:diseases?|conditions?|indications?|cancers?)\b",
        MOST,
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
        COSTIMULATION,
        r"\b(?:domains?|intracellular|carry|carries|CARs|based)\b",
        has=("costimulation",),
        needs=("costimulation",),
        first="costimulation",
    ),
    Intent(
        "costimulation_by_target",
        "signalling domains by number of products",
        COSTIMULATION,
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
    Intent("trial_card", "all that the graph says", "", rf"{FACTS}|{PLACE}", needs=("trial",)),
    Intent("trials_by_target_and_source", "trials", joins=BOTH, has=("antigen",), needs=("antigen",)),
    Intent(
        "trials",
        "trials",
        "",
        r"\b(?:posted|registered|first)\b",
        BOTH,
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
