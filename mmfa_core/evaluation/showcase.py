"""Forty results on held-out people, good and bad, as sheets of pictures that may be published.

In: a model, held-out people, driving clips. Out: sheets (JPEG) and their figures (JSON).
Only people of licence tier A are shown. Rows stand in the order of a figure, best first, so the
worst of what there is stands at the foot of each sheet; nothing is left out.

    python -m mmfa_core.evaluation.showcase --data CORPUS --output docs/results
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from mmfa_core.checkpoint import load_model
from mmfa_core.evaluation.cross import measured_options
from mmfa_core.evaluation.heldout import Clip, HeldOut, read_heldout, spread, to_tensor
from mmfa_core.evaluation.measure import Frames, Measured, measure_faces
from mmfa_core.evaluation.metrics import picture_scores
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.face import FaceFinder, cut_crop, whole_crop
from mmfa_core.hub import resolve_model
from mmfa_core.inference.editing import edit_motion
from mmfa_core.inference.engine import choose_dtype
from mmfa_core.inference.portrait import frame_face
from mmfa_core.inference.reference import nearest_frame
from mmfa_core.inference.transfer import transfer_motion
from mmfa_core.media import probe_clip, read_clip
from mmfa_core.motion import Motion, MotionEdit
from mmfa_core.provenance import draw_badge

CELL_PX = 144
QUALITY = 82
CROSSED = 12
EDITED = 8
MIXED = 8
MOMENTS = 24  # frames of a driving clip that are looked at
STEPS = (0.25, 0.5, 0.75)
EDITS = (
    MotionEdit(yaw_deg=-25),
    MotionEdit(yaw_deg=25),
    MotionEdit(pitch_deg=15),
    MotionEdit(pitch_deg=-15),
    MotionEdit(roll_deg=20),
    MotionEdit(scale=0.85),
)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Row:
    """Hold one result.

    Attributes:
        name: of the portrait.
        figure: that rows are ordered by, smaller = better.
        given: frames that were there, (256, 256, 3) each.
        made: frames that the model made; they get the badge.
    """

    name: str
    figure: float
    given: list[Frames]
    made: list[Frames]


@dataclass(frozen=True)
class Stage:
    """Hold what every kind of row needs."""

    renderer: Renderer
    heldout: HeldOut
    measure: Callable[[Frames], Measured]

    @property
    def people(self) -> list[Clip]:
        """List the clips of tier A, one a person."""
        shown = [clip for clip in self.heldout.clips if clip.tier == "A"]
        return list({clip.identity: clip for clip in shown}.values())

    @property
    def pairs(self) -> list[Clip]:
        """List those of two expressions."""
        return [clip for clip in self.people if len(clip.rows) > 1]

    def first(self, clip: Clip) -> Frames:
        """Load the first picture of a clip."""
        frame: Frames = self.heldout.frames(clip.rows[:1])[0]
        return frame


def same_rows(stage: Stage) -> Iterator[Row]:
    """Drive one picture of a person by the other, which is also the truth: L1_face / copy's."""
    for clip in stage.pairs:
        for one, other in ((0, 1), (1, 0)):
            chosen = [clip.rows[one], clip.rows[other]]
            source, truth = stage.heldout.frames(chosen)
            motion = stage.renderer.estimate_motion(truth[None])
            encoded = stage.renderer.encode_source(source)
            made = stage.renderer.render_frames(encoded, motion)[0]
            box = torch.from_numpy(stage.heldout.box[chosen[1:]])
            errors = [
                picture_scores(to_tensor(f[None]), to_tensor(truth[None]), box, with_ssim=False)
                for f in (made, source)
            ]
            figure = float(errors[0]["L1_face"] / errors[1]["L1_face"])
            yield Row(clip.name, figure, [source, truth], [made])


def cross_rows(stage: Stage, clips: list[Path]) -> Iterator[Row]:
    """Drive portraits by a moment of a clip: mean |blendshape - driver's| in absolute mode."""
    drivers = [read_moments(clip) for clip in clips]
    motions = [stage.renderer.estimate_motion(frames) for frames in drivers]
    for number, clip in zip(range(CROSSED), itertools.cycle(stage.people), strict=False):
        frames, motion = drivers[number % len(clips)], motions[number % len(clips)]
        moment = (5 + 7 * number) % len(frames)  # spread over the clip, chosen by nobody
        source = stage.renderer.encode_source(stage.first(clip))
        best = nearest_frame(stage.renderer.model, source, motion)
        made = []
        for mode in ("absolute", "relative"):
            shown = transfer_motion(
                source.motion,
                motion[moment : moment + 1],
                motion[best : best + 1],
                measured_options(mode),
                stage.renderer.decode_expression,
            )
            made.append(stage.renderer.render_frames(source, shown)[0])
        seen = stage.measure(np.stack((frames[moment], made[0]))).blendshapes
        figure = float(np.nan_to_num(np.abs(seen[0] - seen[1]).mean(), nan=1.0))
        yield Row(clip.name, figure, [stage.first(clip), frames[moment]], made)


