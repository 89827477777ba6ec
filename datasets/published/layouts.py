"""Where a copy of a published data set lies on disk, in whichever of its layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.manifest import Manifest
from crossvad.datasets.readers.frame_folder import find_videos
from crossvad.datasets.readers.label_files import read_npy


class Layout(NamedTuple):
    """Where a copy keeps the videos of each split."""

    train: str
    test: str


class Copy(NamedTuple):
    """One copy of a data set on disk."""

    directory: Path
    layout: str
    videos: dict[Split, tuple[Video, ...]]
    unused: tuple[Problem, ...] = ()  # folders of other copies


def best_copy(
    name: str,
    root: Path,
    homes: Sequence[Path],
    layouts: Mapping[str, Layout],
    asked_for: Callable[[Video], bool] = lambda video: True,
) -> Copy:
    """Choose among copies: the one with the most test videos, then the most training videos, then by order of layouts.

    Copies differ by their compression, so they are never mixed. Test videos that are not `asked_for` are left out.

    Raises:
        InputError: there is no copy; names every folder looked in.
    """
    folders = {home / folder for home in homes for layout in layouts.values() for folder in layout}
    found = {folder: listed(folder) for folder in folders}
    copies = [
        Copy(home, layout, {"train": found[home / train], "test": tuple(filter(asked_for, found[home / test]))})
        for layout, (train, test) in layouts.items()
        for home in homes
    ]
    best = max(copies, key=lambda copy: (len(copy.videos["test"]), len(copy.videos["train"])))
    if not any(found.values()):
        raise absent(name, root, homes)
    used = {(best.directory / folder).resolve() for folder in layouts[best.layout]}
    others = {folder.resolve(): folder for folder, videos in sorted(found.items()) if videos}
    unused = [
        Problem(
            "warning",
            str(folder),
            f"has {len(found[folder])} videos of another copy, which nothing uses",
            f"leave it, or remove the copy that is not wanted: {best.directory} is read, and copies are never mixed",
        )
        for place, folder in others.items()
        if place not in used
    ]
    return best._replace(unused=tuple(unused))


def listed(directory: Path) -> tuple[Video, ...]:
    """List the videos in a folder, if it is there; what ends in `_gt` holds masks, not frames."""
    videos = find_videos(directory) if directory.is_dir() else ()
    return tuple(video for video in videos if not video.name.endswith("_gt"))


def joined_labels(
    file: str, homes: Iterable[Path], manifest: Manifest, entry: str, frames: int
) -> NDArray[np.uint8] | None:
    """Cut a video's labels (N,) out of a file that holds those of all test videos in a row; None without the file.

    Raises:
        InputError: the file is damaged, or it or the video is of another length than the manifest says.
    """
    path = next((home / file for home in homes if (home / file).is_file()), None)
    if path is None or entry not in manifest.test:
        return None
    labels = read_npy(path).ravel()
    lengths = [facts.frames or 0 for facts in manifest.test.values()]
    if len(labels) != sum(lengths):
        problem = f"has {len(labels)} labels for the {sum(lengths)} frames of all test videos"
        raise InputError(path, problem, "restore the file, or remove it: the package knows the labels")
    start = sum(lengths[: list(manifest.test).index(entry)])
    if (expected := manifest.test[entry].frames) != frames:
        raise InputError(path, f"has {expected} labels for {frames} frames of {entry}", "fetch the video again")
    return (labels[start : start + frames] != 0).astype(np.uint8)


def candidates(root: Path, *names: str) -> list[Path]:
    """List the folders an archive may lie in: below the data root by one of these names, or the root if so named."""
    below = [root / name for name in names]
    own = {Path(name).parts[-1].casefold() for name in names}
    return [*below, root] if root.resolve().name.casefold() in own else below


def absent(name: str, root: Path, homes: Iterable[Path]) -> InputError:
    """The error to raise where none of these folders holds the archive."""
    folders = ", ".join(map(str, homes))
    return InputError(root, f"holds no {name} video (looked in {folders})", f"see: bench datasets where {name}")
