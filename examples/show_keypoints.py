"""Print the motion and the keypoints that the model sees: python examples/show_keypoints.py."""

from pathlib import Path

from mmfa_core import Animator

portrait = Path(__file__).parent / "astronaut.jpg"

animator = Animator.from_pretrained()
print(animator.keypoints(portrait))
