"""What each flat table holds: where its rows stand, seen from the trial, and where a column's values stand."""

from __future__ import annotations

import re

import msgspec

_NAME = re.compile(r"\w+:\w+")


class Column(msgspec.Struct, frozen=True):
    """A column: where its values stand, seen from the row (or from its trial), and what they mean.

    :ivar path: A property path of SPARQL, with ``/``, ``^``, and ``|`` in brackets; empty for the row's own IRI.
    :ivar type: ``string``, ``integer``, ``decimal`` or ``boolean``. Strings are joined; of numbers the least is taken.
    :ivar of: ``row`` or ``trial``, from which the path is seen.
    :ivar supports: Property. The path leads to evidence, and the values are the words on which the property rests; what
        an older record says otherwise is left out.
    :ivar shown: Property whose value stands for what the path finds, where it has one.
    :ivar default: What it means that the path finds nothing, where that means something.
    """

    name: str
    path: str
    note: str
    type: str = "string"
    of: str = "row"
    supports: str = ""
    shown: str = ""
    default: bool | None = None

    @property
    def properties(self) -> frozenset[str]:
        """The properties from which the column is read.

        >>> sorted(Column("sponsor", "kg:sponsor/rdfs:label", "").properties)
        ['kg:sponsor', 'rdfs:label']
        """
        words = ("kg:predicate", "kg:superseded", "kg:exactWords") if self.supports else ()
        return frozenset((*_NAME.findall(f"{self.path} {self.shown}"), *words))


class Table(msgspec.Struct, frozen=True):
    """A table: ``rows`` is the path from a trial to its rows, which are of the class ``kind``.

    Each table begins with the trial's IRI and its registry id.
    """

    name: str
    note: str
    kind: str
    rows: str
    columns: tuple[Column, ...]

    @property
    def properties(self) -> frozenset[str]:
        """The properties from which the table is read."""
        return frozenset({"rdf:type", *_NAME.findall(self.rows)}).union(
            *(one.properties for one in list_columns(self)), POSITION.properties
        )


