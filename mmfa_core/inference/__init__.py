"""Use a trained model: animate, edit, interpolate, look at keypoints.

In: portraits, clips and what a person asked for. Out: frames, clips and reports.
Knows nothing about training, pages or the command line. The door is animator.Animator.
"""
