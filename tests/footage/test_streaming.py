"""What streams by is scored as the benchmark scores it, and held no longer than it must be."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers

from conftest import paint, write_frames
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import ClipSpec, consecutive
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.evaluation.postprocessing import fill_nearest, fuse
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import Fitter, build
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage.streaming import clip_batches, stream_scores
from crossvad.footage.trained_method import TrainedMethod
from crossvad.planning.registry import get_method, get_tuning
from crossvad.store.store import Store
from footage_made import CPU, LENGTH, ONSET, SMOKE, Blocks, silent


@given(length=integers(1, 40), block=integers(1, 50), frames=integers(1, 9), batch=integers(1, 12))
def test_batches_are_the_clips_of_the_whole_video(length, block, frames, batch):
    source = Blocks(length, block, lambda number: np.full((4, 4), number, np.uint8))
    clip = ClipSpec(frames, frames - 1, (4, 4), 1)
    whole = np.concatenate([*source.blocks(None, 1)])
    batches = [*clip_batches(source, clip, batch, CPU)]
    expected = [*consecutive(whole, clip, batch, CPU)]
    assert max(map(len, batches), default=0) <= batch and len(expected) == -(-max(0, length - frames + 1) // batch)
    assert torch.equal(torch.cat([torch.empty(0), *batches]), torch.cat([torch.empty(0), *expected]))


@pytest.mark.parametrize("length", [200, 800])
def test_no_more_frames_are_held_than_a_block_and_a_clip(length, monkeypatch):
    """However long the video, no array of frames is larger than a block and what overlaps."""
    lengths = []
    before = np.concatenate
    monkeypatch.setattr(
        np, "concatenate", lambda parts, *rest: lengths.append(sum(map(len, parts))) or before(parts, *rest)
    )
    adapter = get_method("framepred").build(SMOKE).eval()
    clip = adapter.clip
    sizes = [len(batch) for batch in clip_batches(Blocks(length, 16), clip, 8, CPU)]
    assert sum(sizes) == length - clip.frames + 1 and max(sizes) <= 8
    assert max(lengths) <= 16 + clip.frames - 1


@pytest.mark.parametrize(
    "name", ["apn", "framepred", "framepred[precision=bf16]", "memae", "framediff", "ramp", "support-mean", "speed"]
)
def test_streamed_scores_are_those_of_the_benchmark(name, film, make_grid, run_grid, tmp_path):
    """The same footage as a target: raw cues as `bench run --support test-head` stores them, whatever the block."""
    target = tmp_path / "target"
    write_frames(target / "test" / "yard", paint(LENGTH, 3, ONSET))
    (target / "labels.csv").write_text("video,start,end\nyard,60,90\n")
    store = Store(tmp_path / "results")
    grid = make_grid(name, targets=[OwnFolder(target)], shots=[3], steps=[2], support="test-head")
    (record,) = run_grid(store, grid)
    assert record.status == "done", record.reason
    stored, cell = store.scores(record.cell), record.cell
    fitter = Fitter(grid, store, Decoder(FrameCache(), SMOKE), CPU, Reporter(quiet=True))
    fitted = fitter.fitted(cell, grid.methods[0], grid.sources[0])
    tuning, _ = fitter.decided([cell], fitted)[cell]
    filled = {cue: fill_nearest(values) for cue, values in stored.cues.items()}
    fused = fuse(stored, filled, fitted.adapter.fusion)
    painted = paint(LENGTH, 3, ONSET)
    for source in (FrameFolder(film), *(Blocks(LENGTH, block, painted.__getitem__) for block in (1, 7, 300))):
        streamed = stream_scores(Video("yard", source), TrainedMethod(fitted, tuning, cell, SMOKE, CPU), silent)
        assert streamed.cues.keys() == stored.cues.keys()
        for cue, values in stored.cues.items():
            np.testing.assert_allclose(streamed.cues[cue], values, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(streamed.scores, fused, rtol=1e-3, atol=1e-3)
    assert streamed.span == (3 + fitted.adapter.clip.frames - 1 if cell.shots else 0)


def test_the_fitted_method_stays_as_it_is_and_progress_ends_at_the_last_frame(make_grid):
    torch.manual_seed(0)
    adapter, told = build(get_method("framepred"), SMOKE, 0, CPU), []
    fitted, before = Fitted("", adapter, NoTuning(), {}, {}), copy.deepcopy(adapter.state_dict())
    tuning = get_tuning("finetune[learning_rate=1e-4]").build()
    (cell,) = make_grid("framepred", shots=[3], steps=[2], support="test-head").cells()

    def watch(done, of, note):
        told.append((done, of))

    adapted = stream_scores(Video("yard", Blocks(40, 16)), TrainedMethod(fitted, tuning, cell, SMOKE, CPU), watch)
    assert all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())
    assert adapted.adaptation is not None and not adapted.adaptation.reverted
    assert adapted.adapter is not adapter and adapted.span == 7
    assert told == sorted(told) and told[-1] == (40, 40)
    (bare,) = make_grid("framepred", shots=[0]).cells()
    plain = stream_scores(Video("yard", Blocks(40, 16)), TrainedMethod(fitted, NoTuning(), bare, SMOKE, CPU), silent)
    assert plain.adaptation is None and plain.adapter is adapter and plain.span == 0
    assert not np.array_equal(plain.scores, adapted.scores)


def test_a_method_with_extra_inputs_is_refused(make_grid):
    adapter = get_method("framepred").build(SMOKE).eval()
    adapter.extra_inputs = ("flow",)
    (cell,) = make_grid("framepred", shots=[0]).cells()
    method = TrainedMethod(Fitted("", adapter, NoTuning(), {}, {}), NoTuning(), cell, SMOKE, CPU)
    with pytest.raises(InputError, match="framepred: needs extra inputs"):
        stream_scores(Video("yard", Blocks(40, 16)), method, silent)
