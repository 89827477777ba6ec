"""Clips: the right frames in the right places, and none that was held out."""

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from crossvad.datasets.camera_shift import CameraShift
from crossvad.datasets.clips import ClipSource, ClipSpec, at, clip_count, consecutive, head, to_tensor
from crossvad.datasets.errors import InputError

CPU = torch.device("cpu")
T = 5
SPEC = ClipSpec(frames=T, scored=T - 1, size=(1, 2), channels=1, low=0.0, high=255.0)  # values as they are


def tape(length: int, number: int = 0) -> np.ndarray:
    """A video whose frames say where they belong: the left pixel is the frame's index, the right one the video's."""
    return np.stack([np.arange(length), np.full(length, number)], 1).astype(np.uint8).reshape(length, 1, 2, 1)


def source(*lengths: int, seed: int = 0) -> ClipSource:
    return ClipSource([tape(length, number) for number, length in enumerate(lengths)], SPEC, CPU, seed)


def frames(clips: Tensor) -> np.ndarray:
    """Frame indices (B, T) of clips from tapes; the frames of a clip are consecutive and from one video."""
    index, owner = clips[:, :, 0, 0, 0].int().numpy(), clips[:, :, 0, 0, 1].int().numpy()
    assert (np.diff(index, axis=1) == 1).all()
    assert (owner == owner[:, :1]).all()
    return index


def owners(clips: Tensor) -> np.ndarray:
    return clips[:, 0, 0, 0, 1].int().numpy()


def test_to_tensor_puts_channels_first_and_keeps_black_and_white():
    picture = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3), np.uint8)
    picture[0, 0, 0], picture[0, 0, 1] = 0, 255
    tensor = to_tensor(picture, ClipSpec(5, 4, (4, 6), 3), CPU)
    assert tensor.shape == (3, 3, 4, 6) and tensor.dtype == torch.float32
    assert tensor[0, :, 0, 0].tolist() == [-1.0] * 3
    assert tensor[0, :, 0, 1].tolist() == pytest.approx([1.0] * 3)
    for n, y, x, c in ((1, 3, 5, 2), (2, 0, 4, 1)):
        assert tensor[n, c, y, x].item() == pytest.approx(picture[n, y, x, c] / 127.5 - 1)


def test_to_tensor_takes_frames_that_may_not_be_written():
    video = tape(6)
    video.setflags(write=False)  # as the frame cache gives them
    with warnings.catch_warnings(action="error"):
        to_tensor(video, SPEC, CPU).fill_(7)
    assert video.max() == 5


@pytest.mark.parametrize("batch", [1, 3, 8, 100])
def test_consecutive_gives_every_clip_once_in_order(batch):
    video = np.random.default_rng(1).integers(0, 256, (13, 2, 3, 2), np.uint8)
    spec = ClipSpec(4, 3, (2, 3), 2)
    expected = torch.stack(
        [torch.stack([to_tensor(video[s + t : s + t + 1], spec, CPU)[0] for t in range(4)]) for s in range(10)]
    )
    batches = list(consecutive(video, spec, batch, CPU))
    assert [len(part) for part in batches] == [min(batch, 10 - start) for start in range(0, 10, batch)]
    assert torch.equal(torch.cat(batches), expected)


@pytest.mark.parametrize(("length", "clips"), [(4, 0), (5, 1), (12, 8)])
def test_clip_count(length, clips):
    assert clip_count(length, SPEC) == clips == sum(len(batch) for batch in consecutive(tape(length), SPEC, 3, CPU))


def test_head_is_the_first_shots_clips():
    assert frames(head(tape(20), SPEC, 3, CPU))[:, 0].tolist() == [0, 1, 2]
    assert frames(head(tape(6), SPEC, 10, CPU))[:, 0].tolist() == [0, 1]


def test_at_gives_the_clips_asked_for():
    assert frames(at(tape(20), np.array([3, 11, 3]), SPEC, CPU))[:, 0].tolist() == [3, 11, 3]


def test_batches_hold_every_training_clip_and_no_held_out_frame():
    clips = source(60, 100)
    drawn = clips.batch(4000)
    first = [set(frames(drawn[torch.from_numpy(owners(drawn) == number)])[:, 0]) for number in range(2)]
    # A tenth is held out: frames 54 to 59 of the one video and 90 to 99 of the other.
    assert first == [set(range(50)), set(range(86))]
    assert len(clips) == 50 + 86


