"""`--maps`: scores per pixel beside the scores, the ground truth they are held against, and RBDC and TBDC in tables."""

import csv
import io
import shutil

import numpy as np
import pytest
import torch

from crossvad.adapters.base import Versions
from crossvad.adapters.methods.baselines import FrameDifference
from crossvad.datasets.base import Dataset, Scene, Track, Video
from crossvad.datasets.clips import consecutive
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.cell_evaluation import locate
from crossvad.evaluation.localisation import map_curves, rbdc_tbdc
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.tidy import table as tidy_table
from crossvad.evaluation.tidy import with_locations
from crossvad.execution.anomaly_maps import SIDE, located, map_video
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import catalogue, registry
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.scores import Maps, Scores
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build
from made import PAPER as PAPER_BUDGET

LENGTH = 60
LOCATING = [name for name in catalogue.METHODS if registry.get_method(name).maps_version]


class Square:
    """A made-up video: the conformance suite's square, which darts about from frame 45 on, 64 x 96 pixels."""

    identity = stamp = "square"

    def __len__(self):
        return LENGTH

    def blocks(self, size, channels, start=0, stop=None):
        height, width = size or (64, 96)
        frames = moving_squares(64, LENGTH, seed=7, anomaly=45)
        image = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
        resized = torch.nn.functional.interpolate(image, (height, width)).byte().permute(0, 2, 3, 1).numpy()
        yield np.repeat(resized, channels, 3)[start:stop]


class Camera(Dataset):
    """One camera whose anomaly has a mask, a track, or neither."""

    name = "camera"

    def __init__(self, tells: str) -> None:
        self.tells = tells

    def scenes(self, split):
        return [Scene("camera", (Video(f"square-{split}", Square()),))]

    def labels(self, video):
        return (np.arange(LENGTH) >= 45).astype(np.uint8)

    def masks(self, video):
        masks = np.zeros((LENGTH, 64, 96), bool)
        masks[45:, 8:16, 12:30] = True
        return masks if self.tells == "masks" else None

    def tracks(self, video):
        boxes = np.tile([12.0, 8.0, 30.0, 16.0], (15, 1))
        return [Track(np.arange(45, LENGTH), boxes)] if self.tells == "tracks" else None


def test_which_methods_say_where():
    assert set(LOCATING) == set(catalogue.METHODS) - {"random", "ramp", "sdor", "unmasking"}


@pytest.mark.parametrize(
    "name",
    [name for name in LOCATING if name not in ("after-mt-frcn", "amc", "knn", "mdt", "mppca", "stackrnn", "tsc")],
)  # coarser: their tests
def test_maps_are_the_error_that_the_score_is_a_mean_of(name):
    """So that a map cannot be of another frame, or of another prediction, than the score."""
    adapter = build(name)
    video = moving_squares(SMOKE.size, 24, seed=3)
    (clips,) = consecutive(video, adapter.clip, 64, CPU)
    maps, scores = adapter.maps(clips), adapter.score(clips)
    assert maps.shape == (len(clips), SMOKE.size, SMOKE.size) and not maps.requires_grad
    mean = maps.double().mean((1, 2))
    cue = next(cue for cue in ("reconstruction", "prediction", "speed") if cue in scores)
    if name == "memae":  # its score is of all 16 frames of the clip
        rebuilt = adapter.rebuild(clips)
        assert torch.allclose(maps, (rebuilt[1] - rebuilt[0]).abs()[:, 0, adapter.clip.scored])
    elif name == "convae":  # and its, of all ten
        assert torch.allclose(maps, (adapter.reconstruct(clips[:, :, 0]) - clips[:, :, 0])[:, 5].square())
    elif name == "memae-2d":
        assert torch.allclose(mean, scores[cue].double(), rtol=1e-5)
    else:
        assert torch.allclose(10 * mean.log10(), scores[cue].double(), atol=1e-3)


def test_a_map_stands_at_the_frame_it_is_for():
    adapter = build("extrapolate")
    video = moving_squares(SMOKE.size, 20, seed=3)
    found = map_video(adapter, video, 7, CPU)
    assert found.shape == (20, SMOKE.size, SMOKE.size) and np.isnan(found[:2]).all() and not np.isnan(found[2:]).any()
    gray = video[..., 0].astype(np.float64) / 255
    expected = (2 * gray[9] - gray[8] - gray[10]) ** 2
    assert found[10] == pytest.approx(expected, abs=1e-5)


def test_large_maps_are_kept_small():
    adapter = build("framediff", PAPER_BUDGET)
    video = np.repeat(moving_squares(256, 4, seed=3), 3, axis=3)
    found = map_video(adapter, video, 4, CPU)
    gray = video[..., 0].astype(np.float64) / 255
    blocks = ((gray[1] - gray[0]) ** 2).reshape(SIDE, 4, SIDE, 4).mean((1, 3))
    assert found.shape == (4, SIDE, SIDE) and found[1] == pytest.approx(blocks, abs=1e-6)


