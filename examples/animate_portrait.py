"""Animate a portrait with a clip: python examples/animate_portrait.py [FOLDER]."""

import sys
from pathlib import Path

from mmfa_core import Animator

examples = Path(__file__).parent
output = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs") / "animated.mp4"
output.parent.mkdir(parents=True, exist_ok=True)

animator = Animator.from_pretrained()
animator.animate(
    examples / "london_101_neutral.jpg",
    examples / "driving_smile.mp4",
    output=output,
    mode="relative",  # the portrait keeps its own pose and adds the clip's changes
)
print(output)
