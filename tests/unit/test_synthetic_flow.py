"""Flow between two pictures of a made person: it warps one to the other, and is the same again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfa_core.errors import MediaError, ResourceError
from mmfa_core.geometry import make_grid, warp
from mmfa_core.synthetic.anatomy import load_anatomy
from mmfa_core.synthetic.correspondence import (
    ENDING,
    FlowLabels,
    flow_between,
    pack_labels,
    save_labels,
)
from mmfa_core.synthetic.figure import Figure
from mmfa_core.synthetic.folder import Plan, fill_folder, open_folder
from mmfa_core.synthetic.maker import HeadMaker, MadePerson
from mmfa_core.synthetic.mixing import mix_corpora
from mmfa_core.synthetic.performance import Act
from mmfa_core.synthetic.person import draw_person
from mmfa_core.synthetic.renderer import PARTS, Rendered, Renderer
from mmfa_core.synthetic.scene import Scene, draw_scene
from mmfa_core.synthetic.tracing import all_faces, all_places

# Anny reads its shapes for a minute or more, once on a machine, and then keeps them.
pytestmark = pytest.mark.timeout(1800)

SEED, VIEWS, NUMBER = 7, 4, 1
CALM = Act((-22.0, 0.0, 0.0), {})
TURNED = Act(
    (20.0, 8.0, -6.0), {"jawOpen": 0.4, "mouthSmileLeft": 0.8}, (12.0, 4.0), (0.012, -0.008)
)


def even_light(scene: Scene) -> Scene:
    """Light a scene the same from all sides, so that a spot looks the same however it turns."""
    none, half = np.zeros(3, np.float32), np.full(3, 0.6, np.float32)
    return dataclasses.replace(
        scene, key=none, rim=none, fill=half, ground=half, grain=0.0, blur_px=0.0
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[FlowLabels, list[Rendered]]:
    """Two pictures of one person, and one picture of another."""
    folder, clips, people, pictures = tmp_path_factory.mktemp("pair"), [], [], []
    anatomy = load_anatomy()
    with Renderer(256, trace=True) as renderer:
        for number, acts in ((NUMBER, (CALM, TURNED)), (NUMBER + 1, (CALM,))):
            rng = np.random.default_rng((SEED, number))
            person = draw_person(rng, anatomy.change_names)
            scene, figure = even_light(draw_scene(rng)), Figure(anatomy, person)
            posed = [figure.pose(act) for act in acts]
            shown = [renderer.render(one, person, scene, rng) for one in posed]
            seen = [one.seen for one in shown if one.seen is not None]
            people.append(pack_labels(seen, all_faces(posed[0]), [all_places(p) for p in posed]))
            clips.append(f"person{number}")
            pictures += shown
    save_labels(folder / f"heads.{ENDING}", clips, people)
    cameras = np.stack([one.camera for one in pictures])
    np.savez(folder / "heads.npz", clip=[0, 0, 1], clips=clips, true_camera=cameras)
    return FlowLabels(folder, "heads"), pictures


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    tensor = torch.tensor(picture).permute(2, 0, 1)[None].float()
    return warp(tensor, torch.tensor(flow)[None])[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("source", "driving"), [(0, 1), (1, 0)])
def test_a_picture_warped_by_the_flow_is_the_other_one(
    pair: tuple[FlowLabels, list[Rendered]], source: int, driving: int
) -> None:
    labels, shown = pair
    flow, known = flow_between(labels, source, driving)
    wanted = shown[driving].picture.astype(float)
    off = np.abs(warped(shown[source].picture, flow) - wanted).mean(-1)
    unmoved = np.abs(shown[source].picture - wanted).mean(-1)
    assert known.sum() > 0.4 * (shown[driving].parts > 0).sum()
    assert off[known].mean() < 0.15 * unmoved[known].mean()
    for part in ("skin", "eyes"):  # irises follow the gaze
        here = known & (shown[driving].parts == PARTS.index(part))
        assert here.sum() > 50
        assert off[here].mean() < 0.3 * unmoved[here].mean()


def test_flow_from_a_picture_to_itself_is_the_identity(
    pair: tuple[FlowLabels, list[Rendered]],
) -> None:
    labels, shown = pair
    flow, known = flow_between(labels, 1, 1)
    assert (known == (shown[1].parts > 0)).mean() > 0.999
    off_px = np.abs(flow - make_grid(256, 256).numpy()) * 128
    assert off_px.max() < 0.01


def test_each_pixel_of_the_person_shows_a_triangle_and_no_other_does(
    pair: tuple[FlowLabels, list[Rendered]],
) -> None:
    for one in pair[1]:
        assert one.seen is not None
        assert ((one.seen >= 0) == (one.parts > 0)).all()


def test_flow_between_different_people_is_refused(
    pair: tuple[FlowLabels, list[Rendered]],
) -> None:
    with pytest.raises(MediaError, match="0 and 2 show different people"):
        flow_between(pair[0], 0, 2)
    with pytest.raises(MediaError, match="no picture 3"):
        flow_between(pair[0], 0, 3)


@pytest.fixture(scope="module")
def maker() -> Iterator[HeadMaker]:
    with HeadMaker(SEED, VIEWS, flow=True) as made:
        yield made


@pytest.fixture(scope="module")
def made(maker: HeadMaker) -> MadePerson:
    return maker.make(NUMBER)


class Again:
    """Gives one person whatever is asked."""

    seed, views = SEED, VIEWS

    def __init__(self, maker: HeadMaker, made: MadePerson) -> None:
        self.anatomy, self.made = maker.anatomy, made

    def make(self, number: int) -> MadePerson:
        return self.made


def fill(folder: Path, made: Again, *, flow: bool) -> dict[str, bytes]:
    plan = Plan(folder, SEED, VIEWS, NUMBER, 1, flow=flow)
    fill_folder(plan, open_folder(plan), made, lambda told: None)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_labels_are_the_same_again_and_pictures_the_same_as_without_them(
    maker: HeadMaker, made: MadePerson, tmp_path: Path
) -> None:
    one = fill(tmp_path / "one", Again(maker, made), flow=True)
    other = fill(tmp_path / "other", Again(maker, maker.make(NUMBER)), flow=True)
    assert one == other
    with HeadMaker(SEED, VIEWS) as plain:
        without = fill(tmp_path / "without", Again(plain, plain.make(NUMBER)), flow=False)
    extra = {name for name in one if name.endswith(ENDING)}
    assert set(one) - set(without) == extra
    assert len(extra) == 1
    assert all(one[name] == data for name, data in without.items() if name != "heads.json")
    assert "flow" not in json.loads(without["heads.json"])


def test_flow_of_a_folder_is_read_by_the_rows_of_its_arrays(
    maker: HeadMaker, made: MadePerson, tmp_path: Path
) -> None:
    fill(tmp_path / "heads", Again(maker, made), flow=True)
    mix_corpora([tmp_path / "heads"], tmp_path / "mixed")
    labels = FlowLabels(tmp_path / "mixed", f"heads_s{SEED}_{NUMBER:06d}-{NUMBER:06d}")
    assert len(labels) == len(made.kept) >= 3
    flow, known = flow_between(labels, 1, 2)
    wanted = made.kept[2].rendered.picture.astype(float)
    source = made.kept[1].rendered.picture
    off, unmoved = (np.abs(x - wanted)[known].mean() for x in (warped(source, flow), source))
    assert off < 0.5 * unmoved  # in the person's own light, which doesn't turn with the head


def test_heads_with_flow_and_without_are_not_mixed_in_one_folder(
    maker: HeadMaker, made: MadePerson, tmp_path: Path
) -> None:
    fill(tmp_path, Again(maker, made), flow=False)
    with pytest.raises(ResourceError, match="without --flow, and heads with it"):
        open_folder(Plan(tmp_path, SEED, VIEWS, NUMBER, 1, flow=True))
    with pytest.raises(ResourceError, match="no labels of flow"):
        FlowLabels(tmp_path, f"heads_s{SEED}_{NUMBER:06d}-{NUMBER:06d}")
