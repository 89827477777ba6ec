"""What every version of a method, of a tuning and of the harness computes, from a seed: kept in values.json.

    python tests/golden/golden.py      keeps the values of what is new, or of a raised version; never changes others

Methods are asked in float64, so that machines agree far beyond the tolerance of the test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.append(str(Path(__file__).parents[1]))  # for made.py, when this is run by itself

from crossvad.adapters.options import Schedule
from crossvad.adapters.tunings.base import adaptations
from crossvad.datasets.clips import ClipSource
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.specs import MethodSpec
from crossvad.verification.conformance import moving_squares

FILE = Path(__file__).with_name("values.json")
SMOKE = BUDGETS["smoke"]
SHORT = replace(SMOKE, schedule=Schedule(3, 2, 1e-3))  # three steps of training
VARIANTS = (  # options that lead elsewhere in the code
    "apn[paper]", "apn[paper,cycles=1]", "apn[paper,prototypes=0,cycles=0]", "apn[paper,attention=finest]",
    "apn[paper,resolution=1/2]", "apn[paper,weights=ratio]", "apn[paper,predicts=change,calibrate=scene,pool=patch]",
    "apn[paper,scales=1,0.5,0.25]", "apn[paper,frame=norm,distance=absolute,apart=mean]", "mpn[training=frame]",
    "mpn[score=few-shot]", "lmn[test_update=true]", "lmn[largest=own]", "framepred[pool=p99]", "framepred[paper]",
    "knn[backbone=random,pool=mean]", "rgan[lstm=small,reset_state=true]", "unmasking[backbone=none]",
    "mppca[sf,coupling=0]", "stackrnn[first_layer=released,clips=8]", "after-mt-frcn[motion=0]",
    "after-mt-frcn[motion=0,detector=density]",
)  # fmt: skip
SHORTER = {  # where the method as it comes computes features of hundreds of clips
    "stackrnn": "stackrnn[clips=8]", "tsc": "tsc[clips=8]",
}  # fmt: skip
TUNED = "memae-2d"  # has batch norms, last layers and everything else that tunings move
TUNINGS = (
    "finetune[learning_rate=1e-3]", "head[learning_rate=1e-3]", "norm[momentum=0.3]", "maml", "anil", "metasgd",
)  # fmt: skip

Values = dict[str, list[float]]


class Float64(ClipSource):
    """Training clips in float64."""

    def batch(self, size: int, strides: Sequence[int] = (1,)) -> Tensor:
        """As float64."""
        return super().batch(size, strides).double()

    def spread(self, limit: int, batch: int) -> Iterator[Tensor]:
        """As float64."""
        return (clips.double() for clips in super().spread(limit, batch))

    def episodes(self, count: int, support: int, query: int) -> Any:
        """As float64."""
        return ((s.double(), q.double()) for s, q in super().episodes(count, support, query))


def source(adapter: Any) -> ClipSource:
    """Clips of two short videos."""
    videos = [moving_squares(SMOKE.size, 40, seed) for seed in (1, 2)]
    return Float64(videos, adapter.clip, torch.device("cpu"), 0, [0, 1])


def built(method: MethodSpec) -> tuple[Any, Tensor]:
    """An untrained method in float64, and four clips."""
    torch.manual_seed(0)
    adapter = method.build(SMOKE).double().eval()
    clips = source(adapter).batch(4)
    return adapter, clips


def flat(values: dict[str, Tensor]) -> list[float]:
    """The values of all cues, in the order of their names."""
    return [value for name in sorted(values) for value in values[name].double().flatten().tolist()]


def of_method(text: str) -> dict[str, Values]:
    """What a method computes, by the part of its version that answers for it."""
    method = registry.get_method(text)
    adapter, clips = built(method)
    fit: Values = {}
    if adapter.parameter_count():
        loss = adapter.train().loss(clips)
        loss.backward()
        norms = [p.grad.norm() if p.grad is not None else torch.zeros(()) for p in adapter.parameters()]
        fit = {"loss": [loss.item()], "gradients": torch.stack(norms).tolist()}
        adapter, _ = built(method)
        adapter.fit(source(adapter), SHORT, lambda step, of, values: None)
        fit["fitted"] = [tensor.double().norm().item() for tensor in adapter.state_dict().values()]
        adapter, _ = built(method)
    elif adapter.needs_source:  # in closed form: all that is kept, and scores of it
        adapter.fit(source(adapter), SHORT, lambda step, of, values: None)
        fit = {"fitted": [tensor.double().norm().item() for tensor in adapter.state_dict().values()]}
    score = {"scores": flat(adapter.score(clips)), "video": flat(adapter.score_video([clips[:2], clips[2:]]))}
    if adapter.adapts:
        score["adapted"] = adapted(adapter, clips, "finetune[learning_rate=1e-3]")
    maps = adapter.maps(clips)
    return {"fit": fit, "score": score, "maps": {} if maps is None else {"means": maps.mean((1, 2)).tolist()}}


def adapted(adapter: Any, clips: Tensor, tuning: str) -> list[float]:
    """Scores after two steps on the first two clips."""

    way = registry.get_tuning(tuning).build()
    state = way.prepare(adapter, source(adapter), 2, lambda step, of, values: None)
    way.restore(state)
    with torch.no_grad():
        support, asked = adapter.frozen_features(clips[:2]), adapter.frozen_features(clips)
    (result,) = adaptations(adapter, support, [2], way)
    return flat(result.eval().score(asked))


def of_tuning(text: str) -> dict[str, Values]:
    """What a tuning makes of a method."""
    adapter, clips = built(registry.get_method(TUNED))
    return {"version": {"adapted": adapted(adapter, clips, text)}}


def of_harness() -> dict[str, Values]:
    """What the way from rendered video to raw scores gives, for methods that compute next to nothing."""
    from tempfile import TemporaryDirectory

    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.planning.grid import Grid
    from crossvad.planning.protocol import FAIR
    from crossvad.store.store import Store

    methods = [
        registry.get_method(f"{Path(__file__).with_name('level.py')}:Level"),
        registry.get_method("support-mean"),
    ]
    street, plaza = (registry.get_dataset(name, Path()) for name in ("synthetic-street", "synthetic-plaza"))
    tunings = [registry.get_tuning("finetune")]
    grid = Grid(methods, [street], [plaza], tunings, [0, 2], [1, 2], [0], SMOKE, FAIR, FAIR.support)
    values: Values = {}
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for record in Runner(store, FrameCache(), torch.device("cpu"), Reporter(quiet=True)).run(grid):
            assert record.status == "done", record.reason
            scores, cell = store.scores(record.cell), record.cell
            for group in ("cues", "support", "heldout"):
                rows = getattr(scores, group)
                for cue in rows:
                    values[f"{cell.method}, K = {cell.shots}, {cell.steps} steps: {group} {cue}"] = rows[cue][
                        ::50
                    ].tolist()
    return {"version": values}


def subjects() -> dict[str, tuple[list[int], Callable[[], dict[str, Values]]]]:
    """Everything that has a version: its numbers, and what computes its values."""
    from crossvad.planning.versions import HARNESS

    every: dict[str, tuple[list[int], Callable[[], dict[str, Values]]]] = {}
    for text in (*(SHORTER.get(name, name) for name in catalogue.METHODS), *VARIANTS):
        every[text] = (list(registry.get_method(text).cls.versions), lambda text=text: of_method(text))  # type: ignore[misc]
    for text in TUNINGS:
        every[text] = ([registry.get_tuning(text).cls.version], lambda text=text: of_tuning(text))  # type: ignore[misc]
    return every | {"harness": ([HARNESS], of_harness)}


def load() -> dict[str, Any]:
    """The kept values: name -> {"versions": numbers, "values": part -> what -> numbers}."""
    return json.loads(FILE.read_text()) if FILE.is_file() else {}


def main() -> None:
    """Keep what is new or of a raised version."""
    kept = load()
    for name, (versions, compute) in subjects().items():
        if name not in kept or kept[name]["versions"] != versions:
            kept[name] = {"versions": versions, "values": compute()}
            print(f"kept {name}, version {'.'.join(map(str, versions))}")
    for name in set(kept) - set(subjects()):
        del kept[name]
    rounded = json.loads(json.dumps(kept), parse_float=lambda text: float(f"{float(text):.10g}"))
    FILE.write_text(json.dumps(rounded, sort_keys=True, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    np.seterr(all="raise")
    main()
