"""The colours of the page, light and dark, and how well they can be told apart.

In: nothing. Out: two palettes. Knows nothing about Gradio.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Hold the colours of one scheme, as #rrggbb; tests/unit checks their contrast."""

    page: str  # behind everything
    surface: str  # panels
    sunken: str  # inputs, empty stages
    line: str  # hairlines between things
    edge: str  # borders of inputs: 3:1 on surface
    text: str
    soft: str  # help and labels: 4.5:1 on page, surface and sunken
    accent: str  # links, what is chosen: 4.5:1 on page and surface
    accent_strong: str  # the main button
    accent_hover: str  # the main button under the pointer
    on_accent: str  # words on the main button: 4.5:1 on accent_strong and accent_hover
    tint: str  # behind what is chosen
    error: str  # words of an error: 4.5:1 on surface


LIGHT = Palette(
    page="#f5f4f0",
    surface="#ffffff",
    sunken="#f0eee9",
    line="#e2dfd8",
    edge="#8d8a83",
    text="#1d2024",
    soft="#5a5c60",
    accent="#0b6b63",
    accent_strong="#0b6b63",
    accent_hover="#08514b",
    on_accent="#ffffff",
    tint="#e0efec",
    error="#a8231c",
)
DARK = Palette(
    page="#131517",
    surface="#1b1e21",
    sunken="#24282c",
    line="#31363b",
    edge="#747b82",
    text="#ecebe7",
    soft="#a9adb2",
    accent="#6fd0c3",
    accent_strong="#59c2b4",
    accent_hover="#7cdacd",
    on_accent="#0c1f1d",
    tint="#1d3a37",
    error="#ff9b91",
)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2 defines it, 1 to 21.

    Args:
        first: #rrggbb.
        second: #rrggbb.
    """
    low, high = sorted(_luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
