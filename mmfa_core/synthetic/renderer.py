"""The renderer: OpenGL without a window, on a graphics card or on Mesa's software.

In: Posed, Person, Scene. Out: pictures, and which part of the person each pixel shows. Knows
nothing about labels or files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import ResourceError
from mmfa_core.synthetic.figure import Posed, Surface
from mmfa_core.synthetic.geometry import Floats, Ints, parallel, perspective
from mmfa_core.synthetic.looks import (
    Uniforms,
    background_look,
    common_look,
    part_look,
    skin_look,
)
from mmfa_core.synthetic.person import Person
from mmfa_core.synthetic.scene import Scene
from mmfa_core.synthetic.tracing import Tracer, choose

SHADERS = Path(__file__).parent / "shaders"
# What a pixel shows; the shaders write the number of the part. "inside" is the inside of mouth,
# nostrils and sockets; roots of hair, brows and beard are painted on the skin and count as it.
PARTS = ("background", "skin", "inside", "teeth", "tongue", "eyes", "hair", "clothes")
OVERSAMPLED = 2  # pixels along each side of a pixel
LIGHT_MAP_PX = 512
LIT_MIDDLE, LIT_HALF_M = (0.0, 0.72, 0.05), 0.30  # of the square that the light's map shows, m


@dataclass(frozen=True, eq=False)
class Rendered:
    """Hold a picture.

    Attributes:
        picture: (side, side, 3) uint8 sRGB.
        parts: (side, side) uint8, what most of each pixel shows, an index into `PARTS`; the
            person is where it isn't 0.
        camera: (4, 4) float32 from a place in m to OpenGL's clip coordinates.
        seen: (side, side) int32, which triangle of `tracing.all_faces` a pixel shows, in a sample
            of its part; `tracing.NOTHING` where none. None unless asked for.
    """

    picture: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    camera: Floats
    seen: Ints | None = None


class Renderer:
    """Render heads; use one renderer in one thread, and close it or use it in a with statement.

    Args:
        side_px: side of the pictures.
        trace: whether to tell which triangle each pixel shows; the pictures are the same.

    Raises:
        ResourceError: when moderngl isn't installed or OpenGL can't be started on this machine.
    """

    def __init__(self, side_px: int = 256, *, trace: bool = False) -> None:
        self.side_px = side_px
        self._gl = gl = _start_opengl()
        size = (OVERSAMPLED * side_px, OVERSAMPLED * side_px)
        self._colour = gl.texture(size, 4, dtype="f2")
        depths = gl.depth_texture(size)
        self._frame = gl.framebuffer([self._colour], depths)
        self._opening = gl.texture(size, 4, dtype="f2")  # what the skin alone shows
        self._opening_frame = gl.framebuffer([self._opening])
        self._light_depth = gl.depth_texture((LIGHT_MAP_PX, LIGHT_MAP_PX))
        self._light_depth.compare_func = ""
        self._light_frame = gl.framebuffer(depth_attachment=self._light_depth)
        self._skin = self._program("mesh.vert", "skin.frag")
        self._parts = self._program("mesh.vert", "parts.frag")
        self._depth = self._program("depth.vert", "depth.frag")
        self._back = self._program("background.vert", "background.frag")
        corners = np.array([-1, -1, 3, -1, -1, 3], np.float32)
        self._screen = gl.vertex_array(self._back, [(gl.buffer(corners), "2f", "corner")])
        self._tracer = Tracer(gl, depths) if trace else None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context; the renderer can't be used afterwards."""
        self._gl.release()

    def render(
        self, posed: Posed, person: Person, scene: Scene, rng: np.random.Generator
    ) -> Rendered:
        """Render one picture.

        Args:
            posed: the person's meshes.
            person: how they look.
            scene: light, background, camera.
            rng: of the camera's grain; side x side x 3 normal numbers are drawn.

        Returns:
            The picture with what it shows.
        """
        gl = self._gl
        camera = perspective(scene.middle, scene.half_m, scene.distance_m)
        light = parallel(scene.key_direction, np.array(LIT_MIDDLE, np.float32), LIT_HALF_M)
        common = common_look(person, scene)
        _set(self._skin, {**common, **skin_look(person)})
        _set(self._parts, common)
        drawn = [(s, self._vertices(s)) for s in posed.surfaces]
        gl.enable(gl.DEPTH_TEST)
        self._light_frame.use()
        self._light_frame.clear(depth=1.0)
        self._depth["camera"].value = tuple(light.T.ravel().tolist())
        for surface, (_, shadow, *_) in drawn:
            if surface.kind not in ("hair", "teeth"):
                shadow.render()
        self._frame.use()
        self._frame.clear(depth=1.0)
        self._light_depth.use(0)
        self._opening.use(1)
        _set(self._back, background_look(scene))
        self._screen.render()
        self._draw(drawn, person, posed, camera, light)
        for _, parts in drawn:
            for part in parts:
                part.release()
        raw = np.frombuffer(self._colour.read(), np.float16).reshape(*self._colour.size, 4)
        raw = raw[::-1]  # OpenGL's rows go up
        picture = _develop(raw[..., :3].astype(np.float32), scene, rng)
        shown, seen = _vote(raw[..., 3]), None
        if self._tracer is not None:
            seen = choose(self._tracer.trace(posed, camera), raw[..., 3], shown)
        return Rendered(picture, shown, camera, seen)

    def _draw(
        self,
        drawn: list[tuple[Surface, tuple[Any, ...]]],
        person: Person,
        posed: Posed,
        camera: Floats,
        light: Floats,
    ) -> None:
        for surface, (array, *_) in drawn:
            program = self._skin if surface.kind == "skin" else self._parts
            _set(program, {"camera": camera.T.ravel(), "light_camera": light.T.ravel()})
            if surface.kind != "skin":
                _set(program, part_look(surface.kind, person, posed))
            array.render()
            if surface.kind == "skin":  # drawn first; teeth show through its opening only
                self._gl.copy_framebuffer(self._opening_frame, self._frame)

    def _vertices(self, surface: Surface) -> tuple[Any, ...]:
        """Load a surface: what draws it, what draws its shadow, and their two buffers."""
        gl, mesh = self._gl, surface.mesh
        program = self._skin if surface.kind == "skin" else self._parts
        table = np.concatenate((surface.vertices, surface.normals, mesh.rest, mesh.region), 1)
        data = gl.buffer(np.ascontiguousarray(table, np.float32))
        index = gl.buffer(np.ascontiguousarray(mesh.faces, np.int32))
        names = ("position", "normal", "rest", "region")
        used = [name if name in program else None for name in names]
        layout = " ".join(
            size if name else f"{size[0]}x4"
            for name, size in zip(used, ("3f", "3f", "3f", "4f"), strict=True)
        )
        content = [(data, layout, *(name for name in used if name))]
        depth = [(data, f"3f {4 * (table.shape[1] - 3)}x", "position")]
        return (
            gl.vertex_array(program, content, index),
            gl.vertex_array(self._depth, depth, index),
            data,
            index,
        )

    def _program(self, vertex: str, fragment: str) -> Any:
        def load(name: str) -> str:
            lines = (SHADERS / name).read_text(encoding="utf-8").splitlines()
            mark = "//include "
            return "\n".join(
                load(line.removeprefix(mark)) if line.startswith(mark) else line for line in lines
            )

        return self._gl.program(vertex_shader=load(vertex), fragment_shader=load(fragment))


