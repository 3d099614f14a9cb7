"""A batch on this machine: a grid of results that can be stopped and taken up again."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import weakref
from collections import Counter
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmfa_core import MMFAError, run_batch, verify
from mmfa_core.batch.ledger import LEDGER, Ledger, open_ledger
from mmfa_core.batch.maker import Kept
from mmfa_core.batch.sheet import LARGEST_PX, choose_layout
from mmfa_core.cli.main import main
from mmfa_core.errors import NoFaceError, ResourceError
from mmfa_core.media import ClipWriter, probe_clip, read_clip, read_picture
from tests.tiny_model import save_tiny

ROOT = Path(__file__).resolve().parents[2]
PORTRAITS = {"p009": "london_009_neutral.jpg", "p034": "london_034_neutral.jpg"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished batch of two portraits and two short clips; copied before it is touched."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "s").mkdir()
    for name, shipped in PORTRAITS.items():
        shutil.copy(ROOT / "examples" / shipped, folder / "s" / f"{name}.jpg")
    (folder / "d").mkdir()
    for number, start in enumerate((0, 6)):
        write_part(folder / "d" / f"c{number}.mp4", start)
    save_tiny(folder / "model")
    batch(folder)
    return folder


def write_part(path: Path, start: int, frames: int = 5) -> None:
    """Write a few frames of a shipped clip."""
    clip = list(read_clip(ROOT / "examples" / "driving_turn.mp4"))[start : start + frames]
    with ClipWriter(path, clip[0].shape[1], clip[0].shape[0], Fraction(12)) as writer:
        for frame in clip:
            writer.write(frame)


@pytest.fixture
def grid(made, tmp_path):
    """The finished batch, to do with as a test likes."""
    shutil.copytree(made, tmp_path / "grid")
    return tmp_path / "grid"


def batch(folder: Path, **more):
    where = [folder / name for name in ("s", "d", "o")]
    return run_batch(*where, **{"model": folder / "model", "threads": 1, **more})


def events(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "o" / LEDGER).read_text().splitlines()
    return [(line["event"], line["output"]) for line in map(json.loads, lines)]


def begun_since(folder: Path, before: list[tuple[str, str]]) -> list[str]:
    return [name for event, name in events(folder)[len(before) :] if event == "begun"]


ALL = ["p009__c0.mp4", "p009__c1.mp4", "p034__c0.mp4", "p034__c1.mp4"]


def test_every_portrait_follows_every_clip(made):
    for name in ALL:
        assert probe_clip(made / "o" / name).frames == 5


def test_each_cell_is_what_animating_its_pair_alone_gives(made, tmp_path):
    from mmfa_core import Animator

    animator = Animator.from_pretrained(made / "model", threads=1)
    animator.animate(made / "s" / "p034.jpg", made / "d" / "c1.mp4", tmp_path / "alone.mp4")
    alone, cell = (list(read_clip(p)) for p in (tmp_path / "alone.mp4", made / "o" / ALL[3]))
    np.testing.assert_array_equal(alone, cell)


def test_the_report_tells_what_became_of_each_cell(made):
    report = json.loads((made / "o" / "report.json").read_text())
    assert (report["made"], report["kept"], report["failed"]) == (4, 0, 0)
    first = report["grid"][0]
    assert (first["source"], first["driving"], first["output"]) == ("p009.jpg", "c0.mp4", ALL[0])
    assert (first["status"], first["frames"], first["fps"]) == ("made", 5, "12")
    assert str(made) not in json.dumps(report)


def test_the_contact_sheet_shows_each_portrait_beside_frames_of_its_row(made):
    sheet = read_picture(made / "o" / "contact-sheet.jpg")
    layout = choose_layout(2, 2)
    assert sheet.shape[:2] == layout.size[::-1]
    for row in range(2):
        top = 30 + row * layout.row_height
        cell = sheet[top : top + layout.side, layout.left : layout.left + 3 * layout.side]
        assert cell.std() > 10


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (40, 3), (3, 40), (300, 300)])
def test_a_contact_sheet_never_outgrows_its_limit(rows, columns):
    layout = choose_layout(rows, columns)
    assert max(layout.size) <= LARGEST_PX
    assert layout.rows >= 1
    assert layout.columns >= 1


def test_results_and_the_contact_sheet_declare_how_they_were_made(made):
    for name in (ALL[0], "contact-sheet.jpg"):
        assert verify(made / "o" / name).intact
    assert json.loads((made / "o" / "report.json").read_text())["grid"][0]["signed"]


def test_nothing_half_made_is_left_beside_the_results(made):
    names = {path.name for path in (made / "o").iterdir()}
    assert names == {*ALL, LEDGER, "report.json", "contact-sheet.jpg"}


def test_a_second_run_makes_nothing_again(grid):
    before = events(grid)
    report = batch(grid)
    assert (report.count("kept"), begun_since(grid, before)) == (4, [])


def test_a_changed_portrait_is_done_anew_with_its_row_only(grid):
    before = events(grid)
    shutil.copy(ROOT / "examples" / "london_101_neutral.jpg", grid / "s" / "p034.jpg")
    report = batch(grid)
    assert begun_since(grid, before) == ALL[2:]
    assert (report.count("made"), report.count("kept")) == (2, 2)


def test_a_changed_option_does_everything_anew(grid):
    before = events(grid)
    batch(grid, mode="absolute")
    assert begun_since(grid, before) == ALL


def test_a_new_clip_is_done_alone(grid):
    before = events(grid)
    write_part(grid / "d" / "c2.mp4", 10)
    batch(grid)
    assert begun_since(grid, before) == ["p009__c2.mp4", "p034__c2.mp4"]


def test_a_result_that_was_altered_or_lost_is_done_anew(grid):
    before = events(grid)
    (grid / "o" / ALL[0]).unlink()
    with (grid / "o" / ALL[1]).open("ab") as file:
        file.write(b"x")
    batch(grid)
    assert begun_since(grid, before) == ALL[:2]


def test_what_was_being_made_when_a_run_was_killed_is_done_anew(grid):
    ledger = grid / "o" / LEDGER
    lines = ledger.read_text().splitlines(keepends=True)
    assert json.loads(lines[-1])["event"] == "published"
    ledger.write_text("".join(lines[:-1]) + lines[-1][:40])  # the last line was cut short
    (grid / "o" / ".work").mkdir()
    (grid / "o" / ".work" / "half.mp4").write_bytes(b"half")
    report = batch(grid)
    last = [json.loads(line) for line in ledger.read_text().splitlines()[-2:]]
    assert [line["event"] for line in last] == ["begun", "published"]
    assert {line["output"] for line in last} == {ALL[3]}
    assert last[0]["attempt"] == 2
    assert report.count("kept") == 3
    assert not (grid / "o" / ".work").exists()


def test_one_bad_portrait_and_one_bad_clip_fail_their_cells_only(grid):
    (grid / "s" / "bad.jpg").write_bytes(b"no picture")
    (grid / "d" / "bad.mp4").write_bytes(b"no clip")
    report = batch(grid)
    failed = {cell.output: cell.why for cell in report.cells if cell.status == "failed"}
    assert Counter("bad.jpg" in why for why in failed.values()) == {True: 3, False: 2}
    assert report.count("kept") == 4
    assert "bad.mp4 is not a clip that can be read." in failed["p009__bad.mp4"]


def test_a_mended_file_is_tried_again(grid):
    (grid / "d" / "bad.mp4").write_bytes(b"no clip")
    batch(grid)
    write_part(grid / "d" / "mended.mp4", 3)
    (grid / "d" / "mended.mp4").replace(grid / "d" / "bad.mp4")
    assert batch(grid).count("failed") == 0


def test_a_file_of_somebody_else_is_kept_unless_it_may_be_replaced(grid):
    (grid / "o" / LEDGER).unlink()
    (grid / "o" / ALL[0]).write_bytes(b"mine")
    report = batch(grid)
    assert report.count("failed") == 4
    assert "is not of this batch and was kept" in report.cells[0].why
    assert (grid / "o" / ALL[0]).read_bytes() == b"mine"
    assert batch(grid, overwrite=True).count("made") == 4


def test_a_name_that_the_disk_refuses_fails_its_own_cells_only(grid, monkeypatch):
    from mmfa_core.batch import plan

    names = plan.readable_names  # of portraits, and of clips
    monkeypatch.setattr(plan, "readable_names", lambda files: ["x" * 250, *names(files)[1:]])
    *failed, last = batch(grid).cells
    assert (last.output, last.status) == ("p034__c1.mp4", "kept")
    assert {cell.status for cell in failed} == {"failed"}
    assert all("can't be written to its folder" in cell.why for cell in failed)


def test_a_precision_that_is_unknown_is_told(grid):
    with pytest.raises(MMFAError, match="nonsense"):
        batch(grid, dtype="nonsense")


def test_a_copy_of_a_bad_portrait_is_told_by_its_own_name(grid):
    for name in ("bad", "worse"):
        (grid / "s" / f"{name}.jpg").write_bytes(b"no picture at all")
    told = {cell.source: cell.why for cell in batch(grid).cells if cell.status == "failed"}
    assert told["bad.jpg"].startswith("bad.jpg is")
    assert told["worse.jpg"].startswith("worse.jpg is")


def test_a_line_feed_in_a_name_spoils_no_sheet(grid):
    (grid / "s" / "p009.jpg").rename(grid / "s" / "p0\n09.jpg")
    assert batch(grid).sheet is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_in_the_ledger_is_told(grid):
    with (
        Path("/dev/full").open("wb") as full,
        pytest.raises(ResourceError, match="can't be written"),
        open_ledger(grid / "o") as ledger,
    ):
        os.dup2(full.fileno(), ledger._file.fileno())
        ledger.fail(SimpleNamespace(output="o", key="k"), "why")


def test_two_batches_can_not_write_to_one_folder(grid):
    with (
        open_ledger(grid / "o"),
        pytest.raises(ResourceError, match="Another batch is writing to o"),
    ):
        batch(grid)


def test_a_full_disk_stops_the_batch_with_one_sentence_and_keeps_what_is_done(grid, monkeypatch):
    before = events(grid)
    (grid / "o" / ALL[0]).unlink()

    def full(self):
        raise ResourceError("Results can't be written to o: No space left on device.", "Make room.")

    def stopped(self, *more, **named):
        raise ResourceError("The disk is full: p009__c0.mp4 was not finished.", "Make room on it.")

    monkeypatch.setattr(Ledger, "require_room", full)
    monkeypatch.setattr("mmfa_core.batch.maker.CellMaker.make", stopped)
    with pytest.raises(MMFAError, match="No space left"):
        batch(grid)
    monkeypatch.undo()
    batch(grid)
    assert begun_since(grid, before) == ALL[:1] * 2


def test_an_output_that_is_a_file_is_told(grid, tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(ResourceError, match="Results can't be written to taken: File exists"):
        run_batch(grid / "s", grid / "d", tmp_path / "taken", model=grid / "model", threads=1)


def test_a_crop_by_hand_is_refused_since_it_fits_one_portrait(grid):
    with pytest.raises(MMFAError, match="not a batch"):
        batch(grid, crop=(0.0, 0.0, 64.0))


def run(capsys, folder: Path, *more: str):
    where = [f"--{n}={folder / n[0]}" for n in ("sources", "drivings", "output")]
    code = main(["batch", *where, "--model", str(folder / "model"), "--threads", "1", *more])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


def test_the_command_counts_cells_and_ends_with_one_line(capsys, grid):
    code, lines, said = run(capsys, grid, "--json-progress")
    assert (code, said) == (0, "")
    assert lines[0] == {"progress": {"stage": "cells", "done": 4, "total": 4}}
    assert lines[-1]["command"] == "batch"
    assert (lines[-1]["kept"], lines[-1]["contact_sheet"]) == (4, "contact-sheet.jpg")


def test_the_command_ends_with_3_when_a_cell_failed(capsys, grid):
    (grid / "d" / "bad.mp4").write_bytes(b"no clip")
    code, lines, said = run(capsys, grid)
    assert (code, said) == (3, "")
    assert (lines[-1]["failed"], lines[-1]["kept"]) == (2, 4)
    assert "exit_code" not in lines[-1]


def test_the_command_refuses_an_empty_folder_in_one_sentence(capsys, grid):
    shutil.rmtree(grid / "d")
    (grid / "d").mkdir()
    code, lines, said = run(capsys, grid)
    assert (code, lines) == (2, [])
    assert said.startswith("There is no clip in d. Put some there")


def test_the_command_says_in_one_sentence_that_ray_is_missing(capsys, grid, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    (grid / "o" / ALL[0]).unlink()
    code, lines, said = run(capsys, grid, "--ray", "local")
    assert (code, lines) == (2, [])
    assert said == "--ray needs one more package. Run python -m pip install 'ray>=2.40'.\n"


def test_each_portrait_is_made_ready_and_each_clip_read_once(grid, monkeypatch):
    from mmfa_core.batch import maker

    read, prepared = [], []
    read_driver, prepare = maker.read_driver, maker.Animator.prepare

    def count_clips(engine, path, *more):
        read.append(path.name)
        return read_driver(engine, path, *more)

    def count_portraits(self, portrait, **more):
        prepared.append(portrait.name)
        return prepare(self, portrait, **more)

    monkeypatch.setattr(maker, "read_driver", count_clips)
    monkeypatch.setattr(maker.Animator, "prepare", count_portraits)
    batch(grid, mode="absolute")
    assert read == ["c0.mp4", "c1.mp4"]
    assert prepared == ["p009.jpg", "p034.jpg"]


def test_only_so_much_is_kept_and_the_longest_unused_goes_first():
    kept = Kept(3, len)
    for key in ("a", "b", "a", "c"):
        kept.get(key, lambda key=key: key * (2 if key == "c" else 1))
    again = [kept.get(key, lambda: "made anew") for key in ("a", "c", "b")]
    assert again == ["a", "cc", "made anew"]


def test_why_something_could_not_be_made_is_kept_too():
    def fail():
        raise NoFaceError("No face was found in a.jpg.")

    kept = Kept(3, len)
    for make in (fail, lambda: "not tried"):
        with pytest.raises(NoFaceError, match=r"a\.jpg"):
            kept.get("a", make)


def test_why_something_could_not_be_made_keeps_nothing_else_alive():
    class Picture:
        pass

    def fail():
        picture = Picture()
        pictures.append(weakref.ref(picture))
        raise NoFaceError("No face was found in a.jpg.", "Choose another.")

    pictures = []
    kept = Kept(3, len)
    for _ in range(2):
        with pytest.raises(NoFaceError, match=r"a\.jpg\. Choose another") as raised:
            kept.get("a", fail)
    assert len(raised.traceback) == 2  # a time before adds none
    del raised
    gc.collect()
    assert [picture() for picture in pictures] == [None]


def test_what_the_machine_refused_is_tried_again():
    def fail():
        raise ResourceError("The disk is full.")

    kept = Kept(3, len)
    with pytest.raises(ResourceError):
        kept.get("a", fail)
    assert kept.get("a", lambda: "made") == "made"


def test_a_saved_motion_drives_as_its_clip_does(grid):
    from mmfa_core import Animator

    animator = Animator.from_pretrained(grid / "model", threads=1)
    animator.save_motion(grid / "d" / "c0.mp4", grid / "d" / "nod.safetensors")
    batch(grid)
    pair = [list(read_clip(grid / "o" / f"p009__{name}.mp4")) for name in ("c0", "nod")]
    np.testing.assert_array_equal(*pair)


KILLED_AT_TWO = """
import os, signal, sys
from mmfa_core import run_batch

def progress(stage, done, total):
    if (stage, done) == ("cells", 2):
        os.kill(os.getpid(), signal.SIGKILL)

run_batch(*sys.argv[1:4], model=sys.argv[4], threads=1, progress=progress)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_loses_only_what_was_being_made(grid):
    shutil.rmtree(grid / "o")
    where = [str(grid / name) for name in ("s", "d", "o", "model")]
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_TWO, *where], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [event for event, _ in events(grid)].count("published") == 2
    report = batch(grid)
    assert report.count("failed") == 0
    assert report.count("kept") == 2
    published = Counter(name for event, name in events(grid) if event == "published")
    assert published == dict.fromkeys(ALL, 1)


def test_the_command_says_how_to_reach_a_cluster_instead_of_by_rays_client(capsys, grid):
    (grid / "o" / ALL[0]).unlink()
    code, lines, said = run(capsys, grid, "--ray", "ray://head:10001")
    assert (code, lines) == (2, [])
    assert said.startswith("Ray's client, ray://, can't be used for a batch. Run it on a node")
