"""The tab Verify: what a file declares about how it was made, and whether it was altered since.

In: a file of anybody. Out: words and the same as data. What is read from a file is a stranger's, so
every word is escaped.
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from mmfa_core import MMFAError, Verification, verify
from studio.messages import friendly, sentence

EMPTY = '<p class="hint">Give a picture or a clip: what it declares about itself appears here.</p>'
CSS = """
.verdict { font-weight: 650; margin: 0 0 8px; }
.verdict .mark { display: inline-block; width: 1.5em; height: 1.5em; line-height: 1.5em;
  margin-right: 8px; border-radius: 50%; text-align: center; color: var(--ink-on-accent);
  background: var(--ink-accent); }
.altered .mark { color: var(--ink-surface); background: var(--ink-error); }
.silent .mark { color: var(--ink-surface); background: var(--ink-soft); }
.told { margin: 0; padding-left: 1.2em; overflow-wrap: anywhere; line-height: 1.5; }
"""
WRONG = '<p class="hint" role="alert">{}</p>'
_VERDICTS = {
    True: ("intact", "\u2713", "Intact"),
    False: ("altered", "!", "Altered"),
    None: ("silent", "?", "Nothing declared"),
}


def build_verify() -> None:
    """Build the tab and wire it."""
    gr.Markdown(
        "Was this made by a model, by which, and was it altered since? **Give a file** of this "
        "studio, or of any tool that signs with C2PA.",
        elem_classes="hint",
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300, elem_classes="rail"):
            file = gr.File(label="Picture or clip", type="filepath", elem_id="verify-file")
        with gr.Column(scale=7, min_width=300):
            words = gr.HTML(EMPTY, css_template=CSS, padding=False, elem_id="verify-words")
            with gr.Accordion("The same as data", open=False):
                data = gr.JSON(None, label="What was found", show_label=False)
    gr.Markdown(
        "Results of this studio are signed with a certificate that it made for itself: that shows "
        "whether a file was altered, and not who made it. A file without a statement proves "
        "nothing: uploading or converting it often takes the statement away.",
        elem_classes="hint",
    )
    file.change(
        verify_file,
        file,
        [words, data],
        api_name="verify_file",
        concurrency_limit=2,
        show_progress="minimal",
        show_progress_on=words,
    )


@friendly
def verify_file(file: str | None) -> tuple[str, dict[str, Any] | None]:
    """Tell what a picture or clip declares about how it was made, and whether it was altered since.

    Args:
        file: a picture or clip, of this studio or of another tool.

    Returns:
        Words as HTML, and the same as data; about a file that can't be read words only.
    """
    if file is None:
        return EMPTY, None
    try:
        found = verify(file)
    except MMFAError as error:  # told in words: Gradio drops what waits behind a failure
        return WRONG.format(html.escape(sentence(error))), None
    return found_html(found), found.to_json()


def found_html(found: Verification) -> str:
    """Draw what was found."""
    kind, mark, word = _VERDICTS[found.intact]
    verdict, *told = (html.escape(sentence) for sentence in found.sentences())
    items = "".join(f"<li>{sentence}</li>" for sentence in told)
    return (
        f'<div class="{kind}" role="status"><p class="verdict"><span class="mark" role="img" '
        f'aria-label="{word}">{mark}</span>{verdict}</p><ul class="told">{items}</ul></div>'
    )
