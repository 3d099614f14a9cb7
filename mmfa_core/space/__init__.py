"""A Hugging Face Space of the studio: build its folder, try it, upload it.

In: this project. Out: a folder that a Space can run, or a Space. Knows nothing about models or the
page.
"""

from mmfa_core.space.publish import SpaceOptions, publish_space

__all__ = ["SpaceOptions", "publish_space"]
