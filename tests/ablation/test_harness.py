"""The harness end to end on a tiny corpus: table, resume after a kill, refusals."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmfa_core.ablation.__main__ import main
from mmfa_core.ablation.figures import FIGURES, Limits
from mmfa_core.ablation.run import Plan, run_ablations
from mmfa_core.ablation.variants import choose_variants
from mmfa_core.errors import MismatchError
from mmfa_core.evaluation.measure import Tools
from mmfa_core.training.hard_cases import CLIPS_NAME, ClipError, read_clip_errors
from mmfa_core.training.trainer import Trainer
from tests import evaluation_fakes as fakes
from tests.synthetic import ENTRIES, Entry, write_corpus
from tests.training.runs import tiny_settings

MORE = (
    Entry("track_w", "wim", "track", "B", "val", "val", 5),
    Entry("still_x", "xenia", "still", "A", "val", "val", 1),
)
NAMES = ("base", "no-vae")
# Nobody describes identities here, and in 64-px pictures no face lies in a box of 256-px labels.
UNKNOWN = {"identity_distance", "L1_face_to_copy", "L1_face_to_landmark_warp"}


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    """Train on one thread in every test and fixture: sums depend on how many there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmfa_core.training.machine.os.cpu_count", lambda: 1)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, entries=(*ENTRIES, *MORE))
    return folder


def see(frame: np.ndarray) -> fakes.SeenFace:
    """See a face in anything: a function of the brightness of its quarters."""
    small = frame.astype(np.float32).mean(-1)
    rows, columns = small.shape[0] // 2, small.shape[1] // 2
    a, b, c = (float(part.mean() / 255) for part in (small[:rows], small[:, :columns], small))
    numbers = np.array([20 * a, 20 * b, 20 * c, 0.8 + 0.1 * a, a - c, b - c, c], np.float32)
    face = fakes.perfect_detect(fakes.write_numbers(numbers))
    assert face is not None
    return face


@contextmanager
def open_fakes() -> Iterator[tuple[Tools, Tools]]:
    tools = fakes.fresh_tools(see)
    yield tools, tools


def make_plan(corpus: Path, output: Path, **changes: Any) -> Plan:
    settings = tiny_settings()
    stages = settings.stages[:2]  # two steps of the encoders, three joint ones
    plan = Plan(
        data=corpus,
        output=output,
        variants=choose_variants(("no-vae",)),
        seeds=(0, 1),
        budget="short",
        base=dataclasses.replace(settings, stages=stages),
        limits=Limits(same=2, cross=1, edit=1),
        command="scripts/ablate",
    )
    return dataclasses.replace(plan, **changes)


@pytest.fixture(scope="module")
def finished(
    corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict], dict]:
    """Two variants by two seeds: the folder, the lines of the log, the result."""
    output = tmp_path_factory.mktemp("ablations")
    lines: list[dict] = []
    result = run_ablations(make_plan(corpus_folder, output), lines.append, open_fakes)
    return output, lines, result


def test_every_variant_runs_with_every_seed_seed_after_seed(finished):
    _, lines, result = finished
    order = [(line["run"], line["seed"]) for line in lines if "run" in line]
    assert order == [(name, seed) for seed in (0, 1) for name in NAMES]
    assert (result["done"], result["wanted"], result["stopped"]) == (4, 4, False)


