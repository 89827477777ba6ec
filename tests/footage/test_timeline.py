"""The picture of the scores over time."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from crossvad.footage.overlay import WIDEST
from crossvad.footage.peaks import Moment
from crossvad.footage.timeline import MARK, timeline

SCORES = np.linspace(0, 1, 60)
MOMENTS = [Moment(1, 50, SCORES[50]), Moment(2, 20, SCORES[20])]
STILLS = [np.full((30, 40, 3), shade, np.uint8) for shade in (50, 20)]


def test_stills_stand_in_the_order_of_time_below_the_curve():
    figure = timeline(SCORES, 8, None, MOMENTS, STILLS, "yard")
    curve, *panels = figure.get_axes()
    assert np.array_equal(curve.lines[0].get_xydata(), np.column_stack([np.arange(60), SCORES]))
    assert curve.get_xlabel() == "frame"
    assert [(text.get_text(), text.xy[0]) for text in curve.texts] == [("1", 50), ("2", 20)]
    assert [panel.images[0].get_array()[0, 0, 0] for panel in panels] == [20, 50]
    assert [panel.get_title().split("\n")[0] for panel in panels] == ["2:  frame 20", "1:  frame 50"]
    marks = {
        (*line.get_xdata(), *line.get_ydata()) for line in curve.lines if to_rgba(line.get_color()) == to_rgba(MARK)
    }
    assert marks == {(50, SCORES[50]), (20, SCORES[20])}


def test_the_support_set_s_span_is_shaded():
    curve = timeline(SCORES, 8, None, MOMENTS, STILLS, "yard").get_axes()[0]
    (shade,) = curve.patches
    assert (shade.get_x(), shade.get_width()) == (0, 8)
    assert curve.get_legend().get_texts()[0].get_text() == "adapted on these frames"
    unadapted = timeline(SCORES, 0, None, MOMENTS, STILLS, "yard").get_axes()[0]
    assert not unadapted.patches and unadapted.get_legend() is None


def test_with_a_frame_rate_frames_have_times():
    curve, first, _ = timeline(SCORES, 0, 0.5, MOMENTS, STILLS, "yard").get_axes()
    assert curve.get_xlabel() == "time" and curve.xaxis.get_major_formatter()(40, 0) == "01:20"
    assert first.get_title().startswith("2:  00:40, frame 20\nscore 0.3")


def test_without_a_moment_there_is_the_curve_alone():
    assert len(timeline(SCORES, 8, None, [], [], "yard").get_axes()) == 1


@pytest.mark.parametrize(("width", "shown"), [(WIDEST, (100, WIDEST)), (2 * WIDEST, (50, WIDEST))])
def test_wide_stills_are_shrunk_in_their_shape(width, shown):
    still = np.zeros((100, width, 3), np.uint8)
    panel = timeline(SCORES, 0, None, MOMENTS[:1], [still], "yard").get_axes()[1]
    assert panel.images[0].get_array().shape == (*shown, 3)
