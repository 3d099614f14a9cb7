"""Trace which triangle of a person each pixel shows, and where its corners are.

In: Posed, and the depths of a rendered picture. Out: numbers of triangles, places of vertices.
Knows nothing about flow or files.

Triangles and vertices are numbered through all surfaces of a person in the order of
`Posed.surfaces`, which is the same in all pictures of the person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core.synthetic.figure import Posed, Surface
from mmfa_core.synthetic.geometry import Floats, Ints

SHADERS = Path(__file__).parent / "shaders"
NOTHING = -1  # number of the triangle where a pixel shows none
EYES = ("left_eye", "right_eye")
PROGRAM = ("depth.vert", "trace.frag")


def all_faces(posed: Posed) -> Ints:
    """Join the triangles of all surfaces, (F, 3) rows of `all_places`."""
    starts = np.cumsum([0] + [len(surface.vertices) for surface in posed.surfaces])
    parts = [s.mesh.faces + start for s, start in zip(posed.surfaces, starts, strict=False)]
    return np.concatenate(parts).astype(np.int32)


def all_places(posed: Posed) -> Floats:
    """Join the places of the vertices of all surfaces, (V, 3) m."""
    return np.concatenate([surface.places for surface in posed.surfaces]).astype(np.float32)


class Tracer:
    """Draw the numbers of the triangles that were seen in a picture just rendered.

    What was seen is known by the depths that it left, so holes between hairs and lips before
    teeth are as in the picture. Eyeballs are traced again, turned as they look.

    Args:
        gl: the context.
        depth: texture of the depths, kept as it is.
    """

    def __init__(self, gl: Any, depth: Any) -> None:
        self._gl = gl
        vertex, fragment = ((SHADERS / name).read_text(encoding="utf-8") for name in PROGRAM)
        self._program = gl.program(vertex_shader=vertex, fragment_shader=fragment)
        self._numbers = gl.texture(depth.size, 1, dtype="f4")
        self._seen = gl.framebuffer([self._numbers], depth)
        self._seen.depth_mask = False
        self._eyes = gl.framebuffer([self._numbers], gl.depth_texture(depth.size))

    def trace(self, posed: Posed, camera: Floats) -> Ints:
        """Tell the triangle of each sample, (rows, columns), `NOTHING` for the background.

        Call it when the picture of the same surfaces and camera is in the depth texture.
        """
        gl = self._gl
        self._program["camera"].value = tuple(camera.T.ravel().tolist())
        firsts = np.cumsum([0] + [len(s.mesh.faces) for s in posed.surfaces])
        drawn = list(zip(posed.surfaces, firsts.tolist(), strict=False))
        self._seen.use()
        self._seen.clear()  # the numbers only: the mask keeps the depths
        gl.depth_func = "=="
        for surface, first in reversed(drawn):  # of equal depths the picture shows the first
            self._draw(surface, surface.vertices, first)
        gl.depth_func = "<"
        seen = self._read()
        self._eyes.use()
        self._eyes.clear(depth=1.0)
        for surface, first in drawn:
            if surface.kind in EYES:
                self._draw(surface, surface.places, first)
        turned = self._read()
        for surface, first in drawn:
            if surface.kind in EYES:
                last = first + len(surface.mesh.faces)
                here = (seen >= first) & (seen < last)
                there = (turned >= first) & (turned < last)
                seen[here] = np.where(there, turned, NOTHING)[here]
        return seen

    def _draw(self, surface: Surface, vertices: Floats, first: int) -> None:
        gl = self._gl
        data = gl.buffer(np.ascontiguousarray(vertices, np.float32))
        index = gl.buffer(np.ascontiguousarray(surface.mesh.faces, np.int32))
        array = gl.vertex_array(self._program, [(data, "3f", "position")], index)
        self._program["first"].value = first
        array.render()
        for part in (array, data, index):
            part.release()

    def _read(self) -> Ints:
        raw: NDArray[np.float32] = np.frombuffer(self._numbers.read(), np.float32)
        rows = raw.reshape(self._numbers.size[::-1])[::-1]  # OpenGL's rows go up
        return np.asarray(rows, np.int32) - 1


def choose(seen: Ints, numbers: NDArray[np.float16], parts: NDArray[np.uint8]) -> Ints:
    """Choose the triangle of each pixel: of its first sample that shows the pixel's part.

    Args:
        seen: (rows, columns) the triangle of each sample.
        numbers: (rows, columns) the part of each sample.
        parts: (side, side) the part of each pixel.

    Returns:
        (side, side).
    """
    side, times = len(parts), len(seen) // len(parts)

    def by_pixel(samples: NDArray[Any]) -> NDArray[Any]:
        return samples.reshape(side, times, side, times).swapaxes(1, 2).reshape(side, side, -1)

    first = (by_pixel(numbers.astype(np.uint8)) == parts[..., None]).argmax(-1)[..., None]
    return np.asarray(np.take_along_axis(by_pixel(seen), first, -1)[..., 0], np.int32)