def test_every_clip_is_as_likely_however_long_its_video():
    drawn = source(60, 20, 5).batch(4000)
    share = np.bincount(owners(drawn)) / 4000
    np.testing.assert_allclose(share, np.array([50, 11, 1]) / 62, atol=0.03)
    in_the_long_one = frames(drawn[torch.from_numpy(owners(drawn) == 0)])[:, 0]
    assert in_the_long_one.mean() == pytest.approx(24.5, abs=1)


def test_clips_of_every_second_and_third_frame():
    """Of videos whose training part is 54, 15 and 6 frames: the last is too short for any stride but the first."""
    clips = source(60, 20, 6)
    drawn = clips.batch(2000, (1, 2, 3))
    owner, shown = owners(drawn), drawn[:, :, 0, 0, 0].int().numpy()
    strides = np.diff(shown, axis=1)
    assert (strides == strides[:, :1]).all()
    for number, (cut, allowed) in enumerate([(54, {1, 2, 3}), (15, {1, 2, 3}), (6, {1})]):
        mine = torch.from_numpy(owner == number)
        assert set(strides[mine][:, 0]) == allowed
        assert shown[mine].min() == 0 and shown[mine].max() == cut - 1, "all of the training part, and nothing beyond"


def test_strides_of_one_are_what_they_were():
    assert torch.equal(source(60, 20).batch(50), source(60, 20).batch(50, [1]))


