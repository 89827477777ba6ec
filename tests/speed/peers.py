"""Our methods beside their authors' public code, on checkouts that you bring: time and memory, side by side.

    python tests/speed/peers.py --peer mnad=DIR --peer mpn=DIR --peer apn=DIR --peer memae=DIR   # 2 cores: an hour
    python tests/speed/peers.py --peer mpn=DIR --only adaptation --shots 10 --threads 1
    python tests/speed/peers.py --peer mnad=DIR --where lmn,lmn-recon --size 128 --batch 4 --markdown
    python tests/speed/peers.py --peer mnad=DIR --only disk --frames data/UCSDped2/Test   # folders of frames, to AUC

DIR is a clone of github.com/cvlab-yonsei/MNAD (our `lmn`, `lmn-recon`), ktr-hubrt/MPN (`mpn`), huchao-AI/APN
(`apn-released`) or donggong1/memae-anomaly-detection (`memae`). Nothing of theirs is here: their modules are imported
from the clone, which stays as it is, and are called as their scripts call them. Their `.cuda()` goes to `--device`,
modules that only draw pictures are stood in for, and a function without a body, as MPN's last commit has one that is of
no use here, does nothing. Their networks are 64 wide, so no other `--width` can be compared; 256 pixels stand in their
scripts alone, so `--size` may be any that poolings divide.

Theirs start from a network away from its first state, and ours take over its weights, one for one. Before anything is
timed both must do the same, in float64 and at the size that is timed: how far apart they are is the column `apart`.
What is timed is float32, as torch has it: on CUDA, convolutions of both use TF32. Ours are made ready as `bench` makes
them, in the memory layout that it finds the fastest here, which is no part of the time.

scoring     `--batch` clips to scores, both cues where there are two. Theirs as in the test scripts, in eval mode and
            without gradients (MNAD's and MPN's few-shot script keep a graph while they score: not so here); the gate
            that MNAD's evaluates after each frame is left out of both. apart: frames in [-1, 1], or scores, in dB but
            for MNAD's distances and MemAE's errors; whichever are farthest. How far scores are in float32 is printed.
adaptation  MPN's few-shot test: one step on `--shots` clips. Theirs is `test_init`; ours makes frozen features and
            takes an Adam step, knows the support loss after it, too, by which a harmful step is taken back, and leaves
            the method as it was: the result is a copy. apart, of 2 clips: gradients, relative to their length.
training    a step on `--training-batch` clips: loss, backward pass, optimiser. Theirs as in the training scripts, with
            `retain_graph` where they have it, though here nothing holds the graph once a step is done: their scripts
            hold it into the next. Their logging is left out. apart, of 2 clips: losses, memories that the step wrote,
            or gradients relative to their length; whichever are farthest.

disk        with `--frames DIR`, folders of frames: from files to an AUC, MNAD's frame prediction. Theirs through their
            `DataLoader` of clips, with one process beside as by default, ours through what `bench run` does, cache and
            all; memory that is freed is kept, for both. Of two videos the first `--length` frames, as JPEG, which
            theirs takes alone; the later half of them is called abnormal. apart: AUC by
            protocol paper, whose rules are theirs; of an untrained network that hangs on how an image is scaled down,
            which OpenCV does without antialiasing.

s           median seconds of `--rounds` rounds, theirs and ours in turn, after one that warms up
MB          the most that tensors held at one time above what was held before, as `measuring.peak_bytes` says
theirs/ours of either; above 1 ours is faster, or takes less
"""

from __future__ import annotations

import argparse
import copy
import io
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import from_disk
import measuring
import torch
from checkouts import Checkout, cuda_is
from peer_methods import PEERS, Mnad, Mpn, Seen, Theirs, label
from torch import Tensor, nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import adaptations
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.device import get_device, machine
from crossvad.execution.fitting import build
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.inference import folded, ready_to_score
from crossvad.execution.memory_layouts import Layout, arrange, features_in, probed_with
from crossvad.execution.scoring import arrays
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

WIDTH = 64  # of all their networks
LIMIT = 1e-6  # theirs and ours may be so far apart, in float64
CHECKED = 2  # clips at most, where gradients are compared: float64 takes time and memory
RATE = 1e-4


# ---- ours ------------------------------------------------------------------------------------------------------------


def budget(kind: type[Theirs], size: int) -> Budget:
    """What ours are built with. It has no schedule, so that they train with the optimiser that was published."""
    return replace(BUDGETS["quick"], name="speed", size=size, width=WIDTH, channels=kind.channels, schedule=None)


