"""What changed between two snapshots, with the words before and after."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kg.diffs import Change, TrialDiff, diff_snapshots
from kg.pipeline import build
from kg.snapshots import find_snapshot
from tests.pipeline.conftest import Write, make_study, read_versions, write
from tests.test_cli import run_kg

__all__ = ["write"]


def diff_builds(store: Path, old: Path, new: Path) -> dict[str, TrialDiff]:
    """Build one after the other, and what ``kg diff`` says, by registry id."""
    build([str(old)], store, workers=1)
    build([str(new)], store, is_update=True, workers=1)
    found = diff_snapshots(find_snapshot(store, "previous"), find_snapshot(store, "current"))
    return {str(one.registry_id): one for one in found}


def list_strings(value: Any) -> Iterator[str]:
    """All strings and numbers of a decoded record, as text."""
    if isinstance(value, dict):
        for part in value.values():
            yield from list_strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from list_strings(part)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def test_what_analysts_watch_for(tmp_path: Path, write: Write) -> None:
    """Status, enrolment, sites, targets, primary endpoints: in words, with both quotes."""
    old = make_study(1)
    section = old["protocolSection"]
    section["outcomesModule"] = {
        "primaryOutcomes": [{"measure": "Overall response rate", "timeFrame": "3 months"}],
        "secondaryOutcomes": [{"measure": "Overall survival", "timeFrame": "2 years"}],
    }
    section["armsInterventionsModule"] = {
        "interventions": [{"type": "BIOLOGICAL", "name": "CAR-T cells", "description": "CAR-T cells against CD19"}]
    }
    new = copy.deepcopy(old)
    section = new["protocolSection"]
    section["statusModule"]["overallStatus"] = "COMPLETED"
    section["designModule"]["enrollmentInfo"]["count"] = 99
    section["contactsLocationsModule"]["locations"] = [
        {"facility": "Clinic of Bern", "city": "Bern", "country": "Switzerland"}
    ]
    section["outcomesModule"] = {
        "primaryOutcomes": [{"measure": "Dose-limiting toxicity", "timeFrame": "28 days"}],
        "secondaryOutcomes": [{"measure": "Overall survival", "timeFrame": "5 years"}],
    }
    interventions = section["armsInterventionsModule"]["interventions"]
    interventions[0]["description"] = "CAR-T cells against CD19 and CD22"
    found = diff_builds(tmp_path / "s", write("a", old, make_study(2)), write("b", new, make_study(2), make_study(3)))
    assert {name: one.kind for name, one in found.items()} == {"NCT81000001": "changed", "NCT81000003": "added"}
    changes = {change.words: change for change in found["NCT81000001"].changes}

    def show(words: str) -> Change:
        return changes[next(one for one in changes if one.startswith(words))]

    status = show("recruitment status changed from Recruiting to Completed")
    assert (status.about, status.old, status.new) == ("status", "RECRUITING", "COMPLETED")
    assert (status.old_quote, status.new_quote) == ("RECRUITING", "COMPLETED")
    assert show("enrolment changed from 36 to 99").new_quote == "99"
    assert show("site opened: Clinic of Bern, Bern").new_quote == "Clinic of Bern"
    assert show("site closed: Hospital 1, Basel").old_quote == "Hospital 1"
    assert "CD22" in str(show("target of CAR-T cells added: CD22").new_quote)
    switched = show("primary endpoint switched from Overall response rate to Dose-limiting toxicity")
    assert (switched.old_quote, switched.new_quote) == ("Overall response rate", "Dose-limiting toxicity")
    frame = show("time frame of Overall survival changed from 2 years to 5 years")
    assert (frame.old_quote, frame.new_quote) == ("2 years", "5 years")


def test_real_versions(tmp_path: Path, shared: Path) -> None:
    """Status, enrolment and sites as the JSON itself tells them, and every quote is in its record."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for one in read_versions(shared):
        first.setdefault(one["nct"], one["study"])
        last[one["nct"]] = one["study"]
    chosen = sorted(first)[::3]
    for name, studies in (("a", first), ("b", last)):
        (tmp_path / name).write_text("".join(json.dumps(studies[nct]) + "\n" for nct in chosen))
    found = diff_builds(tmp_path / "s", tmp_path / "a", tmp_path / "b")
    assert found
    for nct in chosen:
        old, new = first[nct]["protocolSection"], last[nct]["protocolSection"]
        changes = found[nct].changes if nct in found else ()
        by_key = {change.about: change for change in changes if change.about in ("status", "enrollment")}
        for key, path in (
            ("status", ("statusModule", "overallStatus")),
            ("enrollment", ("designModule", "enrollmentInfo")),
        ):
            before, after = (section[path[0]][path[1]] for section in (old, new))
            if key == "enrollment":
                before, after = before["count"], after["count"]
            assert (key in by_key) is (before != after), (nct, key)
            if key in by_key:
                assert (by_key[key].old, by_key[key].new) == (before, after)
        sites = [
            {place.get("facility") for place in section["contactsLocationsModule"].get("locations", [])}
            for section in (old, new)
        ]
        opened = {change.new["facility"] for change in changes if change.about == "sites" and change.kind == "added"}
        assert sites[1] - sites[0] <= opened
        texts = [set(list_strings(record)) for record in (first[nct], last[nct])]
        for change in changes:
            for side, quote in enumerate((change.old_quote, change.new_quote)):
                assert quote is None or any(quote in text for text in texts[side]), (nct, change.words)
            assert change.old_quote or change.new_quote, (nct, change.words)


