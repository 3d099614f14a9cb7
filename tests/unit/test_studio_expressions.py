"""The handlers of Expressions and Keypoints, without a server, with a tiny model."""

import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from mmfa_core import Animator
from mmfa_core.checkpoint import save_model
from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.media import read_picture, write_picture
from studio.context import StudioContext
from studio.tabs.expression_faces import contents
from studio.tabs.expression_handlers import STRIP, ExpressionHandlers
from studio.tabs.expression_steering import steering
from studio.tabs.expression_vary import NEIGHBOURS, VaryHandlers
from studio.tabs.expressions import build_expressions
from studio.tabs.keypoint_compare import CompareHandlers
from studio.tabs.keypoint_handlers import KeypointHandlers
from studio.tabs.keypoints import build_keypoints
from studio.terms import build_terms
from tests.helpers import awake_model
from tests.tiny_model import STATS, TINY

SMILE = ExpressionDirection(name="smile", code=(3.0,) * 8, low=-0.5, high=1.0)


def context(folder, stats):
    save_model(folder, awake_model(), TINY, stats)
    return StudioContext(Animator.from_pretrained(folder, threads=1))


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    stats = ExpressionStats(mean=(0.0,) * 8, std=(1.0,) * 8, directions=(SMILE,))
    return context(tmp_path_factory.mktemp("m") / "tiny", stats)


@pytest.fixture(scope="module")
def faces(examples):
    names = ("009_neutral", "034_smiling", "101_neutral")
    return [*(str(examples / f"london_{name}.jpg") for name in names), None]


@pytest.fixture
def expressions(studio):
    return ExpressionHandlers(studio)


@pytest.fixture
def varied(studio):
    return VaryHandlers(studio)


@pytest.fixture
def wall(tmp_path):
    return str(write_picture(tmp_path / "wall.png", np.full((200, 200, 3), 127, np.uint8)))


@pytest.fixture
def warned(monkeypatch):
    """What the page would show as warnings."""
    told = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    return told


def test_the_slider_goes_from_a_to_b(expressions, faces):
    ends = [expressions.mix_expressions(*faces, share) for share in (0, 1)]
    assert (ends[0] != ends[1]).any()
    strip = expressions.mix_strip(*faces)
    assert len(strip) == STRIP
    assert (strip[0][0] == ends[0]).mean() > 0.9


def test_with_three_faces_the_pad_s_bottom_is_the_third(expressions, faces):
    left, right = (expressions.mix_pad(*faces, x, 1.0) for x in (0.0, 1.0))
    assert (left == right).all()
    assert (expressions.mix_pad(*faces, 0.0, 0.0) != left).any()


def test_samples_are_the_same_for_the_same_seed(varied, faces):
    first = varied.sample_expression(*faces, "B", 1.0, 5, "A")
    assert len(first) == NEIGHBOURS
    assert first[0][1] == "seed 5"
    again = varied.show_sample(*faces, "B", 1.0, 5, "A", chosen=2)
    assert np.abs(again.astype(int) - first[2][0].astype(int)).max() <= 8  # one alone, in halves
    other = varied.sample_expression(*faces, "B", 1.0, 50, "A")
    assert (other[0][0] != first[0][0]).any()


def test_a_difference_with_no_gain_changes_nothing(varied, faces):
    without = varied.add_expression(*faces, "B", "A", "C", 0)
    assert (without == varied.add_expression(*faces, "A", "B", "C", 0)).all()
    assert (without != varied.add_expression(*faces, "B", "A", "C", 2)).any()


def test_each_direction_of_the_model_is_an_argument_with_its_name(varied, faces):
    handler = steering(varied, ("smile",))
    names = list(inspect.signature(handler).parameters)
    assert names == ["face_a", "face_b", "face_c", "face_d", "shown_on", "smile"]
    assert "smile: how far" in handler.__doc__
    assert (handler(*faces, "A", 0.0) != handler(*faces, "A", 1.0)).any()
    with pytest.raises(gr.Error, match="smile is 3; allowed are"):
        handler(*faces, "A", 3.0)


