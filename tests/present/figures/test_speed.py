"""`bench plot speed`: its points are the table's means, and each is named."""

import numpy as np
import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.figures import speed
from crossvad.store.store import Store


@pytest.fixture(scope="module")
def tidy(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("speed"))
    records = run_grid(store, make_grid("framepred", "framediff", "ramp", shots=[0, 2], seeds=[0, 1]))
    return table(store, records, FAIR)


@pytest.fixture(scope="module")
def points(tidy):
    return speed.Speed().points(tidy)


def test_points_are_the_means_of_the_table(tidy, points):
    assert set(points["method"]) == {"framepred", "framediff"}  # a control is no detector
    assert len(points) == 3
    for point in points.itertuples():
        rows = tidy[(tidy["method"] == point.method) & (tidy["shots"] == point.shots)]
        assert point.seeds == tuple(rows["seed"])
        assert (point.auc, point.fps) == pytest.approx((rows["auc"].mean(), rows["fps"].mean()))
        for key in speed.MEASURED:
            ends = getattr(point, f"{key}_low"), getattr(point, f"{key}_high")
            assert ends == (rows[key].min(), rows[key].max())


@pytest.mark.parametrize("fps", [0.1, 0.7, 1 / 3, 1234.56])
def test_seeds_of_one_speed_as_a_profile_gives_them_are_drawn(tidy, fps):
    """The mean of three 0.1 is above 0.1."""
    rows = pd.concat([tidy.assign(seed=seed, fps=fps) for seed in range(3)])
    points = speed.Speed().points(rows[rows["shots"] == 0])
    assert (points["fps"] == fps).all()
    speed.Speed().draw(points, "note")


def test_a_place_without_one_of_its_seeds_is_left_out(tidy):
    lacking = (tidy["method"] == "framepred") & (tidy["shots"] == 2) & (tidy["seed"] == 1)
    points = speed.Speed().points(tidy.assign(auc=np.where(lacking, np.nan, tidy["auc"])))
    assert set(zip(points["method"], points["shots"], strict=True)) == {("framepred", 0), ("framediff", 0)}


def test_what_is_drawn(tidy, points):
    note = speed.Speed().caption(tidy, points)
    assert "frames per second" in note and "device cpu" in note and "lowest to highest" in note
    (axes,) = speed.Speed().draw(points, note).axes
    assert axes.get_xscale() == "log"
    drawn = {(float(bar[0].get_xdata()[0]), float(bar[0].get_ydata()[0])) for bar in axes.containers}
    assert drawn == set(zip(points["fps"], points["auc"], strict=True))
    names = [text.get_text().split("  ")[-1] for text in axes.get_legend().get_texts()]
    assert sorted(names) == ["framediff", "framepred", "framepred, finetune, K = 2"]
    aucs = [float(text.get_text().split()[0]) for text in axes.get_legend().get_texts()]
    assert aucs == sorted(aucs, reverse=True)


def test_markers_can_be_told_apart(points):
    many = points.iloc[[0] * 20].assign(method=[f"m{number // 5}" for number in range(20)], shots=[*range(5)] * 4)
    chosen = speed.styles(many)
    assert len({repr(style) for style in chosen.values()}) == len(chosen) == 20
    assert len({chosen[entry].colour for entry in chosen if entry[0] == "m0"}) == 1  # a colour stands for a method
    few = speed.styles(points)
    assert len({style.colour for style in few.values()}) == len({style.marker for style in few.values()}) == 3


def made(*lines):
    """Points (method, AUC, frames per second, slowest and fastest) of one panel."""
    names = ["method", "auc", "fps", "fps_low", "fps_high"]
    points = pd.DataFrame(lines, columns=names).assign(source="a", target="b", tuning="none", shots=0, steps=0)
    return points.assign(auc_low=points["auc"], auc_high=points["auc"], seeds=[(0,)] * len(points))


def test_markers_that_lie_on_one_another_are_named():
    points = made(*((name, auc, fps, fps, fps) for name, auc, fps in (
        ("a", 80.7, 1838.0), ("b", 80.6, 1885.0), ("c", 80.6, 3000.0), ("d", 79.0, 1838.0), ("e", 51.0, 30.0)
    )))  # fmt: skip
    assert speed.Speed().thinned(points)[1] == ["lie on one another: a | b"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("others", [[("b", 60.0, 12.0, 0.0, 20.0), ("c", 80.0, 3000.0, 2000.0, 5000.0)], []])
def test_0_has_a_place_at_the_left_of_the_log_scale(others):
    points = made(("a", 70.0, 0.0, 0.0, 0.0), *others)
    picture = speed.Speed().draw(points, "note")
    picture.draw_without_rendering()
    (axes,) = picture.axes
    places = axes.transData.transform([*zip(points["fps"], points["auc"], strict=True)])[:, 0]
    panel = axes.get_window_extent()
    assert panel.x0 + 5 < places[0] and all(places[0] + 20 < place < panel.x1 - 5 for place in places[1:])
    assert "0" in [text.get_text() for text in axes.get_xticklabels()]
    assert speed.Speed().thinned(points)[1] == []


def test_names_of_a_full_panel_do_not_reach_the_next():
    many = [(f"m{number:02}", 50.0 + number, 10.0 + number, 10.0, 40.0) for number in range(speed.MOST)]
    points = pd.concat([made(*many).assign(target=f"t{number}") for number in range(6)], ignore_index=True)
    picture = speed.Speed().draw(points, "a caption")
    picture.draw_without_rendering()
    upper, lower = picture.axes[0], picture.axes[3]
    assert upper.get_legend().get_window_extent().y0 >= lower._left_title.get_window_extent().y1
    assert lower.get_legend().get_window_extent().y0 >= picture._supxlabel.get_window_extent().y1


def test_mixtures_are_refused_or_told(tidy, points):
    first = tidy.index == tidy.index[0]
    with pytest.raises(InputError, match="would mix budgets other, smoke"):
        speed.Speed().points(tidy.assign(budget=np.where(first, "other", "smoke")))
    adapted = (tidy["shots"] > 0) & (tidy["seed"] == 1)
    told = r"would mix supports other, train-head \(beside none\); add --where support=none,train-head"
    with pytest.raises(InputError, match=told):
        speed.Speed().points(tidy.assign(support=np.where(adapted, "other", tidy["support"])))
    assert "NOT COMPARABLE" in speed.Speed().caption(tidy.assign(device=np.where(first, "cuda", "cpu")), points)


def test_command(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "ramp", "--shots", "0").code == 0
    out = tmp_path / "speed.svg"
    done = bench("plot", "speed", "--out", str(out))
    assert done.code == 0 and "frames per second" in done.out and "framediff" in out.read_text()
    assert bench("plot", "speed", "--where", "method=lmn").code == 2