def test_what_a_card_does_not_show_is_compared_too(tmp_path: Path, write: Write) -> None:
    """Dates, texts, names: each stated change is told, a long text by the part that differs."""
    filler = " ".join(f"word{number}" for number in range(300))
    old = make_study(1)
    section = old["protocolSection"]
    section["statusModule"] |= {
        "primaryCompletionDateStruct": {"date": "2025-01"},
        "completionDateStruct": {"date": "2025-02"},
    }
    section["eligibilityModule"]["eligibilityCriteria"] = f"Age 18 or older. {filler} Signed consent."
    section["ipdSharingStatementModule"] = {"ipdSharing": "NO"}
    section["outcomesModule"] = {"primaryOutcomes": [{"measure": "Safety", "description": "Graded by CTCAE 4"}]}
    section["descriptionModule"] = {"briefSummary": f"{filler} one dose."}
    section["sponsorCollaboratorsModule"]["responsibleParty"] = {"type": "SPONSOR"}
    section["sponsorCollaboratorsModule"]["collaborators"] = [{"name": "First Clinic"}]
    section["identificationModule"]["officialTitle"] = "A study of cells"
    new = copy.deepcopy(old)
    section = new["protocolSection"]
    section["statusModule"] |= {
        "primaryCompletionDateStruct": {"date": "2026-03"},
        "completionDateStruct": {"date": "2026-04"},
    }
    section["eligibilityModule"]["eligibilityCriteria"] = f"Age 18 or older. {filler} Written consent."
    section["ipdSharingStatementModule"] = {"ipdSharing": "YES"}
    section["outcomesModule"] = {"primaryOutcomes": [{"measure": "Safety", "description": "Graded by CTCAE 5"}]}
    section["descriptionModule"] = {"briefSummary": f"{filler} two doses."}
    section["sponsorCollaboratorsModule"]["responsibleParty"] = {
        "type": "PRINCIPAL_INVESTIGATOR",
        "investigatorFullName": "Ada Byron",
    }
    section["sponsorCollaboratorsModule"]["collaborators"] = [{"name": "Second Clinic"}]
    section["identificationModule"]["officialTitle"] = "A trial of cells"
    found = diff_builds(tmp_path / "s", write("a", old), write("b", new))["NCT81000001"]
    changes = {change.words: change for change in found.changes}
    expected = {
        "primary completion date changed from 2025-01 to 2026-03",
        "completion date changed from 2025-02 to 2026-04",
        "eligibility text changed from “Signed” to “Written”",
        "sharing of individual data changed from NO to YES",
        "description of outcome Safety changed from “4” to “5”",
        "brief summary changed from “one dose.” to “two doses.”",
        "responsible party now stated: Ada Byron",
        "official title changed from A study of cells to A trial of cells",
        "collaborator added: Second Clinic",
        "collaborator removed: First Clinic",
    }
    assert expected <= set(changes)
    assert changes["eligibility text changed from “Signed” to “Written”"].new_quote == (
        "word297 word298 word299 Written consent."
    )


