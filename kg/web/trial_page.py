"""Lay a card out as a page: every fact with the words it rests on, and those words marked in the record's text."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kg.cards.criteria import say_criterion
from kg.fields import load_fields
from kg.terms import ID

Card = dict[str, Any]
Places = dict[tuple[int, int], list[Card]]
"""Evidence by the span of its words in one text."""
_ELSEWHERE = frozenset({"file", "registry_id", "title", "brief_summary"})
"""Keys of the card that the page shows in its head, or in the record."""
_EXPONENT = re.compile(r"e\+0*(\d+)")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

class Words(msgspec.Struct, frozen=True):
    """Words behind a fact, and where they are marked on the page."""

    anchor: str
    quote: str
    rule: str
    basis: str


class Fact(msgspec.Struct, frozen=True):
    """A line of the page. ``text`` is empty where the record does not state it."""

    label: str
    text: str
    words: tuple[Words, ...] = ()


class Segment(msgspec.Struct, frozen=True):
    """A piece of a record's text, marked where facts rest on it."""

    text: str
    anchors: tuple[str, ...] = ()
    is_marked: bool = False
    note: str = ""


def lay_out(card: Card, texts: Sequence[Card]) -> Card:
    """What the template of a trial shows."""
    proofs = _Proofs(card["evidence"])
    return {
        "card": card,
        "overview": [_fact(card, "", key, "", proofs) for key in _list_keys("", "")],
        "people": [_fact(card, "", key, "", proofs) for key in _list_keys("", "people")],
        "title_words": [one for one in proofs.find("title") if one.quote != card["title"]],
        "title_anchor": next((one.anchor for one in proofs.find("title")), ""),
        "products": [
            _product(item, f"interventions.{number}", proofs)
            for number, item in enumerate(card["interventions"])
        ],
        "arms": [(item, proofs.find(f"arms.{number}")) for number, item in enumerate(card["arms"])],
        "endpoints": [(item, proofs.find(f"endpoints.{number}")) for number, item in enumerate(card["endpoints"])],
        "sites": [
            (item, say_value("sites.status", item["status"]), proofs.find(f"sites.{number}"))
            for number, item in enumerate(card["sites"])
        ],
        "criteria": [
            (say_criterion(item), item["list"], proofs.find(f"criteria.{number}"))
            for number, item in enumerate(card["criteria"])
        ],
        "mentions": [(item, proofs.find(f"not_targets.{number}")) for number, item in enumerate(card["not_targets"])],
        "absent": sorted(map(load_fields().name_heading, card["not_stated"])),
        "records": [_record(one, proofs) for one in texts],
        "schema": describe_for_search(card),
    }


def _list_keys(group: str, section: str) -> list[str]:
    """Keys that a section of the page shows, in order; things with keys of their own have sections of theirs."""
    return [
        key
        for key, fields in load_fields().of_group(group).items()
        if not fields or (fields[0].section == section and fields[0].kind not in ("part", "record", "property"))
        if key not in _ELSEWHERE
    ]


class _Proofs:
    """Evidence by what it is about, and by its place in the records."""

    def __init__(self, evidence: Sequence[Card]) -> None:
        self.by_place: dict[tuple[str, str], Places] = defaultdict(dict)
        self.anchors: dict[tuple[str, str, int, int], str] = {}
        self.by_about: dict[str, dict[str, Words]] = defaultdict(dict)
        for one in evidence:
            place = (one["record"], one["field"], one["start"], one["end"])
            anchor = self.anchors.setdefault(place, f"w{len(self.anchors) + 1}")
            self.by_place[place[:2]].setdefault(place[2:], []).append(one)
            words = Words(anchor, one["quote"], one["rule"], one["basis"])
            for about in itertools.accumulate(one["about"].split("."), "{}.{}".format):  # a fact, and all that it is in
                self.by_about[about].setdefault(anchor, words)

    def find(self, about: str) -> tuple[Words, ...]:
        """The words behind a fact and its parts, each place once."""
        return tuple(self.by_about[about].values()) if about in self.by_about else ()


def _fact(thing: Card, group: str, key: str, about: str, proofs: _Proofs) -> Fact:
    """A value of the card, or of a thing of it (its group and its own path), as a line of the page."""
    path = _join(group, key)
    text = say_value(path, thing[key])
    return Fact(load_fields().name_heading(path), text, proofs.find(_join(about, key)) if text else ())


def _join(about: str, key: str) -> str:
    return f"{about}.{key}" if about else key


def _product(item: Card, about: str, proofs: _Proofs) -> Card:
    facts = [_fact(item, "interventions", key, about, proofs) for key in item if _is_of_product(key)]
    doses = [
        Fact(f"dose ({dose['role'] or 'level'})", _say_dose(dose), proofs.find(f"{about}.doses.{number}"))
        for number, dose in enumerate(item["doses"])
    ] or [Fact("dose", "")]
    is_cell = bool(item["modality"] or item["targets"] or item["cell_source"])
    shown = [*facts, *doses] if is_cell else [fact for fact in (*facts, *doses) if fact.text]
    return {"name": item["name"], "type": item["type"], "basis": item["basis"], "facts": shown,
            "words": tuple(one for one in proofs.find(f"{about}.name") if one.quote != item["name"])}  # fmt: skip


