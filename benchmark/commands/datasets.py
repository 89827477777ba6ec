"""`bench datasets`: what there is, where to get it, whether it is sound, and making it ready."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.filesize import decimal

from crossvad.commands.options import BUDGET, DATA, DATASET, JOBS, QUIET, root
from crossvad.datasets.base import SPLITS, Dataset
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published import manifest
from crossvad.datasets.published.full_check import inspect
from crossvad.datasets.published.manifest import LabelFacts, label_facts
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.datasets.published.unpack import members_size, unpack
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.decoding import Decoder, count_frames, stop_at, training_videos
from crossvad.execution.progress import Reporter
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.present.tables import MISSING
from crossvad.present.terminal import console, plain_table, show_problems

SCENES_SHOWN = 20  # more are told in one line


@click.group()
def datasets() -> None:
    """What there is to train on and to score: list, info, where, check, prepare."""


@datasets.command("list")
@DATA
def list_datasets(data: Path | None) -> None:
    """Every data set by name, and whether it is at hand."""
    rows = []
    for name in catalogue.dataset_names():
        try:
            found = registry.get_dataset(name, root(data))
            counts = [str(sum(len(scene.videos) for scene in found.scenes(split))) for split in SPLITS]
            rows.append([name, *counts, str(getattr(found, "directory", "needs no data"))])
        except InputError as error:
            why = f"see bench datasets where {name}" if name in catalogue.ARCHIVES else error.problem
            rows.append([name, MISSING, MISSING, f"no: {why}"])
    console().print(plain_table(["data set", "train videos", "test videos", "at hand"], rows))
    console().print("Your own footage: path:DIR", highlight=False)


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
    published = _published_facts(name)
    try:
        found = registry.get_dataset(name, root(data))
    except InputError as error:
        if not published:
            raise
        console().print(f"not at hand: {error}", highlight=False, markup=False, soft_wrap=True)
        _show_labels(name, published)
        return
    videos = [video for split in SPLITS for video in found.videos(split)]
    stop_at(count_frames(videos, Reporter(quiet=quiet)))
    console().print(plain_table(["split", "scene", "videos", "frames"], _scene_rows(found), title=name))
    for attribute in ("directory", "layout"):
        if hasattr(found, attribute):
            console().print(f"{attribute}: {getattr(found, attribute)}", highlight=False, markup=False)
    _show_labels(name, [("this copy", *_own_facts(found)), *published])


@datasets.command()
@DATASET
@DATA
def where(name: str, data: Path | None) -> None:
    """How to get a data set: its name, its page, its terms, and what is expected where. Downloads nothing."""
    label, cls, options = registry.get_published(name)
    guide, place = cls.guide, root(data)
    try:
        state = f"at hand: {cls(place, options).directory}"
    except InputError:
        downloaded = _downloaded(cls, place)
        state = f"not below {place}, which --data or $CROSSVAD_DATA can change"
        if downloaded:
            state = f"not unpacked yet: {', '.join(map(str, downloaded))}; say bench datasets prepare {label}"
    lines = [
        *(guide.title, f"paper    {guide.paper}", f"page     {guide.page}", f"terms    {guide.terms}"),
        *(f"here     {state}", "", f"Expected below {place}:", "", guide.tree),
    ]
    click.echo("\n".join(lines))


@datasets.command()
@DATASET
@DATA
@click.option("--fast", is_flag=True, help="Do not decode: what names, lengths and labels tell.")
@JOBS
@QUIET
def check(name: str, data: Path | None, fast: bool, jobs: int | None, quiet: bool) -> None:
    """Every problem of a data set's files at once. Exit code 1 if one is an error.

    Tells what is missing, what is too much, what cannot be decoded, what is of the wrong length, which labels differ
    from the published ones or are of the other family, and what to do.
    """
    found, reporter = registry.get_dataset(name, root(data)), Reporter(quiet=quiet)
    count_frames((video for split in SPLITS for video in found.videos(split)), reporter)
    problems = found.check()
    if not fast:
        with reporter.task("Decode every frame") as update:
            problems += inspect(found, jobs=jobs, progress=update)
    show_problems(name, problems, str(getattr(found, "directory", "")))
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
    reporter, place = Reporter(quiet=quiet), root(data)
    found = _unpacked(name, place, reporter)
    decoder = Decoder(FrameCache(), BUDGETS[budget])
    stop_at(count_frames((v for split in SPLITS for v in found.videos(split)), reporter))
    videos = [*training_videos(found, BUDGETS[budget]), *(v for s in found.scenes("test") for v in s.videos)]
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
        show_problems(name, problems, str(getattr(found, "directory", "")))
        sys.exit(1)
    reporter.say(f"{name} is ready for budget {budget}.")


# ---- what they show --------------------------------------------------------------------------------------------------


def _scene_rows(found: Dataset) -> Iterable[list[str]]:
    for split in SPLITS:
        scenes = found.scenes(split)
        videos = [video for scene in scenes for video in scene.videos]
        if len(scenes) <= SCENES_SHOWN:
            for scene in scenes:
                yield [split, scene.name, str(len(scene.videos)), str(sum(map(len, scene.videos)))]
        if len(scenes) != 1:
            yield [split, f"{len(scenes)} scenes" if scenes else "none", str(len(videos)), str(sum(map(len, videos)))]


Facts = tuple[str, int, LabelFacts | str]  # whose labels, how many test videos, what they are like or why not known
UNKNOWN = "shares depend on the videos' lengths, which are not published"


def _published_facts(name: str) -> list[Facts]:
    """What is known of the labels of a published data set, per family; nothing for other data sets."""
    if name.partition("[")[0] not in catalogue.ARCHIVES:
        return []
    _, cls, options = registry.get_published(name)
    found: list[Facts] = []
    for family in manifest.families(cls.name):
        known = cls.facts(options, family)
        labels = known.all_labels()
        found.append((f"published, {family}", len(known.test), label_facts(labels) if labels else UNKNOWN))
    return found


def _own_facts(found: Dataset) -> tuple[int, LabelFacts | str]:
    names = [video.name for video in found.videos("test")]
    try:
        return len(names), label_facts([found.labels(name) for name in names]) if names else "no test video"
    except InputError as error:
        return len(names), error.problem


def _show_labels(name: str, facts: Sequence[Facts]) -> None:
    heads = ["labels", "test videos", "frames", "abnormal", "share", "throughout", "from frame 1"]
    heads += ["in first 5", "in first 14"]
    rows = []
    for whose, videos, known in facts:
        if isinstance(known, str):
            console().print(f"labels, {whose}: {known}", highlight=False, markup=False)
            rows.append([whose, str(videos), *[MISSING] * 7])
            continue
        counts = [videos, known.frames, known.abnormal, f"{100 * known.prevalence:.1f} %", known.all_abnormal]
        rows.append([whose, *map(str, counts), *map(str, known.starts_abnormal.values())])
    console().print(plain_table(heads, rows, title=f"{name}: abnormal frames, and videos that are abnormal"))


# ---- what was downloaded ---------------------------------------------------------------------------------------------


def _downloaded(cls: type[PublishedDataset], place: Path) -> list[Path]:
    """The data set's archive files in the data root or in its own folder there."""
    homes = dict.fromkeys([place, place / cls.guide.home])
    return [path for home in homes for pattern in cls.guide.archives for path in sorted(home.glob(pattern))]


def _unpacked(name: str, place: Path, reporter: Reporter) -> Dataset:
    """The data set; its archive files are unpacked if only they are there, or if that was begun and not finished."""
    if name.partition("[")[0] not in catalogue.ARCHIVES:
        return registry.get_dataset(name, place)
    _, cls, _ = registry.get_published(name)
    home, archives = place / cls.guide.home, _downloaded(cls, place)
    begun = home / ".unpacking"
    if not (begun.exists() and archives):
        try:
            return registry.get_dataset(name, place)
        except InputError:
            if not archives:
                raise
    total = sum(map(members_size, archives))
    reporter.say(f"{len(archives)} archives to unpack in {home}: {decimal(total)}")
    try:
        home.mkdir(parents=True, exist_ok=True)
        begun.touch()
    except OSError as error:
        raise InputError(home, f"cannot be written ({error.strerror})", "unpack it elsewhere and say --data") from error
    for archive in archives:
        with reporter.task(f"Unpack {archive.name}") as update:
            unpack(archive, home, update)
    begun.unlink()
    return registry.get_dataset(name, place)
