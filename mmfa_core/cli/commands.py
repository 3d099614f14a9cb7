"""What the commands about portraits and clips do; heavy imports wait until one runs.

In: parsed arguments. Out: the values of the JSON line. Knows nothing about exit codes.
"""

from __future__ import annotations

import argparse
import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mmfa_core.cli.arguments import PART_FLAGS
from mmfa_core.cli.output import write_json
from mmfa_core.cli.shared import Lines, load_animator, model_lines, report_to
from mmfa_core.errors import ConfigError

if TYPE_CHECKING:
    from mmfa_core.inference.options import AnimateOptions

EXIT_CODE = "exit_code"  # in what a command returns: taken out, and not written
SOME_FAILED = 3  # of a batch
ALTERED, UNDECLARED = 3, 4  # of verify


def animate(arguments: argparse.Namespace) -> Lines:
    """Make a portrait follow a clip."""
    options = follow_options(arguments)
    _check_clip_or_picture(arguments.output, overwrite=options.overwrite)
    result = load_animator(arguments).animate(
        arguments.source,
        arguments.driving,
        arguments.output,
        options=options,
        progress=report_to(arguments),
    )
    return result.to_json()


def batch(arguments: argparse.Namespace) -> Lines:
    """Make every portrait of a folder follow every clip of another."""
    from mmfa_core.batch import run_batch

    report = run_batch(
        arguments.sources,
        arguments.drivings,
        arguments.output,
        model=arguments.model,
        device=arguments.device,
        threads=arguments.threads,
        dtype=arguments.dtype,
        ray=arguments.ray,
        options=follow_options(arguments),
        progress=report_to(arguments),
    )
    return {**report.summary(), EXIT_CODE: SOME_FAILED if report.count("failed") else 0}


def motion(arguments: argparse.Namespace) -> Lines:
    """Save the motion of a clip without its pictures."""
    from mmfa_core.inference.motion_files import MOTION_SUFFIX
    from mmfa_core.inference.options import AnimateOptions
    from mmfa_core.media import check_output

    given = {name: getattr(arguments, name) for name in (*PART_FLAGS, "overwrite")}
    options = AnimateOptions().changed(**{k: v for k, v in given.items() if v is not None})
    check_output(arguments.output, overwrite=options.overwrite, suffixes=(MOTION_SUFFIX,))
    animator = load_animator(arguments)
    track = animator.save_motion(
        arguments.driving, arguments.output, options=options, progress=report_to(arguments)
    )
    return {
        "output": arguments.output,
        "frames": len(track),
        "frames_with_face": int(track.present.sum()),
        "fps": str(track.fps),
        **model_lines(animator),
    }


def edit(arguments: argparse.Namespace) -> Lines:
    """Turn, move or size a head."""
    from mmfa_core.media import PICTURE_SUFFIXES, check_output
    from mmfa_core.motion import CONTROL_RANGES, MotionEdit

    given = {name: getattr(arguments, name) for name in CONTROL_RANGES}
    change = MotionEdit(**{name: value for name, value in given.items() if value is not None})
    check_output(arguments.output, overwrite=arguments.overwrite, suffixes=PICTURE_SUFFIXES)
    animator = load_animator(arguments)
    prepared = animator.prepare(
        arguments.source, face_index=arguments.face_index, crop=arguments.crop
    )
    frame = animator.edit(prepared, change, paste_back=arguments.paste_back)
    saved = animator.save(
        arguments.output,
        frame,
        portrait=prepared,
        settings=(change, {"paste_back": arguments.paste_back}),
        badge=arguments.badge,
        overwrite=arguments.overwrite,
    )
    changed = {name: value for name, value in given.items() if value is not None}
    return {
        "output": arguments.output,
        "edit": changed,
        **model_lines(animator),
        "signed": saved.signed,
        "notes": [*prepared.notes, *saved.notes],
    }


def timeline(arguments: argparse.Namespace) -> Lines:
    """Move a portrait along keyframes."""
    from mmfa_core.config import read_json
    from mmfa_core.inference.timeline import Timeline
    from mmfa_core.media import OUTPUT_SUFFIXES, check_output

    given = Timeline.from_json(read_json(arguments.keyframes))
    if arguments.driving is None:
        _refuse_part(arguments)
        given.check_reach()
    options = follow_options(arguments)
    check_output(arguments.output, overwrite=options.overwrite, suffixes=OUTPUT_SUFFIXES)
    result = load_animator(arguments).render_timeline(
        arguments.source,
        given,
        arguments.output,
        driving=arguments.driving,
        options=options,
        progress=report_to(arguments),
    )
    return result.to_json()


