"""`bench datasets`: what there is, where to get it, whether it is sound, and making it ready."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.new import FOLDER, NAME, write_plugin
from crossvad.commands.options import BUDGET, DATA, DATASET, JOBS, QUIET
from crossvad.commands.plugin_tables import show_passed_over, show_verdicts
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError, Problem, plain
from crossvad.datasets.words import number_of
from crossvad.planning import catalogue, plugins
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.data_root import data_root
from crossvad.planning.names import split_options

if TYPE_CHECKING:
    from crossvad.datasets.base import Dataset, Split
    from crossvad.datasets.published.published_dataset import PublishedDataset
    from crossvad.tabulation.dataset_facts import Labels


@click.group(cls=Group)
def datasets() -> None:
    """What there is to train on and to score: list, info, where, check, prepare, new."""


@datasets.command("list")
@DATA
def list_datasets(data: Path | None) -> None:
    """Every data set by name, and whether it is at hand."""
    from crossvad.datasets.base import SPLITS
    from crossvad.planning import registry
    from crossvad.present.tables import MISSING
    from crossvad.present.terminal import console, plain_table

    rows = []
    for name in catalogue.dataset_names():
        try:
            dataset = registry.get_dataset(name, data_root(data))
            counts = [_count(dataset, split) for split in SPLITS]
            rows.append([name, *counts, str(getattr(dataset, "directory", "needs no data"))])
        except InputError as error:
            why = f"see bench datasets where {name}" if name in catalogue.ARCHIVES else error.problem
            rows.append([name, MISSING, MISSING, f"no: {why}"])
        except Exception as error:  # whatever a data set of somebody's does
            if name in catalogue.OUR_DATASETS:
                raise
            rows.append([name, MISSING, MISSING, f"no: {type(error).__name__}: {error}"])
    console().print(plain_table(["data set", "train videos", "test videos", "at hand"], rows))
    tell("Your own footage: path:DIR")
    show_passed_over(plugins.DATASETS, catalogue.OUR_DATASETS)


@datasets.command()
@DATASET
@DATA
@QUIET
def info(name: str, data: Path | None, quiet: bool) -> None:
    """Scenes, videos and frames at hand; how much of the test frames is abnormal, and how soon.

    Facts of published labels are told whether the video is at hand or not.

    \b
    bench datasets info ped2 --data DIR
    bench datasets info 'avenue[subset=avenue17]'
    """
    from crossvad.datasets.base import SPLITS
    from crossvad.execution.decoding import count_frames, stop_at
    from crossvad.execution.progress import Reporter
    from crossvad.planning import registry
    from crossvad.present.terminal import console, plain_table
    from crossvad.tabulation.dataset_facts import SCENE_COLUMNS, own_labels, published_labels, scene_rows

    published = published_labels(name)
    try:
        dataset = registry.get_dataset(name, data_root(data))
    except InputError as error:
        if not published:
            raise
        tell(f"not at hand: {error}")
        _show_labels(name, published)
        return
    videos = [video for split in SPLITS for video in dataset.videos(split)]
    stop_at(count_frames(videos, Reporter(quiet=quiet)))
    console().print(plain_table(SCENE_COLUMNS, scene_rows(dataset), title=name))
    for attribute in ("directory", "layout"):
        if hasattr(dataset, attribute):
            tell(f"{attribute}: {getattr(dataset, attribute)}")
    _show_labels(name, [own_labels(dataset), *published])
    _show_understood(dataset)


@datasets.command()
@DATASET
@DATA
def where(name: str, data: Path | None) -> None:
    """How to get a data set: its name, its page, its terms, and what is expected where. Downloads nothing.

    Of your own footage, path:DIR, how it is to lie, and how its labels are written.
    """
    from crossvad.execution.preparation import downloaded_archives
    from crossvad.planning import registry

    if name.startswith("path:"):
        _explain_own_footage(name, data_root(data))
        return
    label, cls, options = registry.get_published(name)
    guide, root = cls.guide, data_root(data)
    try:
        state = f"at hand: {cls(root, options).directory}"
    except InputError:
        downloaded = downloaded_archives(cls, root)
        state = f"not below {root}, which --data or $CROSSVAD_DATA can change"
        if downloaded:
            state = f"not unpacked yet: {', '.join(map(str, downloaded))}; say bench datasets prepare {label}"
    lines = [
        *(guide.title, f"paper    {guide.paper}", f"page     {guide.page}", f"terms    {guide.terms}"),
        f"part     {_example_part(cls)}, or [videos=FILE.txt] with a name a line: some of the test videos, as a target",
        *(f"here     {state}", "", f"Expected below {root}:", "", *guide.tree.splitlines()),
    ]
    tell(*lines)


@datasets.command()
@DATASET
@DATA
@click.option("--fast", is_flag=True, help="Do not decode: what names, lengths and labels tell.")
@click.option("--all", "every", is_flag=True, help="List every name where a line has room for a few.")
@JOBS
@QUIET
def check(name: str, data: Path | None, fast: bool, every: bool, jobs: int | None, quiet: bool) -> None:
    """Every problem of a data set's files at once. Exit code 1 if one is an error.

    Tells what is missing, what is too much, what nothing uses, what cannot be decoded, what is of the wrong length,
    which labels differ from the published ones or are of the other family, and what to do. A data set of a file or
    package of yours is first put through the tests that every data set must pass, unless --fast is said.
    """
    from crossvad.datasets.base import SPLITS
    from crossvad.datasets.published.full_check import inspect
    from crossvad.execution.decoding import count_frames
    from crossvad.execution.progress import Reporter
    from crossvad.planning import registry
    from crossvad.present.terminal import show_problems
    from crossvad.verification.dataset_conformance import dataset_verdicts

    dataset, reporter = registry.get_dataset(name, data_root(data)), Reporter(quiet=quiet)
    names = {split_options(part)[0] for part in registry.joined_names(name)}
    if not fast and any(part not in catalogue.OUR_DATASETS and not part.startswith("path:") for part in names):
        show_verdicts(dataset_verdicts(dataset))
    count_frames((video for split in SPLITS for video in dataset.videos(split)), reporter)
    problems = dataset.check()
    if not fast:
        with reporter.task("Decode every frame") as update:
            problems += inspect(dataset, jobs=jobs, progress=update)
    show_problems(name, problems, str(getattr(dataset, "directory", "")))
    for problem in dict.fromkeys(problems) if every else ():
        if problem.names:
            about = problem.problem.rpartition(": ")[0] or problem.problem
            tell("", f"{about}:", *problem.names)
    _show_understood(dataset)
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


@datasets.command()
@DATASET
@DATA
@BUDGET
@JOBS
@QUIET
def prepare(name: str, data: Path | None, budget: str, jobs: int | None, quiet: bool) -> None:
    """Unpack what was downloaded, and decode all that a budget reads of a data set into the cache.

    Says first how much disk that takes. May be stopped at any time; the same command goes on from there.
    """
    from rich.filesize import decimal

    from crossvad.datasets.base import SPLITS
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.decoding import Decoder, count_frames, stop_at, training_videos
    from crossvad.execution.preparation import unpacked_dataset
    from crossvad.execution.progress import Reporter
    from crossvad.present.terminal import show_problems

    reporter = Reporter(quiet=quiet)
    dataset = unpacked_dataset(name, data_root(data), reporter)
    decoder = Decoder(FrameCache(), BUDGETS[budget])
    stop_at(count_frames((video for split in SPLITS for video in dataset.videos(split)), reporter))
    videos = [*training_videos(dataset, BUDGETS[budget]), *dataset.videos("test")]
    missing = decoder.missing(videos)
    needed, free = sum(map(decoder.bytes, missing)), decoder.cache.free()
    amount = f"{len(missing)} of {len(videos)} videos or excerpts to decode: {decimal(needed)} of {decimal(free)} free"
    reporter.say(f"{name} at budget {budget}: {amount} in {decoder.cache.root}")
    if needed > free:
        fix = "set CROSSVAD_CACHE to a folder with more room, or choose a smaller --budget"
        raise InputError(decoder.cache.root, f"has room for {decimal(free)} of {decimal(needed)}", fix)
    failed = decoder.fill(videos, reporter, jobs)
    if failed:
        problems = [Problem("error", error.where, error.problem, error.fix) for _, error in failed]
        show_problems(name, problems, str(getattr(dataset, "directory", "")))
        sys.exit(1)
    reporter.say(f"{name} is ready for budget {budget}.")


@datasets.command("new")
@NAME
@FOLDER
def new_dataset(name: str, folder: Path) -> None:
    """Write NAME.py, a data set that works and is yours to change, and its test. Overwrites nothing.

    Videos of one fixed camera need none: lay them in a folder, and say path:DIR.

    \b
    bench datasets new my_cameras
    bench datasets new my_cameras --folder my_project
    """
    tell(*write_plugin("dataset", "dataset", name, folder))


def _count(dataset: Dataset, split: Split) -> str:
    """Say how many videos of a split are at hand, and of how many if some are missing."""
    published = dataset.manifest.count(split) if hasattr(dataset, "manifest") else 0
    here = len(dataset.videos(split))
    return f"{here} of {published}" if here < published else str(here)


def _example_part(cls: type[PublishedDataset]) -> str:
    """Name two ranges of a data set's test videos, as --target takes them."""
    first, second, *_, last = cls.facts(cls.Options(), cls.family).test
    return f"{cls.name}[videos={first}-{second}+{last}]"


