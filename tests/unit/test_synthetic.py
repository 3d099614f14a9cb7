"""Synthetic heads: seen by the landmarker as they were asked for, the same again, and trainable."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfa_core.cli import heads as command
from mmfa_core.errors import ConfigError, ResourceError
from mmfa_core.face import FaceFinder, whole_crop
from mmfa_core.synthetic import anatomy as anatomy_module
from mmfa_core.synthetic import renderer as renderer_module
from mmfa_core.synthetic.figure import Figure
from mmfa_core.synthetic.folder import Plan, fill_folder, open_folder, pieces
from mmfa_core.synthetic.maker import HeadMaker, MadePerson
from mmfa_core.synthetic.mixing import mix_corpora
from mmfa_core.synthetic.performance import Act
from mmfa_core.synthetic.person import draw_person
from mmfa_core.synthetic.renderer import PARTS, Renderer
from mmfa_core.synthetic.scene import draw_scene
from mmfa_core.synthetic.sheet import CELL_PX, write_sheet
from mmfa_core.training.batches import PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.teacher import build_teacher
from tests.synthetic import write_corpus

# Anny reads its shapes for a minute or more, once on a machine, and then keeps them.
pytestmark = pytest.mark.timeout(1800)

SEED, VIEWS, PEOPLE = 7, 4, 5


@pytest.fixture(scope="module")
def maker() -> Iterator[HeadMaker]:
    with HeadMaker(SEED, VIEWS) as made:
        yield made


@pytest.fixture(scope="module")
def people(maker: HeadMaker) -> list[MadePerson]:
    return [maker.make(number) for number in range(PEOPLE)]


class Remembering:
    """Makes people as a maker does, but each only once, and remembers who was asked for."""

    seed, views = SEED, VIEWS

    def __init__(self, maker: HeadMaker, people: list[MadePerson], most: int = 99) -> None:
        self.anatomy = maker.anatomy
        self.people = people
        self.asked: list[int] = []
        self.most = most

    def make(self, number: int) -> MadePerson:
        if len(self.asked) == self.most:
            raise KeyboardInterrupt
        self.asked.append(number)
        return self.people[number]


def plan(folder: Path, **changes: int) -> Plan:
    return dataclasses.replace(Plan(folder, SEED, VIEWS, 0, PEOPLE), **changes)


def fill(given: Plan, maker: Remembering) -> None:
    fill_folder(given, open_folder(given), maker, lambda told: None)


@pytest.fixture(scope="module")
def folder(
    maker: HeadMaker, people: list[MadePerson], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("made") / "heads"
    fill(plan(place), Remembering(maker, people))
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_landmarker_sees_a_face_in_most_pictures(people: list[MadePerson]) -> None:
    seen = [view.face is not None for made in people for view in made.views]
    assert np.mean(seen) >= 0.8


def test_in_what_is_kept_the_landmarker_reads_the_pose_that_was_asked_for(
    people: list[MadePerson],
) -> None:
    views = [view for made in people for view in made.kept]
    assert len(views) >= 0.55 * PEOPLE * VIEWS
    asked = np.array([view.act.pose_deg for view in views])
    read = np.array([view.face.pose for view in views if view.face is not None])
    for axis in range(3):
        assert np.corrcoef(asked[:, axis], read[:, axis])[0, 1] > 0.9


def test_an_open_jaw_opens_the_mouth_and_a_blink_shuts_the_eyes(maker: HeadMaker) -> None:
    read: dict[str, list[float]] = {}
    with Renderer(256) as renderer, FaceFinder() as finder:
        for number in (1, 4):
            rng = np.random.default_rng((SEED, number))
            person = draw_person(rng, maker.anatomy.change_names)
            scene, figure = draw_scene(rng), Figure(maker.anatomy, person)
            for name, weights in (
                ("calm", {}),
                ("jawOpen", {"jawOpen": 0.8}),
                ("eyeBlinkLeft", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}),
            ):
                posed = figure.pose(Act((0.0, 0.0, 0.0), weights))
                picture = renderer.render(posed, person, scene, rng).picture
                face = finder.detect_in_crop(picture, whole_crop(picture.shape))
                assert face is not None
                for shape in ("jawOpen", "eyeBlinkLeft"):
                    read.setdefault(f"{name} {shape}", []).append(face.blendshape(shape))
    assert min(read["jawOpen jawOpen"]) > max(read["calm jawOpen"]) + 0.2
    assert min(read["eyeBlinkLeft eyeBlinkLeft"]) > max(read["calm eyeBlinkLeft"]) + 0.2


def test_the_same_seed_gives_the_same_pixels_and_another_number_another_person(
    maker: HeadMaker, people: list[MadePerson]
) -> None:
    again = maker.make(1)
    for one, other in zip(people[1].views, again.views, strict=True):
        assert (one.rendered.picture == other.rendered.picture).all()
        assert (one.rendered.parts == other.rendered.parts).all()
    assert (people[0].views[0].rendered.picture != again.views[0].rendered.picture).any()


def test_the_parts_show_a_head_with_a_skin_before_a_background(people: list[MadePerson]) -> None:
    for made in people:
        parts = made.views[0].rendered.parts
        assert (parts[96:160, 96:160] > 0).all()
        assert (parts == PARTS.index("background")).mean() > 0.05
        assert (parts == PARTS.index("skin")).mean() > 0.1


def test_the_exact_head_and_camera_place_the_eyes_where_the_landmarker_sees_them(
    maker: HeadMaker, people: list[MadePerson]
) -> None:
    off = []
    for made in people:
        eyes = anatomy_module.eyeball(
            Figure(maker.anatomy, made.person).neutral, maker.anatomy.eyes
        )[0]
        for view in made.kept:
            x, y, _, w = view.rendered.camera @ view.head @ np.append(eyes.mean(0), 1)
            place = np.array([(x / w + 1) / 2, (1 - y / w) / 2]) * 256
            seen = view.landmarks[[468, 473], :2].mean(0)
            off.append(np.linalg.norm(place - seen))
    assert np.median(off) < 8  # px; irises lie before the middles of eyeballs


def test_a_folder_is_a_corpus_with_the_exact_labels_beside_it(
    folder: Path, people: list[MadePerson]
) -> None:
    corpus = Corpus(folder, "train", "A")
    kept = [view for made in people for view in made.kept]
    assert len(corpus) == len(kept) > PEOPLE
    stored = np.load(next(folder.glob("*.npz")), allow_pickle=False)
    jaw = stored["expression_names"].tolist().index("jawOpen")
    for row, view in enumerate(kept):
        shown = corpus.picture(row).astype(int)
        assert np.abs(shown - view.rendered.picture).mean() < 4
        assert np.abs(corpus.landmarks[row] - view.landmarks).max() < 0.2
        assert stored["true_pose"][row] == pytest.approx(view.act.pose_deg)
        assert stored["true_expression"][row, jaw] == pytest.approx(
            view.act.weights.get("jawOpen", 0.0)
        )
        start, size = stored["parts_off"][row], stored["parts_len"][row]
        png = stored["parts_data"][start : start + size].tobytes()
        assert (np.asarray(Image.open(io.BytesIO(png))) == view.rendered.parts).all()
    assert stored["true_identity"].shape == (len(corpus.clips), len(stored["identity_names"]))


def test_batches_come_out_of_a_folder(folder: Path) -> None:
    corpus = Corpus(folder, "train")
    sampler = PairSampler(corpus, build_teacher(corpus, 0.33), seed=1)
    pair = sampler.batch(0, 2, joint=True)
    assert pair.source.pictures.shape == pair.driving.pictures.shape == (2, 3, 256, 256)


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    folder: Path, maker: HeadMaker, people: list[MadePerson], tmp_path: Path
) -> None:
    place = tmp_path / "heads"
    stopped = Remembering(maker, people, most=2)
    with pytest.raises(KeyboardInterrupt):
        fill(plan(place), stopped)
    resumed = Remembering(maker, people)
    fill(plan(place), resumed)
    assert stopped.asked + resumed.asked == list(range(PEOPLE))
    assert contents(place) == contents(folder)


def test_a_shard_that_a_kill_left_unfinished_is_made_again(
    folder: Path, maker: HeadMaker, people: list[MadePerson], tmp_path: Path
) -> None:
    fill(plan(tmp_path), Remembering(maker, people))
    facts = json.loads((tmp_path / "heads.json").read_text(encoding="utf-8"))
    (tmp_path / "heads.json").write_text(json.dumps(facts | {"shards": []}), encoding="utf-8")
    fill(plan(tmp_path), Remembering(maker, people))
    assert contents(tmp_path) == contents(folder)


def test_more_people_are_added_to_those_that_are_there(
    maker: HeadMaker, people: list[MadePerson], tmp_path: Path
) -> None:
    fill(plan(tmp_path, people=2), Remembering(maker, people))
    before = contents(tmp_path)
    more = Remembering(maker, people)
    fill(plan(tmp_path), more)
    assert more.asked == [2, 3, 4]
    assert {name: contents(tmp_path)[name] for name in before if "heads_" in name} == {
        name: data for name, data in before.items() if "heads_" in name
    }
    everybody = sum(bool(made.kept) for made in people)
    assert len(Corpus(tmp_path, "train").clips) == everybody


def test_shards_hold_neighbours_and_no_one_twice(tmp_path: Path) -> None:
    facts = {"shards": [{"first": 3, "people": 2}]}
    wanted = plan(tmp_path, first=1, people=1000)
    assert list(pieces(wanted, facts)) == [
        range(1, 3),
        range(5, 500),
        range(500, 1000),
        range(1000, 1001),
    ]


def test_heads_of_another_seed_are_kept_unless_they_may_be_replaced(
    maker: HeadMaker, people: list[MadePerson], tmp_path: Path
) -> None:
    fill(plan(tmp_path, people=1), Remembering(maker, people))
    other = plan(tmp_path, seed=8)
    with pytest.raises(ResourceError, match="seed 7, and seed 8 was asked for"):
        open_folder(other)
    assert open_folder(other, overwrite=True)["seed"] == 8
    assert not list(tmp_path.glob("*.tar"))


def test_a_folder_of_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(ResourceError, match="holds something else than heads"):
            open_folder(plan(tmp_path), overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_heads_and_another_corpus_mix(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "own")
    mixed = mix_corpora([tmp_path / "own", folder], tmp_path / "mixed")
    corpus = Corpus(tmp_path / "mixed", "train")
    parts = [Corpus(tmp_path / "own", "train"), Corpus(folder, "train")]
    assert len(corpus) == sum(map(len, parts))
    assert mixed["pictures"] == len(corpus) + len(Corpus(tmp_path / "mixed", "val"))
    with pytest.raises(ResourceError, match="is in two of the folders"):
        mix_corpora([folder, folder], tmp_path / "twice")


def test_a_sheet_shows_everybody(folder: Path, tmp_path: Path) -> None:
    shown = write_sheet(folder, tmp_path / "sheet.jpg")
    assert shown == len(Corpus(folder, "train").clips)
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (CELL_PX * shown, CELL_PX)


def test_the_command_prints_one_json_line(
    folder: Path, maker: HeadMaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    given = ["--people", str(PEOPLE), "--views", str(VIEWS), "--output", str(folder), "--audit"]
    assert command.main(given) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["people"] == PEOPLE
    assert line["rendered"] == PEOPLE * VIEWS
    assert line["audit"]["pictures"] == line["pictures"]
    assert line["audit"]["jaw_and_lips"] > 0.75


@pytest.mark.parametrize(("flag", "value"), [("--people", "0"), ("--views", "2"), ("--seed", "-1")])
def test_a_number_out_of_range_is_told_in_one_sentence(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command.main(["--output", str(tmp_path), flag, value]) == 2
    assert f"{flag} is {value}; it must be from" in capsys.readouterr().err


def test_no_views_are_too_few_for_the_package_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        command.check_plan(plan(tmp_path, views=1))


@pytest.mark.parametrize(
    ("module", "call", "words"),
    [
        ("anny", anatomy_module._load_model, "Anny isn't installed"),
        ("moderngl", renderer_module._start_opengl, "moderngl, .* isn't installed"),
    ],
)
def test_what_is_missing_is_named_with_what_to_install(
    module: str, call: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ResourceError, match=words) as told:
        call()  # type: ignore[operator]
    assert ".[heads]" in told.value.hint


def test_opengl_that_cannot_be_started_is_told_with_the_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import moderngl

    def refuse(**way: object) -> None:
        raise RuntimeError("eglGetDisplay failed (0x3000)")

    monkeypatch.setattr(moderngl, "create_standalone_context", refuse)
    with pytest.raises(ResourceError, match="OpenGL can't be started") as told:
        Renderer(64)
    assert "libgl1-mesa-dri" in told.value.hint
