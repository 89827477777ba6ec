"""Of more curves than can be read some are drawn, and the caption names those that are not, and those that coincide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from crossvad.planning.protocol import FAIR
from crossvad.present.figures.crowds import MOST, coinciding, readable, readable_levels
from crossvad.present.figures.curve_points import SHOTS
from crossvad.present.figures.curve_styles import label, level_dashes
from crossvad.present.figures.drawing import draw
from crossvad.store.store import Store


def dots(*curves):
    """Points of curves (method, panels, auc): at K = 0 and 5 of each panel."""
    lines = [
        {"source": "a", "target": f"t{panel}", "method": method, "tuning": "finetune", "shots": shots, "auc": auc}
        for method, panels, auc in curves
        for panel in range(panels)
        for shots in (0, 5)
    ]
    return pd.DataFrame(lines).assign(level=False)


def left_of(points, **more):
    kept, facts = readable(points, SHOTS.line, label, **more)
    return list(dict.fromkeys(kept["method"])), "; ".join(facts)


def test_few_curves_are_all_drawn_and_nothing_is_said():
    points = dots(*((f"m{number}", 1, 50.0) for number in range(MOST)))
    kept, facts = readable(points, SHOTS.line, label)
    assert kept.equals(points) and facts == []


def test_of_many_each_method_keeps_its_highest_first_and_the_others_are_named():
    many = [("apn", 1, 70.0), ("apn[pool=a]", 1, 90.0), ("apn[pool=b]", 1, 80.0), ("lmn", 1, 40.0)]
    kept, told = left_of(dots(*many), most=2)
    assert kept == ["apn[pool=a]", "lmn"]
    assert told == (
        "2 of 4 curves are left out, as nobody can read so many; drawn are of each method the one that is highest, "
        "then its next; choose by --where method=… or --where tuning=…; left out: apn[pool=b], finetune | apn, finetune"
    )


def test_of_curves_of_one_k_a_method_s_highest_stands_beside_it_unadapted():
    lines = [
        {"source": "a", "target": "t", "method": method, "shots": shots, "auc": auc}
        for method, *values in (("apn", 70.0, 80.0, 90.0), ("lmn", 60.0, 50.0, 40.0))
        for shots, auc in zip((0, 5, 10), values, strict=True)
    ]
    kept, (_, told, _) = readable(pd.DataFrame(lines), ["method", "shots"], lambda line: str(line), most=4)
    assert {*zip(kept["method"], kept["shots"], strict=True)} == {("apn", 10), ("apn", 0), ("lmn", 0), ("lmn", 5)}
    assert "the one that is highest, then it unadapted, then its next" in told


def test_a_curve_that_more_panels_have_goes_before_a_higher_one():
    kept, told = left_of(dots(("m[x=1]", 1, 90.0), ("m[x=2]", 2, 50.0)), most=1)
    assert kept == ["m[x=2]"] and "the one that most panels have, and of these the highest" in told


def test_of_very_many_a_few_are_named_and_the_rest_counted():
    _, told = left_of(dots(*((f"m{number:02}", 1, 99.0 - number) for number in range(30))))
    assert told.startswith("18 of 30 curves") and told.endswith("m17, finetune and 12 more")


def test_levels_are_no_curves():
    points = dots(("m", 1, 50.0), ("framediff", 1, 60.0))
    points.loc[points["method"] == "framediff", "level"] = True
    assert left_of(points, most=1) == (["m", "framediff"], "")


def test_curves_that_lie_on_one_another_are_named():
    panel = ("street", "ped2")
    curves = {"a": [50.0, 60.0], "b": [50.05, 60.0], "c": [50.0], "d": [50.0, 61.0]}
    assert coinciding({name: {panel: curve} for name, curve in curves.items()} | {"e": {}}) == [
        "lie on one another: a | b"
    ]
    line = np.linspace(0, 100, 5)
    curves = {"x": line, "y": line + 0.5, "z": line[::-1]}
    assert coinciding({name: {panel: curve} for name, curve in curves.items()}, same=0.4) == []
    assert coinciding({name: {panel: curve} for name, curve in curves.items()}, same=0.6) == [
        "lie on one another: x | y"
    ]


def test_panels_are_named_where_curves_lie_on_one_another_in_some_of_theirs_alone():
    one, two, three = (("street", target) for target in ("ped1", "ped2", "plaza"))
    curves = {
        "a": {one: [50.0], two: [60.0], three: [70.0]},
        "b": {one: [50.0], two: [60.0], three: [75.0]},
        "c": {three: [75.0]},
        "d": {one: [10.0], two: [20.0]},
        "e": {one: [10.0], two: [20.0]},
    }
    assert coinciding(curves) == [
        "lie on one another in street → ped1, street → ped2: a | b",
        "lie on one another: d | e",
        "lie on one another in street → plaza: b | c",
    ]


def test_of_many_grey_lines_three_are_drawn_and_the_others_named():
    names = ["framediff", "extrapolate", "framediff[pool=p99]", "framediff[pool=patch]", "extrapolate[pool=p99]"]
    levels = dots(*((name, 1, 50.0 + number) for number, name in enumerate(names))).assign(level=True, tuning="none")
    points = pd.concat([dots(("apn", 1, 90.0)), levels], ignore_index=True)
    kept, facts = readable_levels(points)
    three = ["framediff[pool=patch]", "extrapolate[pool=p99]", "framediff[pool=p99]"]  # of each the highest, its next
    assert {*kept["method"]} == {"apn", *three}
    assert facts == ["left out of the grey lines: extrapolate | framediff"]
    assert len({repr(dash) for dash in level_dashes(kept).values()}) == 3
    few, facts = readable_levels(points[points["method"].isin(["apn", *names[:3]])])
    assert len(few) == 8 and facts == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("crowd") / "results")
    return store, run_grid(store, make_grid("support-mean", "framepred", "random", "ramp", shots=[0, 2]))


@pytest.mark.parametrize("kind", ["shots", "steps", "cameras", "roc", "speed", "matrix"])
def test_every_figure_says_that_no_detectors_are_not_drawn(stored, kind):
    store, records = stored
    figure, note = draw(kind, store, records, FAIR)
    assert isinstance(figure, Figure) and "not drawn, as no detectors: random, ramp" in note
    _, alone = draw(kind, store, [record for record in records if record.cell.method not in ("random", "ramp")], FAIR)
    assert "as no detectors" not in alone


def test_scores_over_time_draw_them(stored):
    store, records = stored
    asked = [record for record in records if record.cell.method == "random"]
    assert "not drawn" not in draw("scores", store, asked, FAIR)[1]


def test_figures_of_many_are_drawn_and_say_what_they_leave_out(tmp_path, make_grid, run_grid):
    store = Store(tmp_path / "results")
    names = ["support-mean", "framediff", *(f"framediff[pool={pool}]" for pool in ("p99", "patch"))]
    names += ["extrapolate", *(f"extrapolate[pool={pool}]" for pool in ("p99", "patch"))]
    records = run_grid(store, make_grid(*names, shots=[0, *range(1, 8)]))
    figure, note = draw("roc", store, records, FAIR)
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == MOST and "2 of 14 curves are left out" in note