def edit_rows(stage: Stage) -> Iterator[Row]:
    """Turn portraits: mean |yaw answered - asked|, degrees, over the two turns to the side."""
    for index in spread(range(len(stage.people)), EDITED):
        clip = stage.people[index]
        source = stage.renderer.encode_source(stage.first(clip))
        motion = Motion.cat([edit_motion(source.motion, edit) for edit in EDITS])
        made = stage.renderer.render_frames(source, motion)
        seen = stage.measure(np.stack((stage.first(clip), made[0], made[1]))).pose_deg[:, 0]
        asked = np.array([edit.yaw_deg for edit in EDITS[:2]])
        figure = float(np.nan_to_num(np.abs(seen[1:] - seen[0] - asked).mean(), nan=90.0))
        yield Row(clip.name, figure, [stage.first(clip)], list(made))


def mix_rows(stage: Stage) -> Iterator[Row]:
    """Mix the expressions of one person's two pictures on another person: no figure, 0."""
    for number in range(MIXED):
        pair = stage.pairs[number % len(stage.pairs)]
        ends = stage.heldout.frames(pair.rows[:2])
        others = [clip for clip in stage.people if clip.identity != pair.identity]
        other = others[(3 * number + 1) % len(others)]
        source = stage.renderer.encode_source(stage.first(other))
        one, two = stage.renderer.estimate_motion(ends).expression_code
        codes = torch.stack([torch.lerp(one, two, step) for step in (0.0, *STEPS, 1.0)])
        motion = replace(
            stage.renderer.model.expand(source, len(codes)).motion,
            expression_code=codes,
            expression_offsets=stage.renderer.decode_expression(codes),
        )
        made = stage.renderer.render_frames(source, motion)
        yield Row(other.name, 0.0, [stage.first(other), *ends], list(made))


def read_moments(clip: Path) -> Frames:
    """Read MOMENTS frames of a clip, evenly spread, cut to the face of the first one."""
    info = probe_clip(clip)
    wanted = set(spread(range(info.frames), MOMENTS))
    with contextlib.closing(read_clip(clip)) as frames:
        kept = [frame for number, frame in enumerate(frames) if number in wanted]
    crop, _ = frame_face(kept[0], clip.name)
    return np.stack([cut_crop(frame, crop, 256) for frame in kept])


def draw_sheet(rows: list[Row]) -> Image.Image:
    """Draw rows below each other, each with its number and figure in its first picture."""
    width = max(len(row.given) + len(row.made) for row in rows)
    sheet = Image.new("RGB", (width * CELL_PX, len(rows) * CELL_PX), "white")
    pen = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        cells = [*row.given, *(draw_badge(frame) for frame in row.made)]
        for x, cell in enumerate(cells):
            picture = Image.fromarray(cell).resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(picture, (x * CELL_PX, y * CELL_PX))
        label = f"{y + 1}" + (f"  {row.figure:.2f}" if row.figure else "")
        pen.text((4, y * CELL_PX + 2), label, fill="white", stroke_width=2, stroke_fill="black")
    return sheet


def main() -> None:
    """Make every sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of the held-out people")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    parser.add_argument("--model", help="folder or Hub repository; the bundled model")
    args = parser.parse_args()
    loaded = load_model(resolve_model(args.model))
    renderer = Renderer(loaded.model, choose_dtype(torch.device("cpu")))
    heldout = read_heldout(args.data, "val")
    args.output.mkdir(parents=True, exist_ok=True)
    clips = sorted(EXAMPLES.glob("driving_*.mp4"))
    with FaceFinder() as finder:
        stage = Stage(
            renderer,
            heldout,
            lambda frames: measure_faces(
                lambda frame: finder.detect_in_crop(frame, whole_crop(frame.shape)), frames
            ),
        )
        kinds = {
            "same": same_rows(stage),
            "cross": cross_rows(stage, clips),
            "edit": edit_rows(stage),
            "mix": mix_rows(stage),
        }
        figures: dict[str, object] = {"model_hash": loaded.model_hash}
        for kind, made in kinds.items():
            rows = sorted(made, key=lambda row: row.figure)
            draw_sheet(rows).save(args.output / f"{kind}.jpg", quality=QUALITY, optimize=True)
            figures[kind] = [{"portrait": row.name, "figure": round(row.figure, 3)} for row in rows]
    (args.output / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
