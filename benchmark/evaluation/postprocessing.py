"""From raw cues to one score per frame: filling, normalising, smoothing, fusing. Pure functions, applied offline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.planning.protocol import Normalisation, Protocol, Smoothing
from crossvad.store.scores import Cues, Scores

Values = NDArray[np.float64]
SIGMA, RADIUS = 2.0, 7  # of the field's smoothing, in frames: 15 taps
PRIOR_CLIPS = 10  # how many support clips the spread seen on the source is worth


def fill_nearest(values: Values) -> Values:
    """One video's scores (N,) with each NaN replaced by the nearest score, the earlier of two equally near."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.zeros_like(values)  # a video shorter than a clip: nothing is known of any of its frames
    after = np.searchsorted(known, np.arange(len(values))).clip(0, len(known) - 1)
    before = (after - 1).clip(0)
    frames = np.arange(len(values))
    nearer = np.where(abs(known[after] - frames) < abs(frames - known[before]), known[after], known[before])
    return values[nearer]


def minmax(values: Values) -> Values:
    """Scores (N,) stretched to [0, 1]; zeros where they are constant. Of one video, or of all: uses the future."""
    span = np.ptp(values)
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def smooth(values: Values) -> Values:
    """One video's scores (N,) under the field's 15-tap Gaussian, sigma 2 frames. Uses the future.

    As in the codes of MPN and APN, frames that are too near to an end for the whole window take the score of the
    nearest that is not; all frames of a video of fewer than 15 take that of its middle one.
    """
    from scipy.ndimage import gaussian_filter1d  # here, as tables of what is cached go without

    middle = (len(values) - 1) // 2
    first, last = min(RADIUS, middle), max(len(values) - 1 - RADIUS, middle)
    return gaussian_filter1d(values, SIGMA, mode="nearest", radius=RADIUS)[np.arange(len(values)).clip(first, last)]


def smooth_causal(values: Values) -> Values:
    """One video's scores (N,) under the half of that Gaussian that is past, the first score replicated before it.

    What the field's smoothing is worth to somebody who watches: a mean of this frame and the seven before it.
    """
    taps = np.exp(-0.5 * (np.arange(RADIUS + 1) / SIGMA) ** 2)
    padded = np.concatenate([np.full(RADIUS, values[0]), values])
    return np.convolve(padded, taps / taps.sum(), mode="valid")


def per_video(values: Values, lengths: NDArray[np.int64], change: Callable[[Values], Values]) -> Values:
    """Apply a function to each video's part of a row of frames (N,)."""
    parts = np.split(values, np.cumsum(lengths)[:-1])
    return np.concatenate([change(part) if len(part) else part for part in parts])


def centre_and_spread(support: Values, heldout: Values) -> tuple[float, float]:
    """Centre and spread by which a cue is standardised, from what was known before the first test frame.

    Without support clips they are the held-out source clips' mean and standard deviation. With them, the centre is
    theirs; the spread of a few neighbouring clips is far too small to trust, so it is pooled with the source's, which
    counts as PRIOR_CLIPS clips.
    """
    prior = _variance(heldout) if len(heldout) else 1.0
    if not len(support):
        return float(np.mean(heldout)) if len(heldout) else 0.0, np.sqrt(prior) or 1.0
    variance = (len(support) * _variance(support) + PRIOR_CLIPS * prior) / (len(support) + PRIOR_CLIPS)
    return float(np.mean(support)), float(np.sqrt(variance)) or 1.0


def _variance(values: Values) -> float:
    """Exactly 0 of a constant, whose mean may be a rounding off: else all that ever differs would dwarf other cues."""
    return float(np.var(values)) if np.ptp(values) else 0.0


def weighted_mean(cues: Cues, weights: Mapping[str, float]) -> Values:
    """The cues' mean, (N,), by their weights; a cue not named weighs 1.

    Raises:
        InputError: weights cancel out, or none counts.
    """
    own = [weights.get(cue, 1.0) for cue in cues]
    if not sum(own):
        told = ", ".join(f"{cue} {weight:g}" for cue, weight in zip(cues, own, strict=True))
        raise InputError("the fused score", f"has cues whose weights sum to 0 ({told})", "run such cells again")
    return np.average(list(cues.values()), axis=0, weights=own)


