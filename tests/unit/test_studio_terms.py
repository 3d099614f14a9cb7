"""Consent and marks on the page: no own pictures without the tick, no result without a mark."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from mmfa_core import Animator, verify
from mmfa_core.media import read_picture, write_picture
from studio import build_studio
from studio.context import StudioContext
from studio.files import delete_older_than
from studio.marked import Looks, with_consent
from studio.tabs.expression_handlers import ExpressionHandlers, mark_shown
from studio.tabs.pose_handlers import COMPARED, PoseHandlers, mark_edit
from studio.tabs.verify import EMPTY, verify_file
from studio.terms import is_example, require_consent
from tests.tiny_model import save_tiny

READS_ONLY = {
    "find_faces",
    "frame_face",
    "examine_clip",
    "show_keypoints",
    "export_keypoints",
    "export_comparison",
    "show_frame",  # of what compare_keypoints made, with consent
    "open_portrait",
    "verify_file",
}
PICTURES = (gr.Image, gr.Video, gr.Gallery, gr.DownloadButton, gr.ImageSlider)


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture
def studio(animator, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return StudioContext(animator)


@pytest.fixture
def shipped(examples):
    return str(examples / "london_009_neutral.jpg")


@pytest.fixture
def own(shipped, tmp_path):
    """A person's own picture: no example, by content."""
    return str(write_picture(tmp_path / "own.png", read_picture(shipped)[:, ::-1].copy()))


@pytest.fixture
def pose(studio):
    return Looks(studio, ("portrait",), mark_edit).wrap(PoseHandlers(studio).edit_pose)


@pytest.fixture
def mix(studio):
    handlers = ExpressionHandlers(studio)
    faces = ("face_a", "face_b", "face_c", "face_d")
    return Looks(studio, faces, mark_shown).wrap(handlers.mix_expressions, "shown_on", used="AB")


def test_shipped_examples_are_free_and_own_pictures_need_the_tick(pose, shipped, own):
    assert pose(shipped, 10, True, False)[0]
    assert pose(own, 10, True, True)[0]
    with pytest.raises(gr.Error, match="say first that you may use these pictures"):
        pose(own, 10, True, False)


@pytest.mark.parametrize("consent", [None, "true", 1, 0, [True]])
def test_consent_is_true_and_nothing_else(consent):
    with pytest.raises(Exception, match="consent = true"):
        require_consent(consent)


def test_one_picture_of_their_own_among_examples_is_enough_to_ask(mix, shipped, own):
    assert mix(shipped, shipped, None, None, 0.5, "A", "linear", True, False)
    with pytest.raises(gr.Error, match="Nothing was made yet"):
        mix(shipped, own, None, None, 0.5, "A", "linear", True, False)


def test_what_makes_files_needs_the_tick_also_for_examples():
    made = with_consent(lambda picture: [picture])
    assert made("a", True) == ["a"]
    with pytest.raises(gr.Error, match="Nothing was made yet"):
        made("a", False)

    @with_consent
    def steps(picture):
        yield picture

    assert list(steps("a", True)) == ["a"]
    with pytest.raises(gr.Error, match="Nothing was made yet"):
        next(steps("a", False))


def test_a_look_is_a_signed_file_that_names_its_sources_by_role(mix, shipped, examples):
    other = str(examples / "london_034_smiling.jpg")
    found = verify(mix(shipped, other, None, None, 0.5, "B", "linear", True, False))
    assert found.intact
    assert found.declared.operation == "mix_expressions"
    roles = {i.role: i.sha256 for i in found.declared.ingredients}
    hashes = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (other, shipped)]
    assert roles == {"portrait": hashes[0], "expression": hashes[1]}


def test_a_look_does_not_name_faces_that_only_lie_beside(mix, shipped, examples):
    other, unused = (str(examples / f"london_{n}_smiling.jpg") for n in ("034", "101"))
    found = verify(mix(shipped, other, unused, unused, 0.5, "A", "linear", True, False))
    named = {i.sha256 for i in found.declared.ingredients}
    assert named == {hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in (shipped, other)}


def test_the_badge_of_a_look_can_be_left_out(pose, shipped):
    marked, plain = (read_picture(pose(shipped, 0, badge, False)[0]) for badge in (True, False))
    changed = np.argwhere(np.abs(marked.astype(int) - plain).max(-1) > 60)
    assert len(changed)
    assert changed.min() > 32


def test_of_a_pair_only_the_second_is_marked(pose, shipped):
    edited, (before, after) = pose(shipped, 10, 0, 0, 1, 0, 0, 1, 0, False, COMPARED, True, False)
    assert isinstance(before, np.ndarray)
    assert after == edited