def test_the_table_holds_a_row_a_variant_with_every_figure_of_both_seeds(finished):
    output, _, _ = finished
    written = json.loads((output / "ablations.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in written["rows"]] == list(NAMES)
    for row in written["rows"]:
        assert set(row["figures"]) == {f.name for f in FIGURES}
        missing = {n for n, cell in row["figures"].items() if len(cell["values"]) != 2}
        assert missing == UNKNOWN
    text = (output / "ablations.md").read_text(encoding="utf-8")
    assert all(f"\n| {name} |" in text for name in NAMES)
    assert str(output) not in text and str(output) not in json.dumps(written)


def test_a_finished_run_keeps_its_model_and_not_its_state(finished):
    output, _, _ = finished
    kept = {path.name for path in (output / "no-vae" / "seed-1").iterdir()}
    assert {"model", "figures.json", "metrics.jsonl"} <= kept
    assert not any(name.startswith("state") for name in kept)


def test_what_is_done_is_not_run_again(finished, corpus_folder: Path):
    output, _, result = finished

    def never() -> Any:
        raise AssertionError("something was measured again")

    lines: list[dict] = []
    again = run_ablations(make_plan(corpus_folder, output), lines.append, never)
    assert lines == []
    assert again["rows"] == result["rows"]


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_figures(
    finished, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(corpus_folder, tmp_path, variants=choose_variants(("base",)), seeds=(0,))
    steps: list[int] = []
    step = Trainer.one_step

    def counted(trainer: Any) -> Any:
        steps.append(trainer.step)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGTERM)  # as a user, or a machine that shuts down
        return step(trainer)

    monkeypatch.setattr(Trainer, "one_step", counted)
    stopped = run_ablations(plan, lambda _: None, open_fakes)
    assert (stopped["stopped"], stopped["done"]) == (True, 0)
    assert not (tmp_path / "ablations.md").exists()
    result = run_ablations(plan, lambda _: None, open_fakes)
    assert steps == [0, 1, 2, 3, 4]
    whole = finished[2]["rows"][0]["figures"]["PSNR_above_copy"]["values"][0]
    assert result["rows"][0]["figures"]["PSNR_above_copy"]["values"] == [whole]


def test_a_run_that_was_killed_while_it_was_measured_is_measured_and_not_trained_again(
    corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(corpus_folder, tmp_path, variants=choose_variants(("base",)), seeds=(0,))

    @contextmanager
    def killed() -> Iterator[tuple[Tools, Tools]]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        run_ablations(plan, lambda _: None, killed)

    def never(trainer: Any) -> Any:
        raise AssertionError("it was trained again")

    monkeypatch.setattr(Trainer, "one_step", never)
    assert run_ablations(plan, lambda _: None, open_fakes)["done"] == 1


@pytest.mark.parametrize("part", ["figures.json", "run.json"])
def test_a_folder_of_another_budget_is_refused(corpus_folder: Path, tmp_path: Path, part: str):
    folder = tmp_path / "base" / "seed-0"
    folder.mkdir(parents=True)
    figures = {f.name: 1.0 for f in FIGURES}
    text = json.dumps({"fingerprint": "other", "figures": figures})
    (folder / part).write_text(text, encoding="utf-8")
    with pytest.raises(MismatchError, match="another budget or configuration"):
        run_ablations(make_plan(corpus_folder, tmp_path), lambda _: None, open_fakes)


def test_rendered_heads_that_are_not_there_can_not_be_left_out_and_the_table_says_so(
    finished, corpus_folder: Path
):
    output, _, _ = finished
    plan = make_plan(corpus_folder, output, variants=choose_variants(("no-synthetic", "no-vae")))
    result = run_ablations(plan, lambda _: None, open_fakes)
    assert result["wanted"] == 4
    assert result["notes"] == ["no-synthetic was not run: the data has nothing named heads*"]


def test_hard_cases_are_drawn_by_the_log_of_the_base_of_the_same_seed(
    finished, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(finished[0] / "base", tmp_path / "base")  # both seeds are done
    read: list[str] = []

    def remember(name: str) -> dict[str, ClipError]:
        read.append(name)
        return read_clip_errors(name)

    monkeypatch.setattr("mmfa_core.training.run.read_clip_errors", remember)
    plan = make_plan(corpus_folder, tmp_path, variants=choose_variants(("hard-cases",)))
    result = run_ablations(plan, lambda _: None, open_fakes)
    assert read == [str(tmp_path / "base" / f"seed-{seed}" / CLIPS_NAME) for seed in (0, 1)]
    assert (result["done"], result["wanted"], result["notes"]) == (4, 4, [])
    assert [row["name"] for row in result["rows"]] == ["base", "hard-cases"]


def test_the_base_runs_before_the_hard_cases_that_need_its_log(
    corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(corpus_folder, tmp_path, variants=choose_variants(("hard-cases",)))
    order: list[tuple[str, int]] = []

    def pretend(settings, folder, *_: Any) -> dict[str, float]:
        order.append((folder.parent.name, settings.seed))
        folder.mkdir(parents=True)
        (folder / CLIPS_NAME).touch()
        return {f.name: 1.0 for f in FIGURES}

    monkeypatch.setattr("mmfa_core.ablation.run._run", pretend)
    run_ablations(plan, lambda _: None, open_fakes)
    assert order == [(name, seed) for seed in (0, 1) for name in ("base", "hard-cases")]


def test_hard_cases_are_passed_over_where_an_older_run_of_the_base_wrote_no_log(
    finished, corpus_folder: Path, tmp_path: Path
):
    shutil.copytree(finished[0] / "base", tmp_path / "base")
    (tmp_path / "base" / "seed-0" / CLIPS_NAME).unlink()
    chosen = choose_variants(("hard-cases",))
    plan = make_plan(corpus_folder, tmp_path, variants=chosen, seeds=(0,))
    result = run_ablations(plan, lambda _: None, open_fakes)
    assert (result["done"], result["wanted"], result["stopped"]) == (1, 1, False)
    assert result["notes"] == [
        "hard-cases was not run with seed 0: the run of base has no clips.tsv; "
        "delete its folder to run it again"
    ]
    assert result["notes"][0] in (tmp_path / "ablations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "no-such"], "There is no variant 'no-such'."),
        (["--seeds", "a"], "--seeds is 'a'."),
        (["--seeds", "-1"], "seeds can't be below 0"),
        (["--budget", "huge"], "There is no budget 'huge'."),
        (["--data", "nowhere"], "There is no folder nowhere."),
    ],
)
def test_a_mistake_on_the_command_line_gets_one_sentence(
    corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments, sentence
):
    given = ["--data", str(corpus_folder), "--output", str(tmp_path / "out"), *arguments]
    assert main(given) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert sentence in told[0]
