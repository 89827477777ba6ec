"""`bench plot matrix`: what its squares show."""

import numpy as np
import pytest

from crossvad.datasets.errors import InputError
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
    assert done.code == 0 and "means over seeds" in done.out and "brackets" not in done.out
    assert "framediff" in out.read_text() and "path:north" in out.read_text()
    assert bench("plot", "matrix", "--where", "method=lmn", "--out", str(out)).code == 2
