"""The arguments that several commands have in common.

In: a parser. Out: the same parser, with arguments more.
"""

from __future__ import annotations

import argparse

from mmfa_core.inference.options import EXPRESSION_SPACES, MODES, PARTS, AnimateOptions

DEFAULT = AnimateOptions()
PART_FLAGS = {  # what add_part asks, by the option's name
    "start_s": "--start",
    "end_s": "--end",
    "max_seconds": "--max-seconds",
    "driving_face_index": "--driving-face-index",
}


def add_following(parser: argparse.ArgumentParser) -> None:
    """Ask how a portrait follows."""
    parser.add_argument(
        "--mode",
        choices=MODES,
        help="relative: the portrait's own pose and the clip's changes; absolute: the clip's pose "
        f"and expression; {DEFAULT.mode}",
    )
    parser.add_argument(
        "--parts",
        type=_words,
        metavar="A,B",
        help=f"what the clip moves, of {','.join(PARTS)}; all of them",
    )
    for part in PARTS:
        parser.add_argument(
            f"--gain-{part}", type=float, metavar="G", help=f"factor 0-2 on the {part}; 1"
        )
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="S",
        help=f"0 (off) to 1 (strong); {DEFAULT.smoothing:g}",
    )
    parser.add_argument(
        "--expression-space",
        choices=EXPRESSION_SPACES,
        help=f"where expressions add up; {DEFAULT.expression_space}",
    )
    for part in ("scale", "translation"):
        parser.add_argument(
            f"--copy-{part}",
            action="store_true",
            default=None,
            help=f"in absolute mode: the clip's own {part}, not only its changes",
        )
    parser.add_argument(
        "--no-best-frame",
        dest="best_frame",
        action="store_false",
        default=None,
        help="compare with the first frame, not with the one most like the portrait",
    )
    parser.add_argument(
        "--paste-back", action="store_true", default=None, help="keep the whole portrait"
    )
    parser.add_argument(
        "--size",
        dest="size_px",
        type=int,
        metavar="PX",
        help="side of the clip, without --paste-back",
    )
    add_part(parser)
    add_badge(parser)


def add_part(parser: argparse.ArgumentParser) -> None:
    """Ask which part and which face of a clip drive."""
    for edge, purpose in (("start", "begin"), ("end", "end")):
        parser.add_argument(
            f"--{edge}",
            dest=f"{edge}_s",
            type=float,
            metavar="S",
            help=f"where in the clip to {purpose}, s; its {edge}",
        )
    add_max_seconds(parser)
    parser.add_argument(
        "--driving-face-index",
        type=int,
        metavar="N",
        help="which face of the clip; 0 = the largest",
    )


def add_max_seconds(parser: argparse.ArgumentParser) -> None:
    """Ask how long a clip may be."""
    parser.add_argument(
        "--max-seconds",
        type=float,
        metavar="S",
        help=f"longest clip that is accepted; {DEFAULT.max_seconds:g}",
    )


def add_face(parser: argparse.ArgumentParser) -> None:
    """Ask which face of a portrait moves."""
    parser.add_argument(
        "--face-index", type=int, metavar="N", help="which face of the portrait; 0 = the largest"
    )
    parser.add_argument(
        "--crop", type=_crop, metavar="X0,Y0,SIDE", help="face crop of the portrait by hand, px"
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Ask the model and where it computes."""
    add_model(parser)
    add_device(parser)
    parser.add_argument(
        "--dtype",
        metavar="NAME",
        help="float32, bfloat16 or float16, what networks compute in; what the device does fast",
    )
    add_threads(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Ask the model."""
    parser.add_argument(
        "--model",
        metavar="DIR_OR_REPO",
        help="folder, mmfa-s-256-open, or org/name[@revision] on the Hub; the bundled model",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Ask where the model computes."""
    parser.add_argument("--device", metavar="NAME", help="cpu or cuda; a GPU if there is one")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Ask on how many threads."""
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads; all cores")


def add_badge(parser: argparse.ArgumentParser) -> None:
    """Ask whether results get the visible badge."""
    parser.add_argument(
        "--no-badge",
        dest="badge",
        action="store_false",
        help="leave out the visible badge; metadata and the signed manifest stay",
    )


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Ask whether outputs may be replaced."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an output that is already there"
    )


def _crop(text: str) -> tuple[float, float, float]:
    try:
        x0, y0, side = (float(word) for word in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not X0,Y0,SIDE") from error
    return x0, y0, side


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
