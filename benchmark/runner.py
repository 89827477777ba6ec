"""One cell after the other: fit (cached) -> support set -> adapt -> score -> store. No number is computed here."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossvad import preflight
from crossvad.adapters.base import Adapter
from crossvad.adapters.tuning import Tuning
from crossvad.datasets.base import Dataset, Frames, InputError, Video
from crossvad.datasets.clips import ClipSource, consecutive, head
from crossvad.datasets.frames import FrameCache
from crossvad.plan import Cell, Grid
from crossvad.progress import Reporter, Update
from crossvad.registry import Method, TuningChoice
from crossvad.store import Cues, Record, Scores, Store

SCORING_BATCH = 32  # clips; scores must not depend on it
HELDOUT_CLIPS = 64
CURVE_POINTS = 100


@dataclass
class Fitted:
    """A trained method, ready to adapt, and what was learned about it."""

    key: str
    adapter: Adapter
    tuning: Tuning
    heldout: Cues
    facts: dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """What is adapted as one: the videos it scores, and the head of video that is its support set, if any."""

    videos: list[Video]
    support: Video | None


class Runner:
    """Runs grids against one store."""

    def __init__(self, store: Store, cache: FrameCache, device: torch.device, reporter: Reporter) -> None:
        self.store, self.cache, self.device, self.reporter = store, cache, device, reporter
        self._held: Fitted | None = None  # the last fit: consecutive cells mostly share it

    def run(self, grid: Grid, leave_out: bool = False) -> list[Record]:
        """Run every cell of a grid that is not done yet, and return the records of all.

        A cell that fails is recorded with its traceback and does not stop the others. With `leave_out`, cells whose
        source or target cannot play its part are recorded as skipped, with the reason; else that is an error.

        Raises:
            InputError: an input is missing, broken or unsuitable. Nothing has been trained or scored by then.
        """
        self.grid = grid
        self.methods = {method.label: method for method in grid.methods}
        self.tunings = {tuning.label: tuning for tuning in grid.tunings}
        self.sources = {source.name: source for source in grid.sources}
        self.targets = {target.name: target for target in grid.targets}
        cells = grid.cells()
        found = {cell: self.store.record(cell) for cell in cells}
        todo = [cell for cell, record in found.items() if record is None or record.status != "done"]
        self.reporter.say(f"{len(cells)} cells: {len(cells) - len(todo)} in the store, {len(todo)} to run")
        if todo:
            reasons = self._preflight(todo, leave_out)
            for number, cell in enumerate(todo, 1):
                self.reporter.say(f"[{number}/{len(todo)}] {cell}")
                found[cell] = self._skip(cell, reasons[cell]) if cell in reasons else self._cell(cell)
        return [record for record in found.values() if record is not None]

    # ---- before anything is trained ----------------------------------------------------------------------------------

    def _preflight(self, cells: list[Cell], leave_out: bool) -> dict[Cell, str]:
        """Check the inputs of these cells and decode them. Returns the cells to leave out, with the reason."""
        preflight.check_files([*self.grid.sources, *self.grid.targets], self.reporter)
        clips = {label: method.build(self.grid.budget).clip for label, method in self.methods.items()}
        verdicts: dict[tuple[Any, ...], str] = {}
        reasons: dict[Cell, str] = {}
        for cell in cells:
            question = (cell.source, cell.target, cell.method, cell.shots, cell.support)
            if question not in verdicts:
                try:
                    verdicts[question] = ""
                    if self.methods[cell.method].cls.trainable:
                        preflight.check_source(self.sources[cell.source], [clips[cell.method]])
                    preflight.check_target(self.targets[cell.target], [clips[cell.method]], cell.shots, cell.support)
                except preflight.Unsuitable as unsuitable:
                    if not leave_out:
                        raise
                    verdicts[question] = str(unsuitable)
            if verdicts[question]:
                reasons[cell] = verdicts[question]
        preflight.decode(self.grid, self.cache, self.reporter)
        return reasons

    # ---- one cell ----------------------------------------------------------------------------------------------------

    def _skip(self, cell: Cell, reason: str) -> Record:
        self.reporter.say(f"  skipped: {reason}")
        return self.store.write(Record(cell, "skipped", reason))

    def _cell(self, cell: Cell) -> Record:
        try:
            fitted = self._fitted(cell)
            scores, facts = self._score(cell, fitted)
            facts = {**fitted.facts, **facts, "fusion": fitted.adapter.fusion, "device": str(self.device)}
            facts |= {"torch": torch.__version__, "numpy": np.__version__}
            return self.store.write(Record(cell, "done", facts=facts), scores)
        except KeyboardInterrupt:
            self.store.write(Record(cell, "interrupted", "stopped by the user"))
            raise
        except InputError:
            raise  # the input changed under our hands: the user can mend it
        except Exception as error:  # a method's own fault, whatever it is, must not take the grid down
            self.reporter.say(f"  failed: {type(error).__name__}: {error}")
            return self.store.write(Record(cell, "failed", traceback.format_exc()))

    def _fitted(self, cell: Cell) -> Fitted:
        """The cell's method, trained on its source and prepared by its tuning: from memory, from the store, or now."""
        tuning_choice = self.tunings[cell.tuning] if cell.tuning in self.tunings else None
        key = cell.prepared_key
        if self._held is None or self._held.key != key:
            method = self.methods[cell.method]
            tuning = tuning_choice.build() if tuning_choice else None
            self._held = None  # let go of the old one before the new one is built
            self._held = self._fit(cell, method, tuning_choice, tuning, key)
        return self._held

    def _fit(
        self, cell: Cell, method: Method, choice: TuningChoice | None, tuning: Tuning | None, key: str
    ) -> Fitted:
        from crossvad.adapters.tuning import NoTuning

        torch.manual_seed(cell.seed)
        adapter = method.build(self.grid.budget).to(self.device)
        adapter.eval()
        facts: dict[str, Any] = {"parameters": adapter.parameter_count()}
        if not method.cls.trainable:
            return Fitted(key, adapter, NoTuning(), {}, facts)
        source = self._source(cell, adapter)
        facts |= self._stage("fits", cell.fit_key, adapter, None, source, f"Train {method.label} on {cell.source}")
        if choice and tuning and choice.cls.learns:
            title = f"Prepare {method.label} for {choice.label}"
            prepared = self._stage("prepared", key, adapter, tuning, source, title)
            facts["prepare_seconds"] = prepared["train_seconds"]
        kind, place_key = ("prepared", key) if choice and choice.cls.learns else ("fits", cell.fit_key)
        with np.load(self.store.place(kind, place_key) / "heldout.npz") as file:
            heldout = {cue: file[cue] for cue in file.files}
        return Fitted(key, adapter, tuning or NoTuning(), heldout, facts)

    def _stage(
        self, kind: str, key: str, adapter: Adapter, tuning: Tuning | None, source: ClipSource, title: str
    ) -> dict[str, Any]:
        """Train (or, given a tuning, let it prepare) the adapter in place; from the store if that was done before."""
        place = self.store.place(kind, key)
        if not (place / "fit.json").is_file():
            curve: list[tuple[int, float]] = []
            with self.reporter.task(title) as update, self.store.writing(kind, key) as draft:
                started = self._now()
                log = _Log(update, curve)
                if tuning is None:
                    adapter.fit(source, self.grid.budget, log)
                else:
                    save_file(tuning.prepare(adapter, source, self.grid.budget.episodes, log), draft / "tuning.safetensors")
                facts = {"train_seconds": self._now() - started, "curve": curve}
                adapter.eval()
                save_file({k: v.contiguous() for k, v in adapter.state_dict().items()}, draft / "model.safetensors")
                np.savez(draft / "heldout.npz", **_numpy(_scored(adapter, source.heldout(HELDOUT_CLIPS, SCORING_BATCH))))
                (draft / "fit.json").write_text(json.dumps(facts))
        adapter.load_state_dict(load_file(place / "model.safetensors", device=str(self.device)))
        if tuning is not None:
            tuning.restore(load_file(place / "tuning.safetensors", device=str(self.device)))
        stored: dict[str, Any] = json.loads((place / "fit.json").read_text())
        return stored

    def _source(self, cell: Cell, adapter: Adapter) -> ClipSource:
        videos = [video for scene in self.sources[cell.source].scenes("train") for video in scene.videos]
        return ClipSource([self._frames(video) for video in videos], adapter.clip, self.device, cell.seed)

    def _score(self, cell: Cell, fitted: Fitted) -> tuple[Scores, dict[str, Any]]:
        """Adapt to each unit of the target and score its videos."""
        target, clip = self.targets[cell.target], fitted.adapter.clip
        units = _units(target, cell.support)
        count = sum(len(unit.videos) for unit in units)
        names, lengths, owners, parts, support_parts = [], [], [], [], []
        adapt_seconds = score_seconds = 0.0
        with self.reporter.task("  adapt and score") as update:
            for number, unit in enumerate(units):
                adapted, started = fitted.adapter, self._now()
                if unit.support is not None:
                    torch.manual_seed(cell.seed)
                    support = head(self._frames(unit.support), clip, cell.shots, self.device)
                    adapted = fitted.adapter.adapt(support, cell.steps, fitted.tuning)
                    support_parts.append((number, _numpy(adapted.score(support))))
                adapt_seconds += self._now() - started
                for video in unit.videos:
                    started = self._now()
                    frames = self._frames(video)
                    cues = _numpy(adapted.score_video(consecutive(frames, clip, SCORING_BATCH, self.device)))
                    score_seconds += self._now() - started
                    parts.append({cue: _placed(values, clip.scored, len(frames)) for cue, values in cues.items()})
                    names.append(video.name)
                    lengths.append(len(frames))
                    owners.append(number)
                    update(len(names), count, "")
        scores = Scores(
            videos=names,
            lengths=np.array(lengths),
            units=np.array(owners),
            # Only now, with every score made, are labels looked at, to be stored beside them.
            labels=np.concatenate([target.labels(name) for name in names]).astype(np.uint8),
            cues=_joined(parts),
            support=_joined([values for _, values in support_parts]),
            support_units=np.repeat(
                [number for number, _ in support_parts], [cell.shots] * len(support_parts)
            ).astype(np.int64),
            support_labels=_support_labels(target, cell, names, cell.shots + clip.frames - 1),
            heldout=fitted.heldout,
        )
        facts = {"adapt_seconds": adapt_seconds / len(units), "score_seconds": score_seconds}
        return scores, {**facts, "fps": sum(lengths) / score_seconds, "clip_frames": clip.frames}

    def _frames(self, video: Video) -> Frames:
        return self.cache.open(video, preflight.size_of(self.grid.budget), self.grid.budget.channels)

    def _now(self) -> float:
        """Seconds, with the device idle: what was asked of it before has been done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


class _Log:
    """Passes a training loop's log on to the progress bar, and keeps a thinned curve of its first value."""

    def __init__(self, update: Update, curve: list[tuple[int, float]]) -> None:
        self.update, self.curve = update, curve

    def __call__(self, step: int, of: int, values: dict[str, float]) -> None:
        name, value = next(iter(values.items()))
        if not np.isfinite(value):
            raise ValueError(f"{name} is {value} at step {step} of {of}: training diverged")
        if step % max(1, of // CURVE_POINTS) == 0:
            self.curve.append((step, value))
        self.update(step, of, f"{name} {value:.4g}")


def _units(target: Dataset, support: str) -> list[Unit]:
    scenes = target.scenes("test")
    if support == "none":
        return [Unit(list(scene.videos), None) for scene in scenes]
    heads = preflight.support_videos(target, support)
    if support == "test-head":
        return [Unit([video], video) for video in heads]
    return [Unit(list(scene.videos), video) for scene, video in zip(scenes, heads, strict=True)]


def _support_labels(target: Dataset, cell: Cell, names: list[str], frames: int) -> Any:
    """The labels of the frames that support sets span; training video is normal by construction."""
    if cell.support != "test-head":
        return np.zeros(frames if cell.shots else 0, np.uint8)
    return np.concatenate([target.labels(name)[:frames] for name in names]).astype(np.uint8)


def _scored(adapter: Adapter, batches: Iterator[Tensor]) -> dict[str, Tensor]:
    parts = [adapter.score(batch) for batch in batches]
    return {cue: torch.cat([part[cue] for part in parts]) for cue in parts[0]}


def _numpy(cues: dict[str, Tensor]) -> Cues:
    """Cues as float64 arrays.

    Raises:
        ValueError: a score is not finite; such a cell fails rather than being stored.
    """
    arrays = {cue: values.detach().double().cpu().numpy() for cue, values in cues.items()}
    for cue, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"cue {cue!r} has {int((~np.isfinite(values)).sum())} scores that are not finite")
    return arrays


def _placed(values: np.ndarray, scored: int, length: int) -> np.ndarray:
    """Scores of a video's clips put at the frames they are for; NaN at frames without one: (length,)."""
    placed = np.full(length, np.nan)
    placed[scored : scored + len(values)] = values
    return placed


def _joined(parts: list[Cues]) -> Cues:
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]} if parts else {}


def device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; anything else as torch writes it.

    Raises:
        InputError: no such device here.
    """
    try:
        chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}", "is not to be had here", "choose auto, cpu or cuda") from error
    return chosen
