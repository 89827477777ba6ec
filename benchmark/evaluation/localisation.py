"""Where, not only when: the region-based and the track-based detection criterion, RBDC and TBDC.

Ramachandra, Jones: Street Scene: A new dataset and evaluation protocol for video anomaly detection (WACV 2020, arXiv
1902.05872), from the definitions in its section on evaluation criteria:

* a ground-truth region is detected if its IoU with a detected region of its frame is at least beta; one detected region
  may detect several;
* a ground-truth track is detected if at least a share alpha of its regions are;
* a detected region whose IoU with every ground-truth region of its frame is below beta is a false positive;
* RBDR and TBDR are the shares of all ground-truth regions and tracks that are detected; FPR is the number of false
  positives over that of all frames, and may exceed 1;
* RBDC and TBDC are the areas under RBDR and TBDR over FPR from 0 to 1, while a threshold on the scores falls.

Where the paper is silent: a region is the box around it. A curve starts at (0, 0) and rises upright while there is no
false positive. It is straight between operating points, cut at FPR 1, and flat after its last point if it ends before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Size, Track
from crossvad.datasets.errors import InputError
from crossvad.evaluation.frames import Values

Indices = NDArray[np.int64]
NEIGHBOURS = np.stack([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))])  # 8 in a frame, none in other frames
BLOCK = 128  # frames that are labelled at a time: bounds memory


@dataclass(frozen=True)
class Regions:
    """Detected regions of all test videos.

    Raises:
        InputError: a score or a side of a box is not finite, or a box has no area.
    """

    frames: Indices  # (n,) index in the row of all videos' frames, one video after the other
    boxes: Values  # (n, 4) as x0, y0, x1, y1 in pixels of the original frame; x1 and y1 lie just outside
    scores: Values  # (n,) higher = more abnormal

    def __post_init__(self) -> None:
        for name, values in (("scores", self.scores), ("boxes", self.boxes)):
            _refuse(name, ~np.isfinite(values), "are not finite", "mend the method")
        flat = (self.boxes[:, :2] >= self.boxes[:, 2:]).any(axis=1)
        _refuse("boxes", np.asarray(flat), "have no area", "give x1 > x0 and y1 > y0: they lie just outside")


class Curves(NamedTuple):
    """Operating points from (0, 0) on, by rising FPR, (K,) each; the rates are NaN where there is no track."""

    fpr: Values  # false positives per frame
    rbdr: Values  # share of ground-truth regions that are detected
    tbdr: Values  # share of ground-truth tracks that are detected


def detection_curves(
    regions: Regions, tracks: Sequence[Track], frames: int, alpha: float = 0.1, beta: float = 0.1
) -> Curves:
    """An operating point per distinct score; regions of equal score enter together.

    Args:
        regions: what is detected, at any threshold.
        tracks: the ground truth, with frames in the same row as those of `regions`, see `renumber`.
        frames: how long the row is.
        alpha: share of a track's regions that detects it, in (0, 1].
        beta: IoU that detects a region, in (0, 1].

    Raises:
        InputError: a region or a track lies outside of the row, or a track has no region.
    """
    _refuse("tracks", np.array([not len(track.frames) for track in tracks], bool), "have no region", "leave them out")
    truth = np.concatenate([np.empty(0, np.int64), *(track.frames for track in tracks)])
    boxes = np.concatenate([np.empty((0, 4)), *(track.boxes for track in tracks)])
    for name, places in (("regions", regions.frames), ("tracks", truth)):
        outside = (places < 0) | (places >= frames)
        _refuse(name, outside, f"lie outside of the {frames} frames", "number the frames of all videos in one row")

    order = np.argsort(truth)
    found, near = _pairs(regions.frames, truth[order])
    near = order[near]
    hits = _iou(regions.boxes[found], boxes[near]) >= beta
    found, near = found[hits], near[hits]

    # Each is counted from one threshold on: a false positive from its score, a ground-truth region from the best score
    # that detects it, a track from that of the last region it needs.
    false_levels = np.delete(regions.scores, found)
    region_levels = np.full(len(truth), -np.inf)
    np.maximum.at(region_levels, near, regions.scores[found])
    ends = np.cumsum([len(track.frames) for track in tracks], dtype=np.int64)
    track_levels = np.array([_reached_by(levels, alpha) for levels in np.split(region_levels, ends)[:-1]])

    thresholds = np.append(np.inf, np.unique(regions.scores)[::-1])
    fpr, rbdr, tbdr = (
        (len(levels) - np.searchsorted(np.sort(levels), thresholds)) / (total or np.nan)
        for levels, total in ((false_levels, frames), (region_levels, len(truth)), (track_levels, len(tracks)))
    )
    return Curves(fpr, rbdr, tbdr)


def rbdc_tbdc(curves: Curves) -> tuple[float, float]:
    """RBDC and TBDC, the areas under both rates over FPR from 0 to 1; in [0, 1], NaN where there is no track."""
    from scipy.integrate import trapezoid  # here, as tables of what is cached go without

    inside = curves.fpr <= 1
    fpr = np.append(curves.fpr[inside], 1.0)
    cut = [np.append(rate[inside], np.interp(1.0, curves.fpr, rate)) for rate in (curves.rbdr, curves.tbdr)]
    return float(trapezoid(cut[0], fpr)), float(trapezoid(cut[1], fpr))


def regions_of_maps(maps: NDArray, size: Size, threshold: float) -> Regions:
    """The 8-connected components of maps >= threshold, (N, h, w); each has the threshold for its score.

    Boxes are scaled from h x w to the original `size` (height, width).
    """
    blocks = [_components(maps[start : start + BLOCK] >= threshold) for start in range(0, len(maps), BLOCK)]
    frames = np.concatenate([block * BLOCK + frames for block, (frames, _) in enumerate(blocks)])
    scale = np.tile([size[1] / maps.shape[2], size[0] / maps.shape[1]], 2)
    return Regions(frames, np.concatenate([boxes for _, boxes in blocks]) * scale, np.full(len(frames), threshold))


def map_curves(
    maps: NDArray,
    size: Size,
    tracks: Sequence[Track],
    thresholds: int | Values = 100,
    alpha: float = 0.1,
    beta: float = 0.1,
) -> Curves:
    """The curves of scores per pixel, maps (N, h, w) of all frames in one row; the rest as for `detection_curves`.

    Regions grow and merge as the threshold falls, so that the rates and FPR may fall again. Hence each threshold is an
    operating point of its own, and a rate is the best that is reached at no more than that FPR.

    Thresholds are given, or as many are spread without labels: the numbers of pixels at or above them rise by equal
    factors from one in 100 frames, where FPR is at most 0.01 but for ties, to all. More follow the curve more closely.

    Raises:
        InputError: a score is not finite, or what `detection_curves` refuses.
    """
    _refuse("maps", ~np.isfinite(maps), "scores are not finite", "mend the method")
    if isinstance(thresholds, int):
        ranks = np.geomspace(max(1, len(maps) // 100), maps.size, thresholds).round().astype(np.int64)
        thresholds = np.unique(np.partition(maps, maps.size - ranks, axis=None)[maps.size - ranks])
    points = []
    for threshold in (np.inf, *thresholds):
        curves = detection_curves(regions_of_maps(maps, size, threshold), tracks, len(maps), alpha, beta)
        points.append([rate[-1] for rate in curves])
    fpr, rbdr, tbdr = np.array(points).T
    best = [np.maximum.accumulate(rate[np.lexsort((rate, fpr))]) for rate in (rbdr, tbdr)]
    return Curves(np.sort(fpr), *best)


def tracks_of_masks(masks: NDArray[np.bool_]) -> list[Track]:
    """Tracks derived from the pixel labels of a video, (N, H, W): not those that the Street Scene authors annotated.

    Regions are the 8-connected components of each frame, however small. Those of neighbouring frames whose boxes
    overlap are linked in order of falling IoU, each to at most one before and one after. So an object that is hidden
    for a frame comes back as another track, and objects that touch are one region.
    """
    regions = regions_of_maps(masks, masks.shape[1:], 1.0)
    later, earlier = _pairs(regions.frames - 1, regions.frames)
    overlap = _iou(regions.boxes[later], regions.boxes[earlier])
    owner, followed = np.arange(len(regions.frames)), set()
    for pair in np.argsort(-overlap, kind="stable")[: np.count_nonzero(overlap)]:
        this, before = later[pair], earlier[pair]
        if owner[this] == this and before not in followed:
            owner[this] = before
            followed.add(before)
    for region, before in enumerate(owner):  # by frame: the region before has found the first of its track already
        owner[region] = owner[before]
    return [Track(regions.frames[owner == first], regions.boxes[owner == first]) for first in np.unique(owner)]


def renumber(tracks: Sequence[Track], places: Indices) -> list[Track]:
    """A video's tracks in the row of all videos' frames: `places` (N,) of its frames, -1 for one that never counts."""
    moved = [(track, places[track.frames]) for track in tracks]
    return [Track(at[at >= 0], track.boxes[at >= 0], track.kind) for track, at in moved if (at >= 0).any()]


def _refuse(name: str, bad: NDArray[np.bool_], problem: str, fix: str) -> None:
    if bad.any():
        raise InputError(name, f"{int(bad.sum())} {problem}", fix)


def _components(masks: NDArray[np.bool_]) -> tuple[Indices, Values]:
    """Frames (n,) and boxes (n, 4) of the 8-connected components of each frame of masks (N, h, w), by frame."""
    from scipy.ndimage import label  # here, as tables of what is cached go without

    labels, count = label(masks, NEIGHBOURS)
    pixels = np.flatnonzero(masks)
    owner = labels.ravel()[pixels] - 1
    frame, y, x = np.unravel_index(pixels, masks.shape)
    low, high, frames = np.full((2, count), masks.size), np.zeros((2, count), np.int64), np.zeros(count, np.int64)
    frames[owner] = frame
    for axis, place in enumerate((x, y)):  # as whole numbers: many times faster here than as floats
        np.minimum.at(low[axis], owner, place)
        np.maximum.at(high[axis], owner, place + 1)
    return frames, np.concatenate([low, high]).T.astype(np.float64)


def _pairs(left: Indices, right: Indices) -> tuple[Indices, Indices]:
    """All (i, j) with left[i] == right[j], as two arrays; `right` is sorted."""
    start, stop = np.searchsorted(right, left), np.searchsorted(right, left, "right")
    i = np.repeat(np.arange(len(left)), stop - start)
    return i, np.arange(len(i)) + np.repeat(stop - np.cumsum(stop - start), stop - start)


def _iou(boxes: Values, others: Values) -> Values:
    """Intersection over union of boxes (n, 4) and others (n, 4), pair by pair: (n,)."""
    common = np.hstack([np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])])
    shared, area, other = ((b[:, 2:] - b[:, :2]).clip(0).prod(axis=1) for b in (common, boxes, others))
    return np.asarray(shared / (area + other - shared))


def _reached_by(levels: Values, alpha: float) -> float:
    """The highest threshold that at least a share alpha of the levels (n,) reach."""
    # Shares that are alpha round as it does; alpha * n may round to above the whole number it stands for.
    shares = np.arange(1, len(levels) + 1) / len(levels)
    return float(np.sort(levels)[::-1][np.searchsorted(shares, alpha)])