def test_a_loop_is_written_where_only_its_owner_finds_it(expressions, faces):
    made = expressions.expression_clip(*faces, seconds=1.0, progress=lambda *_, **__: None)
    assert made.endswith("expression-loop.mp4")
    with pytest.raises(gr.Error, match=r"The loop would be 50 s long; allowed are 1 to 10 s\."):
        expressions.expression_clip(*faces, seconds=50)
    with pytest.raises(gr.Error, match=r"share is 2; allowed are 0 to 1\."):
        expressions.mix_expressions(*faces, share=2)


@pytest.mark.parametrize(
    ("slots", "shown_on", "sentence"),
    [
        ((0, None, None, None), "A", "There is no face B yet."),
        ((0, 1, None, None), "D", "There is no face D yet."),
        ((0, 1, None, None), "E", "There is no face 'E'."),
    ],
)
def test_a_face_that_is_missing_is_told(expressions, faces, slots, shown_on, sentence):
    given = [None if slot is None else faces[slot] for slot in slots]
    with pytest.raises(gr.Error, match=sentence):
        expressions.mix_expressions(*given, 0.5, shown_on)


def test_a_picture_without_a_face_is_put_back(expressions, faces, wall, warned):
    given = [faces[0], wall, *faces[2:]]
    *back, kept, taken, _corners = expressions.slots.open_faces(*given, faces, [])
    assert back[1] == faces[1]
    assert kept == faces
    assert taken == contents(faces)
    assert len(warned) == 1
    assert "face" in warned[0]


def test_faces_that_are_in_their_slots_already_change_nothing(expressions, faces, tmp_path):
    renamed = tmp_path / "renamed.jpg"
    renamed.write_bytes(Path(faces[0]).read_bytes())
    given, known = [str(renamed), *faces[1:]], contents(faces)
    *back, _kept, taken, corners = expressions.slots.open_faces(*given, faces, known)
    assert [*back, corners] == [gr.skip()] * 5
    assert taken == known


def test_faces_that_were_given_are_shown_unless_one_is_missing(expressions, faces):
    picture, strip = expressions.show_faces(*faces, 0.5, "A", "linear")
    assert picture.shape == (64, 64, 3)
    assert len(strip) == STRIP
    missing = expressions.show_faces(*faces, 0.5, "D", "linear")
    assert [value["__type__"] for value in missing] == ["update"] * 2


def test_the_pad_shows_four_corners_also_where_a_face_is_missing(expressions, faces):
    corners = expressions.slots.pad_corners(faces)
    assert corners.count("class='corner'") == 4
    assert corners.count("<img") == 3


@pytest.mark.parametrize("stats", [STATS, ExpressionStats()], ids=["no directions", "nothing"])
def test_a_model_without_directions_has_no_sliders_for_them(tmp_path, stats):
    plain = context(tmp_path, stats)
    with gr.Blocks():
        controls = build_expressions(plain, build_terms()).controls
    assert "smile" not in controls
    assert "share" in controls


def test_both_tabs_tell_what_a_recipe_holds(studio):
    with gr.Blocks() as page:
        terms = build_terms()
        made = [build_expressions(studio, terms), build_keypoints(studio, terms)]
    assert [tab.name for tab in made] == ["expressions", "keypoints"]
    assert {"share", "pad_x", "tau", "gain", "smile"} <= set(made[0].controls)
    assert {"stage", "yaw_deg", "mode"} <= set(made[1].controls)
    public = {f.api_name for f in page.fns.values() if f.api_visibility == "public"}
    assert public == {
        "mix_expressions",
        "mix_strip",
        "expression_clip",
        "mix_pad",
        "sample_expression",
        "add_expression",
        "set_expression",
        "show_keypoints",
        "dissect_picture",
        "compare_keypoints",
        "show_frame",
        "export_keypoints",
        "export_comparison",
    }


