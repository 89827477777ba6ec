"""Anomaly maps of a method, kept beside its scores with the tracks of the anomalies: asked for by --maps."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from crossvad.adapters.base import Adapter
from crossvad.datasets.base import Dataset, Footage, Size, Track, Video
from crossvad.datasets.clips import consecutive
from crossvad.evaluation.localisation import renumber, tracks_of_masks
from crossvad.store.scores import Maps

SIDE = 64  # of a kept map at most, in pixels: 16 kB a frame


def locatable(target: Dataset) -> bool:
    """Whether a target tells where its anomalies are: the tracks or masks of its test videos."""
    videos = target.videos("test")
    return all(_tracks(target, video)[0] is not None for video in videos[:1])


@torch.no_grad()
def map_video(adapter: Adapter, frames: Footage, batch: int, device: torch.device) -> NDArray[np.float32]:
    """Compute a method's maps of a video, (N, h, w), h and w at most `SIDE`; NaN at frames no clip gives one for."""
    parts = []
    for clips in consecutive(frames, adapter.clip, batch, device):
        maps = adapter.maps(clips)
        assert maps is not None  # only asked for of methods that have them
        height, width = (min(SIDE, side) for side in maps.shape[1:])
        parts.append(adaptive_avg_pool2d(maps.unsqueeze(1), (height, width)).squeeze(1).float().cpu().numpy())
    scored = np.concatenate(parts)
    whole = np.full((len(frames), *scored.shape[1:]), np.nan, np.float32)
    whole[adapter.clip.scored : adapter.clip.scored + len(scored)] = scored
    return whole


def located(target: Dataset, videos: list[Video], maps: list[NDArray[np.float32]]) -> Maps:
    """Join all videos' maps with their ground truth. Reads labels, so it is called when all is scored.

    Raises:
        ValueError: a map is not finite.
        InputError: masks or tracks are damaged.
    """
    joined = np.concatenate(maps)
    if np.isinf(joined).any():
        raise ValueError(f"maps have {int(np.isinf(joined).sum())} values that are not finite")
    tracks: list[Track] = []
    any_derived, start = False, 0
    for video, video_maps in zip(videos, maps, strict=True):
        video_tracks, derived = _tracks(target, video)
        tracks += renumber(video_tracks or [], np.arange(start, start + len(video_maps)))
        any_derived, start = any_derived or derived, start + len(video_maps)
    return Maps(joined, frame_size(videos[0]), tracks, any_derived)


def _tracks(target: Dataset, video: Video) -> tuple[list[Track] | None, bool]:
    """Read a video's tracks, None where it has none and no masks, and whether they were derived from its masks."""
    tracks = target.tracks(video.name)
    if tracks is not None:
        return tracks, False
    masks = target.masks(video.name)
    return (None if masks is None else tracks_of_masks(masks)), True


def frame_size(video: Video) -> Size:
    """Read height and width of a video's original frames, in pixels."""
    height, width = next(iter(video.source.blocks(None, 1, 0, 1))).shape[1:3]
    return height, width
