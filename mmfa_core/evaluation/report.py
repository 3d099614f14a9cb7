"""The report: figures as JSON, and beside it Markdown tables and a page with pictures.

In: what a protocol found. Out: three files. Knows nothing about how figures are made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmfa_core.errors import ResourceError
from mmfa_core.evaluation.page import Plot, Sheet, to_html
from mmfa_core.media import check_output as check_file
from mmfa_core.media import replace_text

DIGITS = 5  # significant ones
LOWER_IS_BETTER = (
    "L1",
    "EffLite0",
    "FD_",
    "AKD",
    "identity_distance",
    "expression_error",
    "pose_error",
    "jitter",
    "head_size",
    "face_box",
    "background",
    "largest_step",
)
MATRICES = {
    "decoupling": "Share of its own response that each factor (column) shows while another (line) "
    "is edited",
    "decoupling_of_the_landmarker": "The same, measured on the real picture, edited in its plane "
    "without a model: what the landmarker itself adds",
}
EXPLAINED = {
    "_r": "a name that ends in _r is the correlation with the driver of the changes within a "
    "clip, so an output that keeps its source's look scores 0; _r_all is over all frames",
    "EffLite0": "EffLite0 is a channel-normalised feature distance of EfficientNet-Lite0; "
    "it is not LPIPS",
    "FD_EffLite0": "FD_EffLite0 is a Frechet distance of 1280 pooled features; it is not FID, and "
    "compares only with figures of the same n",
    "identity_distance": "identity_distance is dlib's: about 0.3 between two frames of one person",
    "expression_error": "expression_error is the mean absolute difference of 52 blendshapes",
    "head_size_drift_pct": "head-size drift (head_size_drift_pct) is of the head itself: the "
    "standard deviation over a sweep, in % of the mean, of the radius of the landmarks that no "
    "expression moves (eye corners, bridge, temples, forehead)",
    "face_box_drift_pct": "face-box drift (face_box_drift_pct) is the same of the longer side of "
    "the box round all landmarks, which grows when the jaw opens although the head doesn't",
    "slope": "slope is what the landmarker measures over what was asked, 1 at best",
}


def write_report(
    result: Mapping[str, Any],
    output: str | Path,
    *,
    overwrite: bool,
    sheets: Sequence[Sheet] = (),
    plots: Sequence[Plot] = (),
) -> list[Path]:
    """Write JSON and, beside it, Markdown and one HTML page.

    Args:
        result: protocol, split, mode, n, model, command, rows (name -> metric -> figure),
            margins, and maybe decoupling, by_kind and notes.
        output: the JSON file; a name without .json gets it. Folders are made.
        overwrite: False keeps files that are already there.
        sheets: pictures for the page.
        plots: curves for the page.

    Returns:
        The three files.

    Raises:
        ResourceError: when a file is already there, or can't be written.
    """
    target, beside, page = check_output(output, overwrite=overwrite)
    text = json.dumps(plain(result), indent=2, ensure_ascii=False, allow_nan=False)
    replace_text(target, text + "\n")
    replace_text(beside, to_markdown(result))
    replace_text(page, _page(result, sheets, plots))
    return [target, beside, page]


def _page(result: Mapping[str, Any], sheets: Sequence[Sheet], plots: Sequence[Plot]) -> str:
    tables = {"Figures": result["rows"]}
    if result.get("margins"):
        tables["Margins"] = {"value": result["margins"]}
    tables |= {text: _transposed(result[key]) for key, text in MATRICES.items() if result.get(key)}
    tables |= {f"Only clips of kind {k}": rows for k, rows in result.get("by_kind", {}).items()}
    title = f"Evaluation: {result['protocol']}"
    return to_html(title, tables, _facts(result), sheets, plots, _notes(result))


def check_output(output: str | Path, *, overwrite: bool) -> tuple[Path, Path, Path]:
    """Refuse an output that can't be written, before hours of work, and make its folder.

    Returns:
        The JSON file, the Markdown and the page.

    Raises:
        ResourceError: one is there and ``overwrite`` is False, one is a folder, or their folder
            can't be made or written.
    """
    target = Path(output)
    if target.suffix != ".json":
        target = target.with_name(target.name + ".json")
    files = target, target.with_suffix(".md"), target.with_suffix(".html")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"The folder {target.parent.name} of {target.name} can't be made: {error.strerror}.",
            "Choose another place for --output.",
        ) from error
    for file in files:
        check_file(file, overwrite=overwrite, suffixes=(file.suffix,))
    return files


def plain(value: Any) -> Any:
    """Turn a result into plain JSON values: rounded, and None for what is not a number."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def to_markdown(result: Mapping[str, Any]) -> str:
    """Lay a result out as Markdown."""
    facts = _facts(result) | {"command": f"`{result['command']}`"}
    parts = [f"# Evaluation: {result['protocol']}"]
    parts.append("\n".join(f"- {k}: {v}" for k, v in facts.items()))
    parts.append(table(result["rows"]))
    if result.get("margins"):
        lines = [f"| {name} | {_show(value)} |" for name, value in result["margins"].items()]
        parts.append("\n".join(("| margin | value |", "|---|---|", *lines)))
    for key, text in MATRICES.items():
        if result.get(key):
            parts += [text + ":", table(_transposed(result[key]), "edited", arrows=False)]
    for kind, rows in result.get("by_kind", {}).items():
        parts += [f"Only clips of kind {kind}:", table(rows)]
    notes = _notes(result)
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts) + "\n"


def _facts(result: Mapping[str, Any]) -> dict[str, str]:
    return {
        "mode": result["mode"],
        "split": result["split"],
        "n": ", ".join(f"{count} {what}" for what, count in result["n"].items()),
        "model": f"{result['model']['id']}, sha256 {result['model']['hash']}",
        "command": result["command"],
    }


def _notes(result: Mapping[str, Any]) -> list[str]:
    used = {name for row in result["rows"].values() for name in row}
    explained = [
        text
        for key, text in EXPLAINED.items()
        if key in used or (key == "_r" and any(name.endswith("_r") for name in used))
    ]
    return [*result.get("notes", []), *explained]


def table(
    rows: Mapping[str, Mapping[str, float]], first: str = "metric", *, arrows: bool = True
) -> str:
    """Lay rows out as a Markdown table: a metric a line, a row of the result a column."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [f"| {first} | {' | '.join(rows)} |", "|---" * (len(rows) + 1) + "|"]
    for name in names:
        sign = " (lower is better)" if arrows and name.startswith(LOWER_IS_BETTER) else ""
        figures = " | ".join(_show(row.get(name)) for row in rows.values())
        lines.append(f"| {name}{sign} | {figures} |")
    return "\n".join(lines)


def _transposed(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Swap rows and columns, because table() shows a row of the result as a column."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    return {column: {name: row[column] for name, row in rows.items()} for column in columns}


def _show(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.4g}"
