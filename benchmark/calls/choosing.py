"""`choose`: a method's options, by anomalies planted in its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from crossvad.calls.asking import prepare_store, several
from crossvad.datasets.errors import InputError
from crossvad.planning.arguments import checked
from crossvad.planning.data_root import data_root
from crossvad.planning.protocol import FAIR
from crossvad.store.opening import open_store

if TYPE_CHECKING:
    from crossvad.adapters.options import Budget
    from crossvad.calls.asking import AnyDataset, AnyTuning
    from crossvad.present.formats import Tables


@checked
def choose(
    methods: str | Sequence[str],
    *,
    source: AnyDataset | Sequence[AnyDataset],
    options: Sequence[str] = (),
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seeds: int | Sequence[int] = 0,
    budget: str | Budget = "quick",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
    out: str | Path | None = None,
) -> Tables:
    """Compare options of methods on sources alone, by anomalies planted in their held-out video: `bench choose`.

    No label is read, and no target.

    Args:
        methods: a method or several: a name, `name[option=value]` or `file.py:Class`.
        source: a data set or several: a name, the folder of a camera, or a `Dataset`.
        options: `name=value,value` each; every combination of those that a method has is compared.
        shots: support clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seeds: of trainings, and of what is planted.
        budget: how much training.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.
        out: CSV file in which rows are kept, beside what it holds.

    Returns:
        The table; its `rows` are one a scene, its caption names the command that runs the best of each source.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable, or a source shows nobody to cut out.
    """
    import pandas as pd

    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.decoding import Decoder
    from crossvad.execution.device import get_device
    from crossvad.execution.fitting import Fitter
    from crossvad.execution.progress import Reporter
    from crossvad.planning.request import Request
    from crossvad.planning.variants import variants
    from crossvad.studies import planted, planted_rows
    from crossvad.studies.choice import of_one_way
    from crossvad.tabulation.choose import tabulate

    if not (chosen := variants(several(methods), options)):
        raise InputError("methods", "is empty", "name at least one")
    request = Request(
        sources=several(source),
        targets=[planted.NoTarget()],
        methods=chosen,
        tuning=[tuning],
        shots=[shots],
        steps=[steps],
        seeds=several(seeds),
        budget=budget,
        protocol=FAIR if shots <= FAIR.max_shots else replace(FAIR, name=f"fair@{shots}", max_shots=shots),
        support=None,
    )
    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    grid = request.bare_grid(data_root(data))
    store = open_store(results, teller=reporter)
    prepare_store(store, reporter)
    parts = []
    fitter = Fitter(grid, store, Decoder(FrameCache(), grid.budget), torch_device, reporter)
    for rows in planted.planted_rows(fitter):
        parts.append(rows)
        if out is not None:  # what is there is there, whenever this is stopped
            planted_rows.keep(Path(out), rows)
    rows = planted_rows.merged(parts[0][:0], pd.concat(parts))
    return tabulate(of_one_way(rows, grid.tunings[0].label, shots, steps), grid.tunings[0].label, shots, steps)
