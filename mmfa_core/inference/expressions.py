"""The expression space: read expressions, combine them, and show them on a portrait.

In: portraits and codes as plain numbers. Out: codes, frames and clips.
Knows nothing about pages or training. The door is Animator.expressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.errors import ConfigError
from mmfa_core.estimates import EncodedSource
from mmfa_core.inference.codes import (
    Code,
    add_codes,
    loop_shares,
    mix_codes,
    sample_code,
    steer_code,
)
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.interpolation import interpolate_codes
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.portrait import Portrait, ingredient_of, prepare_portrait
from mmfa_core.inference.render import BATCH
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import CLIP_SUFFIXES, ClipWriter, Frame, check_output
from mmfa_core.provenance.origin import EXPRESSION

CLIP_FRAMES = (2, 1800)  # of a clip through expressions


@dataclass(frozen=True, eq=False)
class ExpressionSpace:
    """Read, combine and show expressions with one model; safe to share between threads.

    Attributes:
        engine: the model on its device.
    """

    engine: Engine

    @property
    def stats(self) -> ExpressionStats:
        """Return the spread of the codes of the model's training set."""
        return self.engine.loaded.expression

    @property
    def directions(self) -> tuple[ExpressionDirection, ...]:
        """Return the named directions that the model follows; empty if none were measured."""
        return self.stats.directions

    def read(self, portrait: Portrait) -> Code:
        """Return the expression of a portrait; errors as for Animator.prepare."""
        seen = prepare_portrait(self.engine, portrait)
        return _code(seen.source.motion.expression_code[0])

    def mix(self, codes: Sequence[Code], weights: Sequence[float], path: str = "linear") -> Code:
        """Mix up to four expressions; see mix_codes."""
        return mix_codes(codes, weights, path)

    def sample(self, code: Code, *, tau: float = 1.0, seed: int = 0) -> Code:
        """Draw an expression near a given one; see sample_code."""
        return sample_code(code, self.stats, tau, seed)

    def add(self, code: Code, plus: Code, minus: Code, gain: float = 1.0) -> Code:
        """Add the difference of two expressions to a third; see add_codes."""
        return add_codes(code, plus, minus, gain)

    def steer(self, code: Code, amounts: Mapping[str, float]) -> Code:
        """Move an expression along the model's named directions; see steer_code."""
        return steer_code(code, self.directions, amounts)

    def show(self, identity: Portrait, code: Code, *, paste_back: bool = False) -> Frame:
        """Show an expression on a portrait, whose pose, size and place stay.

        Args:
            identity: a picture file, a frame, or a prepared portrait (then this is fast).
            code: the expression, Z numbers.
            paste_back: return the whole portrait and not the face crop.

        Returns:
            (H, W, 3) uint8.

        Raises:
            ConfigError: when the code is not of this model's length.
            MediaError: as for Animator.prepare.
        """
        shown = prepare_portrait(self.engine, identity)
        frame = self.show_all(shown, [code])[0]
        return shown.paste(frame) if paste_back else frame

    def show_all(self, identity: Portrait, codes: Sequence[Code]) -> list[Frame]:
        """Show several expressions on one portrait; see show."""
        shown = prepare_portrait(self.engine, identity)
        return render_codes(self.engine, shown.source, self._tensor(codes))

    def write_loop(  # noqa: PLR0913  # one argument a choice
        self,
        identity: Portrait,
        start: Code,
        end: Code,
        output: str | Path,
        *,
        frames: int = 48,
        fps: Fraction = Fraction(24),
        path: str = "linear",
        sources: Sequence[Portrait] = (),
        badge: bool = True,
        overwrite: bool = False,
        progress: ReportProgress | None = None,
    ) -> Path:
        """Write a clip from one expression to another and back, which loops without a jump.

        Args:
            identity: portrait that shows them.
            start: expression of the first frame.
            end: expression of the middle.
            output: .mp4 to write.
            frames: of one round, 2..1800.
            fps: frames a second.
            path: ``linear`` or ``slerp``.
            sources: whose expressions they are; the clip's manifest names them by their hashes.
            badge: lay the visible badge over the frames.
            overwrite: whether an existing file may be replaced.
            progress: called as progress("render", done, frames).

        Returns:
            The file.

        Raises:
            ConfigError: for a number of frames or a path that is not allowed.
            MediaError: as for Animator.prepare, or for another ending.
            ResourceError: when the file exists or can't be written.
        """
        low, high = CLIP_FRAMES
        if not low <= frames <= high:
            raise ConfigError(
                f"{frames} frames were asked for; allowed are {low} to {high}.", "Choose fewer."
            )
        target = check_output(Path(output), overwrite=overwrite, suffixes=CLIP_SUFFIXES)
        shown = prepare_portrait(self.engine, identity)
        codes = [mix_codes((start, end), (1 - s, s), path) for s in loop_shares(frames)]
        side = self.engine.size_px
        named = (shown.ingredient, *(ingredient_of(portrait, EXPRESSION) for portrait in sources))
        settings = {"start": start, "end": end, "frames": frames, "fps": fps, "path": path}
        mark = begin_mark(self.engine, "expression loop", (settings,), named, badge=badge)
        with ClipWriter(target, side, side, fps, overwrite=overwrite, mark=mark) as writer:
            for first in range(0, frames, BATCH):
                for frame in self.show_all(shown, codes[first : first + BATCH]):
                    writer.write(frame)
                if progress is not None:
                    progress("render", min(first + BATCH, frames), frames)
        return target

    def _tensor(self, codes: Sequence[Code]) -> Tensor:
        wanted = self.engine.loaded.config.expression_code
        wrong = [len(code) for code in codes if len(code) != wanted]
        if wrong or not codes:
            raise ConfigError(
                f"An expression of {wrong[0] if wrong else 0} numbers was given; this model's "
                f"have {wanted}.",
                "Read it again with this model.",
            )
        return torch.tensor(codes, dtype=torch.float32, device=self.engine.device)


def render_codes(engine: Engine, source: EncodedSource, codes: Tensor) -> list[Frame]:
    """Show expression codes (N, Z) on a portrait, whose pose, size and place stay: N frames."""
    frames: list[Frame] = []
    with engine.computing():
        for few in torch.split(codes, BATCH):
            still = engine.loaded.model.expand(source, len(few)).motion
            frames += engine.render(source, engine.with_expression(still, few))
    return frames


def interpolate_faces(
    engine: Engine,
    ends: tuple[Portrait, Portrait],
    identity: Portrait | None,
    steps: int,
    path: str,
) -> list[Frame]:
    """Go from one face's expression to another's; see Animator.interpolate."""
    first, last = (prepare_portrait(engine, portrait) for portrait in ends)
    shown = first if identity is None else prepare_portrait(engine, identity)
    with engine.computing():
        start, end = (p.source.motion.expression_code for p in (first, last))
        codes = interpolate_codes(start, end, steps, path, engine.decode_expression)
    return render_codes(engine, shown.source, codes)


def _code(values: Tensor) -> Code:
    return tuple(float(v) for v in values)
