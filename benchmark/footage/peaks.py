"""The most suspicious moments of a video, and its scores as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

from crossvad.evaluation.postprocessing import Values
from crossvad.footage.own_footage import Times
from crossvad.store.scores import Cues


@dataclass(frozen=True)
class Moment:
    """A peak of the scores."""

    rank: int  # 1: the highest
    frame: int
    score: float


def top(scores: Values, eligible: slice, apart: int, count: int) -> list[Moment]:
    """Find the highest peaks of scores (N,), best first: at most `count`, at least `apart` frames from each other.

    A peak is above its neighbours; a plateau is one peak, in its middle. Frames that are not `eligible` are no peaks.
    """
    begin, end, _ = eligible.indices(len(scores))
    padded = np.concatenate([[-np.inf], scores[begin:end], [-np.inf]])
    peaks, _ = find_peaks(padded, distance=max(1, apart))
    frames = peaks - 1 + begin
    best = frames[np.argsort(-scores[frames], kind="stable")][:count]
    return [Moment(rank, int(frame), float(scores[frame])) for rank, frame in enumerate(best, 1)]


def clock(frame: int, times: Times | None) -> str:
    """Tell a frame's time as mm:ss; – where times are unknown."""
    return "–" if times is None else "{:02d}:{:02d}".format(*divmod(int(times[frame]), 60))


def table(scores: Values, cues: Cues, span: int, times: Times | None) -> pd.DataFrame:
    """Tabulate a row per frame: its number, seconds (NaN if unknown), score, cues, support (1: adapted on)."""
    frames = np.arange(len(scores))
    seconds = np.full(len(frames), np.nan) if times is None else times
    columns = {"frame": frames, "seconds": seconds, "score": scores, **cues, "support": (frames < span).astype(int)}
    return pd.DataFrame(columns)
