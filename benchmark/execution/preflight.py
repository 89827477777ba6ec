"""Everything that can be found wrong before anything is trained: files, labels, lengths, supports. All videos are
decoded right after, so that a broken file stops a grid in its first minute and not in its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import SPLITS, Dataset, Scene, Split, Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.execution.decoding import training_videos
from crossvad.execution.progress import Reporter
from crossvad.execution.support import Unsuitable, support_videos
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import Protocol, SupportPolicy


def check_files(grid: Grid, reporter: Reporter) -> None:
    """Report every warning of the datasets' own checks of the splits that the grid reads, and stop at their errors.

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
            others = f" ({more} more: bench datasets check {dataset.name})" if more else ""
            raise InputError(first.where, first.problem, first.fix + others)


def check_source(source: Dataset, clip: ClipSpec) -> None:
    """A source must have training video of at least a clip each.

    Raises:
        Unsuitable: there is no training video.
        InputError: a video is shorter than a clip.
    """
    scenes = source.scenes("train")
    if not any(scene.videos for scene in scenes):
        raise Unsuitable(
            source.name, "has no training video, so nothing can be trained on it", "choose another --source"
        )
    _check_lengths(source, scenes, clip)


def check_apart(source: Dataset, target: Dataset) -> None:
    """Nothing may be trained on what it is then scored on.

    Raises:
        Unsuitable: a training video of the source is a test video of the target.
    """
    scored = {video.source for video in target.videos("test")}
    both = [video for video in source.videos("train") if video.source in scored]
    if both:
        raise Unsuitable(
            f"{source.name} -> {target.name}",
            f"{len(both)} training videos of the source, such as {both[0].name}, are test videos of the target",
            "keep them apart: ucf[train=official] for ucf, folders train/ and test/ for footage of your own",
        )


def check_target(target: Dataset, clip: ClipSpec, shots: int, support: SupportPolicy) -> None:
    """A target must have labelled test video of at least a clip each, and enough video to draw the support set from.

    Raises:
        Unsuitable: there is no test video, or no training video though the support set is to come from it.
        InputError: a video is shorter than a clip, or a support video than the support set.
    """
    scenes = target.scenes("test")
    if not any(scene.videos for scene in scenes):
        raise Unsuitable(target.name, "has no test video, so nothing can be scored on it", "choose another --target")
    _check_lengths(target, scenes, clip)
    if not shots:
        return
    needed = shots + clip.frames - 1
    for video in support_videos(target, support):
        if len(video) < needed:
            raise InputError(
                f"--shots {shots}",
                f"takes {needed} frames, but {target.name}'s support video {video.name} has {len(video)}",
                f"choose at most --shots {max(0, len(video) - needed + shots)}",
            )


def check_tuning(cell: Cell, method: Adapter, tuning: Tuning | None) -> None:
    """A method must have what its cell's tuning moves, and a source if that is to be learned on; None: no tuning.

    Raises:
        Unsuitable: it has not.
    """
    if tuning is not None and method.extra_inputs and tuning.rate_is_open:
        what = f"has extra inputs, so that no {tuning.rate} can be chosen on frames as another camera would film them"
        raise Unsuitable(cell.method, what, f"choose {cell.tuning}[{tuning.rate}=…]")
    if tuning is not None and not method.needs_source and (tuning.learns or tuning.rate_is_open):
        what = "is fitted on no source, on which it would have to be learned how to adapt"
        raise Unsuitable(f"{cell.method}, --tuning {cell.tuning}", what, "choose finetune[learning_rate=…]")
    if tuning is not None and (reason := tuning.unsupported_reason(method)):
        raise Unsuitable(cell.method, f"{reason}, which --tuning {cell.tuning} would move", "choose another --tuning")


def check_protocol(protocol: Protocol, target: Dataset, clip: ClipSpec, shots: int) -> None:
    """What a protocol asks of a clip and of a target: no support frame may count, some frame must, and be labelled.

    Raises:
        InputError: a clip is too long, every test video too short, or labels are missing or do not fit.
    """
    first = protocol.first_frame(shots)
    if protocol.common_mask and (excess := shots + clip.frames - 1 - first) > 0:
        raise InputError(
            f"--protocol {protocol.name}",
            f"counts frames from {first} on, which {shots} shots of {clip.frames} frames reach into",
            f"choose --protocol fair@{protocol.max_shots + excess}",
        )
    videos = target.videos("test")
    if all(len(video) <= first for video in videos):
        raise InputError(target.name, f"has no test frame after frame {first}", "use longer videos")
    for video in videos:
        target.labels(video.name)


def all_videos(grid: Grid) -> Iterator[Video]:
    """Every video that takes part in naming a grid's cells: sources' training video, all of the targets'."""
    for source in grid.sources:
        yield from source.videos("train")
    for target in grid.targets:
        yield from (video for split in SPLITS for video in target.videos(split))


def needed_videos(grid: Grid) -> Iterator[Video]:
    """Every video that a grid reads: what the budget takes of the sources, the targets' test and support video."""
    for source in grid.sources:
        yield from training_videos(source, grid.budget)
    for target in grid.targets:
        yield from target.videos("test")
        if max(grid.shots):
            with suppress(Unsuitable):  # the cells that need it have been left out
                yield from support_videos(target, grid.support)


def _check_lengths(dataset: Dataset, scenes: list[Scene], clip: ClipSpec) -> None:
    for scene in scenes:
        for video in scene.videos:
            if len(video) < clip.frames:
                raise InputError(
                    f"{dataset.name}, video {video.name}",
                    f"has {len(video)} frames, but one clip takes {clip.frames}",
                    "remove it or leave out the method",
                )
