"""Configurations as frozen values with strict reading.

In: dictionaries (JSON). Out: ModelConfig, or a ConfigError that names every problem at once.
Knows nothing about torch.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mmfa_core.errors import ConfigError

FORMAT_VERSION = 1
FORMULAS = ("mmfa", "liveportrait", "facevid2vid")
GAUGES = ("rigid", "all", "off")
# Guided keypoints (training/teacher.py) of the regions whose painting is told the expression.
EYE_RIGHT, EYE_LEFT, LIPS = (20, 21, 24), (22, 23, 25), tuple(range(26, 40))

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Describe one architecture; stored beside its weights.

    Widths are channels. Sizes are pixels of square pictures. Coordinates are normalised [-1, 1].
    """

    format_version: int = FORMAT_VERSION  # layout of config and weights; must equal FORMAT_VERSION
    name: str = "mmfa-s-256"  # what people call the model
    size_px: int = 256  # side of the pictures that go in and come out; a multiple of 32
    formula: str = "mmfa"  # keypoint formula, one of FORMULAS (method.md section 2)
    gauge: str = "rigid"  # what fixes expression against pose and size, one of GAUGES
    turn_affine: bool = True  # A of the flow turns as the head does; False: it only sizes
    keypoints: int = 50  # K, number of keypoints, 4..128
    rigid_keypoints: tuple[int, ...] = tuple(range(11))  # indices that an expression barely moves
    radius: float = 0.3459  # RMS radius of the rigid canonical keypoints, normalised, > 0
    motion_size_px: int = 128  # side of the picture that the motion estimator sees
    motion_widths: tuple[int, ...] = (48, 96, 160)  # at 1/4, 1/8 and 1/16 of motion_size_px
    motion_blocks: tuple[int, ...] = (1, 2, 2)  # residual blocks at each of these scales
    crop_size_px: int = 96  # side of the pose-aligned face crop
    crop_half: float = 0.58  # half side of that crop in units of the head's scale
    crop_drop: float = 0.26  # how far below the rigid centre the crop's centre is, same units
    expression_widths: tuple[int, ...] = (64, 128, 192)  # at 1/4, 1/8 and 1/16 of crop_size_px
    expression_blocks: tuple[int, ...] = (1, 3, 3)  # residual blocks at each of these scales
    expression_features: int = 128  # E, size of e
    expression_code: int = 32  # Z, size of z
    appearance_widths: tuple[int, ...] = (64, 160)  # source features at 1/4 and 1/8
    appearance_blocks: tuple[int, ...] = (1, 2)  # residual blocks at each of these scales
    dense_widths: tuple[int, ...] = (96, 160)  # dense motion at 1/8 and 1/16
    dense_blocks: int = 2  # residual blocks of dense motion at each scale
    decoder_blocks: tuple[int, ...] = (2, 3)  # residual blocks at 1/4 and 1/8
    hint_regions: tuple[tuple[int, ...], ...] = ()  # keypoints of each region that gets hints
    relight: bool = False  # shade the warped source, coarsely, before it is blended in
    volume_depth: int = 1  # planes of the 3-D feature volume; 1 = 2-D features (mmfa-s)
    volume_width: int = 0  # channels of each plane of that volume; 0 when volume_depth is 1

    def __post_init__(self) -> None:
        """Raise one ConfigError that lists every value out of range."""
        problems = []
        checks = (
            (
                self.format_version == FORMAT_VERSION,
                f"format_version is {self.format_version}, this program reads {FORMAT_VERSION}",
            ),
            (
                self.size_px > 0 and self.size_px % 32 == 0,
                f"size_px is {self.size_px}, not a multiple of 32",
            ),
            (self.formula in FORMULAS, f"formula is {self.formula!r}, not one of {FORMULAS}"),
            (self.gauge in GAUGES, f"gauge is {self.gauge!r}, not one of {GAUGES}"),
            (4 <= self.keypoints <= 128, f"keypoints is {self.keypoints}, allowed are 4 to 128"),
            (
                len(set(self.rigid_keypoints)) >= 4
                and all(0 <= k < self.keypoints for k in self.rigid_keypoints),
                "rigid_keypoints needs at least 4 different indices below keypoints",
            ),
            (
                all(r and all(0 <= k < self.keypoints for k in r) for r in self.hint_regions),
                "hint_regions needs groups of indices below keypoints",
            ),
            (self.radius > 0, f"radius is {self.radius}, it must be above 0"),
            (
                self.volume_depth >= 1 and (self.volume_depth == 1) == (self.volume_width == 0),
                "volume_width must be 0 exactly when volume_depth is 1",
            ),
            *self._shape_checks(),
        )
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise ConfigError(
                f"The model configuration can't be used: {'; '.join(problems)}.",
                "Correct it, or start from one of the shipped configurations.",
            )

    def _shape_checks(self) -> tuple[tuple[bool, str], ...]:
        """List what must hold so that the networks fit together, with a text for when not."""
        widths = (*self.motion_widths, *self.expression_widths, *self.appearance_widths)
        counts = (
            *self.motion_blocks,
            *self.expression_blocks,
            *self.appearance_blocks,
            *self.decoder_blocks,
        )
        scales = {"motion": self.motion_size_px, "expression": self.crop_size_px}
        pyramids = tuple(
            (
                len(getattr(self, f"{name}_widths")) == len(getattr(self, f"{name}_blocks")) > 0
                and side > 0
                and side % 2 ** (1 + len(getattr(self, f"{name}_widths"))) == 0,
                f"{name}_widths and {name}_blocks must be of one length n, and the side of the "
                f"picture ({side} px) a multiple of 2 to the power n + 1",
            )
            for name, side in scales.items()
        )
        return (
            *pyramids,
            (
                len(self.appearance_widths) == len(self.appearance_blocks) == 2
                and len(self.dense_widths) == len(self.decoder_blocks) == 2,
                "appearance_widths, appearance_blocks, dense_widths and decoder_blocks need two "
                "numbers each",
            ),
            (
                min((*widths, *self.dense_widths, self.expression_features, self.expression_code))
                >= 1
                and min((*counts, self.dense_blocks)) >= 0,
                "widths and sizes of features must be above 0, and blocks not below 0",
            ),
            (self.crop_half > 0, f"crop_half is {self.crop_half}, it must be above 0"),
        )


