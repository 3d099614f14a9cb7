"""Go from one face's expression to another's in a file: an endpoint without controls on the page.

In: StudioContext. Out: the endpoint ``interpolate``, which gives what the command line and Python
give; on the page the strip and the looping clip show the same.
"""

from __future__ import annotations

from fractions import Fraction

import gradio as gr

from mmfa_core import MMFAError
from studio.context import MODEL_QUEUE, StudioContext
from studio.inputs import PictureFile
from studio.marked import with_consent
from studio.tabs.animate_settings import FORMATS
from studio.terms import Terms

STEPS, FPS = 9, 12.0  # as on the command line
FPS_LIMITS = (1, 120)
PATHS = ("linear", "slerp")


def build_interpolation(studio: StudioContext, terms: Terms) -> None:
    """Add the endpoint to the page, with components that nobody sees.

    Args:
        studio: the animator and what tabs share.
        terms: consent and badge.
    """

    def interpolate(  # noqa: PLR0917  # one argument a choice, so that the API names each
        a: str | None,
        b: str | None,
        identity: str | None = None,
        steps: int = STEPS,
        path: str = "linear",
        fps: float = FPS,
        file_format: str = "mp4",
        badge: bool = True,
    ) -> str:
        """Go from one face's expression to another's; keypoints move as far in every step.

        Args:
            a: picture file of the face with the first expression.
            b: picture file of the face with the last expression.
            identity: picture file of the face that shows them; without it the first one does.
            steps: how many frames, ends included, 2 to 1000.
            path: "linear" or "slerp" (the direction of the code turns evenly).
            fps: frames a second, 1 to 120.
            file_format: "mp4", "gif" or "png sequence".
            badge: lay the visible badge over what is made.

        Returns:
            The file.
        """
        low, high = FPS_LIMITS
        if not low <= fps <= high:
            raise MMFAError(f"fps is {fps:g}; allowed are {low} to {high}.", "Choose another rate.")
        if file_format not in FORMATS:
            raise MMFAError(
                f"The format is {file_format!r}, not one of {', '.join(FORMATS)}.",
                "Choose one of them.",
            )
        first, last = studio.prepare(a), studio.prepare(b)
        shown = first if identity is None else studio.prepare(identity)
        frames = studio.animator.interpolate(first, last, shown, int(steps), path)
        saved = studio.animator.save(
            studio.new_file(FORMATS[file_format], "interpolation"),
            frames,
            portrait=shown,
            expressions=(first, last),
            operation="interpolate",
            settings={"steps": int(steps), "path": path},
            fps=Fraction(fps).limit_denominator(1001),
            badge=badge,
        )
        return str(saved.output)

    with gr.Row(visible=False):
        faces = [PictureFile(label=name, type="filepath") for name in ("a", "b", "identity")]
        steps = gr.Number(STEPS, precision=0, label="steps")
        path = gr.Radio(PATHS, value="linear", label="path")
        fps = gr.Number(FPS, label="fps")
        file_format = gr.Radio(list(FORMATS), value="mp4", label="file_format")
        gr.Button().click(
            with_consent(interpolate),
            [*faces, steps, path, fps, file_format, *terms.inputs],
            gr.File(),
            api_name="interpolate",
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
        )
