"""`bench plot roc`: its curves against scikit-learn, their mean, and what is drawn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc as area
from sklearn.metrics import roc_curve

from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.figures import crowds, roc
from crossvad.store.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("roc"))
    return store, run_grid(store, make_grid("framepred", "framediff", "ramp", shots=[0, 2], seeds=[0, 1]))


def test_a_curve_has_the_area_of_the_table(finished):
    store, records = finished
    curves = roc.Roc().rows(store, records, FAIR)
    tidy = table(store, records, FAIR)
    known = {(r.method, r.shots, r.seed): r.auc for r in tidy.itertuples()}
    assert len(curves) == len(tidy[tidy["method"] != "ramp"]) == 5
    for line in curves.itertuples():
        assert line.auc == pytest.approx(known[line.method, line.shots, line.seed])
        assert 100 * area(*line.rates) == pytest.approx(line.auc)


def test_a_caption_tells_of_a_partial_target(finished):
    store, records = finished
    curves = roc.Roc().rows(store, records, FAIR)
    assert set(curves["videos"]) == {3} and curves["of_videos"].isna().all()
    assert "; path:south: 3 of 4 videos; " in roc.Roc().caption(curves.assign(of_videos=4), curves)


def made(*curves, method="apn", budget="quick"):
    rows = [
        ["a", "b", method, "none", 0, 0, "none", budget, seed, 100 * area(*rates), rates]
        for seed, rates in enumerate(curves)
    ]
    return pd.DataFrame(rows, columns=["source", "target", *roc.LINE, "support", "budget", "seed", "auc", "rates"])


PERFECT, CHANCE = (np.array([0.0, 0, 1]), np.array([0.0, 1, 1])), (np.array([0.0, 1]), np.array([0.0, 1]))


def test_seeds_are_averaged_by_false_positive_rate():
    (line,) = roc.Roc().points(made(PERFECT, CHANCE)).itertuples()
    x, y = line.rates
    assert line.auc == pytest.approx(75)
    assert (x[0], y[0]) == (0, 0) and y[1:] == pytest.approx((1 + x[1:]) / 2)
    (alone,) = roc.Roc().points(made(CHANCE)).itertuples()
    assert alone.rates is CHANCE


def test_frames_of_one_class_have_no_curve_and_that_is_said():
    both, one = made(PERFECT), made(PERFECT).assign(target="c", auc=np.nan, rates=None)
    rows = pd.concat([both, one]).assign(protocol="fair", postprocessing="", transductive=False, videos=1, of_videos=1)
    points = roc.Roc().points(rows)
    assert list(points["target"]) == ["b"]
    assert "no AUC on c: all counted frames are of one class" in roc.Roc().caption(rows, points)


def test_mixtures_are_refused():
    with pytest.raises(InputError, match="would mix budgets demo, quick"):
        roc.Roc().points(pd.concat([made(CHANCE), made(CHANCE, budget="demo")]))


def test_curves_of_many_methods_and_ways_are_told_apart():
    def curves(methods, *ways):
        made_up = made(CHANCE)
        return pd.concat([made_up.assign(method=m, **way) for m in methods for way in ways])

    names = [f"m{number}" for number in range(12)]
    adapted = [{"tuning": "finetune", "shots": shots, "steps": 1} for shots in (1, 5, 9)]
    few = roc.styles(curves(names[:4], *adapted))
    assert len({repr(style) for style in few.values()}) == 12 and len({style.colour for style in few.values()}) == 4
    assert len({repr(style) for style in roc.styles(curves(names, adapted[0])).values()}) == 12
    learned = [{"tuning": tuning, "shots": 0} for tuning in ("none", "maml", "anil")]  # before any shot
    assert len({repr(style) for style in roc.styles(curves(names[:1], *learned, adapted[0])).values()}) == 4


def test_colours_that_have_run_out_come_again_with_other_dashes():
    curves = roc.Roc().points(pd.concat([made(CHANCE, method=f"m{number:02}") for number in range(20)]))
    assert len({(style.colour, repr(style.dash)) for style in roc.styles(curves).values()}) == 20


def test_what_is_drawn(finished):
    curves = roc.Roc().points(roc.Roc().rows(*finished, FAIR))
    (axes,) = roc.Roc().draw(curves, "note").axes
    lines = {text.get_text(): line for text, line in zip(axes.get_legend().get_texts(), axes.lines[1:], strict=True)}
    assert {name.split("  ")[1] for name in lines} == {"framepred", "framepred, finetune, K = 2", "framediff"}
    for line in curves.itertuples():
        name = f"{line.auc:.1f}  {line.method}" + (", finetune, K = 2" if line.shots else "")
        assert np.array_equal(lines[name].get_ydata(), line.rates[1])
    dashes = {name.split("  ")[1]: line.get_linestyle() for name, line in lines.items()}
    assert dashes["framepred"] != dashes["framepred, finetune, K = 2"]


def test_curves_that_look_like_one_are_named():
    """One frame of a thousand that changes its place is a step that is wide where the curve is steep, and not seen."""
    labels = np.arange(2000) % 10 == 0
    scores = np.random.default_rng(0).normal(size=2000) + 2 * labels
    other = scores.copy()
    other[np.flatnonzero(labels)[0]] = scores.max() + 1
    another = np.random.default_rng(1).normal(size=2000) + 2 * labels
    curves = {"a": scores, "b": other, "c": another}
    rows = pd.concat([made(roc_curve(labels, found)[:2], method=name) for name, found in curves.items()])
    (_, told) = roc.Roc().thinned(roc.Roc().points(rows))
    assert told == ["lie on one another: a | b"]
    steep = {f"m{false}": (np.array([0, false, 1]), np.array([0, 0.8, 1])) for false in (0.001, 0.004, 0.03)}
    rows = pd.concat([made(rates, method=name) for name, rates in steep.items()])
    assert roc.Roc().thinned(roc.Roc().points(rows))[1] == ["lie on one another: m0.001 | m0.004"]


def test_names_of_full_panels_do_not_reach_the_next():
    full = pd.concat([made(CHANCE, method=f"m{number:02}") for number in range(crowds.MOST)])
    curves = roc.Roc().points(pd.concat([full.assign(target=f"t{number:02}") for number in range(12)]))
    picture = roc.Roc().draw(curves, "a caption")
    picture.draw_without_rendering()
    names = [axes.get_legend().get_window_extent() for axes in picture.axes]
    titles = [axes._left_title.get_window_extent() for axes in picture.axes]
    assert all(above.y0 >= below.y1 for above, below in zip(names, titles[3:], strict=False))
    assert names[-1].y0 >= picture._supxlabel.get_window_extent().y1 and titles[0].y1 <= picture.bbox.y1


def test_command(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "ramp", "--shots", "0").code == 0
    done = bench("plot", "roc", "--out", str(tmp_path / "roc.pdf"))
    assert done.code == 0 and "protocol fair" in done.out and (tmp_path / "roc.pdf").stat().st_size > 1000
    assert bench("plot", "roc", "--where", "method=lmn").code == 2