def interpolate(arguments: argparse.Namespace) -> Lines:
    """Go from one expression to another."""
    from mmfa_core.inference.saving import check_folder
    from mmfa_core.media import CLIP_SUFFIXES, check_output

    output = Path(arguments.output)
    as_clip = bool(output.suffix) and not output.is_dir()
    if not 1 <= arguments.fps <= 120:
        raise ConfigError(f"--fps is {arguments.fps:g}; allowed are 1 to 120.", "Correct it.")
    if as_clip:
        check_output(output, overwrite=arguments.overwrite, suffixes=CLIP_SUFFIXES)
    else:
        check_folder(output, overwrite=arguments.overwrite)
    animator = load_animator(arguments)
    first, last = animator.prepare(arguments.a), animator.prepare(arguments.b)
    shown = first if arguments.identity is None else animator.prepare(arguments.identity)
    frames = animator.interpolate(first, last, shown, arguments.steps, arguments.path)
    saved = animator.save(
        output,
        frames,
        portrait=shown,
        expressions=(first, last),
        operation="interpolate",
        settings={"steps": arguments.steps, "path": arguments.path},
        fps=Fraction(arguments.fps).limit_denominator(1001),
        badge=arguments.badge,
        overwrite=arguments.overwrite,
    )
    notes = [note for portrait in dict.fromkeys((first, last, shown)) for note in portrait.notes]
    return {
        "output": arguments.output,
        "frames": len(frames),
        "path": arguments.path,
        **model_lines(animator),
        "signed": saved.signed,
        "notes": [*notes, *saved.notes],
    }


def keypoints(arguments: argparse.Namespace) -> Lines:
    """Write what the model sees in a portrait."""
    from mmfa_core.media import PICTURE_SUFFIXES, check_output, write_picture

    overwrite = arguments.overwrite
    output = check_output(arguments.output, overwrite=overwrite, suffixes=(".json",))
    if arguments.picture is not None:
        check_output(arguments.picture, overwrite=overwrite, suffixes=PICTURE_SUFFIXES)
    animator = load_animator(arguments)
    report = animator.keypoints(
        arguments.source, face_index=arguments.face_index, crop=arguments.crop
    )
    write_json(output, {**report.to_json(), **model_lines(animator)})
    if arguments.picture is not None:
        write_picture(arguments.picture, report.picture, overwrite=overwrite)
    return {
        "output": arguments.output,
        "picture": arguments.picture,
        "keypoints": len(report.posed),
        "yaw_deg": round(report.yaw_deg, 2),
        "pitch_deg": round(report.pitch_deg, 2),
        "roll_deg": round(report.roll_deg, 2),
        **model_lines(animator),
        "notes": list(report.notes),
    }


def verify(arguments: argparse.Namespace) -> Lines:
    """Tell what a file declares about how it was made, and whether it was altered since."""
    from mmfa_core.provenance import verify as read

    found = read(arguments.file)
    code = UNDECLARED if found.intact is None else 0 if found.intact else ALTERED
    return {**found.to_json(), "sentences": list(found.sentences()), EXIT_CODE: code}


def follow_options(arguments: argparse.Namespace) -> AnimateOptions:
    """Take how a portrait follows from the recipe, if there is one, and from the arguments."""
    from mmfa_core.cli.recipe import read_recipe
    from mmfa_core.inference.options import AnimateOptions

    recipe = getattr(arguments, "recipe", None)
    kept = {} if recipe is None else read_recipe(recipe)
    given = {f.name: getattr(arguments, f.name, None) for f in dataclasses.fields(AnimateOptions)}
    return AnimateOptions(**{**kept, **{k: v for k, v in given.items() if v is not None}})


def _refuse_part(arguments: argparse.Namespace) -> None:
    """Refuse to say which part and face of a clip drive where no clip does."""
    for name, flag in PART_FLAGS.items():
        if getattr(arguments, name) is not None:
            raise ConfigError(
                f"{flag} needs --driving.", f"Name the clip with --driving, or leave {flag} out."
            )


def _check_clip_or_picture(output: str, *, overwrite: bool) -> None:
    """Notice an output that can't be written before the model is loaded."""
    from mmfa_core.media import OUTPUT_SUFFIXES, PICTURE_SUFFIXES, check_output

    check_output(output, overwrite=overwrite, suffixes=(*OUTPUT_SUFFIXES, *PICTURE_SUFFIXES))