@dataclass(frozen=True, kw_only=True)
class ExpressionDirection:
    """Name a way to change an expression code: z + v * code, with v from low to high, 0 = as it is.

    The range is what was measured to show in the picture; v = 1 is a strong but usual expression.
    """

    name: str = ""  # what it does, such as jaw_open
    code: tuple[float, ...] = ()  # (Z,)
    low: float = 0.0  # smallest v that still does something, <= 0
    high: float = 1.0  # largest v up to which the picture follows, > 0


@dataclass(frozen=True, kw_only=True)
class ExpressionStats:
    """Hold the aggregate posterior of the expression codes of a training set.

    Everything is empty before the expression code was measured; older models have no covariance
    and no directions.

    Raises:
        ConfigError: when the parts don't agree in Z, or a direction can't be used.
    """

    mean: tuple[float, ...] = ()  # (Z,)
    std: tuple[float, ...] = ()  # (Z,)
    covariance: tuple[tuple[float, ...], ...] = ()  # (Z, Z), symmetric, for sampling
    directions: tuple[ExpressionDirection, ...] = ()  # named ways through the code

    def __post_init__(self) -> None:
        """Build directions from plain values, and check that all parts fit together."""
        given: tuple[Any, ...] = self.directions
        made = tuple(
            d if isinstance(d, ExpressionDirection) else from_dict(ExpressionDirection, d)
            for d in given
        )
        object.__setattr__(self, "directions", made)
        count = len(self.mean)
        names = [d.name for d in made]
        read: tuple[Any, ...] = self.covariance
        table = tuple(row if isinstance(row, tuple) else () for row in read)
        rows: tuple[tuple[Any, ...], ...] = (self.mean, self.std, *table, *(d.code for d in made))
        finite = all(
            isinstance(v, int | float) and math.isfinite(v)
            for row in (*rows, *((d.low, d.high) for d in made))
            for v in row
        )
        checks = (
            (len(self.std) == count, f"std has {len(self.std)} numbers and mean {count}"),
            (
                not self.covariance or [len(row) for row in table] == [count] * count,
                f"covariance is not {count} x {count}",
            ),
            (
                all(len(d.code) == count for d in made),
                f"every direction needs {count} numbers",
            ),
            (all(names) and len(set(names)) == len(names), "names of directions must differ"),
            (all(d.low <= 0 < d.high for d in made), "a direction runs from low <= 0 to high > 0"),
            (finite, "every value must be a finite number"),
        )
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise ConfigError(
                f"The expression statistics can't be used: {'; '.join(problems)}.",
                "Measure them again, or load the model again.",
            )


