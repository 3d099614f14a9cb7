"""Errors that a person can act on.

In: nothing. Out: the exception tree below. Knows nothing about torch, pictures or pages.

    MMFAError                 anything that a user can mend
    |- ConfigError            a configuration with unknown keys or values out of range
    |- MediaError             a picture or clip that can't be used
    |  |- NoFaceError         no face where one is needed
    |  |- UnreadableError     not a picture or clip, or damaged
    |  `- TooLongError        a clip or picture beyond the limits
    |- CheckpointError        weights that can't be used
    |  |- NotFoundError       no model at that place
    |  `- MismatchError       damaged, of another version, or of another architecture
    `- ResourceError          no room, no permission, or an output that is already there

A programmer's mistake stays a ValueError.
"""

from __future__ import annotations


class MMFAError(Exception):
    """Tell a person in one sentence what is wrong, and what to do next.

    Args:
        message: one sentence with the value received and the value allowed.
        hint: one sentence that says what to do next; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class ConfigError(MMFAError):
    """Report a configuration with unknown keys or values out of range."""


class MediaError(MMFAError):
    """Report a picture or clip that can't be used."""


class NoFaceError(MediaError):
    """Report that no face was found where one is needed."""


class UnreadableError(MediaError):
    """Report a file that is not a picture or clip, or is damaged."""


class TooLongError(MediaError):
    """Report a clip or picture beyond the limits.

    Args:
        message: as for MMFAError.
        hint: as for MMFAError; it holds for everybody, whatever can be chosen where they are.
        option: name of the AnimateOptions that sets the limit; empty where nobody can raise it.
    """

    def __init__(self, message: str, hint: str = "", *, option: str = "") -> None:
        super().__init__(message, hint)
        self.option = option


class CheckpointError(MMFAError):
    """Report weights that can't be used."""


class NotFoundError(CheckpointError):
    """Report that there is no model at that place."""


class MismatchError(CheckpointError):
    """Report weights that are damaged, of another version or of another architecture."""


class ResourceError(MMFAError):
    """Report missing room or permission, or an output that is already there."""
