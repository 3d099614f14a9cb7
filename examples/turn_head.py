"""Turn a head from side to side, in five pictures: python examples/turn_head.py [FOLDER]."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mmfa_core import Animator, MotionEdit

portrait = Path(__file__).parent / "london_114_neutral.jpg"
output = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs") / "turned.png"
output.parent.mkdir(parents=True, exist_ok=True)

animator = Animator.from_pretrained()
turns_deg = (-15, -7.5, 0, 7.5, 15)  # + turns the face to the picture's right
frames = [animator.edit(portrait, MotionEdit(yaw_deg=turn)) for turn in turns_deg]
Image.fromarray(np.concatenate(frames, axis=1)).save(output)
print(output)