@pytest.mark.parametrize("tells", ["masks", "tracks"])
def test_the_ground_truth_of_masks_and_of_tracks(tells):
    camera = Camera(tells)
    videos = camera.videos("test") * 2
    found = located(camera, videos, [np.zeros((LENGTH, 4, 4), np.float32)] * 2)
    assert found.size == (64, 96) and found.derived == (tells == "masks")
    for track, start in zip(found.tracks, (45, LENGTH + 45), strict=True):
        assert track.frames.tolist() == list(range(start, start + 15))
        assert set(map(tuple, track.boxes)) == {(12, 8, 30, 16)}


def test_maps_that_are_not_finite_are_refused():
    camera = Camera("masks")
    videos = camera.videos("test")
    maps = np.zeros((LENGTH, 2, 2), np.float32)
    maps[3, 1, 0] = np.inf
    with pytest.raises(ValueError, match="maps have 1 values that are not finite"):
        located(camera, videos, [maps])


def run(store, grid, keep_maps):
    return Runner(store, FrameCache(), CPU, Reporter(quiet=True), keep_maps).run(grid)


def test_maps_are_kept_when_asked_for_and_a_cell_without_is_scored_again(make_grid, store):
    grid = make_grid("framepred", "framediff", "ramp", sources=[Camera("masks")], targets=[Camera("masks")], shots=[0])
    for record in run(store, grid, keep_maps=False):
        assert store.maps(record.cell) is None
    before = {record.cell: store.scores(record.cell) for record in store.records()}
    fits = {path: path.stat().st_mtime_ns for path in (store.root / "fits").rglob("*")}
    for record in run(store, grid, keep_maps=True):
        maps = store.maps(record.cell)
        assert (maps is None) == (record.cell.method == "ramp")
        np.testing.assert_equal(store.scores(record.cell).cues, before[record.cell].cues)
    assert {path: path.stat().st_mtime_ns for path in (store.root / "fits").rglob("*")} == fits  # none is trained again
    finished = {record.cell: record.finished for record in store.records()}
    run(store, grid, keep_maps=True)
    run(store, grid, keep_maps=False)
    assert {record.cell: record.finished for record in store.records()} == finished, "what is there is read"


def test_what_is_kept_is_read_back(make_grid, store):
    grid = make_grid("framediff", sources=[Camera("masks")], targets=[Camera("masks")], shots=[0])
    (record,) = run(store, grid, keep_maps=True)
    maps = store.maps(record.cell)
    frames = FrameCache().open(Video("square-test", Square()), (32, 32), 1)
    np.testing.assert_array_equal(maps.maps, map_video(build("framediff"), frames, 16, CPU))
    assert maps.derived and [len(track.frames) for track in maps.tracks] == [15]
    path = store.place("cells", record.cell.key) / "maps.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"maps\.npz: was changed; remove its folder and run .* with --maps"):
        store.maps(record.cell)


def test_a_target_that_does_not_tell_where_has_no_maps(make_grid, store):
    grid = make_grid("framediff", sources=[Camera("labels")], targets=[Camera("labels")], shots=[0])
    (record,) = run(store, grid, keep_maps=True)
    assert record.status == "done" and store.maps(record.cell) is None


def test_maps_of_another_version_are_made_again(make_grid, store, monkeypatch):
    cameras = {"sources": [Camera("masks")], "targets": [Camera("masks")], "shots": [0]}
    (first,) = run(store, make_grid("framediff", **cameras), keep_maps=True)
    kept = store.maps(first.cell).maps
    monkeypatch.setattr(FrameDifference, "versions", Versions(maps=2))
    monkeypatch.setattr(FrameDifference, "maps", lambda self, clips: (clips[:, 0] - clips[:, 1]).abs().mean(1))
    (second,) = run(store, make_grid("framediff", **cameras), keep_maps=True)
    assert second.cell == first.cell, "its scores have not changed"
    assert np.nanmax(np.abs(store.maps(second.cell).maps - kept)) > 1e-3