def _start_opengl() -> Any:
    """Start OpenGL without a window."""
    try:
        import moderngl
    except ImportError as error:
        raise ResourceError(
            "moderngl, which renders heads, isn't installed.",
            "Install what synthetic heads need: pip install -e '.[heads]'.",
        ) from error
    way: dict[str, Any] = {"backend": "egl"} if sys.platform == "linux" else {}
    try:
        return moderngl.create_standalone_context(**way)
    except Exception as error:  # the library and its drivers raise many kinds
        raise ResourceError(
            "Heads can't be rendered here: OpenGL can't be started.",
            "On Debian or Ubuntu, install the packages libegl1 and libgl1-mesa-dri.",
        ) from error


def _set(program: Any, values: Uniforms) -> None:
    """Set uniforms; those that a shader doesn't use are left out."""
    for name, value in values.items():
        if name in program:
            plain = value.tolist() if isinstance(value, np.ndarray) else value
            program[name].value = tuple(plain) if isinstance(plain, list) else plain


def _develop(light: Floats, scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn linear light into a picture as a camera would."""
    side = len(light) // OVERSAMPLED
    shown: NDArray[Any] = cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)
    shown = shown * scene.exposure
    if scene.blur_px > 0.25:
        shown = cv2.GaussianBlur(shown, (0, 0), scene.blur_px * side / 256)
    shown = shown / (1 + 0.15 * shown)  # highlights roll off
    shown = np.clip(shown, 0, 1) ** (1 / (2.2 * scene.gamma))
    shown = shown + rng.normal(0, scene.grain, shown.shape)
    return np.asarray(np.clip(shown, 0, 1) * 255 + 0.5, np.uint8)


def _vote(numbers: NDArray[np.float16]) -> NDArray[np.uint8]:
    """Choose the part that most samples of each pixel show; of two as frequent, the first."""
    side = len(numbers) // OVERSAMPLED
    samples = numbers.astype(np.uint8).reshape(side, OVERSAMPLED, side, OVERSAMPLED)
    votes = [(samples == part).sum((1, 3)) for part in range(len(PARTS))]
    return np.asarray(np.argmax(np.stack(votes), 0), np.uint8)