def mmfa_s_256() -> ModelConfig:
    """Build the configuration that is trained on a CPU and shipped."""
    return ModelConfig(hint_regions=(EYE_RIGHT, EYE_LEFT, LIPS), relight=True)


def mmfa_l_256() -> ModelConfig:
    """Build the wide configuration with a 3-D feature volume; meant for a GPU."""
    return ModelConfig(
        name="mmfa-l-256",
        motion_size_px=256,
        motion_widths=(96, 256, 512),
        motion_blocks=(2, 3, 4),
        crop_size_px=128,
        expression_widths=(96, 192, 384),
        expression_blocks=(1, 2, 2),
        expression_features=256,
        expression_code=64,
        appearance_widths=(128, 256),
        appearance_blocks=(2, 2),
        dense_widths=(128, 256),
        dense_blocks=3,
        decoder_blocks=(3, 6),
        volume_depth=16,
        volume_width=32,
        hint_regions=(EYE_RIGHT, EYE_LEFT, LIPS),
    )


MODEL_CONFIGS = {"mmfa-s-256": mmfa_s_256, "mmfa-l-256": mmfa_l_256}


def to_dict(config: Any) -> dict[str, Any]:
    """Turn a configuration into plain JSON values."""
    return dataclasses.asdict(config)


def from_dict(kind: type[ConfigT], values: dict[str, Any]) -> ConfigT:
    """Build a configuration from plain values, strictly.

    Args:
        kind: a configuration dataclass of this package.
        values: field names and values; lists stand for tuples.

    Returns:
        The configuration.

    Raises:
        ConfigError: for unknown keys (with the nearest valid one) or values of a wrong type.
    """
    if not isinstance(values, dict):
        raise ConfigError("The configuration is not a JSON object.", "Give names and values.")
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    problems = []
    clean: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            problems.append(f"unknown key {key!r} (did you mean {near[0]!r}?)")
            continue
        default = _default(fields[key])
        clean[key] = _tuples(value)
        if default is not None and not _same_kind(default, clean[key]):
            problems.append(f"{key} is {value!r}, a value like {default!r} is needed")
    if problems:
        raise ConfigError(
            f"The configuration can't be read: {'; '.join(problems)}.",
            "Correct these keys.",
        )
    return kind(**clean)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        ConfigError: when the file is missing or is not a JSON object.
    """
    file = Path(path)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file.name} can't be read as JSON.", "Check that the file is there and is valid JSON."
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f"{file.name} is not a JSON object.", "Give names and values.")
    return values


def _default(f: dataclasses.Field[Any]) -> Any:
    if f.default is not dataclasses.MISSING:
        return f.default
    if f.default_factory is not dataclasses.MISSING:
        return f.default_factory()
    return None


def _tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tuples(v) for v in value)
    return value


def _same_kind(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, tuple):
        if not isinstance(value, tuple):
            return False
        return not default or all(_same_kind(default[0], v) for v in value)
    return isinstance(value, type(default))