def _is_of_product(key: str) -> bool:
    """Whether a line of a product shows the key; doses have lines of their own."""
    several = load_fields().of_group("interventions").get(key, ())
    return key == "cell_source_detail" or bool(several and several[0].section == "product" and key != "doses")


def say(value: Any) -> str:
    """A value in words; empty for nothing.

    >>> say([10, 20]), say(True), say(None)
    ('10, 20', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(say, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def say_days(days: float | list[float]) -> str:
    """A number of days, or a range of them, to the day.

    >>> say_days(28.0), say_days(91.3125), say_days([1, 30.4375])
    ('28 days', 'about 91 days', 'about 1–30 days')
    """
    exact = days if isinstance(days, list) else [days]
    whole = [round(one) for one in exact]
    return f"{'' if whole == exact else 'about '}{'–'.join(map('{:,}'.format, whole))} day{'' if whole == [1] else 's'}"


def _say_dose(dose: Card) -> str:
    low, high = (f"{dose[key]:.3g}" if isinstance(dose[key], int | float) else "" for key in ("low", "high"))
    amount = low if low == high else f"{low}–{high}"
    return f"{_say_power(amount)} {dose['unit'] or ''}".strip()


def _say_power(amount: str) -> str:
    """A number with its power of ten raised.

    >>> _say_power("1e+07"), _say_power("2.5e+10"), _say_power("300")
    ('1 × 10⁷', '2.5 × 10¹⁰', '300')
    """
    return _EXPONENT.sub(lambda found: " × 10" + found[1].translate(_RAISED), amount)


def say_value(path: str, value: Any) -> str:
    """A value of the card in words, by its key; registries' codes in small letters.

    >>> say_value("phases", ["EARLY_PHASE1"]), say_value("interventions.targets", ["KIT"])
    ('early phase 1', 'KIT')
    """
    if isinstance(value, dict):
        return ", ".join(say_value(f"{path}.{key}", one) for key, one in value.items() if one is not None)
    text, field = say(value), load_fields().at(path)
    return text.replace("_", " ").lower().replace("phase", "phase ") if field and field.is_code else text


def _record(record: Card, proofs: _Proofs) -> Card:
    fields = []
    for field in record["fields"]:
        places = proofs.by_place.get((record["file"], field["field"]), {})
        fields.append(
            {
                "field": field["field"],
                "segments": list(_cut(record["file"], field, places, proofs)),
                "is_used": bool(places),
            }
        )
    return {**record, "fields": fields, "used": sum(one["is_used"] for one in fields)}


def _cut(file: str, field: Card, places: Places, proofs: _Proofs) -> Iterator[Segment]:
    """The text in pieces, cut where evidence begins or ends; the anchor of a place stands at its first piece."""
    text = field["text"]
    spans = [(start, end) for start, end in places if 0 <= start < end <= len(text)]
    edges = sorted({0, len(text), *(edge for span in spans for edge in span)})
    starts: dict[int, list[tuple[int, int]]] = {start: [] for start, _ in spans}
    for start, end in spans:
        starts[start].append((start, end))
    for begin, end in itertools.pairwise(edges):
        over = [span for span in spans if span[0] <= begin and end <= span[1]]
        about = sorted({one["about"].split(".")[0] for span in over for one in places[span]})
        yield Segment(
            text[begin:end],
            tuple(proofs.anchors[file, field["field"], *span] for span in starts.get(begin, ())),
            bool(over),
            ", ".join(map(load_fields().name_heading, about)),
        )


def describe_for_search(card: Card) -> Card:
    """The trial in schema.org's words (https://schema.org/MedicalTrial), for search engines."""
    described: Card = {
        "@context": "https://schema.org",
        "@type": "MedicalTrial",
        "@id": card["trial"],
        "name": card["title"],
        "identifier": [one for one in (card["registry_id"], *card["secondary_ids"]) if one],
        "status": card["status"],
        "phase": say(card["phases"]),
        "sponsor": {"@type": "Organization", "name": card["sponsor"]} if card["sponsor"] else None,
        "healthCondition": [{"@type": "MedicalCondition", "name": name} for name in card["conditions"]],
        "studyLocation": [
            {"@type": "AdministrativeArea", "name": ", ".join(filter(None, (site["city"], site["country"])))}
            for site in card["sites"]
            if site["city"] or site["country"]
        ],
        "url": f"{ID}trial/{card['trial'].removeprefix(f'{ID}trial/')}",
    }
    return {key: value for key, value in described.items() if value not in (None, [], "")}
