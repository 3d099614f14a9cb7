"""The table: means, spreads, marks that are more than chance, and its place in a document."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfa_core.ablation.figures import FIGURES
from mmfa_core.ablation.table import END, START, Run, include, make_rows, to_markdown
from mmfa_core.ablation.variants import VARIANTS, choose_variants
from mmfa_core.errors import NotFoundError

TWO = choose_variants(("no-vae",))


def runs(**values: list[float | None]) -> list[Run]:
    """Make a run a value, the same value for every figure; no_vae stands for no-vae."""
    return [
        Run(name.replace("_", "-"), seed, {f.name: value for f in FIGURES})
        for name, all_seeds in values.items()
        for seed, value in enumerate(all_seeds)
    ]


def marks(rows: list[dict], row: int = 1) -> dict[str, str]:
    return {name: cell["mark"] for name, cell in rows[row]["figures"].items()}


def test_a_cell_holds_mean_range_and_values_of_the_seeds():
    row = make_rows(TWO, runs(base=[0.25, 0.75]))[0]
    cell = row["figures"]["L1_face"]
    assert (cell["mean"], cell["spread"], cell["values"]) == (0.5, 0.5, [0.25, 0.75])
    assert row["seeds"] == [0, 1]


def test_a_variant_that_was_not_run_has_no_row_and_the_base_is_first():
    found = make_rows(VARIANTS[::-1], runs(no_vae=[1.0], base=[1.0]))
    assert [row["name"] for row in found] == ["base", "no-vae"]


def test_a_difference_beyond_the_spread_is_marked_by_what_is_better():
    found = marks(make_rows(TWO, runs(base=[1.0, 1.01], no_vae=[2.0, 2.01])))
    assert found["L1_face"] == "worse"
    assert found["jawOpen_r"] == "better"


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        ([1.0, 1.5], [1.6, 1.6]),  # within the range of the base
        ([1.0, 1.0], [1.2, 1.6]),  # just 0.4 apart, which is the range of the variant
        ([1.0], [2.0]),  # one seed tells nothing of chance
        ([1.0, 1.0], [2.0]),
        ([1.0, 1.0], [None, None]),  # nothing was measured
        ([1.0, 1.0], [1.0, 1.0]),
    ],
)
def test_a_difference_that_may_be_chance_is_not_marked(base, changed):
    found = make_rows(TWO, runs(base=base, no_vae=changed))
    assert set(marks(found).values()) == {""}


def test_the_spread_of_other_variants_counts_too():
    three = choose_variants(("no-vae", "no-cross"))
    calm = make_rows(three, runs(base=[1.0, 1.0], no_vae=[1.5, 1.5], no_cross=[1.0, 1.0]))
    wild = make_rows(three, runs(base=[1.0, 1.0], no_vae=[1.5, 1.5], no_cross=[0.0, 2.0]))
    assert marks(calm)["L1_face"] == "worse"
    assert marks(wild)["L1_face"] == ""


def test_a_formula_is_compared_with_the_same_gauge():
    variants = choose_variants(("liveportrait",))
    found = make_rows(variants, runs(base=[1.0, 1.0], no_gauge=[2.0, 2.0], liveportrait=[2.0, 2.0]))
    assert [row["against"] for row in found] == ["", "base", "no-gauge"]
    assert marks(found, 1)["L1_face"] == "worse"
    assert marks(found, 2)["L1_face"] == ""


def result(rows: list[dict]) -> dict:
    return {
        "data": "corpus",
        "budget": "short",
        "steps": "1 joint steps",
        "command": "scripts/ablate",
        "notes": ["a note"],
        "rows": rows,
    }


def test_the_markdown_has_a_line_a_row_with_signs():
    text = to_markdown(result(make_rows(TWO, runs(base=[1.0, 1.01], no_vae=[2.0, 2.01]))))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 2
    assert "2.0050 ± 0.0100 (-)" in lines[-1]
    assert "(+)" in lines[-1]
    assert "(" not in lines[-2]
    assert "- a note" in text


def test_what_was_not_measured_is_a_dash():
    text = to_markdown(result(make_rows(TWO, runs(base=[None]))))
    assert "| - | - |" in text


def test_the_table_goes_between_the_marks_of_a_document_and_replaces_what_was_there(
    tmp_path: Path,
):
    document = tmp_path / "doc.md"
    document.write_text(f"before\n{START}\nNot run yet.\n{END}\nafter\n", encoding="utf-8")
    include(document, "| a |\n")
    include(document, "| b |\n")
    assert document.read_text(encoding="utf-8") == f"before\n{START}\n\n| b |\n\n{END}\nafter\n"


def test_a_document_without_marks_is_refused_with_a_sentence(tmp_path: Path):
    document = tmp_path / "doc.md"
    document.write_text("nothing", encoding="utf-8")
    with pytest.raises(NotFoundError, match=r"doc\.md has no place for the table"):
        include(document, "| a |")
    assert document.read_text(encoding="utf-8") == "nothing"
