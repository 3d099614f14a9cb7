"""The product: one loaded model that animates, edits, interpolates and reports.

In: portraits and clips, as files or frames. Out: clips, frames and reports.
Knows nothing about the command line, pages or training.

One portrait from upload to finished clip: prepare_portrait finds, frames and encodes its face;
survey_clip follows the driver's face and chooses the reference frame; stream_frames decodes,
estimates, transfers and renders a few frames at a time; ClipWriter encodes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmfa_core.checkpoint import load_model
from mmfa_core.errors import ConfigError
from mmfa_core.hub import resolve_model
from mmfa_core.inference.codes import Code
from mmfa_core.inference.doctor import (
    DriveReport,
    ExamineUpdate,
    examine_clip,
    examine_in_steps,
)
from mmfa_core.inference.editing import KeypointReport, edit_motion, report_keypoints
from mmfa_core.inference.engine import Engine, choose_device, choose_dtype, choose_threads
from mmfa_core.inference.expressions import ExpressionSpace, interpolate_faces
from mmfa_core.inference.follow import animate_portrait, stream_portrait
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.microscope import Microscope
from mmfa_core.inference.motion_track import MotionTrack
from mmfa_core.inference.options import AnimateOptions, build_options
from mmfa_core.inference.outputs import Outputs
from mmfa_core.inference.portrait import (
    CropByHand,
    FoundFace,
    Portrait,
    PortraitView,
    PreparedPortrait,
    ingredient_of,
    list_faces,
    prepare_portrait,
    view_portrait,
)
from mmfa_core.inference.recording import save_motion
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.saving import USUAL_FPS, Saved, save_frames
from mmfa_core.inference.timeline import Timeline
from mmfa_core.inference.timeline_clip import render_timeline, stream_timeline
from mmfa_core.inference.watching import ReportProgress, report_nothing, watch
from mmfa_core.media import Frame
from mmfa_core.motion import MotionEdit
from mmfa_core.provenance.origin import EXPRESSION


@dataclass(frozen=True, eq=False)
class Animator:
    """Animate portraits with one model; immutable, so many people can share it.

    Make it with from_pretrained. Angles are in degrees: yaw + turns the face to the picture's
    right, pitch + up, roll + counter-clockwise on the screen.

    Attributes:
        engine: the model on its device.
    """

    engine: Engine

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        threads: int | None = None,
        revision: str | None = None,
    ) -> Animator:
        """Load a model.

        Args:
            path: a folder, or ``org/name[@revision]`` on the Hugging Face Hub; None takes the
                bundled model.
            device: such as ``cpu`` or ``cuda``; None takes a GPU if there is one.
            dtype: ``float32``, ``bfloat16`` or ``float16``, what networks compute in; None takes
                what the device does fast.
            threads: CPU threads; None takes every core that this process may use.
            revision: branch, tag or full commit hash on the Hub; a commit that is in the cache
                needs no network.

        Returns:
            The animator.

        Raises:
            NotFoundError: there is no such model, or the Hub can't be reached.
            MismatchError: the model is damaged, a pickle, or of another version.
            ResourceError: there is no room for a download.
            ConfigError: an unknown device or precision, or threads out of range.
        """
        where = choose_device(device)
        count = choose_threads(threads)
        loaded = load_model(resolve_model(path, revision), where)
        return cls(Engine(loaded, where, choose_dtype(where, dtype), count))

    @property
    def model_id(self) -> str:
        """Return what people call the model."""
        return self.engine.loaded.model_id

    @property
    def model_hash(self) -> str:
        """Return the short hash of the weights."""
        return self.engine.loaded.model_hash

    @property
    def size_px(self) -> int:
        """Return the side of the face crops that the model makes."""
        return self.engine.size_px

    @property
    def expressions(self) -> ExpressionSpace:
        """Return what mixes, samples, adds and steers expressions."""
        return ExpressionSpace(self.engine)

    @property
    def microscope(self) -> Microscope:
        """Return what compares keypoints over time and takes pictures apart."""
        return Microscope(self.engine)

    def expression_of(self, portrait: Portrait) -> Code:
        """Return the expression code of a portrait, Z numbers; errors as for prepare."""
        return self.expressions.read(portrait)

    def show_expression(self, identity: Portrait, code: Code, *, paste_back: bool = False) -> Frame:
        """Show an expression code on a portrait; see ExpressionSpace.show."""
        return self.expressions.show(identity, code, paste_back=paste_back)

    def prepare(
        self, portrait: Portrait, *, face_index: int | None = None, crop: CropByHand | None = None
    ) -> PreparedPortrait:
        """Find the face of a portrait and encode it once, for several calls.

        Args:
            portrait: a picture file or a frame, (H, W, 3) uint8.
            face_index: which face, 0 = the largest; None takes the largest and notes it.
            crop: x0, y0 and side in px; no face is looked for then.

        Returns:
            What takes the portrait's place in every other call.

        Raises:
            UnreadableError: the file is no picture.
            NoFaceError: there is no face, or not as many.
            MediaError: the crop by hand is too small or outside.
        """
        return prepare_portrait(self.engine, portrait, face_index=face_index, crop=crop)

    def animate(
        self,
        portrait: Portrait,
        clip: str | Path,
        output: str | Path | None = None,
        *,
        options: AnimateOptions | None = None,
        progress: ReportProgress | None = None,
        **changes: Any,
    ) -> AnimateResult:
        """Make a portrait follow a clip (or take the motion of a single picture).

        Every frame of the clip has one in the output, at the same exact rate, with the clip's
        sound. Memory doesn't grow with the length when ``output`` is given.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            clip: file of a clip; a motion file of save_motion (without sound, then); or a picture,
                whose motion is then taken as in absolute mode.
            output: .mp4 (.png or .jpg for a picture) to write; None keeps the frames in the
                result.
            options: how to follow, and whether what is written gets the visible badge.
            progress: called as progress(stage, done, total).
            **changes: single options, such as ``mode="absolute"``.

        Returns:
            What was done.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        target = None if output is None else Path(output)
        told = progress or report_nothing
        return animate_portrait(self.engine, portrait, Path(clip), target, chosen, told)

    def stream(
        self,
        portrait: Portrait,
        clip: str | Path,
        output: str | Path | Sequence[str | Path],
        *,
        options: AnimateOptions | None = None,
        chunk_s: float = 1.0,
        chunk_folder: str | Path | None = None,
        **changes: Any,
    ) -> Generator[RenderUpdate]:
        """Animate as animate does, and tell after every frame how far it is.

        Closing the generator early stops the work and leaves what was rendered at ``output``, as
        a file that plays. Memory doesn't grow with the length of the clip.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            clip: file of a clip or its motion, or of a picture.
            output: what to write, or several files of the same frames: clips (.mp4), .gif, .zip
                of PNG pictures.
            options: how to follow.
            chunk_s: length of the chunks, s; the first is half as long.
            chunk_folder: where chunks are written that play while the rest is rendered; None
                makes none.
            **changes: single options, such as ``start_s=1.5``.

        Yields:
            Updates; the last has the result.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        listed = [output] if isinstance(output, str | Path) else output
        if not listed:
            raise ConfigError("No file to write is named.", "Name at least one as output.")
        outputs = Outputs(
            files=tuple(Path(file) for file in listed),
            chunk_folder=None if chunk_folder is None else Path(chunk_folder),
            chunk_s=chunk_s,
            keep_partial=True,
        )
        yield from stream_portrait(self.engine, portrait, Path(clip), chosen, outputs)

    def render_timeline(
        self,
        portrait: Portrait,
        timeline: Timeline,
        output: str | Path | None = None,
        *,
        driving: str | Path | None = None,
        options: AnimateOptions | None = None,
        progress: ReportProgress | None = None,
        **changes: Any,
    ) -> AnimateResult:
        """Move a portrait by keyframes: the still portrait, or on top of a clip's motion.

        Over a still, rate and length are the timeline's. Over a driving clip they are the clip's,
        with its sound, and the edit of each moment is added to the motion that the clip gives.
        Memory doesn't grow with the length when ``output`` is given.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            timeline: the keyframes.
            output: .mp4, .gif, or .zip of PNG pictures; None keeps the frames in the result.
            driving: file of a clip, or of its motion.
            options: how to follow the clip; over a still only the portrait's face, the picture's
                size, ``paste_back`` and ``overwrite`` count.
            progress: called as progress(stage, done, total).
            **changes: single options, such as ``paste_back=True``.

        Returns:
            What was done.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        target = None if output is None else Path(output)
        clip = None if driving is None else Path(driving)
        told = progress or report_nothing
        return render_timeline(self.engine, portrait, timeline, target, clip, chosen, progress=told)

    def stream_timeline(
        self,
        portrait: Portrait,
        timeline: Timeline,
        output: str | Path,
        *,
        driving: str | Path | None = None,
        options: AnimateOptions | None = None,
        **changes: Any,
    ) -> Generator[RenderUpdate]:
        """Render a timeline as render_timeline does, and tell after every frame how far it is.

        Closing the generator early stops the work and leaves what was rendered at ``output``, as
        a file that plays.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            timeline: the keyframes.
            output: .mp4, .gif, or .zip of PNG pictures.
            driving: file of a clip, or of its motion.
            options: as for render_timeline.
            **changes: single options.

        Yields:
            Updates; the last has the result.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        outputs = Outputs(files=(Path(output),), keep_partial=True)
        clip = None if driving is None else Path(driving)
        yield from stream_timeline(self.engine, portrait, timeline, clip, chosen, outputs)

    def save_motion(
        self,
        clip: str | Path,
        output: str | Path,
        *,
        options: AnimateOptions | None = None,
        progress: ReportProgress | None = None,
        **changes: Any,
    ) -> MotionTrack:
        """Save the motion of a clip: pose, place, size and expression, and nothing of its pictures.

        A portrait animated with the file looks as with the clip itself and the same options, to
        the last bit with as many threads; only the sound is missing. Part and face of the clip
        are chosen here, everything else when it drives. The expressions are those of this model:
        another one takes only the head's movements from the file.

        Args:
            clip: file of a clip.
            output: .safetensors to write.
            options: of them start_s, end_s, driving_face_index, max_seconds and overwrite count.
            progress: called as progress(stage, done, total).
            **changes: single options, such as ``end_s=2.0``.

        Returns:
            What was written.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        told = progress or report_nothing
        return save_motion(self.engine, Path(clip), Path(output), chosen, told)

    def save_motion_in_steps(
        self, clip: str | Path, output: str | Path, **how: Any
    ) -> Generator[RenderUpdate]:
        """Save as save_motion does, and tell how far it is; closing the generator stops it.

        Args:
            clip: file of a clip.
            output: .safetensors to write; nothing is there until the generator has ended.
            **how: as for save_motion, without ``progress``.

        Yields:
            Updates of the stages ``survey`` and ``motion``.

        Raises:
            MMFAError: as for save_motion.
        """
        steps = watch(lambda report: self.save_motion(clip, output, progress=report, **how))
        with contextlib.closing(steps):
            for stage, done, total in steps:
                yield RenderUpdate(stage=stage, done=done, total=total)

    def examine(
        self,
        clip: str | Path,
        *,
        face_index: int | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        max_seconds: float = AnimateOptions.max_seconds,
        progress: ReportProgress | None = None,
    ) -> DriveReport:
        """Tell how well a clip will drive a portrait, and what would mend it.

        Args:
            clip: file of a clip.
            face_index: which face drives, 0 = the largest; None takes the largest.
            start_s: where the part that drives begins, s.
            end_s: where it ends, s; None = the clip's end.
            max_seconds: what is beyond is not looked at, s, and the report says so.
            progress: called as progress("examine", done, total).

        Returns:
            Numbers, and findings as sentences, some with a change of AnimateOptions that mends.

        Raises:
            UnreadableError: the file is no clip.
            NoFaceError: no face in the clip, or not as many as asked for.
            MediaError: no frame is left between start_s and end_s.
        """
        return examine_clip(
            Path(clip),
            face_index=face_index,
            part=(start_s, end_s),
            max_seconds=max_seconds,
            progress=progress or report_nothing,
        )

    def examine_in_steps(self, clip: str | Path, **how: Any) -> Generator[ExamineUpdate]:
        """Examine as examine does, and tell how far it is; closing the generator stops it.

        Args:
            clip: file of a clip.
            **how: as for examine, without ``progress``.

        Yields:
            Updates; the last has the report.

        Raises:
            MMFAError: as for examine.
        """
        return examine_in_steps(lambda report: self.examine(clip, progress=report, **how))

    def faces(self, portrait: Portrait) -> tuple[FoundFace, ...]:
        """List the faces of a picture, so that a person can choose.

        Args:
            portrait: a picture file or a frame.

        Returns:
            The faces, largest first: their order is ``face_index``; empty if there is none.

        Raises:
            UnreadableError: the file is no picture.
        """
        return list_faces(portrait)

    def view(self, portrait: Portrait, crop: CropByHand | None = None) -> PortraitView:
        """Show where the face crop of a portrait is, so that a person can move it.

        Args:
            portrait: a picture file or a frame.
            crop: x0, y0 and side in px; None looks for faces and takes the largest one's, or the
                middle of the picture if there is none.

        Returns:
            The crop, the faces, and a picture with the crop's frame.

        Raises:
            UnreadableError: the file is no picture.
            MediaError: the crop is too small or outside.
        """
        return view_portrait(portrait, crop)

    def edit(
        self,
        portrait: Portrait,
        edit: MotionEdit,
        *,
        paste_back: bool = False,
        face_index: int | None = None,
        crop: CropByHand | None = None,
    ) -> Frame:
        """Turn, move or size the head of a portrait, or change how strong its expression is.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            edit: what to change.
            paste_back: return the whole portrait and not the face crop.
            face_index: which face, 0 = the largest.
            crop: x0, y0 and side in px, instead of looking for a face.

        Returns:
            (H, W, 3) uint8.

        Raises:
            MediaError: as for prepare.
        """
        prepared = self.prepare(portrait, face_index=face_index, crop=crop)
        with self.engine.computing():
            motion = edit_motion(prepared.source.motion, edit)
            frame = self.engine.render(prepared.source, motion)[0]
        return prepared.paste(frame) if paste_back else frame

    def interpolate(
        self,
        a: Portrait,
        b: Portrait,
        identity: Portrait | None = None,
        steps: int = 9,
        path: str = "linear",
    ) -> list[Frame]:
        """Go from one face's expression to another's, through the Gaussian code of the VAE.

        Pose, size and place stay those of ``identity``. Keypoints move as far in every step.

        Args:
            a: face with the first expression.
            b: face with the last expression.
            identity: portrait that shows them; None takes ``a``.
            steps: number of frames, ends included, 2..1000.
            path: ``linear`` or ``slerp``.

        Returns:
            ``steps`` frames of the model's size.

        Raises:
            ConfigError: for another path or number of steps.
            MediaError: as for prepare.
        """
        return interpolate_faces(self.engine, (a, b), identity, steps, path)

    def save(
        self,
        output: str | Path,
        frames: Frame | Sequence[Frame],
        *,
        portrait: Portrait,
        expressions: Sequence[Portrait] = (),
        operation: str = "edit",
        settings: Any = None,
        fps: Fraction = USUAL_FPS,
        badge: bool = True,
        overwrite: bool = False,
    ) -> Saved:
        """Write frames that this model made, marked as synthetic; frames themselves never are.

        Files get a visible badge, plain metadata, and a signed C2PA manifest that names the model,
        the settings and the sources by their hashes.

        Args:
            output: for one frame .png, .jpg or .webp; for several a clip (.mp4), .gif, .zip of
                PNG pictures, or a folder for 000.png, 001.png and so on.
            frames: one frame, or several of one size.
            portrait: whose picture it is.
            expressions: whose expressions were used.
            operation: what was done, in a word or two.
            settings: how, plain values or a dataclass such as MotionEdit.
            fps: frames a second of a clip.
            badge: lay the visible badge over the frames.
            overwrite: whether existing files may be replaced.

        Returns:
            What was written, and whether it could be signed.

        Raises:
            MediaError: another ending.
            ResourceError: the file exists or can't be written.
        """
        named = [ingredient_of(portrait)]
        named += [ingredient_of(other, EXPRESSION) for other in expressions]
        mark = begin_mark(self.engine, operation, (settings,), named, badge=badge)
        return save_frames(Path(output), frames, mark, fps=fps, overwrite=overwrite)

    def keypoints(
        self, portrait: Portrait, *, face_index: int | None = None, crop: CropByHand | None = None
    ) -> KeypointReport:
        """Report what the model sees in a portrait: keypoints step by step, pose, expression.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            face_index: which face, 0 = the largest.
            crop: x0, y0 and side in px, instead of looking for a face.

        Returns:
            The report.

        Raises:
            MediaError: as for prepare.
        """
        seen = self.prepare(portrait, face_index=face_index, crop=crop)
        with self.engine.computing():
            return report_keypoints(
                self.engine.loaded.model, seen.source, seen.crop_box, seen.face, seen.notes
            )
