"""The rules every data set is held to: ours keep them, and each is seen broken by one that breaks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

from crossvad import check_dataset
from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.lazy_frames import LazyFrames
from crossvad.verification.dataset_conformance import dataset_verdicts

LENGTH, ONSET = 30, 20


def draw(split, number, colours=1):
    random = np.random.default_rng([split == "test", number])
    return random.integers(0, 255, (LENGTH, 24, 30, colours)).astype(np.uint8)


class Sound(Dataset):
    """One camera with two videos in each split."""

    name = "sound"

    def video(self, split, number):
        return Video(f"{split}{number}", LazyFrames(partial(draw, split, number), LENGTH, f"sound {split} {number}"))

    def scenes(self, split):
        return [Scene("north", tuple(self.video(split, number) for number in range(2)))]

    def labels(self, video):
        return (np.arange(LENGTH) >= ONSET).astype(np.uint8)


def broken(dataset):
    return {verdict.rule for verdict in dataset_verdicts(dataset) if not verdict.holds}


def test_a_sound_one_keeps_every_rule():
    assert broken(Sound()) == set() and len(check_dataset(Sound())) == 12


def test_a_rendered_one_keeps_every_rule(monkeypatch):
    """One of the three, which share all of their code, and two videos of each split: each is rendered seven times."""
    monkeypatch.setattr("crossvad.verification.dataset_conformance.LOOKED_AT", 2)
    assert all(verdict.holds for verdict in check_dataset("synthetic-plaza"))


def test_footage_of_one_s_own_keeps_every_rule(north):
    assert broken(OwnFolder(north)) == set()


class Nameless(Sound):
    name = ""


class Empty(Sound):
    def scenes(self, split):
        return []


class Twins(Sound):
    def scenes(self, split):
        return [Scene("north", (self.video(split, 0), replace(self.video(split, 1), name=f"{split}0")))]


class TwinScenes(Sound):
    def scenes(self, split):
        return [Scene("north", (self.video(split, number),)) for number in range(2)]


class Shuffled(Sound):
    def __init__(self):
        self.asked = 0

    def scenes(self, split):
        self.asked += 1
        videos = super().scenes(split)[0].videos
        return [Scene("north", videos[:: 1 if self.asked % 3 else -1])]


class OneSplit(Sound):
    def scenes(self, split):
        return super().scenes("test")


@dataclass(frozen=True)
class Wrapped:
    """A source that gives another's frames in some other way."""

    source: LazyFrames
    change: object = None

    def __len__(self):
        return len(self.source)

    identity = stamp = property(lambda self: self.source.identity)

    def blocks(self, size, channels, start=0, stop=None):
        for block in self.source.blocks(size, channels, start, stop):
            yield self.change(block) if self.change else block


class Floats(Sound):
    def video(self, split, number):
        made = super().video(split, number)
        return replace(made, source=Wrapped(made.source, np.float32))