def take_over(adapter: Adapter, theirs: Theirs) -> None:
    """Give ours the weights of theirs, and whatever else they keep.

    Raises:
        SystemExit: one of the two has a number that the other has not.
    """
    state, given = adapter.state_dict(), theirs.renamed(theirs.net.state_dict()) | theirs.beside()
    same(f"weights of {label(type(theirs))}", state, given)
    for name, value in given.items():
        if state[name].numel() != value.numel():
            raise SystemExit(f"{theirs.method}: {name} is {list(state[name].shape)}, theirs {list(value.shape)}")
        state[name].copy_(value.view_as(state[name]))  # in place: the memory layout stays


def scored(adapter: Adapter, clips: Tensor) -> dict[str, Any]:
    """Scores as the harness has them of one batch and one method."""
    with torch.no_grad():
        features = adapter.frozen_features(clips)
    return arrays(adapter.score(features))


TUNING = FineTune(FineTuneOptions(RATE))


def adapted(adapter: Adapter, moving: Adapter, layout: Layout, clips: Tensor) -> Adapter:
    """A method after one step on a support set, as in the harness: `moving` and `layout` are of `ready_to_adapt`."""
    with torch.no_grad():
        features = adapter.frozen_features(clips)
    return next(adaptations(moving, features_in(features, layout), [1], TUNING))


def ready_to_learn(adapter: Adapter, clips: Tensor, chosen: Budget, where: torch.device) -> None:
    """Bring a method, in place, into the memory layout in which the harness trains it."""

    def step(method: Adapter, _: Layout) -> None:
        method.train().training_step(clips[: probed_with(where)], method.optimizers(chosen))

    arrange(adapter, "learning", chosen, where, step)


# ---- comparing -------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of the table."""

    work: str
    method: str
    peer: str
    clips: int
    apart: float
    seconds: dict[str, float]
    megabytes: dict[str, float]


class Job(NamedTuple):
    """What both are to do, having been found to do the same."""

    clips: int
    apart: float
    works: dict[str, measuring.Work]


def noise(adapter: Adapter, count: int, where: torch.device) -> tuple[Tensor, Tensor]:
    """Clips of noise (B, T, C, H, W), and the same as images (B, T * C, H, W)."""
    torch.manual_seed(1)
    clips = torch.rand(count, adapter.clip.frames, adapter.clip.channels, *adapter.clip.size, device=where) * 2 - 1
    return clips, clips.flatten(1, 2)


@contextmanager
def precisely() -> Iterator[None]:
    """With tensors in float64 that theirs make without a type."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def farthest(gaps: dict[str, float]) -> float:
    """The greatest of some differences.

    Raises:
        SystemExit: it is not small.
    """
    print("  apart: " + ", ".join(f"{name} {gap:.0e}" for name, gap in gaps.items()), flush=True)
    for name, gap in gaps.items():
        if not gap <= LIMIT:  # it may be no number
            raise SystemExit(f"theirs and ours differ: {name} are {gap:.1e} apart, more than {LIMIT:.0e}")
    return max(gaps.values())


def same(what: str, ours: Collection[str], theirs: Collection[str]) -> None:
    """Refuse names that only one of the two has.

    Raises:
        SystemExit: names them.
    """
    if odd := set(ours) ^ set(theirs):
        raise SystemExit(f"{what}: only one of the two has {', '.join(sorted(odd))}")


def relative(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The length of the difference of gradients by name, over the length of theirs."""
    same("gradients", ours, theirs)
    gaps = torch.stack([(ours[name] - value.view_as(ours[name])).norm() for name, value in theirs.items()])
    return (gaps.norm() / torch.stack([value.norm() for value in theirs.values()]).norm()).item()


def seen(theirs: Theirs, images: Tensor) -> Seen:
    """What theirs make of images, without gradients."""
    with torch.no_grad():
        return theirs.see(images)


def scoring(theirs: Theirs, adapter: Adapter, options: argparse.Namespace, where: torch.device) -> Job:
    """A batch of clips to scores."""
    clips, images = noise(adapter, options.batch, where)
    theirs.net.eval()
    adapter.eval()
    with precisely():
        exact = folded(copy.deepcopy(adapter).double())
        other, own = seen(theirs.precise(), images.double()), scored(exact, clips.double())
        with torch.no_grad():
            gaps = {"frames": measuring.difference(theirs.our_frame(exact, clips.double()), other.frame)}
    gap = farthest(gaps | score_gaps(own, other.scores))
    ready = ready_to_score(adapter, clips[: probed_with(where)], budget(type(theirs), options.size), where)
    works = {"theirs": partial(seen, theirs, images), "ours": partial(scored, ready, clips)}
    rounded = score_gaps(works["ours"](), works["theirs"]().scores)
    print("  in float32: " + ", ".join(f"{name} {value:.0e}" for name, value in rounded.items()), flush=True)
    return Job(len(clips), gap, works)


