"""Checks of a grid before anything is trained: files, labels, lengths, support sets.

All videos are decoded right after, so that a broken file stops a grid in its first minute and not in its last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import SPLITS, Dataset, Split, Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import UNSEEN, InputError
from crossvad.datasets.readers.extra_inputs import get_extractor
from crossvad.datasets.wording import noun, option
from crossvad.datasets.words import number_of
from crossvad.execution.decoding import training_videos
from crossvad.execution.progress import Reporter
from crossvad.execution.support import CLEAN_HEAD, Unsuitable, frames_spanned, support_videos
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import Protocol, SupportPolicy
from crossvad.planning.specs import MethodSpec

UNDERSTOOD = 12  # lines on a label file of a user's own; `bench datasets info` prints the others


class Refused(InputError):
    """A method cannot do what one of its cells asks of it: that cell is left out, with the reason, and others run."""


def build_method(method: MethodSpec, budget: Budget) -> Adapter:
    """Build a method as its cells will, and look its extra inputs up.

    Raises:
        Refused: it cannot be built at this budget, or asks for an extra input that is not to be had.
    """
    try:
        adapter = method.build(budget)
        for name in adapter.extra_inputs:
            get_extractor(name)
    except InputError as error:
        where = error.where if error.where == method.label else method.label + ", " + error.where
        raise Refused(where, error.problem, error.fix) from error
    return adapter


def check_files(grid: Grid, reporter: Reporter) -> None:
    """Report every warning of the datasets' own checks of the splits that the grid reads, and stop at their errors.

    Tells what was read out of the targets' label files, where they are a user's own.

    Raises:
        InputError: the first error, with the number of others.
    """
    splits: dict[str, set[Split]] = {dataset.name: set() for dataset in (*grid.sources, *grid.targets)}
    for source in grid.sources:
        splits[source.name].add("train")
    for target in grid.targets:
        shown = max(grid.shots) and grid.support == SupportPolicy.TRAIN_HEAD
        splits[target.name] |= {"test", "train"} if shown else {"test"}
    for dataset in {dataset.name: dataset for dataset in (*grid.sources, *grid.targets)}.values():
        problems = dataset.check([split for split in SPLITS if split in splits[dataset.name]])
        for problem in problems:
            if problem.severity == "warning":
                reporter.say(f"note: {problem.where}: {problem.problem}; {problem.fix}")
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            first, more = errors[0], len(errors) - 1
            others = f" ({more} more: bench datasets check {dataset.name}, with the same " + noun("data") + ")"
            raise InputError(first.where, first.problem, first.fix + others if more else first.fix)
        if "test" in splits[dataset.name]:
            _tell_understood(dataset, reporter)


def _tell_understood(target: Dataset, reporter: Reporter) -> None:
    with suppress(InputError):  # without labels it will be refused as a target
        lines = target.understood()
        for line in lines[:UNDERSTOOD]:
            reporter.say(f"labels of {target.name}: {line}")
        if more := len(lines[UNDERSTOOD:]):
            reporter.say(f"labels of {target.name}: {more} more lines, see bench datasets info {target.name}")


def check_names(cells: Iterable[Cell], targets: Iterable[Dataset]) -> None:
    """Refuse names that no line of a table could show: whoever reads a record of such refuses it.

    Raises:
        InputError: there is one.
    """
    keys = ("method", "source", "target", "tuning", "budget")
    names = {getattr(cell, key): key for cell in cells for key in keys}
    names |= {video.name: f"{target.name!r}, video" for target in targets for video in target.videos("test")}
    for name, what in names.items():
        if UNSEEN.search(name):
            raise InputError(f"{what} {name!r}", "has characters in its name that cannot be seen", "rename it")


def own_labels(target: Dataset) -> dict[str, NDArray[np.uint8]]:
    """The labels of a target's test videos where they are a user's own, who may mend them; else none."""
    with suppress(InputError):  # without labels it will be refused as a target
        if target.understood():
            return {video.name: target.labels(video.name) for video in target.videos("test")}
    return {}


def check_source(source: Dataset, clip: ClipSpec) -> None:
    """Refuse a source without training video, or with a training video shorter than a clip; of joined ones each.

    Raises:
        Unsuitable: there is no training video.
        Refused: a video is shorter than a clip.
    """
    for part in source.parts:
        videos = part.videos("train")
        if not videos:
            problem = "has no training video, so nothing can be trained on it"
            raise Unsuitable(part.name, problem, "choose another " + noun("source"))
        _check_lengths(part, videos, clip)


def check_apart(source: Dataset, target: Dataset) -> None:
    """Refuse to train a method on the videos that it is scored on.

    Raises:
        Unsuitable: a training video of the source is a test video of the target.
    """
    tested = {_found_at(video) for video in target.videos("test")}
    shared = [video for video in source.videos("train") if _found_at(video) in tested]
    if shared:
        raise Unsuitable(
            f"{source.name} → {target.name}",
            f"{len(shared)} training videos of the source, such as {shared[0].name}, are test videos of the target",
            "keep them apart: ucf[train=official] for ucf, folders train/ and test/ for footage of your own",
        )


def _found_at(video: Video) -> object:
    """Where a video lies, whatever link leads to it; of one that is not on a disk, its source."""
    path = getattr(video.source, "path", None)
    return path.resolve() if isinstance(path, Path) else video.source


def check_target(target: Dataset, clip: ClipSpec, shots: int, support: SupportPolicy) -> None:
    """Refuse a target without test video, or with a test video shorter than a clip or a support set longer than video.

    Raises:
        Unsuitable: there is no test video, or no training video though the support set is to come from it.
        Refused: a video is shorter than a clip, or a support video, or what is held to be clean, than the support set.
    """
    if len(target.parts) > 1:
        choices = ", ".join(part.name for part in target.parts)
        raise Unsuitable(target.name, "is joined to be trained on, and is no target", f"choose one of {choices}")
    videos = target.videos("test")
    if not videos:
        problem = "has no test video, so nothing can be scored on it"
        raise Unsuitable(target.name, problem, "choose another " + noun("target"))
    _check_lengths(target, videos, clip)
    if not shots:
        return
    needed = frames_spanned(clip, shots)
    if support == SupportPolicy.TEST_HEAD_CLEAN and needed > CLEAN_HEAD:
        problem = f"takes {number_of(needed, 'frame')}, and a clean head is one of {CLEAN_HEAD} normal frames"
        fewer = option("shots", max(0, CLEAN_HEAD - needed + shots))
        raise Refused(option("shots", shots), problem, "choose at most " + fewer + ", or another " + noun("support"))
    for video in support_videos(target, support):
        if len(video) < needed:
            raise Refused(
                option("shots", shots),
                f"takes {number_of(needed, 'frame')}, but {target.name}'s support video {video.name} has {len(video)}",
                "choose at most " + option("shots", max(0, len(video) - needed + shots)),
            )


def check_tuning(cell: Cell, method: Adapter, tuning: Tuning | None) -> None:
    """Refuse a method that lacks what its cell's tuning moves, or a source that it would be learned on.

    `tuning` is None where the cell has none.

    Raises:
        Refused: the method lacks it.
    """
    if tuning is None:
        return
    if method.extra_inputs and tuning.rate_is_open:
        what = f"has extra inputs, so that no {tuning.rate} can be chosen on frames as another camera would film them"
        raise Refused(cell.method, what, f"choose {cell.tuning}[{tuning.rate}=…]")
    if not method.needs_source and (tuning.learns or tuning.rate_is_open):
        what = "is fitted on no source, on which it would have to be learned how to adapt"
        raise Refused(cell.method + ", " + option("tuning", cell.tuning), what, "choose finetune[learning_rate=…]")
    if reason := tuning.unsupported_reason(method):
        fix: str = "choose another " + noun("tuning")
        if not method.adaptable_parameters():
            fix = "a method that adapts by its calibrate says tunable = False, one that does not adapt adapts = False"
        raise Refused(cell.method, f"{reason}, which tuning {cell.tuning} would move", fix)


def check_devices(method: MethodSpec, adapter: Adapter, budget: Budget, devices: int) -> None:
    """Refuse a method whose training several devices cannot share.

    Raises:
        Refused: it is not a mean over clips that steps go down, or its batch cannot be split evenly.
    """
    if not adapter.needs_source:
        return
    where, alone = method.label + ", " + option("devices", devices), "train it on one device"
    if not method.trains_by_steps or not adapter.splits_batches:
        raise Refused(where, "its training cannot be split: it is not by steps down a mean over clips", alone)
    if (batch := adapter.schedule(budget).batch) % devices:
        fix, choices = alone, [number for number in range(2, batch + 1) if batch % number == 0]
        if choices:
            others = "".join(f" or {number}" for number in choices[1:])
            fix = "choose " + option("devices", choices[0]) + others + ", or " + alone
        raise Refused(where, f"its batches of {number_of(batch, 'clip')} cannot be split evenly over {devices}", fix)


def check_protocol(protocol: Protocol, target: Dataset, clip: ClipSpec, shots: int) -> None:
    """Check a protocol's demands on a clip and a target: no support frame counts, some frame does, and has a label.

    Raises:
        Refused: a clip is too long.
        InputError: every test video is too short, or labels are missing or do not fit.
    """
    first = protocol.first_frame(shots)
    if protocol.common_mask and (excess := shots + clip.frames - 1 - first) > 0:
        raise Refused(
            option("protocol", protocol.name),
            f"counts frames from {first} on, which {number_of(shots, 'shot')} of {clip.frames} frames reach into",
            "choose " + option("protocol", f"fair@{protocol.max_shots + excess}"),
        )
    videos = target.videos("test")
    if all(len(video) <= first for video in videos):
        raise InputError(target.name, f"has no test frame after frame {first}", "use longer videos")
    for video in videos:
        target.labels(video.name)


def all_videos(grid: Grid) -> Iterator[Video]:
    """List every video that takes part in naming a grid's cells: sources' training video, all of the targets'."""
    for source in grid.sources:
        yield from source.videos("train")
    for target in grid.targets:
        for split in SPLITS:
            yield from target.videos(split)


def needed_videos(grid: Grid) -> Iterator[Video]:
    """List every video that a grid reads: what the budget takes of the sources, the targets' test and support video."""
    for source in grid.sources:
        yield from training_videos(source, grid.budget)
    for target in grid.targets:
        yield from target.videos("test")
        if max(grid.shots):
            with suppress(Unsuitable):  # the cells that need it have been left out
                yield from support_videos(target, grid.support)


def _check_lengths(dataset: Dataset, videos: list[Video], clip: ClipSpec) -> None:
    """Refuse a video that is shorter than a clip."""
    for video in videos:
        if len(video) < clip.frames:
            raise Refused(
                f"{dataset.name}, video {video.name}",
                f"has {number_of(len(video), 'frame')}, but one clip takes {clip.frames}",
                "remove it or leave out the method",
            )