def perfect(lengths, tracks, h=16, w=24):
    """Maps that are 1 within the truth's boxes and 0 elsewhere, of frames of 4 h x 4 w pixels."""
    maps = np.zeros((sum(lengths), h, w), np.float32)
    for track in tracks:
        for frame, (x0, y0, x1, y1) in zip(track.frames, track.boxes.astype(int) // 4, strict=True):
            maps[frame, y0:y1, x0:x1] = 1
    return Maps(maps, (4 * h, 4 * w), tracks, derived=False)


def cell_of(lengths):
    scores = Scores(
        videos=[f"v{n}" for n in range(len(lengths))], lengths=np.array(lengths), units=np.zeros(len(lengths), int),
        labels=np.zeros(sum(lengths), np.uint8), cues={}, support={}, support_units=np.empty(0, int),
        support_labels=np.empty(0, np.uint8), heldout={},
    )  # fmt: skip
    return ScoredCell(scores)


def test_perfect_maps_find_everything_that_counts():
    lengths = [40, 50]
    tracks = [Track(np.arange(20, 40), np.tile([8.0, 8.0, 24.0, 24.0], (20, 1))),
              Track(np.arange(80, 90), np.tile([40.0, 8.0, 64.0, 24.0], (10, 1)))]  # fmt: skip
    maps = perfect(lengths, tracks)
    assert locate(cell_of(lengths), maps, FAIR) == pytest.approx({"rbdc": 100, "tbdc": 100})
    nothing = Maps(np.zeros_like(maps.maps), maps.size, tracks, derived=False)
    assert locate(cell_of(lengths), nothing, FAIR) == {"rbdc": 0, "tbdc": 0}
    early = Maps(maps.maps, maps.size, [Track(np.arange(5, 20), np.tile([8.0, 8.0, 24.0, 24.0], (15, 1)))], False)
    assert np.isnan(list(locate(cell_of(lengths), early, FAIR).values())).all(), "before the first counted frame"
    assert locate(cell_of(lengths), early, PAPER)["rbdc"] == 0, "counted there, and nothing is seen of it"


def test_only_counted_frames_count_and_a_frame_without_a_map_takes_its_nearest():
    lengths, random = [40, 50], np.random.default_rng(0)
    tracks = [Track(np.arange(10, 38), np.tile([8.0, 8.0, 24.0, 24.0], (28, 1)))]
    maps = random.random((90, 16, 24)).astype(np.float32)
    maps[36:40] = np.nan
    counted = [*range(26, 40), *range(40 + 26, 90)]
    filled = maps.copy()
    filled[36:40] = maps[35]
    cut = [Track(np.arange(12), tracks[0].boxes[16:28])]  # frames 26 to 37 are the first 12 that count
    expected = rbdc_tbdc(map_curves(filled[counted], (64, 96), cut))
    found = locate(cell_of(lengths), Maps(maps, (64, 96), tracks, False), FAIR)
    assert (found["rbdc"], found["tbdc"]) == pytest.approx((100 * expected[0], 100 * expected[1]))


def test_tables_show_where_when_asked(bench, tmp_path):
    words = ("--source", "synthetic-street", "--target", "synthetic-plaza", "--budget", "smoke", "--quiet")
    assert bench("run", *words, "--method", "framediff", "--shots", "0", "--maps").code == 0
    out = bench("table", "--rows", "method", "--columns", "", "--metric", "auc,rbdc,tbdc", "--format", "md").out
    rows = {line.split("|")[1].strip(): line.split("|")[3:5] for line in out.splitlines() if line.startswith("| ")}
    assert all(0 < float(value) < 100 for value in rows["framediff"])
    assert [value.strip() for value in rows["ramp"]] == ["–", "–"]
    assert "Ramachandra" in out
    long = {row["method"]: row for row in csv.DictReader(io.StringIO(bench("table", "--format", "long").out))}
    assert float(long["framediff"]["rbdc"]) == pytest.approx(float(rows["framediff"][0]), abs=0.05)
    assert long["ramp"]["tbdc"] == ""
    (tmp_path / "results/rows.csv").write_text(bench("table", "--format", "long").out)
    done = bench("verify")
    assert done.code == 0 and "RBDC and TBDC were not recomputed" in done.out
    assert bench("keep").code == 0 and not list((tmp_path / "results/reference").rglob("maps.npz"))
    shutil.rmtree(tmp_path / "results/runs")
    assert bench("verify").code == 0
    assert "RBDC" in bench("table", "--metric", "rbdc").out


def test_locations_are_added_to_the_rows_that_are_shown(make_grid, store):
    grid = make_grid("framediff", "ramp", sources=[Camera("masks")], targets=[Camera("masks")], shots=[0])
    records = run(store, grid, keep_maps=True)
    tidy = tidy_table(store, records, FAIR)
    assert tidy["rbdc"].isna().all()
    told = []
    found = with_locations(store, records, tidy, FAIR, lambda *what: told.append(what)).set_index("method")
    (record,) = [r for r in records if r.cell.method == "framediff"]
    expected = locate(ScoredCell(store.scores(record.cell)), store.maps(record.cell), FAIR)
    assert found.loc["framediff", ["rbdc", "tbdc"]].to_dict() == pytest.approx(expected)
    assert np.isnan(found.loc["ramp", "rbdc"]) and told == [(0, 2, "framediff"), (1, 2, "ramp")]
