"""`bench plot`: the points of curves by hand, what is drawn of them, and files."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import COLUMNS
from crossvad.planning import catalogue, registry
from crossvad.present.figures import style
from crossvad.present.figures.curve_axes import apart
from crossvad.present.figures.curve_points import LEVELS, SHOTS, STEPS, adapted_scenes, points
from crossvad.present.figures.curve_styles import styles
from crossvad.present.figures.curves import Shots, Steps
from crossvad.present.words import CONTROLS
from crossvad.store.store import Store


def row(method="apn", tuning="finetune", shots=0, auc=80.0, steps=10, **more):
    """A tidy row; a tuning that learns nothing beforehand is `none` at 0 shots, as the plan writes it."""
    known = {"method": method, "source": "street", "target": "ped2", "protocol": "fair", "shots": shots, "seed": 0}
    known |= {"tuning": tuning if shots or tuning == "metasgd" else "none", "steps": steps if shots else 0}
    known |= {"support": "train-head" if shots else "none", "budget": "quick", "status": "done", "device": "cpu"}
    known |= {"auc": auc, "auc_low": auc - 2, "auc_high": auc + 3, "frames": 1800, "videos": 12, "version": "0.1.0"}
    return {**dict.fromkeys([*COLUMNS, "reverted"], np.nan), **known, **more}


def failed(**which):
    return row(auc=np.nan, status="failed", device=np.nan, frames=np.nan, videos=np.nan, **which)


def frame(*rows):
    return pd.DataFrame(rows)


def curve(dots, *keys, along=SHOTS):
    """Points of one curve: {place: (auc, low, high)}."""
    held = dots[(dots[["method", *along.line[1:]]] == list(keys)).all(axis=1)]
    return {line[along.key]: (line["auc"], line["low"], line["high"]) for line in held.to_dict("records")}


def around(auc):
    return (auc, auc - 2, auc + 3)


def caption(rows, dots, along):
    return {SHOTS: Shots, STEPS: Steps}[along]().caption(rows, dots)


def drawn(rows, along=SHOTS):
    plot = {SHOTS: Shots, STEPS: Steps}[along]()
    dots = plot.points(rows)
    return plot.draw(dots, plot.caption(rows, dots))


def lines_of(axes):
    """What is drawn as a line with markers: [(x, y, whether hollow), …]."""
    return [
        (line.get_xdata().tolist(), line.get_ydata().tolist(), line.get_markerfacecolor() == "white")
        for line in axes.lines
        if line.get_marker() in style.MARKERS and len(line.get_xdata())
    ]


def spans(axes):
    """What is drawn of intervals: [(left, low, right, high, whether it is an upright line), …]."""
    shapes = [(path.vertices, shape) for shape in axes.collections for path in shape.get_paths() if len(path.vertices)]
    return sorted((*v.min(axis=0), *v.max(axis=0), isinstance(shape, LineCollection)) for v, shape in shapes)


# ---- points ----------------------------------------------------------------------------------------------------------


def test_every_curve_begins_with_what_it_starts_from():
    rows = frame(
        row(),
        row(shots=5, auc=85.0),
        row(shots=10, auc=86.0),
        row(shots=5, tuning="head", auc=82.0),
        row(tuning="metasgd", auc=70.0),
        row(shots=5, tuning="metasgd", auc=90.0),
    )
    dots = points(rows, SHOTS)
    assert curve(dots, "apn", "finetune") == {0: around(80.0), 5: around(85.0), 10: around(86.0)}
    assert curve(dots, "apn", "head") == {0: around(80.0), 5: around(82.0)}
    assert curve(dots, "apn", "metasgd") == {0: around(70.0), 5: around(90.0)}
    assert len(dots) == 7 and dots["shots"].tolist() == [0, 5, 10, 0, 5, 0, 5]


def test_the_plain_start_is_no_curve_beside_one_that_learned_its_own():
    rows = frame(row(), row(tuning="metasgd", auc=70.0), row(shots=5, tuning="metasgd", auc=90.0), row("lmn", auc=60.0))
    dots = points(rows, SHOTS)
    assert set(zip(dots["method"], dots["tuning"], strict=True)) == {
        ("apn", "metasgd"),
        ("lmn", "none"),
    }


def test_a_method_that_was_adapted_in_one_way_goes_by_one_name_also_where_it_was_not():
    rows = frame(row(), row(shots=5), row(target="ped1"), row("lmn", target="ped1"))
    dots = points(rows, SHOTS)
    assert dots[dots["method"] == "apn"]["tuning"].tolist() == ["finetune"] * 3
    assert dots[dots["method"] == "lmn"]["tuning"].tolist() == ["none"]
    both = points(pd.concat([rows, frame(row(shots=5, tuning="head"))]), SHOTS)
    assert both[both["target"] == "ped1"]["tuning"].tolist() == ["none", "none"]
    learned = frame(row(tuning="metasgd"), row(tuning="metasgd", shots=5), row(target="ped1"))
    assert points(learned, SHOTS)["tuning"].tolist() == ["none", "metasgd", "metasgd"], "which starts from elsewhere"


def test_ways_to_adapt_that_start_from_one_cell_have_one_mark_there():
    ways = [row(shots=5, tuning="finetune", auc=85.0), row(shots=5, tuning="head", auc=80.0)]
    dots = points(frame(row(), *ways), SHOTS)
    assert dots["repeated"].tolist() == [False, False, True, False]
    marked = [line.get_markevery() for line in drawn(frame(row(), *ways)).axes[0].lines]
    assert [list(which) for which in marked if which is not None] == [[True, True], [False, True]]
    assert "; a start that several tunings share is marked once" in caption(frame(row(), *ways), dots, SHOTS)
    seeds = points(frame(row(), row(seed=1, auc=70.0), ways[0], ways[1] | {"seed": 1}), SHOTS)
    assert not seeds["repeated"].any(), "starts of other seeds"
    assert not points(frame(row(), *ways), STEPS)["repeated"].any()


def test_along_steps_every_k_begins_with_what_its_tuning_starts_from():
    adapted = [
        row(shots=shots, steps=steps, tuning=tuning, auc=base + shots + steps)
        for tuning, base in (("finetune", 50.0), ("metasgd", 60.0))
        for shots in (1, 5)
        for steps in (1, 10)
    ]
    rows = frame(row(), row(tuning="metasgd", auc=70.0), *adapted)
    dots = points(rows, STEPS)
    for tuning, start, base in (("finetune", 80.0, 50.0), ("metasgd", 70.0, 60.0)):
        for shots in (1, 5):
            expected = {0: start, 1: base + shots + 1, 10: base + shots + 10}
            assert curve(dots, "apn", tuning, shots, along=STEPS) == {at: around(v) for at, v in expected.items()}
    assert len(dots) == 4 * 3


def test_one_seed_has_the_bootstrap_and_several_their_range():
    aucs = {0: 80.0, 1: 83.0, 2: 86.0}
    rows = frame(
        *(row(seed=seed, auc=auc) for seed, auc in aucs.items()),
        *(row(seed=seed, shots=5, auc=auc + 5) for seed, auc in aucs.items()),
        row("lmn", auc=70.0),
        row("lmn", shots=5, auc=71.0),
    )
    dots = points(rows, SHOTS)
    assert curve(dots, "apn", "finetune") == {0: (83.0, 80.0, 86.0), 5: (88.0, 85.0, 91.0)}
    assert curve(dots, "lmn", "finetune") == {0: around(70.0), 5: around(71.0)}
    assert dots["seeds"].tolist() == [(0, 1, 2), (0, 1, 2), (0,), (0,)]


@pytest.mark.parametrize("along", [SHOTS, STEPS])
@pytest.mark.parametrize("tuning", ["finetune", "metasgd"])
def test_a_curve_starts_from_its_own_seeds(along, tuning):
    starts = (row(tuning=tuning, seed=seed, auc=auc) for seed, auc in ((0, 80.0), (1, 20.0)))
    dots = points(frame(*starts, row(tuning=tuning, seed=0, shots=5, auc=85.0)), along)
    keys = ("apn", tuning, *([5] if along is STEPS else []))
    assert curve(dots, *keys, along=along)[0] == around(80.0) and len(dots) == 2


def test_each_k_starts_from_its_own_seeds():
    starts = (row(seed=seed, auc=auc) for seed, auc in ((0, 80.0), (1, 20.0)))
    dots = points(frame(*starts, row(seed=0, shots=1), row(seed=1, shots=1), row(seed=0, shots=5)), STEPS)
    assert curve(dots, "apn", "finetune", 1, along=STEPS)[0] == (50.0, 20.0, 80.0)
    assert curve(dots, "apn", "finetune", 5, along=STEPS)[0] == around(80.0)


def test_a_missing_seed_is_not_averaged_over():
    rows = frame(row(seed=0), row(seed=1), row(seed=0, shots=5), failed(seed=1, shots=5))
    dots = points(rows, SHOTS)
    assert curve(dots, "apn", "finetune")[0] == (80.0, 80.0, 80.0)
    assert dots.loc[dots["shots"] == 5, ["auc", "low", "high"]].isna().all(axis=None)
    assert caption(rows, dots, SHOTS).endswith("; 1 of 4 cells missing (failed), and their points")


def test_scenes_are_kept_apart():
    rows = frame(*(row(source=s, shots=k, auc=a + k) for s, a in (("a", 50.0), ("b", 60.0)) for k in (0, 5)))
    dots = points(rows, SHOTS).set_index(["source", "shots"])["auc"]
    assert dots.to_dict() == {("a", 0): 50.0, ("a", 5): 55.0, ("b", 0): 60.0, ("b", 5): 65.0}


def test_what_adapts_to_nothing_is_a_level_and_two_are_left_out():
    others = ("framediff[pool=patch]", "extrapolate", "random", "ramp", "support-mean", "speed")
    rows = frame(row(), row(shots=5), *(row(name, auc=60.0) for name in others))
    dots = points(rows, SHOTS)
    assert set(dots.loc[dots["level"], "method"]) == {"framediff[pool=patch]", "extrapolate"}
    assert set(dots["method"]) == {"apn", "support-mean", "speed", "framediff[pool=patch]", "extrapolate"}
    untrained = {name for name in catalogue.BASELINES if not registry.get_method(name).cls.adapts}
    assert untrained == {*LEVELS, *CONTROLS}


def test_what_adapts_in_its_own_way_has_a_curve_along_shots_and_none_along_steps():
    own = [row("support-mean", "none", shots=k, steps=1, auc=60.0 + k) for k in (0, 5, 10)]
    rows = frame(row(), row(shots=5), *own)
    assert curve(points(rows, SHOTS), "support-mean", "none") == {k: around(60.0 + k) for k in (0, 5, 10)}
    assert set(points(rows, STEPS)["method"]) == {"apn"}
    told = "not drawn, as they take no steps: support-mean"
    assert told in caption(rows, points(rows, STEPS), STEPS)
    assert told not in caption(rows, points(rows, SHOTS), SHOTS)
    assert "take no steps" not in caption(rows[:2], points(rows[:2], STEPS), STEPS)


def test_what_was_taken_back():
    rows = frame(
        *(row(seed=seed) for seed in (0, 1)),
        *(row(seed=seed, shots=5, reverted=reverted) for seed, reverted in ((0, 0.0), (1, 0.5))),
        *(row(seed=seed, shots=10, reverted=0.0) for seed in (0, 1)),
    )
    assert points(rows, SHOTS)["reverted"].fillna(-1).tolist() == [-1, 0.25, 0.0]
    assert points(rows.drop(columns="reverted"), SHOTS)["reverted"].isna().all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"budget": "standard"}, "budgets quick, standard; add --where budget=quick"),
        ({"support": "test-head"}, "supports test-head, train-head; add --where support=train-head"),
        ({"steps": 1}, "steps 1, 10; add --where steps=10"),
    ],
)
def test_mixtures_are_refused(changed, message):
    rows = frame(row(), row(shots=5), row(shots=10, **changed))
    with pytest.raises(InputError, match=f"^this figure: would mix {message}$"):
        points(rows, SHOTS)
    if "steps" in changed:
        assert len(points(rows, STEPS)) == 4
    else:
        with pytest.raises(InputError, match="would mix"):
            points(rows, STEPS)


def test_budgets_are_not_mixed_at_0_shots_either():
    with pytest.raises(InputError, match="would mix budgets quick, standard"):
        points(frame(row(), row(shots=5), row("lmn", budget="standard")), SHOTS)


def test_what_means_nothing_mixes_with_everything():
    """No steps and no support at K = 0; no gradient steps where an untrained method adapts in a way of its own."""
    rows = frame(row(), row(shots=5), row("support-mean", "none", shots=5, steps=1), row("framediff"))
    assert len(points(rows, SHOTS)) == 4


def test_a_pair_without_adaptation_takes_no_panel_from_others():
    tidy = frame(row(), row(shots=5, steps=10, tuning="finetune"), row(source="other"))
    assert "other" not in set(adapted_scenes(tidy)["source"]) and len(adapted_scenes(tidy)) == 2
    unadapted = tidy[tidy["shots"] == 0]
    assert len(adapted_scenes(unadapted)) == 2


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def test_a_panel_shows_its_points():
    rows = frame(
        *(row(source=s, shots=k, auc=a + k) for s, a in (("a", 50.0), ("b", 60.0)) for k in (0, 1, 10)),
        row("framediff", source="a", auc=62.0),
        row("extrapolate", source="a", auc=61.9),
    )
    picture = drawn(rows)
    panels = {axes.get_title(loc="left"): axes for axes in picture.axes}
    assert list(panels) == ["a → ped2", "b → ped2"]
    assert lines_of(panels["a → ped2"]) == [([0, 1, 10], [50.0, 51.0, 60.0], False)]
    assert lines_of(panels["b → ped2"]) == [([0, 1, 10], [60.0, 61.0, 70.0], False)]
    assert [text.get_text() for text in picture.legends[0].get_texts()] == ["apn, finetune"]
    levels = [line.get_ydata()[0] for line in panels["a → ped2"].lines if line.get_color() == style.GREY]
    assert sorted(levels) == [61.9, 62.0]
    named = {text.get_text(): text.xy[1] for text in panels["a → ped2"].texts}
    assert named["framediff"] > 62.0 and named["extrapolate"] < 61.9  # their names do not lie on each other
    assert not panels["b → ped2"].texts
    assert {axes.get_ylim() for axes in picture.axes} == {(46.0, 75.0)}  # of all that is drawn, and 2 on each side


@pytest.mark.parametrize(("count", "across", "down"), [(1, 1, 1), (3, 3, 1), (4, 2, 2), (5, 3, 2), (7, 3, 3)])
def test_panels_fill_their_rows(count, across, down):
    picture = drawn(frame(*(row(source=f"s{n}", shots=k) for n in range(count) for k in (0, 5))))
    places = [axes.get_subplotspec() for axes in picture.axes]
    assert len(places) == count and places[0].get_gridspec().get_geometry() == (down, across)
    below = [bool(axes.get_xlabel()) for axes in picture.axes]
    assert below == [n + across >= count for n in range(count)]  # the lowest of each column


def test_intervals_are_drawn():
    rows = frame(
        *(row(seed=seed, shots=k, auc=80.0 + seed) for seed in (0, 2) for k in (0, 5)),
        *(row("lmn", seed=seed, auc=60.0 + seed) for seed in (0, 2)),
        row("mpn", auc=50.0),
    )
    bars = [(0, 48, 0, 53), (0, 60, 0, 62), (0, 80, 0, 82), (5, 80, 5, 82)]
    assert spans(drawn(rows).axes[0]) == [(*bar, True) for bar in bars]


def test_bars_of_many_curves_do_not_lie_on_one_another():
    """Seven curves, as adaptation.md has: at every K their bars stand side by side, none wider than its place."""
    seven = [row(f"m{n}", seed=s, shots=k, auc=70.0 + s) for n in range(7) for s in (0, 2) for k in (0, 1, 5, 10)]
    picture = drawn(frame(*seven))
    picture.draw_without_rendering()
    shapes = [shape for shape in picture.axes[0].collections if isinstance(shape, LineCollection)]
    bars = [shape for shape in shapes if shape.get_segments()]
    width = bars[0].get_linewidth()[0] * picture.dpi / 72
    places = sorted(x for bar in bars for x in {*bar.get_transform().transform(np.vstack(bar.get_segments()))[:, 0]})
    assert len(bars) == 7 and len(places) == 28 and np.diff(places).min() > 0.99 * width


@pytest.mark.parametrize("places", [(1, 3, 10, 30, 50), (1, 5, 10), (10,)])
def test_markers_of_many_curves_lie_within_their_panel(places):
    """Twelve curves in panels that long names of grey lines make narrow."""
    scenes = [{"target": f"t{number}"} for number in range(3)]
    rows = [row(f"m{n:02}", shots=k, **scene) for n in range(12) for k in (0, *places) for scene in scenes]
    picture = drawn(frame(*rows, *(row("framediff[pool=patch,and=more]", **scene) for scene in scenes)))
    picture.draw_without_rendering()
    for axes in picture.axes:
        panel = axes.get_window_extent()
        lines = [line for line in axes.lines if line.get_marker() in style.MARKERS and len(line.get_xdata())]
        assert len(lines) == 12
        for line in lines:
            across = line.get_transform().transform(line.get_xydata())[:, 0]
            half = line.get_markersize() * picture.dpi / 72 / 2
            assert panel.x0 <= across.min() - half and across.max() + half <= panel.x1


def test_no_bar_where_a_seed_is_missing():
    rows = [row(seed=seed, shots=k, auc=80.0 + seed) for seed in (0, 2) for k in (0, 1, 10)]
    picture = drawn(frame(*rows, failed(seed=0, shots=5), row(seed=2, shots=5)))
    assert spans(picture.axes[0]) == [(0, 80, 0, 82, True), (1, 80, 1, 82, True), (10, 80, 10, 82, True)]


def test_hollow_is_what_was_taken_back():
    rows = frame(row(), row(shots=5, auc=81.0, reverted=0.5), row(shots=10, auc=82.0, reverted=0.0))
    (axes,) = drawn(rows).axes
    assert lines_of(axes) == [([0, 5, 10], [80.0, 81.0, 82.0], False), ([5], [81.0], True)]
    told = "hollow: some adaptation raised its own support loss"
    assert told in caption(rows, points(rows, SHOTS), SHOTS)
    known = rows.assign(reverted=0.0)
    for others in (known, rows.drop(columns="reverted")):
        assert told not in caption(others, points(others, SHOTS), SHOTS)
        assert len(lines_of(drawn(others).axes[0])) == 1


@pytest.mark.parametrize("places", [(1, 10, 100), (5, 50), (1,), (10,)])
def test_0_has_a_place_at_the_left_of_a_log_scale(places):
    (axes,) = drawn(frame(row(), *(row(shots=5, steps=steps) for steps in places)), STEPS).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", *map(str, places)]
    at = axes.transData.transform([(place, 80.0) for place in (0, *places)])[:, 0]
    left, right = axes.transData.transform([(edge, 80.0) for edge in axes.get_xlim()])[:, 0]
    share = (at - left) / (right - left)
    assert share[0] > 0.05 and share[-1] < 0.95 and (np.diff(share) > 0.2).all()
    if len(places) > 1:
        assert np.diff(share) == pytest.approx(np.diff(share).mean())  # a decade each, and as far from 0 to the first


def test_curves_differ_in_how_they_look():
    rows = frame(*(row(f"m{n}", shots=k) for n in range(20) for k in (0, 5)))
    chosen = styles(points(rows, SHOTS), SHOTS)
    assert len({(each.colour, each.marker) for each in chosen.values()}) == 20
    several = [row(f"m{n}", t, shots=5) for n in range(4) for t in ("finetune", "head", "norm")]
    chosen = styles(points(frame(*(row(f"m{n}") for n in range(4)), *several), SHOTS), SHOTS)
    assert len({each.marker for each in chosen.values()}) == len(chosen) == 12
    assert len({(method, each.colour) for (method, _), each in chosen.items()}) == 4  # one colour a method
    assert len({each.colour for each in chosen.values()}) == 4
    assert len({(tuning, repr(each.dash)) for (_, tuning), each in chosen.items()}) == 3  # one dash a tuning
    assert len({repr(each.dash) for each in chosen.values()}) == 3


@pytest.mark.parametrize("ways", [("finetune",), ("finetune", "head")])
def test_colours_that_have_run_out_come_again_with_other_dashes(ways):
    rows = frame(*(row(f"m{n}", t, shots=k) for n in range(12) for t in ways for k in (1, 5)))
    chosen = styles(points(rows, SHOTS), SHOTS)
    assert len(chosen) == 12 * len(ways) and len({(each.colour, repr(each.dash)) for each in chosen.values()}) == len(
        chosen
    )


def test_tunings_of_one_method_differ_in_colour():
    rows = frame(row(), row("support-mean"), *(row(tuning=t, shots=5) for t in ("finetune", "head", "norm")))
    chosen = styles(points(rows, SHOTS), SHOTS)
    assert len({each.colour for each in chosen.values()}) == len({each.marker for each in chosen.values()}) == 4


def test_the_legend_shows_each_curve_as_it_is_drawn():
    rows = frame(row(), *(row(shots=k, steps=s, reverted=1.0) for k in (1, 5) for s in (1, 10)), row("lmn"))
    dots = points(rows, STEPS)
    (legend,) = Steps().draw(dots, "").legends
    shown = {t.get_text(): h for t, h in zip(legend.get_texts(), legend.legend_handles, strict=True)}
    assert list(shown) == ["apn, finetune, K = 1", "apn, finetune, K = 5", "lmn"]
    for handle, drawn_as in zip(shown.values(), styles(dots, STEPS).values(), strict=True):
        assert handle.get_marker() == drawn_as.marker and to_rgba(handle.get_color()) == to_rgba(drawn_as.colour)
        assert handle.get_markerfacecolor() != "white"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([1.0], [1.0]),
        ([1.0, 5.0], [1.0, 5.0]),
        ([1.0, 1.0], [0.0, 2.0]),
        ([0.0, 1.0, 2.5], [-5 / 6, 7 / 6, 19 / 6]),  # the first two push, and then meet the third
    ],
)
def test_names_are_moved_apart(values, expected):
    assert apart(values, 2.0) == pytest.approx(expected)


# ---- captions --------------------------------------------------------------------------------------------------------


def test_a_caption_tells_what_a_reader_must_know():
    rows = frame(row(), row(seed=7), row(shots=5), row("random", seed=8), row("framediff"))  # 7 was never adapted
    dots = points(rows, SHOTS)
    assert caption(rows, dots, SHOTS) == (
        "AUC in %; protocol fair; budget quick; support train-head; steps 10; seed 0; "
        "thin bars: 95 % of a single seed, bootstrap over videos; grey lines: nothing trained, nothing adapted"
    )
    rows = frame(*(row(seed=s, shots=k, contamination=12.0) for s in (1, 2) for k in (0, 5)), row("framediff"))
    assert caption(rows, points(rows, STEPS), STEPS) == (
        "AUC in %; protocol fair; budget quick; support train-head; at 0 steps: K = 0; "
        "up to 12 % of the support frames are abnormal; seeds 1, 2; points: mean over seeds; "
        "pale bars: from the lowest to the highest seed, on the same videos; grey lines: nothing trained, "
        "nothing adapted"
    )


def test_a_caption_tells_of_a_partial_target():
    rows = frame(row(target="ped1", videos=17, of_videos=36), row(target="ped1", shots=5, videos=17, of_videos=36))
    assert "; ped1: 17 of 36 videos; " in caption(rows, points(rows, SHOTS), SHOTS)


def test_a_caption_tells_of_unequal_seeds_devices_and_curves_moved_aside():
    rows = frame(*(row(seed=s) for s in (0, 1)), *(row(seed=s, shots=5) for s in (0, 1)), row(shots=10))
    text = caption(rows, points(rows, SHOTS), SHOTS)
    assert "seeds 0, 1, not all of them at every point" in text and "pale bars: " in text
    assert "thin bars: " in text and "pale bars do not compare with thin ones" in text
    assert "sideways" not in text and "NOT COMPARABLE" not in text
    rows = pd.concat([rows, frame(row("lmn", device="cuda"))], ignore_index=True)
    text = caption(rows, points(rows, SHOTS), SHOTS)
    assert text.startswith("NOT COMPARABLE throughout: mixes devices cpu, cuda; ") and "sideways" in text


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory, make_grid, run_grid):
    """A folder of results: one method at 0 and 2 shots by 1 and 3 steps, and two that learn nothing."""
    store = Store(tmp_path_factory.mktemp("curves"))
    grid = make_grid("framepred", "framediff", "support-mean", shots=[0, 2], steps=[1, 3])
    run_grid(store, grid)
    return store.root.parent


def test_commands_draw_what_is_stored(bench, stored, tmp_path):
    done = bench("plot", "shots", "--results", stored, "--where", "steps=3")
    assert done.code == 0 and done.out.startswith("shots.svg: AUC in %; protocol fair; budget smoke; ")
    text = (tmp_path / "shots.svg").read_text()
    assert "path:north" in text and "<!-- framepred, finetune -->" in text and "<!-- framediff -->" in text
    done = bench("plot", "steps", "--results", stored, "--out", "deep.PNG")
    assert done.code == 0 and (tmp_path / "deep.PNG").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_the_same_figure_is_the_same_file(bench, stored, tmp_path, suffix):
    for name in ("one", "two"):
        assert bench("plot", "steps", "--results", stored, "--out", f"{name}.{suffix}").code == 0
    one, two = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two and b"<dc:date>" not in one and b"CreationDate" not in one


def test_what_cannot_be_drawn(bench, stored):
    where = ("--results", stored)
    mixed = bench("plot", "shots", *where, "--where=steps=1,3", "--where", "method=framepred")
    command = f"bench plot shots --results {stored} --where method=framepred --where steps=3"
    assert mixed.code == 2 and mixed.err.endswith(f"would mix steps 1, 3; choose, such as: {command}\n")
    assert bench(*command.split()[1:]).code == 0
    for name in ("curve.jpg", "curve"):
        done = bench("plot", "shots", *where, "--where", "steps=3", "--out", name)
        assert done.code == 2 and done.err.endswith("; name a file .svg, .pdf, .png\n")
        early = bench("plot", "shots", *where, "--where", "method=lmn", "--out", name)
        assert early.err == done.err  # before anything is read
    nowhere = bench("plot", "shots", *where, "--where", "steps=3", "--out", "no/curve.svg")
    assert nowhere.code == 2 and "no: is no folder" in nowhere.err
    for none in ("method=lmn", "method=random"):
        done = bench("plot", "steps", *where, "--where", none)
        assert done.code == 2 and "holds no such finished cell" in done.err


def test_panels_may_differ_in_their_support_and_the_caption_says_so():
    other = {"target": "ped1", "support": "scene-head"}
    rows = frame(row(), row(shots=5), row(target="ped1"), row(shots=5, **other))
    dots = points(rows, SHOTS)
    assert len(dots) == 4
    assert "support scene-head on ped1 | train-head on ped2; " in caption(rows, dots, SHOTS)
    with pytest.raises(InputError, match="would mix supports scene-head, test-head"):
        points(
            frame(row(target="ped1"), row(shots=5, **other), row(shots=10, **{**other, "support": "test-head"})), SHOTS
        )