def score_gaps(ours: dict[str, Any], theirs: dict[str, Tensor]) -> dict[str, float]:
    """How far scores are apart, by cue."""
    same("cues", ours, theirs)
    gaps = {}
    for cue, values in theirs.items():
        own = torch.from_numpy(ours[cue])
        gaps[f"scores {cue}"] = measuring.difference(own.mean() if len(values) < len(own) else own, values)
    return gaps


def adaptation(theirs: Theirs, adapter: Adapter, options: argparse.Namespace, where: torch.device) -> Job | None:
    """A step on a support set; None where the authors have no such thing."""
    if not isinstance(theirs, Mpn):
        return None
    clips, images = noise(adapter, options.shots, where)
    theirs.net.eval()
    adapter.eval()
    with precisely():
        twin, exact = theirs.precise(), copy.deepcopy(adapter).double()
        start, support = twin.net.state_dict(), clips[:CHECKED].double()
        step = {name: start[name] - value.detach() for name, value in twin.adapted(support.flatten(1, 2), 1.0).items()}
        own, loss = exact.adaptable_parameters(), exact.adaptation_loss(exact.frozen_features(support))
        gradients = torch.autograd.grad(loss, list(own.values()))
    gap = relative(dict(zip(own, gradients, strict=True)), theirs.renamed(step))
    features = adapter.frozen_features(clips)
    moving, layout = ready_to_adapt(adapter, features, TUNING, budget(type(theirs), options.size), where)
    del features
    works = {
        "theirs": partial(theirs.adapted, images, RATE), "ours": partial(adapted, adapter, moving, layout, clips)
    }  # fmt: skip
    return Job(len(clips), farthest({"gradients": gap}), works)


def training(theirs: Theirs, adapter: Adapter, options: argparse.Namespace, where: torch.device) -> Job:
    """A step of training. The timing leaves both trained by as many."""
    clips, images = noise(adapter, options.training_batch, where)
    chosen = budget(type(theirs), options.size)
    theirs.net.train()
    adapter.train()
    with precisely():
        twin, exact, few = theirs.precise(), copy.deepcopy(adapter).double(), clips[:CHECKED].double()
        loss = twin.step(few.flatten(1, 2)).item()
        own = exact.training_step(few, exact.optimizers(chosen))["loss"]
    gaps = {"losses": abs(own - loss)}
    for name, value in twin.beside().items():
        gaps[name] = measuring.difference(exact.state_dict()[name], value)
    gaps["gradients"] = relative(gradients_of(exact), theirs.renamed(gradients_of(twin.net)))
    ready_to_learn(adapter, clips, chosen, where)
    optimizers = adapter.optimizers(chosen)
    works = {"theirs": partial(theirs.step, images), "ours": partial(adapter.training_step, clips, optimizers)}
    return Job(len(clips), farthest(gaps), works)


def disk(theirs: Theirs, adapter: Adapter, options: argparse.Namespace, where: torch.device) -> Job | None:
    """From frames on disk to an AUC; None where there are none, or it is no predictor of MNAD's."""
    if options.frames is None or type(theirs) is not Mnad:
        return None
    keep_freed_memory()  # as `bench` does, and so for both
    theirs.net.eval()
    adapter.eval()
    theirs.folder = tempfile.TemporaryDirectory()  # which goes when this does
    home = from_disk.as_jpeg(options.frames, options.length, Path(theirs.folder.name))
    works = {
        "theirs": partial(from_disk.theirs, theirs, home, options.size, where),
        "ours": partial(from_disk.ours, adapter, home, budget(type(theirs), options.size), where),
    }
    gap = abs(works["ours"]() - works["theirs"]())
    if not gap < 1:
        raise SystemExit(f"lmn, disk: an AUC is no number: --length {options.length} is too short")
    print(f"  apart: AUC {gap:.0e}", flush=True)
    return Job(from_disk.VIDEOS * (options.length - adapter.clip.frames + 1), gap, works)


def gradients_of(module: nn.Module) -> dict[str, Tensor]:
    """By name of the parameter, where it has one."""
    return {name: each.grad for name, each in module.named_parameters() if each.grad is not None}


JOBS: dict[str, Callable[..., Job | None]] = {
    "disk": disk, "scoring": scoring, "adaptation": adaptation, "training": training
}  # fmt: skip


