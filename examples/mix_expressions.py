"""Go from one expression to another in nine steps: python examples/mix_expressions.py [FOLDER]."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mmfa_core import Animator

examples = Path(__file__).parent
output = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs") / "mixed.png"
output.parent.mkdir(parents=True, exist_ok=True)

animator = Animator.from_pretrained()
frames = animator.interpolate(
    examples / "london_034_neutral.jpg",
    examples / "london_009_smiling.jpg",
    steps=9,
)
Image.fromarray(np.concatenate(frames, axis=1)).save(output)
print(output)
