"""`bench plot matrix`: what its squares show."""

import numpy as np
import pytest

from crossvad.datasets.errors import InputError
from crossvad.present.figures.layout import broken
from crossvad.present.figures.matrix import Matrix
from tidy_rows import failed, frame, row


def texts(axes):
    return {text.get_position(): text.get_text() for text in axes.texts}


def test_squares_are_means_over_seeds():
    places = (("a", "a", 70), ("a", "b", 60), ("c", "b", 50))
    seeds = [row(source=s, target=t, seed=seed, auc=auc + seed) for s, t, auc in places for seed in (0, 2)]
    rows = frame(*seeds, row("random"))
    squares = Matrix().points(rows)
    assert squares["panel"].unique().tolist() == ["apn"]
    assert squares.set_index(["source", "target"])["auc"].to_dict() == {("a", "a"): 71, ("a", "b"): 61, ("c", "b"): 51}
    picture = Matrix().draw(squares, "note")
    axes = picture.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    assert texts(axes) == {(0, 0): "71.0 *", (1, 0): "61.0", (0, 1): "–", (1, 1): "51.0"}
    drawn = axes.images[0].get_array()
    assert np.ma.getmaskarray(drawn).tolist() == [[False, False], [True, False]] and drawn[0, 0] == 71


def test_a_missing_seed_leaves_no_mean():
    (auc,) = Matrix().points(frame(row(seed=0), failed(seed=1)))["auc"]
    assert np.isnan(auc)


def test_panels_tell_shots_apart_and_mark_what_was_taken_back():
    rows = frame(row(), row(shots=5, reverted=50.0, stuck=9.0, auc=82.0), row("lmn"))
    squares = Matrix().points(rows)
    assert squares["panel"].tolist() == ["apn, K = 0", "apn, finetune, K = 5", "lmn, K = 0"]
    picture = Matrix().draw(squares, "note")
    assert [texts(axes)[0, 0] for axes in picture.axes[:3]] == ["80.0", "82.0†§", "80.0"]


def test_few_pairs_are_columns_of_one_panel():
    """Three pairs of three sources and targets would leave two thirds of every panel empty."""
    pairs = (("a", "a", 70.0), ("a", "b", 60.0), ("c", "d", 50.0))
    rows = [row(source=s, target=t, shots=k, auc=auc + k) for s, t, auc in pairs for k in (0, 5)]
    rows[3]["reverted"] = 1.0
    squares = Matrix().points(frame(*rows, row("lmn, and a long name", source="c", target="d")))
    axes, _ = Matrix().draw(squares, "note").axes
    lines = ["apn, K = 0", "apn, finetune, K = 5", "lmn, and a long name, K = 0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == lines
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a\n→ a", "a\n→ b", "c\n→ d"]
    shown = {0: ["70.0 *", "75.0 *", "–"], 1: ["60.0", "65.0†", "–"], 2: ["50.0", "55.0", "80.0"]}
    assert texts(axes) == {(x, y): text for x, column in shown.items() for y, text in enumerate(column)}


def test_names_are_broken_after_commas():
    assert (
        broken("apn[predicts=change,score=0.0], finetune, K = 10", 24)
        == "apn[predicts=change,\nscore=0.0], finetune,\nK = 10"
    )
    assert broken("apn, K = 0", 24) == "apn, K = 0" and broken("a" * 30, 24) == "a" * 30


def test_titles_stay_within_their_panels():
    long = "apn[predicts=change,score=0.0,calibrate=scene,pool=patch]"
    squares = [row(m, source=s, target=t, shots=k) for m in (long, "lmn") for s in "ab" for t in "ab" for k in (0, 5)]
    picture = Matrix().draw(Matrix().points(frame(*squares)), "note")
    picture.draw_without_rendering()
    *panels, bar = picture.axes
    for axes in panels:
        title = axes._left_title.get_window_extent()
        assert title.x1 <= min(bar.get_window_extent().x0, axes.get_window_extent().x1 + 25)


def test_the_same_name_lies_on_the_diagonal():
    rows = frame(*(row(source=s, target=t) for s in ("z", "m", "a") for t in ("z", "b")))
    axes = Matrix().draw(Matrix().points(rows), "note").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z", "a", "m"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["z", "b"] and texts(axes)[0, 0] == "80.0 *"


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="would mix budgets demo, quick"):
        Matrix().points(frame(row(), row(budget="demo")))
    with pytest.raises(InputError, match="would have 13 panels"):
        Matrix().points(frame(*(row(f"m{number}") for number in range(13))))


def test_command(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "ramp", "--shots", "0").code == 0
    out = tmp_path / "matrix.svg"
    done = bench("plot", "matrix", "--out", str(out))
    assert done.code == 0 and "seed 0;" in done.out and "brackets" not in done.out
    assert "framediff" in out.read_text() and "path:north" in out.read_text()
    assert bench("plot", "matrix", "--where", "method=lmn", "--out", str(out)).code == 2
