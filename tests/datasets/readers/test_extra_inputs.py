"""What methods ask for beside frames: made once, kept beside them, and cut into clips with them."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.datasets.base import Video
from crossvad.datasets.clips import Clips, ClipSource, ClipSpec, consecutive, head
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers import extra_inputs
from crossvad.datasets.readers.extra_inputs import EXTRACTORS, Extractor, get_extractor, register, with_extras
from crossvad.datasets.readers.frame_cache import CachedFrames, FrameCache
from crossvad.execution.decoding import Decoder
from crossvad.planning.budgets import BUDGETS

CPU = torch.device("cpu")
SPEC = ClipSpec(3, 2, (8, 8), 1)
BUDGET = replace(BUDGETS["smoke"], size=16)


@pytest.fixture
def frames(south, tmp_path) -> CachedFrames:
    video: Video = OwnFolder(south).videos("test")[0]
    return FrameCache(tmp_path / "cache").open(video, (8, 8), 1)


@pytest.fixture
def calls(monkeypatch):
    """An extractor `mean` that counts the videos it is shown."""
    shown = []
    monkeypatch.setattr(extra_inputs, "EXTRACTORS", dict(EXTRACTORS))

    def mean(frames):
        shown.append(len(frames))
        return frames[0 : len(frames)].mean((1, 2, 3))

    register(Extractor("features:mean", 1, mean))
    return shown, mean


def test_values_are_made_once_and_lie_beside_the_frames(frames, calls):
    shown, mean = calls
    first, again = (with_extras(frames, ["features:mean"]) for _ in range(2))
    assert shown == [len(frames)]
    expected = frames[0 : len(frames)].mean((1, 2, 3)).astype(np.float32)
    assert np.array_equal(first[2:9].extras["features:mean"], expected[2:9])
    assert np.array_equal(again[2:9].extras["features:mean"], expected[2:9])
    assert np.array_equal(again[2:9].frames, frames[2:9]) and len(again) == len(frames)
    assert sorted(path.name for path in frames.path.parent.iterdir()) == [
        f"{frames.path.stem}.features-mean-1.npy",
        frames.path.name,
    ]
    register(Extractor("features:mean", 2, mean))
    with_extras(frames, ["features:mean"])
    assert shown == [len(frames)] * 2, "another version is made anew"


def test_an_extractor_that_fails_leaves_nothing_behind(frames, calls):
    def fail(frames):
        raise RuntimeError("no luck")

    register(Extractor("features:mean", 3, fail))
    with pytest.raises(RuntimeError, match="no luck"):
        with_extras(frames, ["features:mean"])
    assert [path.name for path in frames.path.parent.iterdir()] == [frames.path.name]
    register(Extractor("features:mean", 3, lambda frames: np.zeros(2)))
    with pytest.raises(InputError, match=r"extra input features:mean: gave values of 2 of 40 frames"):
        with_extras(frames, ["features:mean"])


def test_what_is_being_written_is_not_swept_away(frames, calls, monkeypatch):
    save = np.save

    def swept(file, values, **more):
        FrameCache(frames.path.parent).fill([], (8, 8), 1)  # another process begins
        save(file, values, **more)

    monkeypatch.setattr(np, "save", swept)
    values = with_extras(frames, ["features:mean"]).extras["features:mean"]
    assert len(values[0:40]) == 40 and len([*frames.path.parent.iterdir()]) == 2


def test_an_error_of_the_extractor_is_none_of_the_cache(frames, calls):
    register(Extractor("features:mean", 4, lambda frames: np.load("gone.npy")))
    with pytest.raises(FileNotFoundError, match=r"gone\.npy"):
        with_extras(frames, ["features:mean"])


def test_a_native_extractor_looks_at_the_video_s_own_frames(south, tmp_path, calls):
    shown = []

    def see(blocks):
        blocks = [*blocks]
        shown.append({block.shape[1:] for block in blocks})
        return np.concatenate([block.mean((1, 2)) for block in blocks])

    register(Extractor("colours:own", 1, see, native=True))
    video, decoder = OwnFolder(south).videos("test")[0], Decoder(FrameCache(tmp_path), BUDGET)
    for _ in range(2):
        footage = decoder.frames(video, ["colours:own"])
    assert shown == [{(32, 32, 3)}] and footage.frames[0:1].shape == (1, 16, 16, 1)
    np.testing.assert_allclose(footage[3:9].extras["colours:own"], video.read()[3:9].mean((1, 2)), rtol=1e-6)
    gray = np.arange(64, dtype=np.uint8).reshape(4, 4, 4, 1)
    assert with_extras(gray, ["colours:own"])[0:4].extras["colours:own"].shape == (4, 3)


def test_differences_of_a_long_video_are_taken_a_part_at_a_time():
    pixels = np.random.default_rng(0).integers(0, 256, (150, 4, 5, 3), np.uint8)

    class Long:
        def __len__(self):
            return 150

        def __getitem__(self, span):
            assert span.stop - span.start <= 65
            return pixels[span]

    whole = pixels.astype(np.float32) / 255
    expected = np.moveaxis(np.diff(whole, axis=0, prepend=whole[:1]), -1, 1)
    assert np.array_equal(extra_inputs.difference(Long()), expected)
    assert not extra_inputs.difference(pixels[:1]).any()


@pytest.mark.parametrize("kept", [300, 0])  # bytes; none are left where a machine lost its power
def test_a_damaged_file_is_named(frames, kept):
    with_extras(frames, ["difference"])
    path = frames.path.with_name(f"{frames.path.stem}.difference-1.npy")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"difference-1.npy: is damaged .* delete it"):
        with_extras(frames, ["difference"])[0:3]


def test_without_names_frames_are_as_they_are(frames):
    assert with_extras(frames, ()) is frames


def test_clips_carry_the_values_of_their_frames(frames):
    footage = with_extras(frames, ["difference"])
    pixels = frames[0 : len(frames)][..., 0].astype(float) / 255
    differences = np.concatenate([np.zeros((1, 8, 8)), pixels[1:] - pixels[:-1]])
    plain = torch.cat(list(consecutive(frames, SPEC, 7, CPU)))
    batches = list(consecutive(footage, SPEC, 7, CPU))
    assert all(isinstance(batch, Clips) for batch in batches)
    assert torch.equal(torch.cat([batch.frames for batch in batches]), plain)
    values = torch.cat([batch.extras["difference"] for batch in batches])
    assert values.shape == (38, 3, 1, 8, 8)
    for start in (0, 7, 37):
        np.testing.assert_allclose(values[start, :, 0], differences[start : start + 3], atol=1e-6)
    support = head(footage, SPEC, 4, CPU)
    assert len(support) == 4 and torch.equal(support[:2].extras["difference"], values[:2])


def test_a_source_draws_them_together(frames):
    plain, rich = (ClipSource([video], SPEC, CPU, 3) for video in (frames, with_extras(frames, ["difference"])))
    clips, drawn = plain.batch(5), rich.batch(5)
    assert torch.equal(drawn.frames, clips)
    steps = (clips[:, 1:] - clips[:, :-1]) / 2  # clips are in [-1, 1]
    torch.testing.assert_close(drawn.extras["difference"][:, 1:], steps, rtol=0, atol=1e-6)


def test_flow_follows_what_moves():
    pytest.importorskip("cv2")
    random = np.random.default_rng(0)
    texture = np.kron(random.integers(0, 255, (16, 16)), np.ones((4, 4))).astype(np.uint8)
    frames = np.stack([np.roll(texture, (shift, 2 * shift), (0, 1)) for shift in range(4)])[..., None]
    flow = get_extractor("flow").extract(frames)
    assert flow.shape == (4, 2, 64, 64) and not flow[0].any()
    right, down = np.median(flow[1:], axis=(0, 2, 3))
    assert (right, down) == (pytest.approx(2, abs=0.2), pytest.approx(1, abs=0.2))


def test_what_cannot_be_made_is_refused(monkeypatch):
    with pytest.raises(InputError, match=r"extra input depth: is not known; choose from difference, flow"):
        get_extractor("depth")
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr(extra_inputs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"extra input flow: needs cv2, which is not installed"):
        get_extractor("flow")
