"""A fitted method on its target: what is scored at once, where scores are put, and which cells a method makes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.tidy import table
from crossvad.execution.scoring import arrays, placed
from crossvad.planning.protocol import FAIR
from doubles import (
    Detecting,
    Honest,
    Moving,
    NearestNeighbour,
    PcaInArrays,
    Ranked,
    Rising,
    Untrained,
    bright_box,
    spec,
)


def clips_of(folder, frames: int) -> list[np.ndarray]:
    """Each test video's clips as methods see them, (n, T, C, H, W), by NumPy alone."""
    videos = [video.read((32, 32), 1) for video in OwnFolder(folder).videos("test")]
    scaled = [video.astype(float).transpose(0, 3, 1, 2) / 127.5 - 1 for video in videos]
    return [np.stack([v[t : t + frames] for t in range(len(v) - frames + 1)]) for v in scaled]


def test_scores_are_put_at_their_frames():
    row = placed(np.array([5.0, 6.0, 7.0]), 2, 6)
    np.testing.assert_array_equal(row, [np.nan, np.nan, 5, 6, 7, np.nan])


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="cue 'a' has 2 of 3 scores that are not finite, in a batch"):
        arrays({"a": torch.tensor([1.0, float("nan"), float("inf")])})
    assert arrays({"a": torch.ones(2)})["a"].dtype == np.float64
    for other in (torch.ones(2), {"a": np.ones(2)}):
        with pytest.raises(TypeError, match=r"a score is \{cue: tensor \(B,\)\}, but the method gave"):
            arrays(other)


def test_a_scene_is_scored_at_once_where_a_method_says_so(make_grid, run_grid, store, south):
    (record,) = run_grid(store, make_grid(methods=[spec(Ranked)], seeds=[0, 1]))
    assert (record.cell.seed, record.cell.tuning, record.cell.shots, record.status) == (0, "none", 0, "done")
    differences = [np.square(clips[:, 1] - clips[:, 0]).mean((1, 2, 3)) for clips in clips_of(south, 2)]
    ordered = np.sort(np.concatenate(differences))
    ranks = [np.searchsorted(ordered, each) / len(ordered) for each in differences]
    cues = store.scores(record.cell).cues["rank"]
    expected = np.concatenate([np.concatenate([[np.nan], rank]) for rank in ranks])
    np.testing.assert_allclose(cues, expected, atol=1 / len(ordered) + 1e-9)


def test_a_video_is_scored_in_order_where_a_method_says_so(make_grid, run_grid, store):
    plain, rising = run_grid(store, make_grid(methods=[spec(Honest), spec(Rising)], shots=[0]))
    errors, scores = (store.scores(record.cell).cues["prediction"] for record in (plain, rising))
    start = 0
    for length in store.scores(plain.cell).lengths:
        video = errors[start + 2 : start + length]
        greatest = np.maximum.accumulate(video)
        expected = video / np.concatenate([video[:1], greatest[:-1]])
        np.testing.assert_allclose(scores[start + 2 : start + length], expected, rtol=1e-5)
        start += length


def test_a_closed_form_adapts_whatever_the_tuning_and_the_steps(make_grid, run_grid, store, south):
    grid = make_grid(
        methods=[spec(NearestNeighbour)], tunings=("finetune", "head"), shots=[0, 2], steps=[1, 9], support="test-head"
    )
    before, after = run_grid(store, grid)
    assert [record.status for record in (before, after)] == ["done", "done"]
    assert [(r.cell.tuning, r.cell.shots, r.cell.steps) for r in (before, after)] == [("none", 0, 0), ("none", 2, 1)]
    assert "adaptations" not in after.facts
    first, second = (store.scores(record.cell) for record in (before, after))
    start = 0
    for length, clips in zip(first.lengths, clips_of(south, 1), strict=True):
        frames = clips.reshape(length, -1)
        to_support = np.square(frames[:, None] - frames[None, :2]).mean(2).min(1)
        expected = np.minimum(first.cues["distance"][start : start + length], to_support)
        np.testing.assert_allclose(second.cues["distance"][start : start + length], expected, rtol=1e-4, atol=1e-7)
        start += length
    assert first.heldout["distance"].shape == second.heldout["distance"].shape
    assert not second.support["distance"].any()
    assert table(store, [before, after], FAIR)["auc"].notna().all()


def test_a_method_that_does_not_adapt_has_one_cell(make_grid, run_grid, store):
    (record,) = run_grid(store, make_grid(methods=[spec(PcaInArrays)], shots=[0, 2], steps=[1, 3]))
    assert (record.cell.shots, record.cell.tuning, record.status) == (0, "none", "done")


def test_a_method_without_a_source_may_take_steps(make_grid, run_grid, store):
    grid = make_grid(methods=[spec(Untrained)], tunings=("finetune[learning_rate=0.01]",), shots=[2], steps=[1, 3])
    records = run_grid(store, grid)
    assert [record.cell.steps for record in records] == [1, 3]
    losses = [record.facts["adaptations"][0]["after"] for record in records]
    assert losses[1] < losses[0] and not any(record.facts["adaptations"][0]["reverted"] for record in records)


@pytest.mark.parametrize("tuning", ["finetune", "metasgd"])
def test_a_method_without_a_source_learns_no_adapting_on_one(make_grid, run_grid, store, tuning):
    if tuning == "metasgd":
        pytest.importorskip("learn2learn", exc_type=ImportError)
    with pytest.raises(InputError, match=r"Untrained.*is fitted on no source.*choose finetune\[learning_rate=…\]"):
        run_grid(store, make_grid(methods=[spec(Untrained)], tunings=(tuning,), shots=[2]))


def test_extra_inputs_reach_a_method(make_grid, run_grid, store, south):
    grid = make_grid(methods=[spec(Moving)], tunings=("finetune[learning_rate=0.01]",), shots=[0, 2])
    before, after = run_grid(store, grid)
    assert (before.status, after.status) == ("done", "done")
    scores = store.scores(before.cell).cues["motion"][1:40]
    moved = np.abs(np.diff(clips_of(south, 2)[0][:, :, 0], axis=1)[:, 0] / 2)
    usual = np.linspace(-0.1, 0.1, 2001)  # the learned level is the one that explains every score
    fits = [np.abs(np.square(moved[:3] - level).mean((1, 2)) - scores[:3]).max() for level in usual]
    level = usual[int(np.argmin(fits))]
    np.testing.assert_allclose(scores, np.square(moved - level).mean((1, 2)), atol=1e-4)


def test_detections_in_native_frames_reach_a_method(make_grid, run_grid, store, south):
    """Scored at half the size, from boxes found at the full one."""
    budget = replace(make_grid().budget, size=16)
    before, after = run_grid(store, make_grid(methods=[spec(Detecting)], shots=[0, 2], budget=budget))
    assert (before.status, after.status) == ("done", "done") and after.cell.tuning == "none"
    head, video = OwnFolder(south).scenes("train")[0].videos[0], OwnFolder(south).scenes("test")[0].videos[0]
    support, boxes = (bright_box([each.read()])[:, 0, :4] for each in (head, video))
    expected = np.square(boxes - support[:2].mean(0)).sum(1)
    np.testing.assert_allclose(store.scores(after.cell).cues["place"][: len(video)], expected, rtol=1e-4, atol=1e-7)


def test_extra_inputs_are_not_shown_as_another_camera_would_see_them(make_grid, run_grid, store):
    with pytest.raises(InputError, match=r"Moving: has extra inputs.*choose finetune\[learning_rate=…\]"):
        run_grid(store, make_grid(methods=[spec(Moving)], tunings=("finetune",)))
