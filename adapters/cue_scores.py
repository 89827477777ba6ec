"""Scores of clips, per cue."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

CueScores = dict[str, Tensor]  # cue -> (B,)


def joined(parts: Iterable[CueScores]) -> CueScores:
    """Join the cues of batches, {cue: (B,)}, as they come.

    Until then they are plain numbers: small tensors that stay lie between large ones that go, whose memory the C
    library can then neither give back nor use for larger ones. A day of video would take gigabytes.
    """
    numbers: dict[str, list[float]] = {}
    kinds: dict[str, Tensor] = {}
    for part in parts:
        for cue, scores in part.items():
            kinds.setdefault(cue, scores.new_empty(0))
            numbers.setdefault(cue, []).extend(scores.tolist())
    return {cue: kinds[cue].new_tensor(said) for cue, said in numbers.items()}
