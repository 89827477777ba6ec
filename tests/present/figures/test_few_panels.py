"""Of more panels than can be read those with most points are drawn, and the caption says how to ask for the others."""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from camera_stores import put
from crossvad.evaluation.columns import KEYS
from crossvad.planning.protocol import FAIR
from crossvad.present.figures.curves import Shots
from crossvad.present.figures.drawing import draw
from crossvad.present.figures.few_panels import MOST, few_panels, without_lost
from crossvad.present.figures.matrix import LINES, Matrix
from crossvad.present.figures.speed import Speed
from tidy_rows import frame, row

ODD = "path:a, b[seed=1]"
SOURCES, TARGETS = ["street", ODD, "cameras"], [f"t{number}" for number in range(6)]


def dots(**panels):
    """So many points of each panel, by the letters of its source and target."""
    lines = [(*name, 50.0) for name, count in panels.items() for _ in range(count)]
    return pd.DataFrame(lines, columns=["source", "target", "auc"])


def panels_of(points):
    return sorted({*zip(points["source"], points["target"], strict=True)})


def test_few_panels_are_all_drawn_and_nothing_is_said():
    points = dots(ax=1, bx=2)
    kept, facts = few_panels(points, most=2)
    assert kept is points and facts == []


def test_of_many_those_with_most_points_are_drawn_then_the_first_by_name():
    points = dots(bx=3, ay=1, az=2, ax=1)
    kept, facts = few_panels(points, most=3)
    assert panels_of(kept) == [("a", "x"), ("a", "z"), ("b", "x")]
    assert "; ".join(facts) == (
        "1 of 4 panels are left out, as nobody can read so many; drawn are those with most points; "
        "narrow by source (2 of them) or target (3 of them), such as by --where source=a"
    )


def test_points_that_are_not_seen_do_not_count():
    points = dots(ax=1, bx=1, cx=3)
    points.loc[points["source"] == "c", "auc"] = np.nan
    assert panels_of(few_panels(points, most=1)[0]) == [("a", "x")]


def test_the_example_shows_most_of_what_is_left_out_and_all_that_it_holds_for():
    points = dots(ax=9, bx=9, cx=1, dx=1, ay=1, ez=1)
    (_, told) = few_panels(points, most=2)[1]
    assert told.endswith("such as by --where source=a")  # of target x there are four, more than two
    (_, told) = few_panels(dots(ax=9, bx=9, cx=9, dx=9, cy=1, ez=1, dy=1), most=4)[1]
    assert told.endswith("such as by --where target=y")


def test_rows_of_panels_that_are_left_out_are_left_out():
    rows, before, after = dots(ax=2, bx=1, cx=1), dots(ax=1, bx=1), dots(ax=1)
    assert panels_of(without_lost(rows, before, after)) == [("a", "x"), ("c", "x")]  # of c there was no point before
    assert without_lost(rows, before.drop(columns="target"), after) is rows


@pytest.fixture
def many(store):
    """Three sources and six targets; of one source, whose name a shell would take apart, there are fewer cells."""
    for source in SOURCES:
        for target in TARGETS:
            for method in ("apn", "lmn") if source != ODD else ("apn",):
                for shots in (0, 10):
                    put(store, method, target, source=source, shots=shots)
    return store


def left_out(note, what):
    """How many of how many a caption says are left out, and the condition that it gives as an example."""
    found = re.search(rf"(\d+) of (\d+) {what} are left out.*? such as by (--where (?:'[^']*'|[^\s;]+))", note)
    assert found, note
    return int(found[1]), int(found[2]), shlex.split(found[3])


@pytest.mark.parametrize("kind", ["shots", "steps", "roc"])
def test_a_figure_of_many_panels_says_what_to_type(bench, many, kind, tmp_path):
    figure, note = draw(kind, many, many.records(), FAIR)
    titles = {axes.get_title(loc="left") for axes in figure.axes}
    assert len(figure.axes) == MOST == 12 and not any(title.startswith(ODD) for title in titles)
    lost, of, typed = left_out(note, "panels")
    assert (lost, of, typed) == (6, 18, ["--where", f"source={ODD}"])
    words = ("plot", kind, "--results", many.root.parent, *typed)
    done = bench(*words)
    assert done.code == 0 and "panels are left out" not in done.out


