"""Whether what is stored fits together: records, scores, labels, masks, and the metrics that read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.manifest import Manifest, spans_to_labels
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.evaluation import metrics
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.selection import published_evaluation, support_span
from crossvad.evaluation.tidy import counted_frames
from crossvad.execution.support import CLEAN_HEAD
from crossvad.planning import registry
from crossvad.planning.archives import stored_target
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR, PAPER, SupportPolicy
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store, read_record

FAR = 5.0  # standard deviations from 50 % that an AUC under shuffled labels may lie: once in two million
Sound = list[tuple[Record, Scores]]  # cells that are done and sound
RERUN = "run the cell again, and the tables that show it"


def verify_store(store: Store, leave_out: Collection[str] = ()) -> tuple[Sound, list[Problem]]:
    """All that is checked of stored cells: each by itself, beside the others, and under the metrics.

    Args:
        store: where they lie.
        leave_out: keys of cells that are not looked at.

    Returns:
        The cells that are done and sound with their scores, and every problem found.
    """
    sound, problems = verify_cells(store, leave_out)
    problems += [*verify_stamps(sound), *verify_masks(sound), *verify_metrics(sound), *verify_code(sound)]
    return sound, [*problems, *find_leftovers(store)]


def verify_cells(store: Store, leave_out: Collection[str] = ()) -> tuple[Sound, list[Problem]]:
    """Hold every stored cell, but those left out, against its name, its hash, its manifest and its own shapes.

    Returns:
        The cells that are done and sound with their scores, and what is wrong with the others.
    """
    sound: Sound = []
    problems: list[Problem] = []
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
                seen, published = support_span(record, scores), published_evaluation(record)
                counted_frames(scores, PAPER, record.cell.shots, record.fusion, seen, published)
                sound.append((record, scores))
        except InputError as error:
            problems.append(Problem("error", error.where, error.problem, error.fix))
        except (KeyError, ValueError, OSError) as error:
            problems.append(Problem("error", str(place), f"cannot be read ({error!r})", "run the cell again"))
    return sound, problems


def verify_stamps(sound: Sound) -> list[Problem]:
    """Whether records are hashed whole: of one that is not, only the scores can be told from changed ones."""
    without = [record.cell.key for record, _ in sound if not record.stamp]
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
    wrong += [
        f"cue {cue!r} has {len(row)} frames of {frames}" for cue, row in scores.cues.items() if len(row) != frames
    ]
    if not set(np.unique(scores.labels)) <= {0, 1}:
        wrong.append("a label is neither 0 nor 1")
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


def _check_labels(scores: Scores, target: str, cls: type[PublishedDataset], manifest: Manifest, place: Path) -> None:
    known = manifest.test
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


def verify_masks(sound: Sound) -> list[Problem]:
    """Whether all cells of one target count the same frames under the same labels."""
    problems, first = [], dict[tuple[str, str], tuple[Cell, Scores]]()
    for record, scores in sound:
        cell = record.cell
        digest = cell.target_digest.rpartition("+")[2]  # of the test split
        other, twin = first.setdefault((cell.target, digest), (cell, scores))
        same = twin.videos == scores.videos and np.array_equal(twin.lengths, scores.lengths)
        if not same or not np.array_equal(twin.labels, scores.labels):
            what = f"has other {'labels' if same else 'videos'} than cell {other.key} of the same target {cell.target}"
            problems.append(Problem("error", f"cell {cell.key}", what, RERUN))
    return problems


def verify_metrics(sound: Sound) -> list[Problem]:
    """Whether a perfect detector gets 100 % on every cell's frames, and its own scores 50 % under shuffled labels."""
    problems = []
    # By labels and videos, which most cells of a target share: what is wrong for a perfect detector.
    perfect: dict[tuple[bytes, bytes], str] = {}
    for record, scores in sound:
        cell = record.cell
        counted = counted_frames(scores, FAIR, cell.shots, record.fusion, support_span(record, scores))
        if 0 < counted.labels.sum() < len(counted.labels):
            frames = counted.labels.tobytes(), counted.videos.tobytes()
            if frames not in perfect:
                perfect[frames] = _perfect(counted)
            for problem in (perfect[frames], _shuffled(counted)):
                if problem:
                    problems.append(Problem("error", f"cell {cell.key}, {cell}", problem, "mend the metrics"))
    return problems


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


def verify_code(sound: Sound) -> list[Problem]:
    """Which cells were scored by another version of their method than the one installed."""
    versions: dict[str, str] = {}
    cells = [record.cell for record, _ in sound]
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
        Problem("warning", method, f"{count} cells are of another version than the present", fix)
        for method, count in Counter(other).items()
    ]
