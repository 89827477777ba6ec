"""The picture of the scores over time."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from crossvad.footage.overlay import WIDEST
from crossvad.footage.peaks import Moment
from crossvad.footage.timeline import MARK, time_ticks, timeline

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
    dots = [line for line in curve.lines if line.get_marker() == "o"]
    marks = {(*dot.get_xdata(), *dot.get_ydata()) for dot in dots if to_rgba(dot.get_color()) == to_rgba(MARK)}
    assert marks == {(50, SCORES[50]), (20, SCORES[20])}


def test_the_support_set_s_span_is_shaded():
    curve = timeline(SCORES, 8, None, MOMENTS, STILLS, "yard").get_axes()[0]
    (shade,) = curve.patches
    assert (shade.get_x(), shade.get_width()) == (0, 8)
    assert [text.get_text() for text in curve.get_legend().get_texts()] == [
        "adapted on these frames", "alarm line: 10 % of the other frames are above"]  # fmt: skip
    unadapted = timeline(SCORES, 0, None, MOMENTS, STILLS, "yard").get_axes()[0]
    (text,) = unadapted.get_legend().get_texts()
    assert not unadapted.patches and text.get_text() == "alarm line: 10 % of the frames are above"


def test_a_tenth_of_the_frames_that_were_not_adapted_on_are_above_the_alarm_line():
    for span in (0, 10):
        curve = timeline(SCORES, span, None, MOMENTS, STILLS, "yard").get_axes()[0]
        (level,) = {line.get_ydata()[0] for line in curve.lines if line.get_linestyle() == "--"}
        assert (SCORES[span:] > level).sum() == (60 - span) / 10


@pytest.mark.parametrize(
    ("frames", "rate", "labels"),
    [
        (100, 10, ["00:00", "00:02", "00:04", "00:06", "00:08", "00:10"]),
        (10, 4, ["00:00.0", "00:00.5", "00:01.0", "00:01.5", "00:02.0", "00:02.5"]),
        (150 * 30, 30, ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]),
        (2 * 3600 * 25, 25, [f"{minute:02d}:00" for minute in range(0, 121, 15)]),
        (100 * 3600, 1, [f"{60 * hour:02d}:00" for hour in range(0, 101, 13)]),
    ],
)
def test_ticks_stand_where_they_say(frames, rate, labels):
    places, told = time_ticks(frames / rate)
    assert told == labels
    for place, label in zip(places, told, strict=True):
        minutes, seconds = label.split(":")
        assert place == pytest.approx(60 * int(minutes) + float(seconds))


def test_frames_stand_where_they_are_shown_if_that_is_known():
    times = np.append(np.arange(50) * 2.0, 100 + np.arange(10.0))  # slow, and then fast
    curve, first, second = timeline(SCORES, 8, times, MOMENTS, STILLS, "yard").get_axes()
    assert np.array_equal(curve.lines[0].get_xdata(), times) and curve.patches[0].get_width() == 16
    assert [text.xy[0] for text in curve.texts] == [100, 40]
    assert second.get_title().startswith("1:  01:40, frame 50\n")
    assert curve.get_xlabel() == "time"
    assert [text.get_text() for text in curve.get_xticklabels()][:3] == ["00:00", "00:15", "00:30"]
    assert first.get_title().startswith("2:  00:40, frame 20\nscore 0.3")


def test_without_a_moment_there_is_the_curve_alone():
    assert len(timeline(SCORES, 8, None, [], [], "yard").get_axes()) == 1
    for times in (None, np.zeros(1)):  # of a single frame
        assert len(timeline(SCORES[:1], 0, times, [], [], "yard").get_axes()) == 1


@pytest.mark.parametrize(("width", "shown"), [(WIDEST, (100, WIDEST)), (2 * WIDEST, (50, WIDEST))])
def test_wide_stills_are_shrunk_in_their_shape(width, shown):
    still = np.zeros((100, width, 3), np.uint8)
    panel = timeline(SCORES, 0, None, MOMENTS[:1], [still], "yard").get_axes()[1]
    assert panel.images[0].get_array().shape == (*shown, 3)