def test_the_same_look_is_the_same_file_and_is_made_again_when_it_is_gone(pose, shipped):
    first = pose(shipped, 10, True, False)[0]
    assert pose(shipped, 10, True, False)[0] == first
    assert pose(shipped, 10, False, False)[0] != first
    assert pose(shipped, 11, True, False)[0] != first
    Path(first).unlink()
    again = pose(shipped, 10, True, False)[0]
    assert again != first
    assert verify(again).intact


def test_what_the_page_opens_with_is_never_swept_away(studio, shipped):
    looks = Looks(studio, ("portrait",), mark_edit)
    first = looks.wrap(PoseHandlers(studio).edit_pose, lasting=True)(shipped, 3, True, False)[0]
    later = looks.wrap(PoseHandlers(studio).edit_pose)(shipped, 4, True, False)[0]
    assert delete_older_than(-1) == 1
    assert Path(first).is_file()
    assert not Path(later).exists()


def test_how_long_a_person_waits_counts_the_marking(studio, pose, shipped):
    before = studio.latency.count
    pose(shipped, 5, True, False)
    assert studio.latency.count == before + 1


def test_giving_consent_looks_again_only_where_it_was_lacking(studio, pose, shipped, own):
    again = Looks(studio, ("portrait",), mark_edit).when_agreed(pose, 2)
    assert again(own, 5, True, True)[0].endswith(".jpg")
    for values in ((shipped, 5, True, True), (own, 5, True, False), (None, 5, True, True)):
        assert [value["__type__"] for value in again(*values)] == ["update"] * 2


def test_every_endpoint_that_makes_pictures_asks_for_consent(animator, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build_studio(animator)
    public = {f.api_name: f for f in page.fns.values() if f.api_visibility == "public"}
    making = {
        name: f
        for name, f in public.items()
        if name not in READS_ONLY and any(isinstance(o, PICTURES) for o in f.outputs)
    }
    assert {"animate", "preview_animation", "edit_pose", "save_pose", "render_timeline"} <= set(
        making
    )
    for name, f in making.items():
        parameters = inspect.signature(f.fn).parameters
        assert list(parameters)[-2:] == ["badge", "consent"], name
        assert "consent: true says" in f.fn.__doc__, name
        assert f.inputs[-1].elem_id == "consent", name
    saves = public["save_motion"]  # no picture, so no badge, but of a person all the same
    assert list(inspect.signature(saves.fn).parameters)[-1] == "consent"
    assert saves.inputs[-1].elem_id == "consent"
    assert set(public) >= READS_ONLY


def test_a_button_that_makes_files_asks_before_it_waits(animator, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    fns = build_studio(animator).fns
    pressed = {
        "animate",
        "preview_animation",
        "expression_clip",
        "save_pose",
        "render_timeline",
        "compare_keypoints",
        "save_motion",
    }
    for run in (f for f in fns.values() if f.api_name in pressed):
        first = run
        while first.trigger_after is not None:
            first, asked = fns[first.trigger_after], first
        assert first.fn.__name__ == "require_consent", run.api_name
        assert first.api_visibility == "private"
        assert [i.elem_id for i in first.inputs] == ["consent"]
        assert first.concurrency_limit is None  # it waits for nothing
        assert asked.trigger_only_on_success
        pressed.remove(run.api_name)
    assert not pressed


def test_an_example_is_known_by_its_content(shipped, own, tmp_path):
    renamed = tmp_path / "renamed.bin"
    renamed.write_bytes(Path(shipped).read_bytes())
    assert is_example(str(renamed))
    assert not is_example(own)
    assert not is_example(str(tmp_path / "missing.png"))


# ------------------------------------------------------------------------- the tab Verify


def test_the_tab_says_in_words_what_a_file_declares(pose, shipped):
    words, data = verify_file(pose(shipped, 5, True, False)[0])
    assert "This file is intact" in words
    assert "made with MMFA Studio" in words
    assert "self-made certificate" in words
    assert data["declared"]["operation"] == "edit_pose"


def test_the_tab_says_when_nothing_is_declared_and_when_there_is_no_file(own):
    assert "declares nothing" in verify_file(own)[0]
    assert verify_file(None) == (EMPTY, None)


def test_what_is_no_picture_gets_a_sentence_in_the_tab(tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("notes", encoding="utf-8")
    words, data = verify_file(str(wrong))
    assert "notes.txt is no picture or clip" in words
    assert str(tmp_path) not in words
    assert data is None
