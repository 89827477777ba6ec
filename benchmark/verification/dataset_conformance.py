"""What every data set must satisfy: `bench datasets check` of a plug-in, and `crossvad.check_dataset`."""

from __future__ import annotations

import io
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Frames, Split, Video
from crossvad.datasets.words import number_of
from crossvad.verification.verdicts import Verdict, without_errors

LOOKED_AT = 3  # videos of a split that are decoded: of a large data set, all would take hours
SIZE = (32, 40)  # pixels, not a square, so that height and width are told apart
PICKLED = 2**17  # bytes of a video that is not opened: a name, a place, a seed; frames would be more


def dataset_verdicts(dataset: Dataset) -> Iterator[Verdict]:
    """Hold a data set to the contract of `datasets.base`, rule by rule; the first few videos of a split are decoded.

    Raises:
        InputError: a video or its labels cannot be read.
    """
    yield from without_errors(_verdicts(dataset))


def _verdicts(dataset: Any) -> Iterator[Verdict]:
    kind = f"{type(dataset).__name__}, name {getattr(dataset, 'name', None)!r}"
    named = isinstance(dataset, Dataset) and isinstance(getattr(dataset, "name", None), str) and bool(dataset.name)
    yield Verdict("it is a Dataset with a name", named, kind)
    if not named:
        return
    videos = {split: dataset.videos(split) for split in SPLITS}
    yield Verdict("it has video", any(videos.values()), ", ".join(f"{split}: {len(videos[split])}" for split in SPLITS))
    yield from _names(dataset, videos)
    looked_at = [video for split in SPLITS for video in videos[split][:LOOKED_AT]]
    if broken := [verdict for video in looked_at for verdict in _broken_of_video(video)]:
        yield from broken
        return  # the other rules speak of videos that are sound
    yield Verdict(
        "frames are uint8 (N, H, W, C), and the same whenever they are read",
        True,
        f"{number_of(len(looked_at), 'video')} decoded",
    )
    yield from _labels(dataset, videos["test"])


def _names(dataset: Dataset, videos: dict[Split, list[Video]]) -> Iterator[Verdict]:
    """What things are called, and whether they are called so again."""
    for split in SPLITS:
        for thing, names in (
            ("video", [video.name for video in videos[split]]),
            ("scene", [scene.name for scene in dataset.scenes(split)]),
        ):
            twice = [str(name) for name, count in Counter(names).items() if count > 1]
            seen = f"more than one is called {', '.join(twice)}" if twice else f"{len(names)} names"
            yield Verdict(f"each {split} {thing} has a name of its own", not twice, seen)
    digests = [[dataset.digest(split) for split in SPLITS] for _ in range(2)]
    yield Verdict("scenes, names, lengths and identities are the same when asked again", *_equal(*digests))
    places = {split: {video.source.identity for video in videos[split]} for split in SPLITS}
    shared = places["train"] & places["test"]
    yield Verdict("no video is in both splits", not shared, f"{len(shared)} in both" + "".join(sorted(shared)[:1]))


