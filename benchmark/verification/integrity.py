"""Whether what is stored fits together: records, scores, labels, masks, and the metrics that read them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.manifest import Manifest, spans_to_labels
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.datasets.words import number_of
from crossvad.evaluation import metrics
from crossvad.evaluation.cell_evaluation import counted_frames
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.selection import support_span
from crossvad.execution.support import CLEAN_HEAD
from crossvad.planning import registry
from crossvad.planning.archives import stored_target
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR, PAPER, SupportPolicy
from crossvad.store.records import read_record
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store

FAR = 5.0  # standard deviations from 50 % that an AUC under shuffled labels may lie: once in two million
RERUN = "run the cell again, and the tables that show it"


class Frames(NamedTuple):
    """The frames of a target, as a cell has them."""

    cell: Cell
    videos: list[str]
    lengths: NDArray[np.int64]  # (V,)
    labels: NDArray[np.uint8]  # (N,)
    scenes: list[int]  # number of each one's scene, (V,); none where the cell does not tell, as it adapted by video


def verify_store(store: Store, leave_out: Collection[str] = ()) -> tuple[list[Cell], list[Problem]]:
    """All that is checked of stored cells: each by itself, beside the others, and under the metrics.

    One after the other, as their scores would fill the memory together.

    Args:
        store: where they lie.
        leave_out: keys of cells that are not looked at.

    Returns:
        The cells that are done and sound, and every problem found.
    """
    cells, unstamped, problems = list[Cell](), list[str](), list[Problem]()
    of_masks, of_metrics = list[Problem](), list[Problem]()
    first, perfect = dict[tuple[str, str], Frames](), dict[str, str]()
    for found in read_cells(store, leave_out):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        record, scores = found
        cells.append(record.cell)
        unstamped += [] if record.stamp else [record.cell.key]
        of_masks += verify_mask(record, scores, first)
        of_metrics += verify_metrics(record, scores, perfect)
    problems += [*verify_stamps(unstamped), *of_masks, *of_metrics, *verify_code(cells)]
    return cells, [*problems, *find_leftovers(store)]


def read_cells(store: Store, leave_out: Collection[str] = ()) -> Iterator[Problem | tuple[Record, Scores]]:
    """Hold every stored cell, but those left out, against its name, its hash, its manifest and its own shapes.

    Yields:
        A cell that is done and sound with its scores; or what is wrong with another.
    """
    for place in store.cell_places():
        if place.name in leave_out:
            continue
        try:
            record = read_record(place)
            if record is None:
                raise InputError(place, "has no record.json", "remove it")
            if record.cell.key != place.name:
                fix = "restore it, or remove it and run the cell again"
                raise InputError(place, f"holds the record of another cell, {record.cell.key}: {record.cell}", fix)
            if record.status == "done":
                scores = store.scores(record.cell)
                check_scores(scores, record, place)
                counted_frames(ScoredCell.of(record, scores), PAPER)
                yield record, scores
        except InputError as error:
            where = error.where if place.name in error.where else f"cell {place.name}, {error.where}"
            yield Problem("error", where, error.problem, error.fix)
        except (KeyError, ValueError, OSError) as error:
            yield Problem("error", str(place), f"cannot be read ({error!r})", "run the cell again")


def verify_stamps(without: Sequence[str]) -> list[Problem]:
    """Whether records are hashed whole: of one that is not, only the scores can be told from changed ones."""
    if not without:
        return []
    problem = "written before records were hashed whole: whether speed, device and such were changed, nobody can tell"
    named = f"{len(without)} cells, {', '.join(without[:3])}{' …' if len(without) > 3 else ''}"
    return [Problem("error", named, problem, "stamp them as they are: python results/restamp.py FOLDER")]


def find_leftovers(store: Store) -> list[Problem]:
    """What killed runs left half-written."""
    problem, fix = "was left half-written by a run that was killed", "the next run removes it"
    return [Problem("warning", str(path.relative_to(store.root.parent)), problem, fix) for path in store.leftovers()]


def check_scores(scores: Scores, record: Record, place: Path) -> None:
    """Whether a cell's arrays fit one another, its record, and what is known of its target.

    Raises:
        InputError: they do not; says which.
    """
    cell, frames, count = record.cell, int(scores.lengths.sum()), len(scores.videos)
    shapes = {"lengths": count, "units": count, "labels": frames}
    wrong = [f"{name} has {len(getattr(scores, name))} for {n}" for name, n in shapes.items()
             if len(getattr(scores, name)) != n]  # fmt: skip
    wrong += [f"{video} is there more than once" for video, n in Counter(scores.videos).items() if n > 1][:1]
    wrong += [
        f"cue {cue!r} has {len(row)} frames of {frames}" for cue, row in scores.cues.items() if len(row) != frames
    ]
    normal = not cell.policy.shows_test_video
    normal = normal or (cell.policy == SupportPolicy.TEST_HEAD_CLEAN and support_span(record, scores) <= CLEAN_HEAD)
    if normal and scores.support_labels.any():
        wrong.append(f"a support frame is labelled abnormal, under support {cell.support}")
    if (cell.shots > 0) != bool(scores.support):
        wrong.append(f"{'no ' if cell.shots else ''}support scores at {cell.shots} shots")
    if wrong:
        raise InputError(place, "; ".join(wrong), RERUN)
    if published := stored_target(cell.target):
        _check_labels(scores, cell.target, *published, place)
        told = not cell.policy.per_video
        if told and numbered(scores.units.tolist()) != numbered(map(published[0].scene_of, scores.videos)):
            raise InputError(place, f"has other scenes than {cell.target}", RERUN)


def _check_labels(scores: Scores, target: str, cls: type[PublishedDataset], manifest: Manifest, place: Path) -> None:
    known = manifest.test
    repeated = [video for video, count in Counter(map(cls.entry, scores.videos)).items() if count > 1]
    if repeated:
        raise InputError(place, f"{repeated[0]} is there more than once", RERUN)
    for video, labels in zip(scores.videos, np.split(scores.labels, np.cumsum(scores.lengths)[:-1]), strict=True):
        facts = known.get(cls.entry(video))
        if facts is None:
            raise InputError(place, f"{video} is no test video of {target}", RERUN)
        if facts.frames not in (None, len(labels)):
            raise InputError(place, f"{video} has {len(labels)} frames, and {facts.frames} in the manifest", RERUN)
        differing = np.flatnonzero(labels != spans_to_labels(facts.abnormal, len(labels)))
        if len(differing):
            first = differing[0]
            raise InputError(place, f"labels of {video} differ from the manifest's, first at frame {first}", RERUN)


def numbered(scenes: Iterable[Hashable]) -> list[int]:
    """Number scenes as they come, (V,), so that two ways to call those of the same videos are the same.

    >>> numbered(["yard", "gate", "yard"])
    [0, 1, 0]
    """
    seen: dict[Hashable, int] = {}
    return [seen.setdefault(scene, len(seen)) for scene in scenes]


def verify_mask(record: Record, scores: Scores, first: dict[tuple[str, str], Frames]) -> list[Problem]:
    """Whether a cell has the frames, labels and scenes of the `first` one of its target, which it may be."""
    cell = record.cell
    digest = cell.target_digest.rpartition("+")[2]  # of the test split
    scenes = [] if cell.policy.per_video else numbered(scores.units.tolist())
    own = Frames(cell, scores.videos, scores.lengths, scores.labels, scenes)
    twin = first.setdefault((cell.target, digest), own)
    if not twin.scenes:
        first[cell.target, digest] = twin._replace(scenes=scenes)
    same = {
        "videos": twin.videos == scores.videos and np.array_equal(twin.lengths, scores.lengths),
        "labels": np.array_equal(twin.labels, scores.labels),
        "scenes": not twin.scenes or not scenes or twin.scenes == scenes,
    }
    if all(same.values()):
        return []
    differing = next(name for name in same if not same[name])
    what = f"has other {differing} than cell {twin.cell.key} of the same target {cell.target}"
    return [Problem("error", f"cell {cell.key}", what, RERUN)]


def verify_metrics(record: Record, scores: Scores, perfect: dict[str, str]) -> list[Problem]:
    """Whether a perfect detector gets 100 % on a cell's frames, and its own scores 50 % under shuffled labels.

    Args:
        record: of the cell.
        scores: its raw ones.
        perfect: what is wrong for a perfect detector, by the hash of labels and videos, which most cells of a target
            share; added to.
    """
    cell = record.cell
    counted = counted_frames(ScoredCell.of(record, scores), FAIR)
    if not 0 < counted.labels.sum() < len(counted.labels):
        return []
    frames = hashlib.sha256(counted.labels.tobytes() + counted.videos.tobytes()).hexdigest()
    if frames not in perfect:
        perfect[frames] = _perfect(counted)
    found = [problem for problem in (perfect[frames], _shuffled(counted)) if problem]
    return [Problem("error", f"cell {cell.key}, {cell}", problem, "mend the metrics") for problem in found]


def _perfect(counted: CountedFrames) -> str:
    labels, perfect = counted.labels, counted.labels.astype(float)
    got = {
        "AUC": metrics.micro_auc(labels, perfect),
        "average precision": metrics.average_precision(labels, perfect),
        "1 - EER": 1 - metrics.equal_error_rate(labels, perfect),
    }
    macro, videos = metrics.macro_auc(labels, perfect, counted.videos)
    got |= {"macro AUC": macro} if videos else {}
    return ", ".join(f"a perfect detector's {name} is {value}" for name, value in got.items() if value != 1)


def _shuffled(counted: CountedFrames) -> str:
    labels = np.random.default_rng(0).permutation(counted.labels)
    abnormal, normal = int(labels.sum()), int((labels == 0).sum())
    deviation = np.sqrt((abnormal + normal + 1) / (12 * abnormal * normal))  # Mann and Whitney's, ties only lower it
    auc = metrics.micro_auc(labels, counted.scores)
    far = abs(auc - 0.5) / deviation
    return f"under shuffled labels AUC is {100 * auc:.1f}, {far:.1f} deviations from 50" if far > FAR else ""


def verify_code(cells: Sequence[Cell]) -> list[Problem]:
    """Which cells were scored by another version of their method than the one installed."""
    versions: dict[str, str] = {}
    for label in dict.fromkeys(cell.method for cell in cells):
        if registry.runs_code(label):  # cells may be anybody's: nothing is run because they name it
            continue
        try:
            versions[label] = registry.get_method(label).version
        except InputError:  # of a package that is not installed
            continue
    other = [cell.method for cell in cells if versions.get(cell.method, cell.method_version) != cell.method_version]
    fix = "run them again for numbers of the present code"
    return [
        Problem("warning", method, f"{number_of(count, 'cell')} of another version than the present", fix)
        for method, count in Counter(other).items()
    ]
