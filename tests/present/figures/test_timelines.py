"""`bench plot scores`: what its curves are of, and where it shades."""

import numpy as np
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.figures.timelines import Timelines, choose, small_frames
from crossvad.present.figures.tracks import moments, spans, tracks
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Store

TARGET = "path:south"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("timelines"))
    return store, run_grid(store, make_grid("framepred", "framediff", shots=[0, 2], seeds=[0, 1]))


@pytest.fixture(scope="module")
def scored(finished):
    return tracks(*finished, FAIR)


def test_ranks_have_the_auc_of_the_scores(finished, scored):
    store, records = finished
    known = {(r.method, r.shots, r.seed): r.auc for r in table(store, records, FAIR).itertuples()}
    for key, cell in scored.groupby(["method", "shots", "seed"]):
        scores, labels = np.concatenate([*cell["scores"]]), np.concatenate([*cell["labels"]])
        assert 100 * micro_auc(labels, scores) == pytest.approx(known[key])
        assert scores.min() > 0 and scores.max() < 100


def test_frames_are_those_that_count(finished, scored):
    store, records = finished
    lengths = dict(zip(store.scores(records[0].cell).videos, store.scores(records[0].cell).lengths, strict=True))
    for line in scored.itertuples():
        assert line.frames[0] == FAIR.first_frame(line.shots) and line.frames[-1] == lengths[line.video] - 1
        assert len(line.frames) == len(line.labels) == len(line.scores)


def test_spans():
    frames = np.arange(10, 18)
    assert spans(frames, np.array([1, 1, 0, 0, 1, 0, 1, 1], np.uint8)) == [(10, 12), (14, 15), (16, 18)]
    assert spans(frames, np.zeros(8, np.uint8)) == []


def test_what_is_drawn(scored):
    rows = choose(scored[scored["method"].isin(["framepred", "framediff"])], [])
    assert set(rows["seed"]) == {0}
    picture = Timelines().draw(rows.assign(small=[{}] * len(rows)), "note")
    videos = list(dict.fromkeys(rows["video"]))
    assert [axes.get_title(loc="left") for axes in picture.axes] == videos
    for axes, video in zip(picture.axes, videos, strict=True):
        mine = rows[rows["video"] == video]
        assert [line.get_ydata().tolist() for line in axes.lines] == [scores.tolist() for scores in mine["scores"]]
        first = mine.iloc[0]
        assert len(axes.patches) == len(spans(first["frames"], first["labels"]))
    names = [text.get_text() for text in picture.legends[0].get_texts()]
    assert len(names) == 3 and any("K = 2" in name for name in names)


def test_moments():
    frames, scores = np.arange(10, 18), np.array([1, 5, 2, 3, 9, 4, 0, 1])
    assert moments(frames, np.array([0, 0, 0, 0, 1, 1, 1, 1], np.uint8), scores) == [11, 13, 14, 17]
    # All peaks are abnormal, so that the highest normal frame takes one's place.
    assert moments(frames, np.array([0, 1, 0, 1, 1, 1, 0, 1], np.uint8), scores) == [11, 12, 14, 17]
    assert moments(frames, np.zeros(8, np.uint8), scores) == [11, 13, 14, 17]
    assert moments(frames[:2], np.zeros(2, np.uint8), scores[:2]) == [10, 11]


class FewStills(Thumbnails):
    """Of one video alone, each frame of its own shade."""

    def __init__(self):
        pass

    def frames(self, target, video, wanted):
        return [np.full((4, 6, 3), number, np.uint8) for number in wanted] if (target, video) == (TARGET, "a") else None


def test_small_frames(scored):
    rows = choose(scored[scored["method"] == "framediff"], [])
    rows = rows.assign(small=small_frames(rows, FewStills()))
    line = rows[rows["video"] == "a"].iloc[0]
    assert [video for video, small in zip(rows["video"], rows["small"], strict=True) if small] == ["a"]
    assert list(line["small"]) == moments(line["frames"], line["labels"], line["scores"])
    panels = Timelines().draw(rows, "note").axes
    assert [len(axes.child_axes) for axes in panels] == [4, 0, 0]
    shown = [panel.images[0].get_array()[0, 0, 0] for panel in panels[0].child_axes]
    assert shown == list(line["small"])
    ends = {text.xy for text in panels[0].texts}
    assert ends <= set(zip(line["frames"], line["scores"], strict=True)) and len(ends) == 4
    assert "small frames: of framediff, its highest in each of" in Timelines().caption(rows, rows)
    bare = rows.assign(small=[{}] * len(rows))
    assert "small frames" not in Timelines().caption(bare, bare)


def test_what_cannot_be_drawn_is_refused(scored):
    with pytest.raises(InputError, match="--video nowhere: is in no cell; choose from "):
        choose(scored, ["nowhere"])
    with pytest.raises(InputError, match="would have 5 curves a panel, more than 4"):
        choose(scored.assign(method="m", shots=range(len(scored))).head(5), [])
    with pytest.raises(InputError, match="would mix targets a, b"):
        choose(scored.assign(target=np.where(np.arange(len(scored)) % 2, "a", "b")), [])


def test_a_video_that_is_too_short_to_count_has_no_panel(scored):
    def without(video):
        rows = scored.copy()
        for key in ("frames", "labels", "scores"):
            rows[key] = [line[key][:0] if line["video"] == video else line[key] for line in scored.to_dict("records")]
        return rows

    first, *others = scored["video"].unique()
    rows = without(first)
    points = Timelines().points(rows)
    drawn = Timelines().draw(points, "note")
    assert [axes.get_title(loc="left") for axes in drawn.axes] == others
    assert f"not drawn, as none of their frames count: {first}" in Timelines().caption(rows, points)
    assert "none of their frames" not in Timelines().caption(scored, Timelines().points(scored))
    with pytest.raises(InputError, match=f"--video {first}: has no frame that counts: it is too short"):
        choose(rows, [first])
    with pytest.raises(InputError, match="has no frame that counts"):
        choose(rows[rows["video"] == first], [])


def test_command(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, "--budget", "smoke", "--quiet", "--method", "ramp", "--shots", "0").code == 0
    out = tmp_path / "scores.svg"
    done = bench("plot", "scores", "--where", "method=ramp,framediff", "--out", str(out))
    assert done.code == 0 and "shaded: abnormal" in done.out and "framediff" in out.read_text()
    assert "<image" not in out.read_text()  # a target's folder is known by its name alone
    (tmp_path / "south").symlink_to(south)
    assert bench("plot", "scores", "--where", "method=ramp", "--out", str(out)).code == 0
    assert out.read_text().count("<image") == 12
    assert bench("plot", "scores", "--where", "method=lmn").code == 2


def test_the_unadapted_is_named_by_its_method_alone(scored):
    rows = choose(scored[scored["method"].isin(["framepred", "framediff"])], ["a"])
    assert sorted(rows["name"]) == ["framediff, K = 0", "framepred, K = 0", "framepred, finetune, K = 2"]
    rows = rows.assign(small=[{}] * len(rows))
    note = Timelines().caption(rows, rows)
    assert "; ped1: 1 of 36 videos; " in Timelines().caption(rows.assign(target="ped1"), rows)
    assert "of 36 videos" not in note
    assert "support train-head" in note and "steps 1" in note and "none" not in note
