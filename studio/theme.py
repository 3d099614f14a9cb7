"""How the page looks: colours, type and the names that css gives a meaning to.

In: nothing. Out: a theme, css and the script of the page's head. Knows nothing about tabs.

Classes for elem_classes, all of them defined in assets/studio.css:

    stage   the column with the big result      hero    the one main button of a tab
    rail    a column of controls                hint    a line of help under or over something
    square  a picture or clip in a fixed 1:1 box, so that nothing jumps when it arrives
    wide    the same in a 16:9 box              quiet   a button that should not shout

The font is Figtree (SIL Open Font License, see assets/figtree.LICENSE.txt). It travels inside the
stylesheet, so that no request is made for it.
"""

from __future__ import annotations

import base64
from pathlib import Path

from gradio.themes import Base, Font, Size
from gradio.themes.utils import colors, sizes

from studio.palette import DARK, LIGHT

ASSETS = Path(__file__).parent / "assets"
CSS = ASSETS / "studio.css"
ICON = ASSETS / "icon.svg"
SLIDERS = ASSETS / "sliders.js"


class BundledFont(Font):
    """Serve a font from inside the stylesheet.

    Args:
        name: of the family.
        path: of the woff2 file, of variable weight.
    """

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name)
        self._path = path

    def stylesheet(self) -> dict[str, str | None]:
        """Return the @font-face rule, with the font's bytes in it."""
        data = base64.b64encode(self._path.read_bytes()).decode()
        rule = (
            f"@font-face {{ font-family: '{self.name}'; font-weight: 300 900; font-style: normal; "
            f"font-display: swap; src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
        )
        return {"url": None, "css": rule}


SYSTEM = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")


class StudioTheme(Base):
    """Be calm: paper and ink, one accent, hairlines instead of boxes."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=colors.teal,
            secondary_hue=colors.teal,
            neutral_hue=colors.stone,
            spacing_size=sizes.spacing_md,
            radius_size=Size(
                name="studio",
                xxs="3px",
                xs="4px",
                sm="6px",
                md="8px",
                lg="10px",
                xl="14px",
                xxl="18px",
            ),
            text_size=sizes.text_md,
            font=(BundledFont("Figtree", ASSETS / "figtree.woff2"), *SYSTEM),
            font_mono=MONO,
        )
        self.name = "mmfa-studio"
        self.set(**_both(_roles()), **_shapes())


def build_theme() -> StudioTheme:
    """Build the theme of the page."""
    return StudioTheme()


def build_css() -> str:
    """Return the page's css: the palettes as variables, then assets/studio.css."""
    light = "".join(f"--ink-{name}: {value};" for name, value in vars(LIGHT).items())
    dark = "".join(f"--ink-{name}: {value};" for name, value in vars(DARK).items())
    rules = CSS.read_text(encoding="utf-8")
    return f":root {{ {light} }}\n.dark {{ {dark} }}\n{rules}".replace("--ink-on_", "--ink-on-")


