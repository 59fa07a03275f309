"""Write docs/accuracy.md: scores on gold labels and on our own readings, with intervals. ``make accuracy``."""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pyoxigraph import QuerySolutions

from kg.evaluation.comparisons import Evaluation, evaluate_cards, find_cards
from kg.evaluation.labels import Label, read_labels
from kg.graph import Graph, open_graph
from kg.pipeline import build

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("TRIALKG_SHARED", ROOT.parent / "shared"))
CORPORA = [str(SHARED / "corpora" / name) for name in ("ctgov_v2.jsonl.gz", "cell_therapy_v2_partial.jsonl.gz")]
READINGS = ROOT / "tests" / "evaluation"
PAGE = ROOT / "docs" / "accuracy.md"
SEED, HALF = 20261126, 80
"""The half of ``dev.csv`` that rules were made on in 2026-11; the other half was not looked at until the end."""


def split_halves(labels: Sequence[Label]) -> tuple[tuple[Label, ...], tuple[Label, ...]]:
    """The half that rules were made on, and the one held out, by a fixed seed over all 160 ids of the table."""
    with (SHARED / "gold" / "dev.csv").open(encoding="utf-8", newline="") as stream:
        ids = sorted(row["nct_id"] for row in csv.DictReader(stream))
    random.Random(SEED).shuffle(ids)  # noqa: S311  # a reproducible sample, no secret
    made_on = set(ids[:HALF])
    return tuple(one for one in labels if one.trial in made_on), tuple(
        one for one in labels if one.trial not in made_on
    )


def write_scores(title: str, evaluation: Evaluation) -> str:
    """A table of scores."""
    lines = [
        f"### {title} ({evaluation.trials} trials)",
        "",
        "| Field | Measure | Score | 95 % interval | Right of all |",
    ]
    lines.append("|---|---|---|---|---|")
    for one in evaluation.list_scores():
        if one.share.total:
            low, high = one.share.interval or (0.0, 0.0)
            lines.append(
                f"| {one.field} | {one.measure} | {one.share.value:.3f} | {low:.3f}–{high:.3f} "
                f"| {one.share.right} of {one.share.total} |"
            )
    return "\n".join((*lines, ""))


def write_causes() -> str:
    """Counts of the judged disagreements by verdict and cause."""
    with (ROOT / "docs" / "disagreements.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    counts = Counter((row["verdict"], row["cause"]) for row in rows)
    lines = ["| Who is right | Cause | Disagreements |", "|---|---|---|"]
    lines += [f"| {verdict} | {cause} | {count} |" for (verdict, cause), count in sorted(counts.items())]
    return "\n".join((*lines, ""))


SINGLES = """
PREFIX kg: <https://w3id.org/trialkg/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?kind ?name (COUNT(DISTINCT ?trial) AS ?trials) WHERE {
  { ?evidence kg:rule ?name . BIND("rule" AS ?kind)
    BIND(REPLACE(STR(?evidence), "/evidence/.*", "") AS ?trial) }
  UNION
  { ?trial kg:hasIntervention/kg:hasBinding/kg:antigen/skos:notation ?name . BIND("antigen" AS ?kind) }
  UNION
  { ?trial kg:hasIntervention/kg:namedProduct/skos:notation ?name . BIND("product" AS ?kind) }
} GROUP BY ?kind ?name HAVING (COUNT(DISTINCT ?trial) = 1) ORDER BY ?kind ?name
"""
"""Rules and terms that stand behind exactly one trial of the corpora: where a rule made for one trial would show."""


def write_singles(graph: Graph) -> None:
    """Write docs/singletons.tsv."""
    solutions = graph.snapshot.engine.query(SINGLES)
    assert isinstance(solutions, QuerySolutions)  # noqa: S101  # the query is a SELECT
    found = [(row["kind"].value, row["name"].value) for row in solutions]
    lines = ["kind\tname", *("\t".join(one) for one in found), ""]
    (ROOT / "docs" / "singletons.tsv").write_text("\n".join(lines), encoding="utf-8")


def count_singles() -> str:
    """How many rules, antigens and products stand behind one trial only."""
    with (ROOT / "docs" / "singletons.tsv").open(encoding="utf-8", newline="") as stream:
        counts = Counter(row["kind"] for row in csv.DictReader(stream, delimiter="\t"))
    return ", ".join(f"{count} {kind}s" for kind, count in sorted(counts.items()))


def main() -> None:
    """Build both corpora, score them, and write the page."""
    if not SHARED.is_dir():
        raise SystemExit(f"no labels at {SHARED}: set TRIALKG_SHARED")
    dev, full = read_labels(SHARED / "gold" / "dev.csv"), read_labels(SHARED / "gold" / "full_dev")
    made_on, held_out = split_halves(dev)
    sets = (
        ("gold/dev.csv, all", dev),
        ("gold/dev.csv, the half that rules were made on", made_on),
        ("gold/dev.csv, the half held out until the end", held_out),
        ("gold/full_dev, records read closely", full),
        ("Our own readings, held out", read_labels(READINGS / "readings_held_out.csv")),
        ("Our own readings that rules were made on", read_labels(READINGS / "readings_made_on.csv")),
    )
    with tempfile.TemporaryDirectory() as folder:
        report = build(CORPORA, Path(folder))
        graph = open_graph(folder)
        write_singles(graph)
        tables = [write_scores(title, evaluate_cards(labels, find_cards(graph, labels))) for title, labels in sets]
    text = (ROOT / "benchmarks" / "accuracy.head.md").read_text(encoding="utf-8")
    PAGE.write_text(
        text.replace("{{records}}", f"{report.manifest.records:,}")
        .replace("{{trials}}", f"{report.manifest.trials:,}")
        .replace("{{scores}}", "\n".join(tables))
        .replace("{{singles}}", count_singles())
        .replace("{{causes}}", write_causes()),
        encoding="utf-8",
    )
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