def test_clips_spread_over_a_source_are_the_same_whatever_was_drawn():
    clips = source(60, 100)
    clips.batch(7)
    batches = list(clips.spread(10, 4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    spread = torch.cat(batches)
    where = list(zip(owners(spread).tolist(), frames(spread)[:, 0].tolist(), strict=True))
    picks = [round(pick) for pick in np.linspace(0, 135, 10)]
    assert where == [(0, pick) if pick < 50 else (1, pick - 50) for pick in picks]
    assert len(torch.cat(list(clips.spread(1000, 64)))) == len(clips)


def test_the_tail_is_held_out_and_nothing_else():
    clips = source(60, 100, 6)
    batches = list(clips.heldout(100, 4))
    assert [len(batch) for batch in batches] == [4, 4]
    held = torch.cat(batches)
    where = list(zip(owners(held).tolist(), frames(held)[:, 0].tolist(), strict=True))
    assert where == [(0, 54), (0, 55), *((1, start) for start in range(90, 96))]


def test_a_limit_on_held_out_clips_is_spread_over_the_videos():
    held = torch.cat(list(source(100, 100, 100).heldout(6, 100)))
    assert owners(held).tolist() == [0, 0, 1, 1, 2, 2]


def test_without_a_long_video_training_clips_are_held_out_too():
    held = torch.cat(list(source(8, 6).heldout(100, 100)))
    assert [(int(owner), int(start)) for owner, (start, *_) in zip(owners(held), frames(held), strict=True)] == [
        (0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("length", [10, 14, 15, 17, 25, 60, 250])
def test_an_episode_asks_about_what_comes_after_its_support(length):
    clips, cut = source(length), {10: 10, 14: 14, 15: 10, 17: 12, 25: 20, 60: 54, 250: 225}[length]
    for _ in range(50):
        support, query = (frames(part) for part in clips.episode(5, 4))
        assert len(query) == 4 and 1 <= len(support) <= 5
        assert (np.diff(support[:, 0]) == 1).all()
        assert (np.diff(query[:, 0]) >= 0).all()
        assert support.max() < query.min()
        assert query.max() < cut


def test_an_episode_uses_as_much_support_as_there_is():
    assert {len(source(60).episode(5, 4)[0]) for _ in range(5)} == {5}
    assert len(source(12).episode(5, 4)[0]) == 3  # frames 0 to 6, then the only query clip from frame 7 on


@pytest.mark.parametrize("length", [5, 6, 9])
def test_an_episode_of_a_short_video_has_to_share_frames(length):
    support, query = source(length, seed=3).episode(5, 4)
    assert len(support) == 1 and len(query) == 4
    assert frames(support)[0, 0] <= frames(query).min() and frames(query).max() < length


def test_an_episode_stays_within_one_segment_of_one_video():
    long = np.zeros((3200, 1, 2, 1), np.uint8)
    long[:, 0, 0, 0], long[:, 0, 1, 0] = np.arange(3200) // 20, 200
    clips = ClipSource([long, tape(60, 1)], SPEC, CPU, seed=0)
    begins = {200: [], 1: []}
    for _ in range(60):
        support, query = clips.episode(5, 5)
        both = torch.cat([support, query])
        assert len(set(owners(both).tolist())) == 1
        begins[int(owners(both)[0])].append(int(support[0, 0, 0, 0, 0]))
        if owners(both)[0] == 200:
            assert both[:, :, 0, 0, 0].max() - support.min() <= 5  # a segment is 2880 / 32 = 90 frames, 20 to a gray
    # Either video is as likely, and so is every part of the long one.
    assert min(map(len, begins.values())) > 15
    assert min(begins[200]) < 40 and max(begins[200]) > 100


def test_a_seed_fixes_what_is_drawn():
    def draws(seed: int) -> list[Tensor]:
        clips = source(60, 90, seed=seed)
        return [clips.batch(6), *clips.episode(3, 3), clips.batch(6)]

    first, again, other = draws(1), draws(1), draws(2)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[-1])


def test_looking_at_held_out_clips_changes_no_draw():
    looked, plain = source(60), source(60)
    list(looked.heldout(10, 3))
    assert torch.equal(looked.batch(8), plain.batch(8))


def test_a_source_needs_videos():
    with pytest.raises(InputError, match="no training video"):
        source()


def test_a_source_refuses_a_video_shorter_than_a_clip():
    with pytest.raises(InputError, match="number 2: has 4 frames, but one clip takes 5"):
        source(60, 4)


def test_the_episodes_of_a_meta_step_are_of_different_scenes_while_there_are_any():
    videos = [tape(60, number) for number in range(6)]
    clips = ClipSource(videos, SPEC, CPU, 0, [0, 0, 0, 1, 1, 2])
    seen: set[int] = set()
    for _ in range(20):
        scenes = []
        for support, query in clips.episodes(4, 3, 2):
            (owner,) = {*owners(support), *owners(query)}
            seen.add(owner)
            scenes.append([0, 0, 0, 1, 1, 2][owner])
        assert set(scenes[:3]) == {0, 1, 2}
    assert seen == set(range(6))


def test_an_unseen_scene_is_asked_about_its_held_out_tail():
    """Brightness is the frame's number, so that a disguised clip still tells where in its video it stands."""
    video = np.repeat(np.arange(100, dtype=np.uint8), 64).reshape(100, 8, 8, 1)
    spec = ClipSpec(frames=T, scored=T - 1, size=(8, 8), channels=1)
    clips = ClipSource([video], spec, CPU, 0)
    for support, query in clips.unseen(6, 3, 4):
        assert support.shape[:2] == (3, T) and query.shape[:2] == (4, T)
        level = torch.cat([support, query]).mean((2, 3, 4))
        step = (level[0, 1] - level[0, 0]).item()  # contrast: the same in every frame, as the disguise is
        number = ((level - level[0, 0]) / step).round()  # counted from the first support frame
        # The tail begins at frame 90; three support clips of five frames end right before it, and begin at 83.
        assert number[:3, 0].tolist() == [0, 1, 2] and number[2, -1] + 83 == 89
        assert number[3, 0] + 83 == 90 and number[-1, -1] + 83 == 99


def test_a_disguise_is_one_view_and_one_light():
    clips = torch.rand(2, 3, 1, 10, 10) * 2 - 1
    disguise = CameraShift((0.2, 0.4, 0.5), True, 0.5, 0.25)
    seen = disguise(clips)
    assert seen.shape == clips.shape and seen.abs().max() <= 1
    window = clips[..., 4:9, 2:7].flip(-1)
    centres = seen[..., 1::2, 1::2]  # twice as large: each pixel became four
    assert torch.corrcoef(torch.stack([centres.flatten(), window.flatten()]))[0, 1] > 0.9
    assert seen.mean().item() == pytest.approx(0.5 * window.mean().item() + 0.25, abs=0.02)
    random = np.random.default_rng(0)
    assert len({CameraShift.draw(random) for _ in range(5)}) == 5