def fuse(scores: Scores, cues: Cues, weights: Mapping[str, float]) -> Values:
    """One fused score per frame (N,): a weighted mean of the cues, each standardised per adaptation unit.

    A single cue is left raw: there is nothing to make it comparable with.
    """
    if len(cues) == 1:
        return next(iter(cues.values()))
    frame_units = np.repeat(scores.units, scores.lengths)
    fused = np.empty(len(frame_units))
    for unit in np.unique(scores.units):
        mine = frame_units == unit
        support = {cue: values[scores.support_units == unit] for cue, values in scores.support.items()}
        fused[mine] = fuse_unit({cue: values[mine] for cue, values in cues.items()}, support, scores.heldout, weights)
    return fused


def fuse_unit(cues: Cues, support: Cues, heldout: Cues, weights: Mapping[str, float]) -> Values:
    """Fuse the cues of one adaptation unit, (n,) each, by what its support clips and held-out source clips scored."""
    if len(cues) == 1:
        return next(iter(cues.values()))
    standardised, unknown = {}, np.empty(0)
    for cue, values in cues.items():
        centre, spread = centre_and_spread(support.get(cue, unknown), heldout.get(cue, unknown))
        standardised[cue] = (values - centre) / spread
    return weighted_mean(standardised, weights)


def only(scores: Scores, cues: Collection[str]) -> Scores:
    """The same scores with some of their cues, as if the method had no others."""

    def kept(group: Cues) -> Cues:
        return {cue: group[cue] for cue in cues if cue in group}

    return replace(scores, cues=kept(scores.cues), support=kept(scores.support), heldout=kept(scores.heldout))


def refuse_gaps(scores: Scores) -> None:
    """Only before the first and after the last clip of a video may a frame be without a score.

    Raises:
        InputError: an infinite score, or a NaN between two scores; names the video, the cue and the frame.
    """
    starts = np.cumsum(scores.lengths) - scores.lengths
    for cue, row in scores.cues.items():
        for video, start, length in zip(scores.videos, starts, scores.lengths, strict=True):
            values = row[start : start + length]
            known = np.flatnonzero(~np.isnan(values))
            inside = values[known[0] : known[-1] + 1] if len(known) else values[:0]
            if not np.isfinite(inside).all():
                frame = int(known[0] + np.flatnonzero(~np.isfinite(inside))[0])
                problem = f"cue {cue!r} is {values[frame]} at frame {frame}"
                raise InputError(f"scores of video {video}", problem, "mend the method and run the cell again")


def final(cell: ScoredCell, protocol: Protocol) -> tuple[Values, NDArray[np.bool_]]:
    """What a protocol makes of a cell's raw scores.

    Cues stretched to [0, 1] are comparable, and fused as they are; raw ones are fused by `fuse`.

    Returns:
        One score per counted frame (n,), and the mask over all frames (N,) that says which are counted.

    Raises:
        InputError: a score is infinite, or missing amid others.
    """
    scores, weights = cell.scores, cell.weights
    refuse_gaps(scores)
    protocol = protocol.of(cell.published)
    mask = protocol.mask(scores.lengths, cell.shots, cell.seen)
    kept = np.array([part.sum() for part in np.split(mask, np.cumsum(scores.lengths)[:-1])])
    cues = {cue: per_video(values.astype(float), scores.lengths, fill_nearest) for cue, values in scores.cues.items()}
    if protocol.normalise == "none":
        fused = fuse(scores, cues, weights)[mask]
    elif protocol.normalise == "video":
        fused = weighted_mean({cue: per_video(values[mask], kept, minmax) for cue, values in cues.items()}, weights)
    else:
        fused = weighted_mean({cue: minmax(values[mask]) for cue, values in cues.items()}, weights)
    return (fused if protocol.smooth == "none" else per_video(fused, kept, SMOOTHERS[protocol.smooth])), mask


SMOOTHERS = {"gaussian": smooth, "causal": smooth_causal}
# The ways in which the field reads scores: what is normalised over, and how they are smoothed.
READINGS: dict[str, tuple[Normalisation, Smoothing]] = {
    "raw": ("none", "none"),
    "causal smoothing": ("none", "causal"),
    "smoothing": ("none", "gaussian"),
    "global min-max": ("global", "none"),
    "video min-max": ("video", "none"),
    "video min-max, smoothing": ("video", "gaussian"),
}