def _roles() -> dict[str, str]:
    """Name the palette's colour of each of Gradio's variables."""
    return {
        "body_background_fill": "page",
        "body_text_color": "text",
        "body_text_color_subdued": "soft",
        "background_fill_primary": "surface",
        "background_fill_secondary": "page",
        "border_color_primary": "line",
        "border_color_accent": "accent",
        "border_color_accent_subdued": "line",
        "color_accent_soft": "tint",
        "link_text_color": "accent",
        "link_text_color_hover": "text",
        "link_text_color_active": "accent",
        "link_text_color_visited": "accent",
        "block_background_fill": "surface",
        "block_border_color": "line",
        "block_info_text_color": "soft",
        "block_label_background_fill": "surface",
        "block_label_border_color": "line",
        "block_label_text_color": "soft",
        "block_title_text_color": "text",
        "block_title_background_fill": "surface",
        "panel_background_fill": "surface",
        "panel_border_color": "line",
        "accordion_text_color": "text",
        "table_text_color": "text",
        "table_border_color": "line",
        "table_even_background_fill": "surface",
        "table_odd_background_fill": "page",
        "input_background_fill": "surface",
        "input_background_fill_focus": "surface",
        "input_background_fill_hover": "surface",
        "input_border_color": "edge",
        "input_border_color_focus": "accent",
        "input_border_color_hover": "accent",
        "input_placeholder_color": "soft",
        "checkbox_background_color": "surface",
        "checkbox_background_color_hover": "tint",
        "checkbox_background_color_focus": "surface",
        "checkbox_background_color_selected": "accent_strong",
        "checkbox_border_color": "edge",
        "checkbox_border_color_hover": "accent",
        "checkbox_border_color_focus": "accent",
        "checkbox_border_color_selected": "accent_strong",
        "checkbox_label_background_fill": "surface",
        "checkbox_label_background_fill_hover": "tint",
        "checkbox_label_background_fill_selected": "tint",
        "checkbox_label_border_color": "line",
        "checkbox_label_border_color_hover": "accent",
        "checkbox_label_border_color_selected": "accent",
        "checkbox_label_text_color": "text",
        "checkbox_label_text_color_selected": "text",
        "error_background_fill": "surface",
        "error_border_color": "error",
        "error_text_color": "error",
        "error_icon_color": "error",
        "loader_color": "accent",
        "slider_color": "accent_strong",
        "stat_background_fill": "tint",
        "code_background_fill": "sunken",
        "button_primary_background_fill": "accent_strong",
        "button_primary_background_fill_hover": "accent_hover",
        "button_primary_border_color": "accent_strong",
        "button_primary_border_color_hover": "accent_hover",
        "button_primary_text_color": "on_accent",
        "button_primary_text_color_hover": "on_accent",
        "button_secondary_background_fill": "surface",
        "button_secondary_background_fill_hover": "tint",
        "button_secondary_border_color": "edge",
        "button_secondary_border_color_hover": "accent",
        "button_secondary_text_color": "text",
        "button_secondary_text_color_hover": "text",
        "button_cancel_background_fill": "surface",
        "button_cancel_background_fill_hover": "surface",
        "button_cancel_border_color": "error",
        "button_cancel_border_color_hover": "error",
        "button_cancel_text_color": "error",
        "button_cancel_text_color_hover": "error",
    }


def _both(roles: dict[str, str]) -> dict[str, str]:
    """Give each variable its colour in the light and in the dark scheme."""
    light = {name: getattr(LIGHT, role) for name, role in roles.items()}
    return light | {f"{name}_dark": getattr(DARK, role) for name, role in roles.items()}


def _shapes() -> dict[str, str]:
    """Say what is the same in both schemes."""
    none = {
        name + scheme: "none"
        for name in ("block_shadow", "input_shadow", "input_shadow_focus")
        for scheme in ("", "_dark")
    }
    buttons = {
        f"button_{kind}_shadow{state}{scheme}": "none"
        for kind in ("primary", "secondary", "cancel")
        for state in ("", "_hover", "_active")
        for scheme in ("", "_dark")
    }
    return (
        none
        | buttons
        | {
            "checkbox_shadow": "none",
            "color_accent": "var(--ink-accent)",
            "block_border_width": "1px",
            "block_border_width_dark": "1px",
            "block_title_text_weight": "600",
            "block_label_text_weight": "500",
            "block_label_text_size": "*text_sm",
            "block_info_text_size": "*text_sm",
            "block_padding": "*spacing_lg calc(*spacing_lg + 2px)",
            "button_border_width": "1px",
            "button_border_width_dark": "1px",
            "button_large_text_weight": "600",
            "button_large_radius": "*radius_md",
            "button_small_radius": "*radius_sm",
            "button_transition": "background-color 120ms, border-color 120ms",
            "input_border_width": "1px",
            "input_border_width_dark": "1px",
            "layout_gap": "*spacing_xl",
            "prose_header_text_weight": "650",
        }
    )
