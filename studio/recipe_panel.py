"""The part of each tab that keeps its settings as a link or a file, and loads them again.

In: the TabControls of each tab. Out: components and events. Knows nothing about what they set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from mmfa_core import MMFAError
from studio.controls import Refresh, TabControls, wide_enough
from studio.messages import friendly
from studio.recipe_schema import Rules
from studio.recipes import (
    LARGEST_BYTES,
    Recipe,
    Value,
    parse_json,
    parse_query,
    rule_of,
    to_json,
    to_query,
)
from studio.wiring import MODEL, QUIET

HINT = (
    "A recipe holds the settings of this tab and never a picture, so it can be shared. Keyframes, "
    "and a face frame that was moved by hand, are not part of it."
)
# In the browser: the address of this page belongs to whoever looks at it, not to the server.
TO_LINK = "query => query ? location.origin + location.pathname + query : ''"
TO_FILE = """(text, name) => {
    if (!text) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
    link.download = name + '.recipe.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""


def rules_of(tabs: Mapping[str, TabControls]) -> Rules:
    """Read what the controls of every tab accept."""
    return {
        name: {key: rule_of(component, key) for key, component in tab.controls.items()}
        for name, tab in tabs.items()
    }


def build_recipe_panel(tab: TabControls, rules: Rules) -> None:
    """Build the panel of one tab, closed.

    Args:
        tab: its controls.
        rules: of every tab, so that a recipe of another one is told as such.
    """
    if not tab.controls:
        return
    components = list(tab.controls.values())
    with gr.Accordion("Keep or share these settings", open=False, elem_classes=["recipe"]):
        gr.Markdown(HINT, elem_classes=["hint"])
        with gr.Row():
            make_link = gr.Button("Make a link", size="sm", elem_classes=["quiet"])
            save = gr.Button("Save as a file", size="sm", elem_classes=["quiet"])
            load = gr.UploadButton(
                "Load a file", size="sm", file_types=[".json"], elem_classes=["quiet"]
            )
        link = gr.Textbox(
            label="Link to these settings",
            info="opens this page with the settings of this tab",
            interactive=True,
        )
        text = gr.Textbox(visible=False)
        name = gr.Textbox(tab.name, visible=False)
    make_link.click(
        link_maker(tab),
        components,
        link,
        api_name=f"{tab.name}_recipe_link",
        concurrency_limit=None,
        show_progress="hidden",
    ).success(None, link, link, js=TO_LINK, api_visibility="private")
    save.click(
        file_maker(tab),
        components,
        text,
        api_name=f"{tab.name}_recipe",
        concurrency_limit=None,
        show_progress="hidden",
    ).success(None, [text, name], None, js=TO_FILE, api_visibility="private")
    loaded = load.upload(
        loader(tab, rules),
        load,
        components,
        api_name=f"load_{tab.name}_recipe",
        concurrency_limit=None,
        show_progress="hidden",
    )
    if tab.refresh is not None:
        loaded.success(
            tab.refresh.fn,
            tab.refresh.inputs,
            tab.refresh.outputs,
            api_visibility="private",
            **MODEL,
        )


def link_maker(tab: TabControls) -> Callable[..., str]:
    """Return the handler that turns the controls of a tab into the query of a URL."""

    @friendly
    def make(*values: Any) -> str:
        """Turn the settings of this tab into the query of a link: numbers only, no picture."""
        return to_query(_recipe(tab, values))

    make.__name__ = f"{tab.name}_recipe_link"  # what assistants see
    return make


def file_maker(tab: TabControls) -> Callable[..., str]:
    """Return the handler that turns the controls of a tab into JSON."""

    @friendly
    def make(*values: Any) -> str:
        """Turn the settings of this tab into a recipe, as JSON: numbers only, no picture."""
        return to_json(_recipe(tab, values))

    make.__name__ = f"{tab.name}_recipe"
    return make


def loader(tab: TabControls, rules: Rules) -> Callable[[str], dict[Any, Any]]:
    """Return the handler that sets the controls of a tab from a file."""

    @friendly
    def load(path: str) -> dict[Any, Any]:
        """Set the controls of this tab from a recipe.

        Args:
            path: of the JSON file.
        """
        recipe = parse_json(read_small(path), rules)
        if recipe.tab != tab.name:
            raise MMFAError(
                f"This is a recipe of the tab {recipe.tab.capitalize()}.", "Load it there."
            )
        return _settings(tab, recipe)

    load.__name__ = f"load_{tab.name}_recipe"
    return load


def load_from_url(page: gr.Blocks, tabs: Mapping[str, TabControls], chosen: gr.Tabs) -> None:
    """Set the controls when the page is opened by a link with a recipe.

    Args:
        page: listens for visits.
        tabs: the controls of every tab.
        chosen: shows the recipe's tab.
    """
    rules = rules_of(tabs)
    every = [control for tab in tabs.values() for control in tab.controls.values()]
    opened = gr.State("")  # the tab whose settings came by the link

    @friendly
    def visit(request: gr.Request) -> dict[Any, Any]:
        """Set the controls that the link names."""
        recipe = parse_query(dict(request.query_params), rules)
        if recipe is None:
            return {chosen: gr.skip()}
        shown = {chosen: gr.Tabs(selected=recipe.tab), opened: recipe.tab}
        return shown | _settings(tabs[recipe.tab], recipe)

    page.load(
        visit,
        None,
        [chosen, opened, *every],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    for name, tab in tabs.items():
        if tab.refresh is not None:
            opened.change(
                _only_if(name, tab.refresh),
                [opened, *tab.refresh.inputs],
                tab.refresh.outputs,
                **QUIET,
                **MODEL,
            )


def _only_if(name: str, refresh: Refresh) -> Callable[..., Any]:
    """Refresh a tab if it is the one that is named; what there was stays where it can't."""
    outputs = len(refresh.outputs)
    unchanged = gr.skip() if outputs == 1 else (gr.skip(),) * outputs

    def look(named: str, *values: Any) -> Any:
        if named != name:
            return unchanged
        try:
            return refresh.fn(*values)
        except gr.Error:  # such as no consent yet: the picture comes with it
            return unchanged

    return look


def read_small(path: str) -> str:
    """Read a text file of a stranger.

    Raises:
        MMFAError: it is too large, or no text.
    """
    file = Path(path)
    if file.stat().st_size > LARGEST_BYTES:
        raise MMFAError(
            f"The recipe is larger than {LARGEST_BYTES // 1024} kB, so it can't be one.",
            "Choose a file that was saved from this page.",
        )
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MMFAError(
            "The file is not a recipe: it is no text.",
            "Choose a file that was saved from this page.",
        ) from error


def _recipe(tab: TabControls, values: tuple[Any, ...]) -> Recipe:
    named = zip(tab.controls, values, strict=True)
    return Recipe(tab.name, {name: value for name, value in named if value is not None})


def _settings(tab: TabControls, recipe: Recipe) -> dict[Any, Any]:
    """Say what each control becomes; those that the recipe leaves out stay."""
    return {
        control: _setting(control, recipe.values[name]) if name in recipe.values else gr.skip()
        for name, control in tab.controls.items()
    }


def _setting(control: Component, value: Value) -> Any:
    if isinstance(control, gr.Slider) and not isinstance(value, str):
        return wide_enough(control.minimum, control.maximum, value)
    return value