def test_captions_are_of_what_is_drawn():
    """Of a target of which no panel is drawn, no caption says how many videos were scored."""

    class Fixed(Shots):
        def rows(self, store, records, protocol):
            full = {"videos": 12, "of_videos": 12}
            some = [row(target=f"t{n:02}", shots=k, **full) for n in range(MOST) for k in (0, 5)]
            return frame(*some, *(row(target="zoo", shots=k, videos=3, of_videos=9) for k in (0, 5)))

    _, note = Fixed().picture(SimpleNamespace(address="here"), [], FAIR)
    assert "1 of 13 panels are left out" in note and "zoo: 3 of 9 videos" not in note


def test_speed_has_no_more_panels():
    points = Speed().points(frame(*(row(target=f"t{n:02}", fps=90.0) for n in range(MOST + 2))))
    kept, facts = Speed().thinned(points)
    assert kept["target"].nunique() == MOST and facts[0].startswith("2 of 14 panels are left out")


def test_cameras_have_a_panel_a_source(store):
    for number in range(MOST + 1):
        for shots in (0, 1):
            shop = {"target": "shop", "cameras": {"till": (20, 30)}} if not number else {}
            put(store, source=f"s{number:02}", shots=shots, **shop)
    figure, note = draw("cameras", store, store.records(), FAIR)
    assert len(figure.axes) == MOST
    assert left_out(note, "panels") == (1, 13, ["--where", "source=s12"]) and "target (" not in note


def test_a_matrix_has_no_more_lines_and_columns():
    names = [f"d{number:02}" for number in range(MOST + 3)]
    squares = [row(source=source, target=target) for source in names for target in names]
    kept, facts = Matrix().thinned(Matrix().points(frame(*squares)))
    assert kept["source"].nunique() == kept["target"].nunique() == MOST
    assert [fact for fact in facts if "left out" in fact] == [
        f"3 of 15 {what} are left out, as nobody can read so many" for what in ("targets", "sources")
    ]
    several = frame(*(line | {"method": f"m{number}"} for line in squares for number in range(12)))
    kept, _ = Matrix().thinned(Matrix().points(several))
    assert kept["panel"].nunique() * kept["source"].nunique() <= LINES
    picture = Matrix().draw(kept, "note")
    assert picture.get_size_inches()[1] < 30


def test_of_many_pairs_some_are_columns_and_long_names_of_them_stay_narrow():
    long = "avenue+path:normal+synthetic-street+ucf"
    squares = [row(source=f"s{n}", target=f"t{n}", shots=k) for n in range(15) for k in (0, 5)]
    squares += [row(source=long, target="ped2", method=m) for m in ("apn", "lmn", "mpn")]
    kept, facts = Matrix().thinned(Matrix().points(frame(*squares)))
    assert len(panels_of(kept)) == MOST and (long, "ped2") in panels_of(kept)
    assert facts[0] == "4 of 16 pairs of source and target are left out, as nobody can read so many"
    picture = Matrix().draw(kept, "note")
    picture.draw_without_rendering()
    names = picture.axes[0].get_xticklabels()
    assert f"{long} → ped2" in [name.get_text() for name in names] and picture.get_size_inches()[0] < 20
    edges = [name.get_window_extent() for name in names]
    assert max(edge.x1 for edge in edges) <= picture.bbox.x1 and max(edge.y1 for edge in edges) <= picture.bbox.y1


def test_scores_are_of_the_first_videos_unless_some_are_asked_for(store):
    put(store, cameras={"gate": (20,) * 15})
    figure, note = draw("scores", store, store.records(), FAIR)
    assert len(figure.axes) == MOST and "drawn are the first 12 of 15 videos, as nobody can read so many" in note
    assert "choose others by --video, such as gate-test-13" in note
    every = [f"gate-test-{number:02}" for number in range(1, 16)]
    figure, note = draw("scores", store, store.records(), FAIR, videos=every)
    assert len(figure.axes) == 15 and "nobody can read" not in note


def test_python_is_told_in_its_words(many):
    _, note = draw("shots", many, many.records(), FAIR, for_python=True)
    assert "such as by where={" in note and "--where" not in note
    assert all(key in KEYS for key in re.findall(r'where={"(\w+)"', note))