def test_a_region_in_other_words_neither_opens_nor_closes_a_site(tmp_path: Path, write: Write) -> None:
    """One hospital whose region is reworded, beside one that has a namesake in another region."""
    old, new = make_study(1), make_study(1, "2024-02-02")
    namesake = {"facility": "City Hospital", "city": "Springfield", "country": "United States"}
    clinic = {"facility": "Clinic", "city": "Seville", "country": "Spain"}
    old["protocolSection"]["contactsLocationsModule"]["locations"] = [
        {**clinic, "state": "Sevilla"},
        {**namesake, "state": "Ohio"},
    ]
    new["protocolSection"]["contactsLocationsModule"]["locations"] = [
        {**clinic, "state": "Andalusia"},
        {**namesake, "state": "Ohio"},
        {**namesake, "state": "Texas"},
    ]
    found = diff_builds(tmp_path / "s", write("a", old), write("b", new))["NCT81000001"]
    assert [(change.about, change.words, change.old_quote, change.new_quote) for change in found.changes] == [
        ("sites.region", "region reworded from Sevilla to Andalusia: Clinic, Seville, ES", "Sevilla", "Andalusia"),
        ("sites", "site opened: City Hospital, Springfield, Texas, US", None, "City Hospital"),
    ]


def test_a_change_of_nothing_that_is_compared_is_counted(tmp_path: Path, write: Write) -> None:
    """A newer date alone: one line in words, an entry of its own in JSON."""
    store = tmp_path / "s"
    found = diff_builds(store, write("a", make_study(1)), write("b", make_study(1, "2024-02-02")))
    assert [(one.kind, one.changes) for one in found.values()] == [("uncompared", ())]
    line = "1 trial changed only in its date of update or in text that is not compared\n"
    assert run_kg("diff", store=store).stdout == line
    [one] = json.loads(run_kg("diff", "--format", "json", store=store).stdout)
    assert (one["registry_id"], one["kind"]) == ("NCT81000001", "uncompared")


def test_every_replaced_record_is_mentioned(tmp_path: Path, shared: Path) -> None:
    """Of real versions, each record that a newer one replaced is among the trials that differ."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for one in read_versions(shared):
        first.setdefault(one["nct"], one["study"])
        last[one["nct"]] = one["study"]
    chosen = [nct for nct in sorted(first)[1::3] if first[nct] != last[nct]]
    for name, studies in (("a", first), ("b", last)):
        (tmp_path / name).write_text("".join(json.dumps(studies[nct]) + "\n" for nct in chosen))
    assert set(diff_builds(tmp_path / "s", tmp_path / "a", tmp_path / "b")) == set(chosen)


def test_the_command_line_of_diff(tmp_path: Path, write: Write) -> None:
    """In words and as JSON; nothing differs between a snapshot and itself; a wrong name is one line."""
    store = tmp_path / "s"
    diff_builds(store, write("a", make_study(1)), write("b", make_study(1, "2024-02-02", "COMPLETED")))
    done = run_kg("diff", store=store)
    assert "recruitment status changed from Recruiting to Completed" in done.stdout
    assert "was “RECRUITING”" in done.stdout
    [found] = json.loads(run_kg("diff", "previous", "current", "--format", "json", store=store).stdout)
    assert found["changes"][0]["about"] == "status"
    assert "no trial differs" in run_kg("diff", "current", "current", store=store).stderr
    assert "backwards" not in run_kg("diff", store=store).stderr
    assert run_kg("snapshots", "use", "previous", store=store).returncode == 0
    assert "the changes run backwards in time" in run_kg("diff", store=store).stderr
    done = run_kg("diff", "nonsense", store=store)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