def list_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table, with those that every table begins with."""
    return (Column("trial", "", "IRI of the trial", of="trial"), _REGISTRY_ID, *table.columns)


def _quote(name: str, about: str, supports: str, note: str) -> Column:
    """The words of the record on which a property rests; ``about`` leads from the evidence to the row."""
    return Column(name, f"^{about}", note, supports=supports)


POSITION = Column("position", "kg:position", "Place in the record", "integer")
"""Orders the rows of a trial; no table shows it."""
_REGISTRY_ID = Column("registry_id", "kg:registryId", "Number that the registry gave the trial", of="trial")
_PRODUCT = Column("product", "(^kg:hasBinding|^kg:hasDose)/rdfs:label", "Product, as the record names it")
_NOT_STATED = Column("not_stated", "kg:notStated/kg:cardKey", "Keys that the record was read for and does not tell")

TABLES = {
    table.name: table
    for table in (
        Table(
            "trials",
            "One row a trial",
            "kg:Trial",
            "",
            (
                Column("secondary_ids", "kg:secondaryId", "Other numbers of the trial"),
                Column("title", "kg:title", "Short title"),
                Column("official_title", "kg:officialTitle", "Scientific title"),
                Column("status", "kg:status/skos:notation", "Recruitment status"),
                Column("phases", "kg:phase/skos:notation", "Phases"),
                Column("study_type", "kg:studyType/skos:notation", "Interventional, observational …"),
                Column("allocation", "kg:allocation/skos:notation", "How participants come to an arm"),
                Column("intervention_model", "kg:interventionModel/skos:notation", "Layout of arms"),
                Column("masking", "kg:masking/skos:notation", "Who does not know the arm"),
                Column("primary_purpose", "kg:primaryPurpose/skos:notation", "What the interventions are for"),
                Column("enrollment_min", "kg:enrollmentMin", "Participants; the lower end of a range", "integer"),
                Column("enrollment_max", "kg:enrollmentMax", "Participants; the upper end of a range", "integer"),
                Column("sex", "kg:sex/skos:notation", "Sexes that may take part"),
                Column("healthy_volunteers", "kg:healthyVolunteers", "Whether healthy people may take part", "boolean"),
                Column("min_age_years", "kg:minAgeYears", "Youngest age, in years", "decimal"),
                Column("max_age_years", "kg:maxAgeYears", "Oldest age, in years", "decimal"),
                Column("conditions", "kg:conditionName", "Conditions as written"),
                Column("condition_terms", "kg:condition/skos:prefLabel", "Conditions as terms of the vocabulary"),
                Column("disease_setting", "kg:diseaseSetting/skos:notation", "Relapsed, refractory, newly diagnosed …"),
                Column("sponsor", "kg:sponsor/rdfs:label", "Organisation that answers for the trial"),
                Column("collaborators", "kg:collaborator/rdfs:label", "Organisations that support it"),
                Column("funder_types", "kg:funderType", "Kinds of organisation that pay"),
                Column("start_date", "kg:startDate/rdfs:label", "First enrolment; year, month or day as known"),
                Column("completion_date", "kg:completionDate/rdfs:label", "Last visit; year, month or day as known"),
                Column("last_update_date", "kg:lastUpdateDate/rdfs:label", "Last change in the registry"),
                Column("number_of_arms", "kg:numberOfArms", "Arms", "integer"),
                Column("number_of_sites", "kg:numberOfSites", "Sites", "integer"),
                Column("countries", "kg:country/skos:notation", "Countries of the sites, ISO 3166-1"),
                Column("contacts", "kg:contactName", "Contacts"),
                Column("responsible_party", "kg:responsibleParty", "Who answers for the record"),
                Column("responsible_party_type", "kg:responsiblePartyType/skos:notation", "Sponsor or investigator"),
                Column("ethics_review", "kg:ethicsReview", "Approval by an ethics committee, as written"),
                Column("has_results", "kg:hasResults", "Whether the registry shows results", "boolean"),
                Column(
                    "targets", "kg:hasIntervention/kg:hasBinding/kg:antigen/skos:notation", "Antigens its products bind"
                ),
                _NOT_STATED,
            ),
        ),
        Table(
            "products",
            "One row a cell product",
            "kg:CellProduct",
            "kg:hasIntervention",
            (
                Column("product", "rdfs:label", "Product, as the record names it"),
                Column("named_product", "kg:namedProduct/skos:prefLabel", "Known product that it is"),
                Column("modality", "kg:modality/skos:notation", "CAR-T, CAR-NK, TCR-T, TIL …"),
                Column("cell_type", "kg:cellType/skos:notation", "Kind of cell"),
                Column("targets", "kg:hasBinding/kg:antigen/skos:notation", "Antigens that it binds"),
                Column("logic", "kg:logic/skos:notation", "How several targets work together"),
                Column(
                    "cell_source", "kg:cellSource/skos:notation", "Where the cells come from, wider and narrower terms"
                ),
                Column("cell_source_basis", "kg:sourceBasis/skos:notation", "Stated, implied or inferred"),
                Column("cell_source_as_written", "kg:cellSourceAsWritten", "The record's word"),
                _quote("cell_source_quote", "kg:subject", "kg:cellSource", "Words on which the cell source rests"),
                Column("off_the_shelf", "kg:offTheShelf", "Whether it is made before the patient is known", "boolean"),
                Column("costimulation", "kg:costimulation/skos:notation", "Co-stimulatory domains"),
                Column("safety_switch", "kg:safetySwitch/skos:notation", "Safety switches"),
                Column("edits", "kg:edit", "Genes that were edited"),
                Column("lymphodepletion", "kg:lymphodepletion", "Drugs given before the cells"),
                Column("dose_escalation", "kg:doseEscalation", "Whether the dose is raised step by step", "boolean"),
                _NOT_STATED,
            ),
        ),
        Table(
            "targets",
            "One row an antigen that a product binds",
            "kg:Binding",
            "kg:hasIntervention/kg:hasBinding",
            (
                _PRODUCT,
                Column(
                    "target", "kg:antigen/skos:notation", "HGNC symbol, or the antigen's label where it is no one gene"
                ),
                Column("target_label", "kg:antigen/skos:prefLabel", "Common name"),
                Column("target_as_written", "kg:asWritten", "The record's word"),
                Column("binder", "kg:binder", "What binds it, where that is told"),
                Column("binder_type", "kg:binderType/skos:notation", "Antibody fragment, ligand …"),
                _quote("quote", "kg:subject", "kg:antigen", "Words on which the target rests"),
            ),
        ),
        Table(
            "doses",
            "One row a dose of a product",
            "kg:Dose",
            "kg:hasIntervention/kg:hasDose",
            (
                _PRODUCT,
                Column("role", "kg:doseRole/skos:notation", "Range, start, level or RP2D"),
                Column("low", "kg:doseLow", "Lower end", "decimal"),
                Column("high", "kg:doseHigh", "Upper end", "decimal"),
                Column("unit", "kg:doseUnit", "cells, cells/kg or cells/m2"),
                _quote("quote", "kg:object", "kg:hasDose", "Words on which the dose rests"),
            ),
        ),
        Table(
            "endpoints",
            "One row an endpoint",
            "kg:Endpoint",
            "kg:hasEndpoint",
            (
                Column("role", "kg:endpointRole/skos:notation", "Primary, secondary or other"),
                Column("endpoint", "rdfs:label", "Measure as written"),
                Column("kind", "kg:mainKind/skos:notation", "Main thing measured"),
                Column("kinds", "kg:endpointKind/skos:notation", "All things measured"),
                Column("time_frame", "kg:timeFrame/rdfs:label", "When, as written"),
                Column("min_days", "kg:timeFrame/kg:minDays", "Lower bound in days", "decimal"),
                Column("max_days", "kg:timeFrame/kg:maxDays", "Upper bound in days", "decimal"),
                Column("anchor", "kg:timeFrame/kg:anchor", "Event from which the time counts"),
                Column("event_driven", "kg:timeFrame/kg:eventDriven", "Whether an event ends it", "boolean"),
                Column("grading", "kg:grading", "Scale, such as CTCAE v5.0"),
            ),
        ),
        Table(
            "sites",
            "One row a trial and site",
            "kg:Site",
            "kg:hasSite",
            (
                Column("facility", "kg:facility", "Hospital or institute"),
                Column("city", "kg:city", "City"),
                Column("region", "kg:region", "State or province"),
                Column("country", "kg:country/skos:notation", "ISO 3166-1 code"),
                Column("latitude", "kg:location/geo:lat", "Degrees north", "decimal"),
                Column("longitude", "kg:location/geo:long", "Degrees east", "decimal"),
            ),
        ),
        Table(
            "criteria",
            "One row an eligibility criterion that can be compared",
            "kg:Criterion",
            "kg:hasCriterion",
            (
                Column("list", "kg:criterionList/skos:notation", "Inclusion or exclusion"),
                Column("measure", "(kg:measure|kg:absentMeasure)/skos:notation", "What is looked at"),
                Column("negated", "kg:negated", "True where its absence is asked for", "boolean", default=False),
                Column("antigen", "kg:antigen/skos:notation", "Antigen, where its expression is looked at"),
                Column("op", "kg:comparator", "Comparator; empty where presence alone counts"),
                Column("low", "kg:thresholdLow", "Value compared with; lower end of a range", "decimal"),
                Column("high", "kg:thresholdHigh", "Value compared with; upper end of a range", "decimal"),
                Column("unit", "kg:unit", "Unit"),
                _quote("quote", "kg:object", "kg:hasCriterion", "Words on which the criterion rests"),
            ),
        ),
        Table(
            "not_targets",
            "One row an antigen that is named but not bound",
            "kg:AntigenMention",
            "kg:hasAntigenMention",
            (
                Column("antigen", "kg:antigen/skos:notation", "HGNC symbol or label"),
                Column("antigen_as_written", "kg:asWritten", "The record's word"),
                Column("role", "kg:mentionRole/skos:notation", "Eligibility marker, reagent, co-stimulation …"),
                _quote("quote", "kg:object", "kg:hasAntigenMention", "Words in which it is named"),
            ),
        ),
        Table(
            "records",
            "One row a record that was read",
            "kg:RegistryRecord",
            "kg:hasRecord",
            (
                Column("record", "", "IRI of the record"),
                Column("file", "kg:fileName", "File, with the line where it holds several"),
                Column("format", "kg:recordFormat", "Format in which it was read"),
                Column("sha256", "kg:sha256", "Of the record's text"),
                Column("updated", "kg:lastUpdateDate/rdfs:label", "Date of this version as it gives it"),
            ),
        ),
        Table(
            "evidence",
            "One row a statement read from prose",
            "kg:Evidence",
            "kg:hasRecord/^kg:fromRecord",
            (
                Column("property", "kg:predicate", "Property that the words support", shown="rdfs:label"),
                Column("about", "kg:subject", "IRI of the thing they are about"),
                Column("value", "(kg:object|kg:objectValue)", "Value: notation, text or IRI", shown="skos:notation"),
                Column("quote", "kg:exactWords", "The words"),
                Column("field", "kg:field", "Dotted path in the record; text for a page"),
                Column("start", "kg:start", "First code point in the field", "integer"),
                Column("end", "kg:end", "One past the last", "integer"),
                Column("rule", "kg:rule", "Rule that read it"),
                Column("basis", "kg:basis/skos:notation", "Stated, implied or inferred"),
                Column("superseded", "kg:superseded", "True where a newer record says otherwise", "boolean"),
                Column("file", "kg:fromRecord/kg:fileName", "File of the record"),
            ),
        ),
    )
}
"""All tables by name."""
