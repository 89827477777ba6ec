"""One process of a training by several: it takes its part, and tells the process that started it what comes of it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import traceback
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist

from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.checkpoints import Checkpoints, Watched
from crossvad.execution.decoding import Decoder
from crossvad.execution.device import repeat_exactly
from crossvad.execution.fitting import Fitter
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.progress import Reporter
from crossvad.execution.ranks.sharing import FIRST, sharing
from crossvad.execution.stopping import OF_TERMINAL
from crossvad.execution.training import train
from crossvad.execution.workers import Telling, Workplace
from crossvad.planning.cell import Cell
from crossvad.store.opening import open_store

WAIT = timedelta(hours=1)  # that ranks wait for one another: while the first one writes or looks, others do


class Begun(NamedTuple):
    """The ranks have found one another."""


class Done(NamedTuple):
    """The rank has done its part."""


class Failed(NamedTuple):
    """What the rank raised."""

    kind: str
    text: str
    trace: str
    errno: int | None  # of what the system refused


@dataclass(frozen=True)
class Rank:
    """One of several processes that train a method together."""

    number: int
    count: int
    device: torch.device
    threads: int  # that torch may use
    meeting: Path  # a file by which they find one another


def take_part(connection: Connection, rank: Rank, place: Workplace, cell: Cell, draft: Path) -> None:
    """Train a cell's method together with the other ranks; the first one writes it to a folder.

    It then waits to be ended, as all do once the first one is done or any one has failed: until then the others would
    take its end for the fault. It ends at once if the process that started it does.

    Args:
        connection: to that process: words of this module go by it, and of `execution.workers`.
        rank: this one.
        place: says which grid the cell is of.
        cell: one that needs the training.
        draft: the folder.
    """
    for heard in OF_TERMINAL:
        signal.signal(heard, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    torch.set_num_threads(rank.threads)
    keep_freed_memory()
    telling = Telling(connection)
    try:
        _meet(rank)
        telling.tell(Begun())
        _train(rank, place, cell, draft, telling)
        telling.tell(Done())
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        telling.tell(Failed(type(error).__name__, str(error), traceback.format_exc(), number))
    threading.Event().wait()


def _end_with(connection: Connection) -> None:
    """Wait until nobody is there any more to whom the connection goes, and then end, whatever goes on."""
    try:
        connection.recv()  # nothing ever comes
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGKILL)


def _meet(rank: Rank) -> None:
    """Find the other ranks: by NCCL on GPUs, else by Gloo."""
    own = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    os.environ.setdefault("GLOO_SOCKET_IFNAME", own[0] if own else "")  # what stays on this machine goes by no network
    if rank.device.type == "cuda":
        repeat_exactly()
        torch.cuda.set_device(rank.device)
    backend = "nccl" if rank.device.type == "cuda" else "gloo"
    meeting = rank.meeting.absolute().as_uri()
    dist.init_process_group(backend, init_method=meeting, world_size=rank.count, rank=rank.number, timeout=WAIT)


def _train(rank: Rank, place: Workplace, cell: Cell, draft: Path, telling: Telling) -> None:
    grid = place.grid(Reporter(quiet=True))
    method = next(method for method in grid.methods if method.label == cell.method)
    source = next(source for source in grid.sources if source.name == cell.source)
    store, decoder = open_store(place.results, "runs", all_cells=False), Decoder(FrameCache(), grid.budget)
    fitter = Fitter(grid, store, decoder, rank.device, telling)
    stage, adapter = fitter.training(cell, method, source)
    together = partial(sharing, device=rank.device)
    if rank.number == FIRST:
        with telling.task(stage.title) as update:
            fitter.make(stage, adapter, draft, update, together, rank.count)
        return
    adapter.arithmetic = fitter.arithmetic(stage)
    with together(adapter, Checkpoints(store, stage.key, Watched(), lambda line: None)):
        train(adapter, stage.fresh(), grid.budget, lambda step, of, values: None)
