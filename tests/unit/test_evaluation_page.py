"""The page of a report: everything inside it, nothing asked for, nothing unescaped."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mmfa_core.evaluation.page import CELL_PX, Plot, Sheet, to_html

GREY = np.full((200, 200, 3), 90, np.uint8)


def test_the_pictures_of_a_sheet_are_inside_the_page_in_order():
    bright = np.full((64, 64, 3), 250, np.uint8)
    page = to_html("t", {}, {}, [Sheet("people", ("source", "ours"), [(GREY, bright)])])
    found = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        for data in re.findall('base64,([^"]+)', page)
    ]
    assert [f.shape[0] for f in found] == [CELL_PX, 64]  # made smaller, never larger
    assert [round(float(f.mean())) for f in found] == [90, 250]
    assert page.index("source") < page.index("ours") < page.index("base64,")


def test_figures_are_shown_and_those_that_are_missing_are_dashes():
    rows = {"ours": {"L1": 0.123456, "r": float("nan")}, "copy": {"L1": 2.0}}
    page = to_html("t", {"Figures": rows}, {})
    assert "<td>0.1235</td><td>2</td>" in page
    assert "<td>r</td><td>-</td><td>-</td>" in page


def test_words_from_outside_are_escaped():
    page = to_html("<b>", {"<i>": {"<u>": {"<s>": 1.0}}}, {"<p>": "<q>"}, notes=["<script>"])
    for tag in ("<b>", "<i>", "<u>", "<s>", "<p>", "<q>", "<script>"):
        assert page.count(tag) == (1 if tag == "<b>" else 0)  # the facts' own bold letters


def test_a_page_asks_for_nothing_from_elsewhere():
    sheet = Sheet("people", ("source",), [(GREY,)])
    plot = Plot("curve", "time", {"a": ([0, 1], [0, 1])})
    page = to_html("t", {}, {"model": "x"}, [sheet], [plot])
    assert "http" not in page
    assert re.findall(r"src=\"(data:)?", page) == ["data:"]


def test_a_curve_goes_from_corner_to_corner_and_skips_what_is_not_a_number():
    page = to_html("t", {}, {}, plots=[Plot("c", "x", {"a": ([0, 1, 2], [0, np.nan, 4])})])
    (points,) = re.findall('points="([^"]+)', page)
    first, last = (tuple(map(float, p.split(","))) for p in points.split())
    assert first[0] < last[0]  # to the right
    assert first[1] > last[1]  # and up: rows of a screen go down


def test_the_ends_of_axes_are_short_and_each_curve_is_named_under_the_title():
    curves = {"ours": ([0, 80], [5.8e-5, 0.4]), "copy": ([1], [0.02])}
    page = to_html("t", {}, {}, plots=[Plot("c", "x", curves)])
    ends = re.findall('font-size="11">([^<]+)</text>', page)
    assert ends == ["0", "80", "0", "0.4"]
    assert re.findall("<tspan[^>]*>([^<]+)", page) == ["ours", "copy"]
    assert page.count("<circle") == 3  # a curve of one point is seen too


@pytest.mark.parametrize("values", [[np.nan, np.nan], []])
def test_a_curve_of_nothing_is_left_out(values):
    assert "<svg" not in to_html("t", {}, {}, plots=[Plot("c", "x", {"a": (values, values)})])
