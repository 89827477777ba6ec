"""Choose how a method scores without a look at a target: by anomalies planted in held-out source video.

    python results/planted.py --source path:normal --source ped2 --source synthetic-street --data DIR

A scene is the held-out tail of a source video as another camera might film it (`datasets/camera_shift.py`). Half of its
clips are as filmed; in the others, a small square in which something moves plays at twice its speed, as if somebody ran
there. The table is the AUC that tells them apart, by scene, before adaptation and after it at the rate that `bench run`
chooses; mean over scenes and seeds. No label is read, and no target. What is in the store is not trained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.commands.options import root
from crossvad.datasets.clips import ClipSource, ClipSpec
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.postprocessing import centre_and_spread, weighted_mean
from crossvad.execution.decoding import Decoder, training_videos
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted, arrays
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import Cell
from crossvad.planning.request import Request
from crossvad.store.scores import Cues
from crossvad.store.store import Store

SCENES, CLIPS = 24, 8  # scenes of each source and seed, and clips of each at most
FASTER = 2
SQUARES = 16  # random ones, of which the liveliest is sped up
SIDES = (0.1, 0.25)  # of a square, as shares of the frame's height
METHODS = (
    *(f"apn{options}" for options in ("", "[score=0]", "[predicts=change]", "[predicts=change,score=0]")),
    *(f"apn[predicts=change,score=0,{how}]" for how in ("pool=p99", "pool=patch", "pool=patch,calibrate=scene")),
    *(f"{name}{options}" for name in ("framediff", "extrapolate") for options in ("", "[pool=p99]", "[pool=patch]")),
)


def planted(clips: Tensor, spec: ClipSpec, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Longer clips (B, FASTER * T, C, H, W) as clips of T frames: as filmed, and with a square of each sped up."""
    plain, fast = clips[:, : spec.frames], clips[:, ::FASTER]
    odd = plain.clone()
    for number, clip in enumerate(plain):
        square = max(
            _squares(spec, random), key=lambda area: float((clip[-1] - clip[0])[:, area[0], area[1]].abs().mean())
        )
        odd[number][..., square[0], square[1]] = fast[number][..., square[0], square[1]]
    return plain, odd


def _squares(spec: ClipSpec, random: np.random.Generator) -> Iterator[tuple[slice, slice]]:
    height, width = spec.size
    for _ in range(SQUARES):
        side = round(random.uniform(*SIDES) * height)
        top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
        yield slice(top, top + side), slice(left, left + side)


def scores(adapter: Adapter, clips: Tensor, heldout: Cues, support: Tensor | None) -> np.ndarray:
    """The fused scores of some clips, (B,), as protocol fair reads them."""
    cues = arrays(adapter.score(clips))
    if len(cues) == 1:
        return next(iter(cues.values()))
    seen = arrays(adapter.score(support)) if support is not None else {}
    known = {cue: centre_and_spread(seen.get(cue, np.empty(0)), heldout[cue]) for cue in cues}
    return weighted_mean({cue: (cues[cue] - known[cue][0]) / known[cue][1] for cue in cues}, dict(adapter.fusion))


def told_apart(fitted: Fitted, cell: Cell, fitter: Fitter, longer: ClipSource) -> tuple[float, float]:
    """AUC in % of telling sped-up clips from the others, mean over scenes: before adaptation and after."""
    adapter, random = fitted.adapter, np.random.default_rng(0)
    tuning = fitter.decided([cell], fitted)[cell][0] if adapter.tunable and adapter.adapts else None
    found = []
    for support, query in longer.unseen(SCENES, cell.shots, CLIPS):
        support = support[:, : adapter.clip.frames]
        plain, odd = planted(query, adapter.clip, random)
        clips, labels = torch.cat([plain, odd]), np.repeat([0, 1], len(plain)).astype(np.uint8)
        before = after = micro_auc(labels, scores(adapter, clips, fitted.heldout, None))
        if tuning:
            (adapted,) = tuning.adapted(adapter, adapter.frozen_features(support), [cell.steps])
            after = micro_auc(labels, scores(adapted.eval(), clips, fitted.heldout, support))
        found.append((before, after))
    first, second = 100 * np.mean(found, axis=0)
    return float(first), float(second)


@click.command(help=__doc__)
@click.option("--source", "sources", multiple=True, required=True)
@click.option("--method", "methods", multiple=True, default=METHODS)
@click.option("--seed", "seeds", multiple=True, type=int, default=(0, 1, 2))
@click.option("--shots", default=10, show_default=True)
@click.option("--steps", default=10, show_default=True)
@click.option("--budget", type=click.Choice(list(BUDGETS)), default="quick", show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=None)
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def main(
    sources: Sequence[str], methods: Sequence[str], seeds: Sequence[int], shots: int, steps: int, budget: str,
    data: Path | None, results: Path,
) -> None:  # fmt: skip
    """Train or load, adapt, plant, and print the table."""
    torch.set_num_threads(1)
    rows = []
    for source in sources:
        # A grid has a target, though no fit and no search depends on it: one that is always there, as it is rendered.
        request = Request([source], ["synthetic-plaza"], list(methods), ["finetune"], [shots], [steps], list(seeds),
                          budget, "fair", None)  # fmt: skip
        grid = request.grid(root(data))
        decoder, device = Decoder(FrameCache(), grid.budget), torch.device("cpu")
        fitter = Fitter(grid, Store(results), decoder, device, Reporter())
        videos = [decoder.frames(video) for video in training_videos(grid.sources[0], grid.budget)]
        by_label = {method.label: method for method in grid.methods}
        wanted = [registry.get_method(name).label for name in methods]
        for cell in grid.cells():
            adapts = by_label[cell.method].cls.needs_source
            if cell.method in wanted and cell.shots == (shots if adapts else 0):
                fitted = fitter.fitted(cell, by_label[cell.method], grid.sources[0])
                spec = replace(fitted.adapter.clip, frames=FASTER * fitted.adapter.clip.frames)
                longer = ClipSource(videos, spec, device, cell.seed)
                before, after = told_apart(fitted, replace(cell, shots=shots), fitter, longer)
                rows.append({"method": cell.method, "source": cell.source, "K = 0": before, f"K = {shots}": after})
    mean = pd.DataFrame(rows).groupby(["method", "source"], sort=False).mean()
    texts = mean.map("{:.1f}".format).agg(" -> ".join, axis=1)
    click.echo(texts.unstack("source").to_markdown())
    click.echo(f"\nAUC in %, K = 0 -> K = {shots} in {steps} steps; mean of {SCENES} scenes a seed, {len(seeds)} seeds")


if __name__ == "__main__":
    main()
