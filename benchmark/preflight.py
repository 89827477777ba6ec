"""Everything that can be found wrong before anything is trained: files, labels, lengths, supports. All videos are
decoded right after, so that a broken file stops a grid in its first minute and not in its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from crossvad.adapters.base import Adapter
from crossvad.adapters.tuning import Tuning
from crossvad.datasets.base import SPLITS, Dataset, InputError, Scene, Split, Video
from crossvad.datasets.clips import ClipSpec
from crossvad.decoding import training_videos
from crossvad.plan import Cell, Grid
from crossvad.progress import Reporter
from crossvad.protocol import FAIR, Protocol

CLEAN_HEAD = FAIR.max_shots + FAIR.max_clip - 1  # frames that must be normal: all that any support set may span


class Unsuitable(InputError):
    """A dataset is sound, but cannot play the part it was given: a matrix leaves such cells out, with the reason."""


def check_files(grid: Grid, reporter: Reporter) -> None:
    """Report every warning of the datasets' own checks of the splits that the grid reads, and stop at their errors.

    Raises:
        InputError: the first error, with the number of others.
    """
    splits: dict[str, set[Split]] = {dataset.name: set() for dataset in (*grid.sources, *grid.targets)}
    for source in grid.sources:
        splits[source.name].add("train")
    for target in grid.targets:
        splits[target.name] |= {"test", "train"} if max(grid.shots) and grid.support == "train-head" else {"test"}
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
    scored = {video.source for scene in target.scenes("test") for video in scene.videos}
    both = [video for scene in source.scenes("train") for video in scene.videos if video.source in scored]
    if both:
        raise Unsuitable(
            f"{source.name} -> {target.name}",
            f"{len(both)} training videos of the source, such as {both[0].name}, are test videos of the target",
            "keep them apart: ucf[train=official] for ucf, folders train/ and test/ for footage of your own",
        )


def check_target(target: Dataset, clip: ClipSpec, shots: int, support: str) -> None:
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
    """A method must have what its cell's tuning moves; `tuning` is None where the cell has none.

    Raises:
        Unsuitable: it has not.
    """
    if tuning is not None and (refusal := tuning.refusal(method)):
        raise Unsuitable(cell.method, f"{refusal}, which --tuning {cell.tuning} would move", "choose another --tuning")


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
    videos = [video for scene in target.scenes("test") for video in scene.videos]
    if all(len(video) <= first for video in videos):
        raise InputError(target.name, f"has no test frame after frame {first}", "use longer videos")
    for video in videos:
        target.labels(video.name)


def support_videos(target: Dataset, support: str) -> list[Video]:
    """The videos whose heads are support sets, one for each that is adapted as one: see `protocol.Support`.

    Raises:
        Unsuitable: a test scene has no training video, or no test video with a clean head.
    """
    scenes = target.scenes("test")
    if support == "test-head":
        return [video for scene in scenes for video in scene.videos]
    if support == "scene-head":
        return [scene.videos[0] for scene in scenes]
    if support == "test-head-clean":
        return [video for scene in scenes for video in _clean(target, scene)]
    training = {scene.name: scene.videos for scene in target.scenes("train")}
    for scene in scenes:
        if not training.get(scene.name):
            raise Unsuitable(
                f"{target.name}, scene {scene.name}",
                "has no training video to draw a support set from",
                "say --support test-head to adapt on the head of each test video, or scene-head for the first of each "
                "scene, either of which may be abnormal, or --shots 0",
            )
    return [training[scene.name][0] for scene in scenes]


def _clean(target: Dataset, scene: Scene) -> list[Video]:
    """For each test video of a scene itself, if its head is normal, else the scene's first whose head is."""
    clean = [video for video in scene.videos if not target.labels(video.name)[:CLEAN_HEAD].any()]
    if not clean:
        raise Unsuitable(
            f"{target.name}, scene {scene.name}",
            f"has no test video whose first {CLEAN_HEAD} frames are normal",
            "choose another --support",
        )
    return [video if video in clean else clean[0] for video in scene.videos]


def all_videos(grid: Grid) -> Iterator[Video]:
    """Every video that takes part in naming a grid's cells: sources' training video, all of the targets'."""
    for source in grid.sources:
        yield from (video for scene in source.scenes("train") for video in scene.videos)
    for target in grid.targets:
        yield from (video for split in SPLITS for scene in target.scenes(split) for video in scene.videos)


def needed_videos(grid: Grid) -> Iterator[Video]:
    """Every video that a grid reads: what the budget takes of the sources, the targets' test and support video."""
    for source in grid.sources:
        yield from training_videos(source, grid.budget)
    for target in grid.targets:
        yield from (video for scene in target.scenes("test") for video in scene.videos)
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