def test_a_recipe_shows_the_picture_the_strip_and_what_is_near(studio, faces):
    with gr.Blocks():
        tab = build_expressions(studio, build_terms())
    names = list(tab.controls)
    settings = {tab.controls[name]: name for name in names}
    given = {"near": "B", "tau": 1.0, "seed": 5, "identity": "A", "share": 1, "path": "linear"}
    terms = [True, True]

    def shown(part):
        values = [given.get(settings.get(control), 0) for control in tab.refresh.inputs[5:-2]]
        return tab.refresh.fn(*faces, part, *values, *terms)

    picture, strip, found, drawn = shown("near")
    assert Path(picture).is_file()
    assert len(strip) == STRIP
    assert [word for _, word in found] == [f"seed {n}" for n in range(5, 5 + NEIGHBOURS)]
    assert drawn == [*faces, "B", 1.0, 5, "A"]
    assert shown("mix")[2:] == (gr.skip(), gr.skip())


# ----------------------------------------------------------------------------- keypoints


@pytest.fixture
def keypoints(studio):
    return KeypointHandlers(studio)


@pytest.fixture
def compared(studio):
    return CompareHandlers(studio)


@pytest.mark.parametrize("stage", ["canonical", "expressed", "posed"])
def test_keypoints_are_drawn_and_told_in_space(keypoints, faces, stage):
    picture, space, words = keypoints.show_keypoints(faces[0], stage)
    clouds = json.loads(space)["clouds"]
    assert picture.shape == (512, 512, 3)
    assert len(clouds) == (1 if stage == "canonical" else 2)
    assert len(clouds[-1]["points"]) == len(clouds[-1]["colours"]) == 50
    assert words.startswith(stage.capitalize())


def test_a_picture_s_anatomy_has_four_pictures_and_a_legend(keypoints, faces):
    picture, flow, visible, kept, words = keypoints.dissect_picture(faces[0], 15)
    assert {p.shape for p in (picture, flow, visible, kept)} == {(64, 64, 3)}
    assert "Full colour is" in words


def test_a_comparison_is_followed_frame_by_frame_and_saved(compared, faces, examples, studio):
    quiet = SimpleNamespace(short=lambda *_, **__: None)
    comparison, slider, *first, words = compared.compare_keypoints(
        faces[0], str(examples / "driving_turn.mp4"), progress=quiet.short
    )
    assert slider.maximum == len(comparison.tracks) - 1
    assert "frames, the driver's face in" in words
    later = compared.show_frame(comparison, slider.maximum)
    assert (read_picture(later[0]) != read_picture(first[0])).any()
    assert json.loads(later[2])["text"].startswith(f"frame {slider.maximum}")
    with pytest.raises(gr.Error, match=rf"no frame 99\. Choose one of 0 to {slider.maximum}\."):
        compared.show_frame(comparison, 99)
    for ending in ("json", "csv", "safetensors"):
        assert compared.export_comparison(comparison, ending).endswith(f"tracks.{ending}")


def test_what_is_missing_for_keypoints_is_told(compared, keypoints, faces):
    with pytest.raises(gr.Error, match="There is no driving clip yet"):
        compared.compare_keypoints(faces[0], None)
    with pytest.raises(gr.Error, match="Nothing has been compared yet"):
        compared.show_frame(None)
    with pytest.raises(gr.Error, match="Nothing has been compared yet"):
        compared.export_comparison(None)
    with pytest.raises(gr.Error, match="There is no format 'pickle'"):
        keypoints.export_keypoints(faces[0], "pickle")


def test_a_portrait_that_is_there_already_is_not_looked_at_again(keypoints, faces):
    assert keypoints.open_portrait(faces[0], faces[0], "posed") == (
        gr.skip(),
        faces[0],
        *[gr.skip()] * 3,
    )


def test_a_portrait_without_a_face_is_put_back(keypoints, faces, wall, warned):
    back, kept, *_rest = keypoints.open_portrait(wall, faces[0], "posed")
    assert back == kept == faces[0]
    assert len(warned) == 1
