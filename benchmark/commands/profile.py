"""`bench profile`: what methods cost on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from crossvad.commands.options import (
    BUDGET,
    DEVICE,
    METHODS,
    ONE_DATASET,
    PLACES,
    QUIET,
    STORED,
    Numbers,
    listed,
    stated,
)
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.datasets.errors import InputError
from crossvad.present.formats import Tables


@click.command(cls=TableCommand, offline=("--stored", "--quiet"))
@click.argument("methods", nargs=-1, type=METHODS)
@BUDGET
@click.option("--size", type=click.IntRange(16), help="Pixels of a frame, in place of the budget's.")
@listed("shots", Numbers(), "1,5,10", "Clips to adapt on.")
@listed("steps", Numbers(), "1,10", "Gradient steps on them.")
@click.option(
    "--source", type=ONE_DATASET, default="synthetic-street", show_default=True, help="Train on clips of this."
)
@click.option(
    "--target", type=ONE_DATASET, default="synthetic-plaza", show_default=True, help="Score its first test video."
)
@PLACES
@DEVICE
@format_option("parts", "rows")
@STORED
@QUIET
@click.pass_context
def profile(
    context: click.Context,
    /,
    methods: tuple[list[str], ...],
    budget: str,
    size: int | None,
    shots: list[int],
    steps: list[int],
    source: str,
    target: str,
    data: Path | None,
    results: str | Path,
    device: str,
    stored: bool,
    quiet: bool,
) -> Tables:
    """What methods cost on this machine: size, multiply-adds, latency, speed, training, adapting, memory.

    Leave the machine alone while it runs: about half a minute a method. Kept below runs/profiles, whence
    `bench table --paper 3` takes its speeds. Video that is rendered, as the default target's, says little of decoding.

    \b
    bench profile apn,lmn,memae
    bench profile apn mpn --budget paper --device cuda --target ped2 --data DIR
    bench profile lmn 'lmn[precision=bf16]'    # what is to be had for scoring in fewer bits
    bench profile --stored                     # measure nothing: show what was
    bench profile --stored --budget paper      # at this budget; so do --size and --target narrow it
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else its memory profiler warns of what it did not see made
    from crossvad import api

    names = [name for words in methods for name in words]
    if stored:
        given = stated(context)
        for name in ("source", "shots", "steps", "device"):
            if name in given:
                fix = "leave it out, or narrow by --budget, --size or --target"
                raise InputError(f"--{name}", "is of what is measured, and --stored measures nothing", fix)
        asked = {name: value for name, value in given.items() if name in ("budget", "size", "target")}
        return api.profiles(results, names, **asked)
    return api.profile(
        names, budget=budget, size=size, shots=shots, steps=steps, source=source, target=target, data=data,
        results=results, device=device, quiet=quiet,
    )  # fmt: skip
