"""`bench plot cameras`: its curves are the means of the table, and its caption says what they are of."""

import pytest

from camera_stores import put
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.cameras import compare_cameras
from crossvad.planning.protocol import FAIR
from crossvad.present.figures import drawing, style


@pytest.fixture
def filled(store):
    for target in ("campus", "mall"):
        for seed in (0, 1):
            for shots in (0, 1, 10):
                put(store, "apn", target, shots=shots, seed=seed, shift=1 + shots / 10)
        put(store, "lmn", target, reverted=True, shots=1)
        put(store, "lmn", target)
        put(store, "framediff", target, trained=False)
    put(store, "random", trained=False)  # no detector, so that what it lacks does not matter
    put(store, "apn", "ped2")
    return store


def test_curves_are_means_over_cameras(filled):
    figure, note = drawing.draw("cameras", filled, filled.records(), FAIR)
    cells = counted_by_camera(filled, filled.records(), FAIR).query("method != 'random'")
    rows = compare_cameras(cells).entries.set_index(["method", "shots"])
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "street → mean of 6 cameras"
    curves = [line for line in axes.lines if line.get_marker() in style.MARKERS and len(line.get_xdata())]
    apn, lmn, hollow = curves
    assert apn.get_xdata().tolist() == [0, 1, 10] and lmn.get_xdata().tolist() == [0, 1]
    assert apn.get_ydata().tolist() == pytest.approx([rows.loc[("apn", shots), "auc"] for shots in (0, 1, 10)])
    assert (hollow.get_xdata().tolist(), hollow.get_markerfacecolor()) == ([1], "white")
    ends = sorted(round(y, 6) for bars in axes.collections for path in bars.get_paths() for y in path.vertices[:, 1])
    drawn = rows.loc[[("apn", 0), ("apn", 1), ("apn", 10), ("lmn", 0), ("lmn", 1)], ["low", "high"]]
    assert ends == pytest.approx(sorted(drawn.to_numpy().ravel()), abs=1e-5)
    assert [text.get_text() for text in axes.texts] == ["framediff"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["apn, finetune", "lmn, finetune"]
    for fact in (
        "AUC of each camera in %, mean over 6 cameras (campus 3, mall 3; 14 videos in all)",
        "bars: 95 %, bootstrap over cameras and their videos and spread over seeds",
        "curves set apart sideways",
        "grey lines: nothing trained, nothing adapted",
        "hollow: some adaptation",
        "left out: 3 of 9 cameras, which not all curves have: `bench cameras` names them, and what lacks them",
        "budget quick",
        "steps 1",
    ):
        assert fact in note, fact


def test_the_command(bench, filled, tmp_path):
    words = ("--results", filled.root.parent, "--where", "shots=1", "--out", tmp_path / "c.svg")
    done = bench("plot", "cameras", *words)
    assert done.code == 0 and done.out.startswith(f"{tmp_path / 'c.svg'}: AUC of each camera in %")
    nothing = bench("plot", "cameras", "--results", filled.root.parent, "--where", "method=mpn")
    assert nothing.code == 2 and "holds no such finished cell" in nothing.err


def test_a_camera_alone_is_named_and_is_no_mean(store):
    for source, targets in (("street", ("campus", "mall")), ("town", ("mall", "campus")), ("plaza", ("campus",))):
        for target in targets:
            for shots in (0, 1):
                put(store, "apn", target, source=source, shots=shots)
                if source == "plaza":
                    put(store, "lmn", "shop", cameras={"till": (20, 30)}, source=source, shots=shots)
                    put(store, "apn", "shop", cameras={"till": (20, 30)}, source=source, shots=shots)
    figure, note = drawing.draw("cameras", store, store.records(), FAIR)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "plaza → shop alone",
        "street → mean of 6 cameras",
        "town → mean of 6 cameras",
    ]
    counted = "1 camera (shop 1; 2 videos in all) from plaza | 6 cameras (campus 3, mall 3; 14 videos in all) from "
    assert f"mean over {counted}street, town; " in note
    assert "left out: 3 of 4 cameras from plaza, which not all curves have: `bench cameras` names them" in note


def test_a_panel_a_source(filled):
    for target in ("campus", "mall"):
        put(filled, "apn", target, source="town")
        put(filled, "apn", target, source="town", shots=1)
    figure, _ = drawing.draw("cameras", filled, filled.records(), FAIR)
    assert [axes.get_title(loc="left").partition(" ")[0] for axes in figure.axes] == ["street", "town"]
    assert all([text.get_text() for text in axes.texts] == ["framediff"] for axes in figure.axes)
