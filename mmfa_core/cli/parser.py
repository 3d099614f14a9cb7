"""The arguments of every command.

In: words. Out: a namespace whose ``run`` does the work. Heavy parts are imported by the commands
only when they run, so that ``--help`` and a wrong argument answer at once.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mmfa_core.cli import commands, model_commands
from mmfa_core.cli.arguments import (
    add_badge,
    add_device,
    add_engine,
    add_face,
    add_following,
    add_max_seconds,
    add_model,
    add_overwrite,
    add_part,
    add_threads,
)
from mmfa_core.cli.shared import Command
from mmfa_core.errors import ConfigError

DESCRIPTION = (
    "Animate a portrait with a clip, edit pose and expression apart, mix expressions, train and "
    "measure. Each command prints one JSON line that says what it did."
)


class _Parser(argparse.ArgumentParser):
    """Report a wrong argument as one sentence, like every other bad input."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take ``-10,0,200`` and ``-1e1`` for values: no option begins with a digit."""
        super().__init__(*args, **kwargs)
        self._negative_number_matcher = re.compile(r"^-\.?\d")

    def error(self, message: str) -> NoReturn:
        """Raise a ConfigError instead of printing the usage."""
        raise ConfigError(f"The arguments can't be used: {message}.", f"See {self.prog} --help.")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments of one command.

    Raises:
        ConfigError: for unknown, missing or malformed arguments.
        SystemExit: with code 0, after --help.
    """
    parser = _Parser(prog="python -m mmfa_core", description=DESCRIPTION, allow_abbrev=False)
    kinds = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose, run, add in _commands():
        add(_command(kinds, name, purpose, run))
    return parser.parse_args(arguments)


def _command(kinds: Any, name: str, purpose: str, run: Command) -> _Parser:
    parser: _Parser = kinds.add_parser(
        name, help=purpose, description=purpose.capitalize() + ".", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument(
        "--json-progress", action="store_true", help="print progress as JSON lines on stdout"
    )
    return parser


def _animate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, metavar="P", help="portrait, a picture")
    parser.add_argument(
        "--driving", required=True, metavar="C", help="clip, a motion file, or a picture"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="O",
        help=".mp4, .gif or .zip (of PNG pictures); .png for a driving picture",
    )
    parser.add_argument(
        "--recipe",
        metavar="F.json",
        help="settings that the page's tab Animate saved; what is given here goes before them",
    )
    add_following(parser)
    add_face(parser)
    add_engine(parser)
    add_overwrite(parser)


def _batch(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--sources", required=True, metavar="DIR", help="portraits, in folders or not")
    add("--drivings", required=True, metavar="DIR", help="clips, or pictures that drive")
    add("--output", required=True, metavar="DIR", help="the same again goes on where it ended")
    add(
        "--ray",
        metavar="ADDRESS",
        help="spread it over a Ray cluster: auto, host:port, or local for one of this machine's "
        "cores; needs the package ray",
    )
    add_following(parser)
    parser.add_argument(
        "--face-index", type=int, metavar="N", help="which face of each portrait; 0 = the largest"
    )
    add_engine(parser)
    add_overwrite(parser)


def _motion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--driving", required=True, metavar="C", help="clip")
    parser.add_argument(
        "--output", required=True, metavar="M.safetensors", help="motion file to write"
    )
    add_part(parser)
    add_engine(parser)
    add_overwrite(parser)


def _edit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, metavar="P", help="portrait, a picture")
    parser.add_argument("--output", required=True, metavar="O.png", help="picture to write")
    for name, flag, text in (
        ("yaw_deg", "--yaw", "degrees, + turns the face to the picture's right"),
        ("pitch_deg", "--pitch", "degrees, + turns the face up"),
        ("roll_deg", "--roll", "degrees, + turns counter-clockwise on the screen"),
        ("scale", "--scale", "factor on the size of the head"),
        ("tx", "--tx", "shift to the right, in half widths of the crop"),
        ("ty", "--ty", "shift down, in half widths of the crop"),
        ("expression_gain", "--expression-gain", "factor on the expression, 0 = neutral"),
    ):
        parser.add_argument(flag, dest=name, type=float, metavar="X", help=text)
    parser.add_argument(
        "--frontalise",
        type=float,
        nargs="?",
        const=1.0,
        metavar="SHARE",
        help="take the head's own turn away first; 0 to 1, alone it means 1",
    )
    parser.add_argument("--paste-back", action="store_true", help="keep the whole portrait")
    add_face(parser)
    add_engine(parser)
    add_badge(parser)
    add_overwrite(parser)


def _timeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, metavar="P", help="portrait, a picture")
    parser.add_argument(
        "--keyframes",
        required=True,
        metavar="F.json",
        help='{"seconds": 3, "fps": 25, "keyframes": [{"time_s": 0}, {"time_s": 3, "easing": '
        '"linear", "edit": {"yaw_deg": 15}}]}',
    )
    parser.add_argument("--output", required=True, metavar="O.mp4", help=".mp4, .gif or .zip")
    parser.add_argument(
        "--driving", metavar="C", help="clip, or motion file, that the keyframes are added to"
    )
    parser.add_argument("--paste-back", action="store_true", help="keep the whole portrait")
    add_face(parser)
    add_part(parser)
    add_engine(parser)
    add_badge(parser)
    add_overwrite(parser)


def _interpolate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--a", required=True, metavar="P", help="picture with the first expression")
    parser.add_argument("--b", required=True, metavar="P", help="picture with the last expression")
    parser.add_argument("--identity", metavar="P", help="portrait that shows them; that of --a")
    parser.add_argument("--steps", type=int, default=9, metavar="N", help="pictures, ends included")
    parser.add_argument("--path", choices=("linear", "slerp"), default="linear", help="linear")
    parser.add_argument(
        "--output", required=True, metavar="DIR_OR_MP4", help="folder for pictures, or a clip"
    )
    parser.add_argument("--fps", type=float, default=12.0, metavar="F", help="of a clip; 12")
    add_engine(parser)
    add_badge(parser)
    add_overwrite(parser)


def _keypoints(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, metavar="P", help="portrait, a picture")
    parser.add_argument("--output", required=True, metavar="O.json", help="where the numbers go")
    parser.add_argument("--picture", metavar="O.png", help="face crop with the keypoints as dots")
    add_face(parser)
    add_engine(parser)
    add_overwrite(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a picture or clip, of this tool or another")


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="F", help="JSON, or a shipped name; mmfa-s-256")
    parser.add_argument("--data", metavar="FOLDER", help="clips and portraits, or corpus shards")
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        help="where the run is kept; a folder for each data in ~/.cache/mmfa",
    )
    add_device(parser)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol", required=True, choices=("same", "cross", "edit", "interpolation")
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="held-out people")
    parser.add_argument("--output", metavar="O.json", help="where the report goes")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most so many clips, portraits or pairs"
    )
    add_model(parser)
    add_threads(parser)
    add_overwrite(parser)


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="P", help="portrait; a shipped one")
    parser.add_argument("--driving", metavar="C", help="clip; a shipped one")
    add_max_seconds(parser)
    add_engine(parser)


def _publish(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("repository", metavar="ORG/NAME", help="made if it is missing; needs HF_TOKEN")
    add("--model", metavar="DIR", help="folder of the model; the bundled one")
    add("--card", metavar="F.md", help="names these weights by their hash; this project's")
    add("--license", metavar="ID", help="identifier of the Hub; what the card says")
    add("--private", action="store_true", help="only for people whom you let in")
    add("--message", metavar="TEXT", help="of the commit")
    add("--output", metavar="DIR", help="keep the folder that is uploaded here")
    add("--dry-run", action="store_true", help="check and build, but send nothing")


def _publish_space(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("repository", metavar="ORG/NAME", help="made if it is missing; needs HF_TOKEN")
    add("--zero-gpu", action="store_true", help="for ZeroGPU and not for a CPU")
    add("--private", action="store_true", help="only for people whom you let in")
    add("--message", metavar="TEXT", help="of the commit")
    add("--output", metavar="DIR", help="keep the folder that is uploaded here")
    add("--untried", action="store_true", help="don't install, start and use it first")
    add("--dry-run", action="store_true", help="build and try, but send nothing")


Entry = tuple[str, str, Command, Callable[[argparse.ArgumentParser], None]]


def _commands() -> tuple[Entry, ...]:
    """List every command: its name and purpose, what runs, and what adds its arguments."""
    return (
        ("animate", "make a portrait follow a clip", commands.animate, _animate),
        ("batch", "make every portrait follow every clip of two folders", commands.batch, _batch),
        ("motion", "save a clip's motion without its pictures", commands.motion, _motion),
        ("edit", "turn, move or size a head, or change its expression", commands.edit, _edit),
        ("timeline", "move a portrait along keyframes", commands.timeline, _timeline),
        ("interpolate", "go from one expression to another", commands.interpolate, _interpolate),
        ("verify", "tell how a file was made and whether it was altered", commands.verify, _verify),
        ("keypoints", "write what the model sees", commands.keypoints, _keypoints),
        ("train", "train a model", model_commands.train, _train),
        ("evaluate", "measure a model", model_commands.evaluate, _evaluate),
        ("bench", "measure speed and memory", model_commands.bench, _bench),
        ("publish", "put a model on the Hugging Face Hub", model_commands.publish, _publish),
        (
            "publish-space",
            "put the studio on Hugging Face Spaces",
            model_commands.publish_space,
            _publish_space,
        ),
    )