def first_half(frames):
    return frames[: len(frames) // 2]


class TooFew(Sound):
    def video(self, split, number):
        made = super().video(split, number)
        return replace(made, source=Wrapped(made.source, first_half))


class Flickers(Sound):
    """No two readings are the same."""

    readings = 0

    def video(self, split, number):
        made = super().video(split, number)
        return replace(made, source=Wrapped(made.source, flickering))


def flickering(frames):
    Flickers.readings += 1
    return frames + np.uint8(Flickers.readings)


class Whole(Wrapped):
    def blocks(self, size, channels, start=0, stop=None):
        return self.source.blocks(size, channels)


class NoParts(Sound):
    def video(self, split, number):
        made = super().video(split, number)
        return replace(made, source=Whole(made.source))


class InMemory(Sound):
    """It reads all of its frames before anybody asks."""

    def video(self, split, number):
        frames = np.repeat(draw(split, number), 20, axis=1)
        return Video(f"{split}{number}", LazyFrames(partial(np.asarray, frames), LENGTH, f"memory {split} {number}"))


class Closure(Sound):
    def video(self, split, number):
        source = LazyFrames(lambda: draw(split, number), LENGTH, f"closure {split} {number}")
        return Video(f"{split}{number}", source)


class LabelsShort(Sound):
    def labels(self, video):
        return super().labels(video)[1:]


class LabelsOfThree(Sound):
    def labels(self, video):
        return super().labels(video) * 2


class LabelsListed(Sound):
    def labels(self, video):
        return super().labels(video).tolist()


class AllNormal(Sound):
    def labels(self, video):
        return np.zeros(LENGTH, np.uint8)


class LeadsBack(Sound):
    def video(self, split, number):
        return Video(
            f"{split}{number}", LazyFrames(partial(self.drawn, split, number), LENGTH, f"back {split} {number}")
        )

    def drawn(self, split, number):
        return draw(split, number)


def draw_with(split, number, labels):
    return draw(split, number)


class CarriesLabels(Sound):
    kind = staticmethod(np.asarray)

    def video(self, split, number):
        load = partial(draw_with, split, number, self.kind(self.labels("")))
        return Video(f"{split}{number}", LazyFrames(load, LENGTH, f"labels {split} {number}"))


class CarriesAList(CarriesLabels):
    kind = staticmethod(np.ndarray.tolist)


FRAMES = "frames are uint8 (N, H, W, C), as many as its length"
LABELS = "labels are 0 or 1, one a frame"
AGAIN = "a video that is read again gives the same frames"


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (Nameless, "it is a Dataset with a name"),
        (Empty, "it has video"),
        (Twins, "each test video has a name of its own"),
        (TwinScenes, "each test scene has a name of its own"),
        (Shuffled, "scenes, names, lengths and identities are the same when asked again"),
        (OneSplit, "no video is in both splits"),
        (Floats, FRAMES),
        (TooFew, FRAMES),
        (Flickers, AGAIN),
        (NoParts, "a part of a video is that part of it"),
        (InMemory, "a video opens when its frames are asked for"),
        (Closure, "a video can be sent to another process"),
        (LabelsShort, LABELS),
        (LabelsOfThree, LABELS),
        (LabelsListed, LABELS),
        (AllNormal, "some frames are abnormal, and some are normal"),
        (LeadsBack, "no video leads to a label"),
        (CarriesLabels, "no video leads to a label"),
        (CarriesAList, "no video leads to a label"),
    ],
)
def test_a_broken_rule_is_seen(cls, rule):
    rules = broken(cls())  # those of a video have its name behind them
    assert rules and all(seen.replace("train", "test").startswith(rule) for seen in rules), rules


def test_an_author_s_test_names_what_is_broken():
    with pytest.raises(AssertionError, match=r"^sound breaks 1 of 12 rules:\n  some frames are abnormal, .*: 0 of 60"):
        check_dataset(AllNormal())


class NotRead(Sound):
    def scenes(self, split):
        raise RuntimeError("no luck")


def test_an_error_is_told_with_its_place():
    with pytest.raises(AssertionError, match=r"no call raises an error: RuntimeError: no luck \(test_dataset_conform"):
        check_dataset(NotRead())


def test_one_that_is_only_trained_on_needs_no_labels():
    class Training(Sound):
        def scenes(self, split):
            return super().scenes(split) if split == "train" else []

        def labels(self, video):
            raise InputError(video, "has none", "train on it")

    assert broken(Training()) == set()


@pytest.mark.parametrize(("colours", "channels"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_lazy_frames_come_in_gray_and_in_colour(colours, channels):
    source = LazyFrames(partial(draw, "train", 0, colours), LENGTH, "x")
    (frames,) = source.blocks(None, channels, 3, 9)
    assert frames.shape == (6, 24, 30, channels) and frames.dtype == np.uint8
    if colours == 3 > channels:
        weights = draw("train", 0, 3)[3:9] @ np.array([0.299, 0.587, 0.114])
        assert np.abs(frames[..., 0] - weights).max() <= 1
    if colours == 1:
        assert np.array_equal(frames[..., -1:], draw("train", 0)[3:9])


@pytest.mark.parametrize("frames", [np.zeros((3, 4, 4, 1), np.uint8), np.zeros((LENGTH, 4, 4, 1)), np.zeros(LENGTH)])
def test_lazy_frames_of_another_kind_are_refused(frames):
    with pytest.raises(InputError, match=r"^yard: .* came in place of 30 frames; return uint8"):
        list(LazyFrames(lambda: frames, LENGTH, "yard").blocks(None, 1))


def test_a_named_one_is_looked_for_in_a_root(tmp_path):
    with pytest.raises(InputError, match="gone: is no folder, so there is no ped2 in it"):
        check_dataset("ped2", tmp_path / "gone")
