"""The examples' answers that are made before the page opens."""

from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from mmfa_core import Animator
from mmfa_core.media import read_clip
from studio import StudioSettings, build_studio
from studio.context import StudioContext
from studio.tabs import animate as tab
from studio.tabs.animate_examples import make_ready
from studio.tabs.animate_handlers import AnimateHandlers
from studio.tabs.animate_settings import DriveSettings
from studio.tabs.animate_tab_handlers import TabHandlers
from tests.tiny_model import save_tiny


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))


@pytest.fixture
def portrait(examples):
    return examples / "london_034_neutral.jpg"


@pytest.fixture
def clip(examples):
    return examples / "driving_turn.mp4"


@pytest.fixture
def handlers(animator, portrait, clip):
    """Handlers whose answers for one portrait and one clip are ready."""
    made = TabHandlers.of(StudioContext(animator))
    make_ready(made, [portrait], [clip])
    return made


@pytest.fixture
def crop(handlers, portrait):
    *_, x, y, side = handlers.portrait.find_faces(str(portrait))
    return {"crop_x": x, "crop_y": y, "crop_size": side}


def copy(file, folder):
    """Give the file as Gradio does: the same content somewhere else."""
    place = folder / f"copy{file.suffix}"
    place.write_bytes(file.read_bytes())
    return str(place)


def test_an_example_is_animated_at_once(handlers, portrait, clip, crop, tmp_path):
    answers = list(
        handlers.animation.animate(copy(portrait, tmp_path), copy(clip, tmp_path), **crop)
    )
    assert len(answers) == 1
    made, picture, download, line, live = answers[0]
    assert Path(made).stat().st_size > 1000
    assert (picture, download, live) == (None, made, "")
    assert "Done: 23 frames" in line


def test_each_person_gets_a_file_of_their_own(handlers, portrait, clip, crop):
    made = [
        next(iter(handlers.animation.animate(str(portrait), str(clip), **crop)))[0]
        for _ in range(2)
    ]
    assert made[0] != made[1]
    assert Path(made[0]).read_bytes() == Path(made[1]).read_bytes()


def test_what_is_ready_is_what_would_be_made(handlers, animator, portrait, clip, crop):
    fresh = TabHandlers.of(StudioContext(animator))
    *_, (made, *_) = fresh.animation.animate(str(portrait), str(clip), **crop)
    ((ready, *_),) = handlers.animation.animate(str(portrait), str(clip), **crop)
    assert all(np.array_equal(a, b) for a, b in zip(read_clip(ready), read_clip(made), strict=True))


def test_the_motion_counts_only_when_it_drives(handlers, portrait, clip, crop):
    chosen = {**crop, "motion": "blink-twice"}  # the page has one chosen, whatever drives
    assert len(list(handlers.animation.animate(str(portrait), str(clip), **chosen))) == 1


@pytest.mark.parametrize("changed", [{"gain_rotation": 50}, {"crop_x": 20}, {"file_format": "gif"}])
def test_other_settings_are_computed(handlers, portrait, clip, crop, changed):
    answers = list(handlers.animation.animate(str(portrait), str(clip), **{**crop, **changed}))
    assert len(answers) > 1


def test_the_report_of_an_example_is_there_at_once(handlers, clip):
    ((html, frames, _, mends),) = handlers.driver.examine_clip(str(clip))
    assert "turned 38 degrees" in html
    assert len(frames) == 2
    assert mends
    assert len(list(handlers.driver.examine_clip(str(clip), start_s=0.5))) > 1


def test_a_file_that_is_gone_gets_its_sentence(handlers, clip, tmp_path):
    *_, (html, *_) = handlers.driver.examine_clip(str(tmp_path / "gone.mp4"))
    assert "gone.mp4" in html


def test_the_page_begins_with_the_settings_that_are_ready(animator):
    page = build_studio(animator)
    (event,) = [e for e in page.fns.values() if e.api_name == "animate"]
    names = [name for name in signature(AnimateHandlers.animate).parameters if name != "self"]
    shown = {name: part.value for name, part in zip(names, event.inputs, strict=False)}
    settings = {name: shown[name] for name in DriveSettings.__dataclass_fields__}
    settings["motion"] = DriveSettings().motion  # the tiny model has no gallery to choose from
    assert DriveSettings(**settings) == DriveSettings()


def test_the_page_makes_its_own_examples_ready_when_told(animator, monkeypatch):
    asked = []
    monkeypatch.setattr(tab, "make_ready", lambda _, *files: asked.append(files))
    build_studio(animator)
    assert asked == []
    build_studio(animator, StudioSettings(ready_examples=True))
    ((portraits, clips),) = asked
    assert len(portraits) == len(clips) == 3
    assert all(file.is_file() for file in (*portraits, *clips))