def compared(
    name: str, code: Checkout, kind: type[Theirs], options: argparse.Namespace, where: torch.device
) -> Iterator[Row]:
    """All that is asked of one method.

    Raises:
        SystemExit: the size does not suit its network.
    """
    if options.size % kind.multiple:
        raise SystemExit(f"--size {options.size}: {label(kind)} wants a multiple of {kind.multiple}, for its poolings")
    adapter = build(registry.get_method(kind.method), budget(kind, options.size), 0, where)
    with redirect_stdout(io.StringIO()):  # one of theirs says its name
        theirs = kind(code, where)
    theirs.stir(noise(adapter, 2, where)[1])
    take_over(adapter, theirs)
    for work in [work for work in JOBS if work in options.only]:  # training last: it parts them by rounding
        print(f"{label(kind)}, {work}", flush=True)
        job = JOBS[work](theirs, adapter, options, where)
        if job is None:
            print("  theirs have none", flush=True)
            continue
        seconds = measuring.medians(job.works, options.rounds, where)
        megabytes = {whose: measuring.peak_bytes(each, where) / 1e6 for whose, each in job.works.items()}
        print(
            f"  {', '.join(f'{whose} {seconds[whose]:.4f} s, {megabytes[whose]:.0f} MB' for whose in seconds)}",
            flush=True,
        )
        yield Row(work, label(kind), name, job.clips, job.apart, seconds, megabytes)


# ---- printing --------------------------------------------------------------------------------------------------------


def table(rows: list[Row], markdown: bool) -> str:
    """All rows, in columns."""
    ratio = "theirs/ours"
    cells = [["work", "method", "peer", "clips", "apart", "theirs s", "ours s", ratio, "theirs MB", "ours MB", ratio]]
    for row in rows:
        line = [row.work, row.method, row.peer, f"{row.clips}", f"{row.apart:.0e}"]
        for costs, form in ((row.seconds, "{:.4f}"), (row.megabytes, "{:.0f}")):
            theirs, ours = costs["theirs"], costs["ours"]
            line += [form.format(theirs), form.format(ours), f"{theirs / ours:.2f}"]
        cells.append(line)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    words = 3  # columns, which stand to the left; numbers stand to the right
    lines = [
        [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in cells
    ]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    rule = ["-" * width if i < words else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def peer(text: str) -> tuple[str, Path]:
    """NAME=DIR, as the command line has it."""
    name, _, folder = text.partition("=")
    if name not in PEERS:
        raise argparse.ArgumentTypeError(f"{text}: NAME=DIR, with a name of {', '.join(PEERS)}")
    if not folder or not Path(folder).expanduser().is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no such folder")
    return name, Path(folder).expanduser()


def some_of(known: list[str]) -> Callable[[str], list[str]]:
    """A list of some of these, with commas between, as the command line has it."""

    def chosen(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose of {', '.join(known)}")
        return names

    return chosen


def main() -> None:
    """Measure and print."""
    methods = [label(kind) for kinds in PEERS.values() for kind in kinds]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=peer, action="append", required=True, metavar="NAME=DIR")
    parser.add_argument("--size", type=int, default=256, help="height and width of a frame")
    parser.add_argument("--width", type=int, default=WIDTH, help=f"of the networks: theirs are {WIDTH} wide")
    parser.add_argument("--batch", type=int, default=1, help="clips that are scored at once")
    parser.add_argument("--training-batch", type=int, default=4)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--frames", type=Path, help="folders of frames, for disk")
    parser.add_argument("--length", type=int, default=20, help="frames of each of them, for disk")
    parser.add_argument("--only", type=some_of(list(JOBS)), default=list(JOBS), help=f"of {','.join(JOBS)}")
    parser.add_argument("--where", type=some_of(methods), default=methods, help=f"of {','.join(methods)}")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()
    if options.width != WIDTH:
        parser.error(f"--width {options.width}: all their networks are {WIDTH} wide, and cannot be built otherwise")
    torch.set_num_threads(options.threads)
    where = get_device(options.device)
    with cuda_is(where):
        rows = [
            row
            for name, folder in options.peer
            for kind in PEERS[name]
            if label(kind) in options.where
            for row in compared(name, Checkout(folder), kind, options, where)
        ]
    print(
        f"\n{machine(where)}, {where}, torch {torch.__version__}, "
        f"{options.size} x {options.size}, width {WIDTH}, median of {options.rounds}\n"
    )
    print(table(rows, options.markdown))


if __name__ == "__main__":
    main()
