"""The picture of the scores over time."""

import numpy as np
import pytest

from crossvad.footage.peaks import Moment
from crossvad.footage.timeline import timeline

SCORES = np.sin(np.arange(60) / 5)
MOMENTS = [Moment(1, 39, float(SCORES[39])), Moment(2, 8, float(SCORES[8]))]


@pytest.fixture
def drawn():
    """Draw a timeline; its panels, that of the curve first."""

    def draw(span=0, rate=None, moments=(), stills=(), title=""):
        figure = timeline(SCORES, span, rate, moments, stills, title)
        figure.draw_without_rendering()
        return figure.axes

    return draw


def test_the_curve_is_of_every_frame(drawn):
    (curve,) = drawn(title="yard")
    (line,) = curve.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([np.arange(60), SCORES]))
    assert curve.get_title(loc="left") == "yard" and curve.get_xlabel() == "frame"
    assert not curve.patches and curve.get_legend() is None


def test_what_was_adapted_on_is_shaded(drawn):
    (curve,) = drawn(span=12)
    (shade,) = curve.patches
    assert shade.get_extents().transformed(curve.transData.inverted()).intervalx == pytest.approx([0, 12])
    assert [text.get_text() for text in curve.get_legend().get_texts()] == ["adapted on these frames"]


def test_moments_are_marked_by_rank_and_shown_in_order_of_time(drawn):
    stills = [np.full((6, 8, 3), value, np.uint8) for value in (10, 200)]
    curve, *panels = drawn(moments=MOMENTS, stills=stills)
    marks = [tuple(line.get_xydata()[0]) for line in curve.get_lines()[1:]]
    assert marks == [(moment.frame, moment.score) for moment in MOMENTS]
    assert [(text.get_text(), text.xy[0]) for text in curve.texts] == [("1", 39), ("2", 8)]
    assert [panel.get_title().splitlines()[0] for panel in panels] == ["2:  frame 8", "1:  frame 39"]
    assert [panel.get_title().splitlines()[1] for panel in panels] == [f"score {SCORES[n]:.2f}" for n in (8, 39)]
    assert [panel.images[0].get_array()[0, 0, 0] for panel in panels] == [200, 10]


def test_with_a_rate_time_is_told_beside_frames(drawn):
    curve, early, late = drawn(rate=0.5, moments=MOMENTS, stills=[np.zeros((6, 8, 3), np.uint8)] * 2)
    assert curve.get_xlabel() == "time" and curve.xaxis.get_major_formatter()(39, None) == "01:18"
    assert early.get_title().startswith("2:  00:16, frame 8\n") and late.get_title().startswith("1:  01:18, frame 39\n")


@pytest.mark.parametrize(("height", "width", "shown"), [(6, 640, (6, 640)), (720, 1280, (360, 640))])
def test_large_stills_are_shrunk_in_their_shape(drawn, height, width, shown):
    _, panel = drawn(moments=MOMENTS[:1], stills=[np.zeros((height, width, 3), np.uint8)])
    assert panel.images[0].get_array().shape == (*shown, 3)
