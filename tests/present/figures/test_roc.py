"""`bench plot roc`: its curves against scikit-learn, their mean, and what is drawn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc as area

from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.figures import roc
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


def test_command(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "ramp", "--shots", "0").code == 0
    done = bench("plot", "roc", "--out", str(tmp_path / "roc.pdf"))
    assert done.code == 0 and "protocol fair" in done.out and (tmp_path / "roc.pdf").stat().st_size > 1000
    assert bench("plot", "roc", "--where", "method=lmn").code == 2