def _explain_own_footage(name: str, root: Path) -> None:
    from crossvad.datasets.base import SPLITS
    from crossvad.datasets.own_folder import GUIDE
    from crossvad.planning import registry

    own = None
    try:
        own = registry.get_dataset(name, root)
        train, test = (len(own.videos(split)) for split in SPLITS)
        counts = f"{number_of(train, 'training video')}, {number_of(test, 'test video')}"
        here = f"{getattr(own, 'directory', '')}: {counts}"
    except InputError as error:
        here = f"not there: {error}"
    tell(*GUIDE.format(here=plain(f"here     {here}")).splitlines())
    if own is not None:
        tell("")
        _show_understood(own)


def _show_understood(dataset: Dataset) -> None:
    """Print what was read out of a label file of the user's own, if it can be read."""
    with suppress(InputError):
        for line in dataset.understood():
            tell(line)


def _show_labels(name: str, known: Sequence[Labels]) -> None:
    from crossvad.present.terminal import console, plain_table
    from crossvad.tabulation.dataset_facts import LABEL_COLUMNS, label_row

    for labels in known:
        if isinstance(labels.facts, str):
            tell(f"labels, {labels.whose}: {labels.facts}")
    title = f"{name}: abnormal frames, and videos that are abnormal"
    console().print(plain_table(LABEL_COLUMNS, map(label_row, known), title=title))