def _broken_of_video(video: Video) -> Iterator[Verdict]:
    """What is wrong with a video; the good are counted, and not told one by one."""
    where = f" ({video.name})"
    try:
        pickled = pickle.dumps(video)
    except Exception as error:  # whatever it holds
        yield Verdict("a video can be sent to another process" + where, False, f"{type(error).__name__}: {error}")
        return
    if len(pickled) > PICKLED:
        seen = f"{len(pickled):,} bytes before it is opened: read its frames in `blocks`"
        yield Verdict("a video opens when its frames are asked for" + where, False, seen)
    whole = _read(video)
    for channels, frames in whole.items():
        shape = (len(video), *SIZE, channels)
        if frames.dtype != np.uint8 or frames.shape != shape:
            seen = f"{frames.dtype} {frames.shape} came, where {shape} was asked for"
            yield Verdict("frames are uint8 (N, H, W, C), as many as its length" + where, False, seen)
            return
    for other in (video, pickle.loads(pickled)):  # nosec: of bytes made above
        if not all(np.array_equal(whole[channels], again) for channels, again in _read(other).items()):
            yield Verdict("a video that is read again gives the same frames" + where, False, "others came")
            return
    start, stop = len(video) // 3, len(video) // 2
    part = [*video.source.blocks(SIZE, 1, start, stop)]
    if not np.array_equal(np.concatenate(part) if part else whole[1][:0], whole[1][start:stop]):
        seen = f"blocks from {start} to {stop} are not those of the whole"
        yield Verdict("a part of a video is that part of it" + where, False, seen)
    native = next(iter(video.source.blocks(None, 3)))
    if native.dtype != np.uint8 or native.ndim != 4 or native.shape[3] != 3:
        yield Verdict("frames come at their own size, too" + where, False, f"{native.dtype} {native.shape}")


def _read(video: Video) -> dict[int, Frames]:
    """All frames, in gray and in RGB, by the number of channels."""
    return {channels: video.read(SIZE, channels) for channels in (1, 3)}


def _labels(dataset: Dataset, videos: Iterable[Video]) -> Iterator[Verdict]:
    """Whether labels fit, and no video leads to one. A data set that is only trained on has none."""
    abnormal, frames, checked = 0, 0, 0
    for video in videos:
        labels = dataset.labels(video.name)
        if not isinstance(labels, np.ndarray) or labels.shape != (len(video),) or labels.dtype.kind not in "bui":
            seen = f"{getattr(labels, 'dtype', type(labels).__name__)} {getattr(labels, 'shape', '')}"
            yield Verdict(f"labels are 0 or 1, one a frame ({video.name})", False, f"{seen} of {len(video)} frames")
            return
        if not set(np.unique(labels).tolist()) <= {0, 1}:
            yield Verdict(f"labels are 0 or 1, one a frame ({video.name})", False, f"{np.unique(labels)[:5].tolist()}")
            return
        if checked < LOOKED_AT and (way := _way_to(video, dataset, labels)):
            yield Verdict(f"no video leads to a label ({video.name})", False, way)
            return
        abnormal, frames, checked = abnormal + int(labels.sum()), frames + len(labels), checked + 1
    if checked:
        yield Verdict("labels are 0 or 1, one a frame", True, f"{abnormal} of {frames} frames are abnormal")
        yield Verdict(
            "no video leads to a label", True, f"{number_of(min(checked, LOOKED_AT), 'video')} looked through"
        )
        both = 0 < abnormal < frames
        yield Verdict("some frames are abnormal, and some are normal", both, f"{abnormal} of {frames} are abnormal")


def _way_to(video: Video, dataset: Dataset, labels: NDArray[Any]) -> str:
    """What of all that a video holds is, or leads to, its labels; empty if nothing does."""
    found: list[str] = []

    class Looking(pickle.Pickler):
        def persistent_id(self, obj: Any) -> None:
            """See everything that is held, at any depth."""
            if isinstance(obj, Dataset):
                found.append(f"it holds the data set ({type(obj).__name__}), whose labels can be asked for")
            elif isinstance(obj, np.ndarray | list | tuple) and labels.any() and _are_equal(obj, labels):
                found.append(f"it holds its labels, as a {type(obj).__name__}")

    Looking(io.BytesIO()).dump(video)
    return found[0] if found else ""


def _are_equal(held: Any, labels: NDArray[Any]) -> bool:
    """Whether what a video holds is a number a frame, and these are its labels."""
    if len(held) != len(labels) or not all(np.isscalar(each) for each in held):
        return False
    return [*held] == labels.tolist()


def _equal(first: list[str], second: list[str]) -> tuple[bool, str]:
    return first == second, f"digests {' '.join(first)}" + ("" if first == second else f", then {' '.join(second)}")
