"""Synthetic heads: people that nobody is, rendered with exact labels from a seed.

In: a seed and a person's number. Out: pictures of heads in the corpus's format, labelled by the
face landmarker as the corpus is and, beside that, with what the renderer knows exactly: pose,
expression, gaze, identity, camera, and what each pixel shows. The shapes are Anny's (CC0); skin,
brows, lashes, teeth, eyes, hair, clothes, light and backgrounds are made here. Knows nothing
about networks.
"""
