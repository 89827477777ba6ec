"""Views of a stored cell's model, rebuilt as it was trained and adapted: what it makes of frames of its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.activations import activation_norms, has_unet
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Dataset, Frames, Size, Video
from crossvad.datasets.clips import at
from crossvad.datasets.errors import InputError, Mixed
from crossvad.datasets.readers.file_identity import parsing
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.wording import option
from crossvad.evaluation.selection import KEYS
from crossvad.execution.adaptation import adapted_once
from crossvad.execution.anomaly_maps import frame_size
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import build, fitted_folder
from crossvad.execution.support import adaptation_units
from crossvad.execution.training import load_fitted
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import Cell, digest_of
from crossvad.planning.names import did_you_mean, split_options
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Record, Store

DEVICE = torch.device("cpu")  # fast enough for a few clips
RERUN = "run it again with bench run"


class Attention(NamedTuple):
    """The attention of a prototype unit over some images, and the distance of their features to the prototypes."""

    maps: NDArray[np.float32]  # (n, M, h, w), >= 0: the weights of a map sum to 1 over its pixels
    distances: NDArray[np.float32]  # (n, h, w), >= 0: from a pixel's features to their nearest prototype


@dataclass(frozen=True)
class Sample:
    """Frames of a test video, with their labels and masks."""

    video: str
    size: Size  # height and width of the original frames
    numbers: list[int]  # of n frames
    frames: Frames  # (n, H, W, C), decoded as the method sees them
    labels: NDArray[np.uint8]  # (n,) 1 = abnormal
    masks: NDArray[np.bool_] | None  # (n, height, width) abnormal pixels; None where the data set has none


@dataclass(frozen=True)
class ModelView:
    """What a method makes of a sample. A part that a method does not have is None."""

    sample: Sample
    predicted: Frames | None  # (n, H, W, C), its prediction of each frame
    errors: NDArray[np.float32] | None  # (n, h, w), higher = more abnormal
    attention: Attention | None
    activations: dict[str, NDArray[np.float32]]  # of each level of its U-Net, such as "encoder 1/4": (n, h, w), >= 0


def only(records: Sequence[Record]) -> Record:
    """Take the one finished cell among these.

    Raises:
        InputError: there is none, or there are several; says what to add.
    """
    done = [record for record in records if record.status == "done"]
    if not done:
        raise InputError("this figure", "is of one finished cell, and there is none", "loosen " + option("where"))
    keys = [key for key in KEYS if key != "protocol"]
    cells = sorted(tuple(getattr(record.cell, key) for key in keys) for record in done)
    if len(done) > 1:
        varying = [index for index in range(len(keys)) if len({cell[index] for cell in cells}) > 1]
        conditions = [f"{keys[index]}={cells[0][index]}" for index in varying]
        raise Mixed("this figure", f"is of one cell, and there are {len(done)}", conditions)
    return done[0]


class ModelViewer:
    """A stored cell's method and target, to view frames of the one through the other."""

    def __init__(self, store: Store, record: Record, root: Path, plugins: Sequence[str] = ()) -> None:
        """Rebuild the method from the store, and open the target below the data root.

        `plugins` are those that may be run, FILE.py:CLASS each: no file is run because a cell names it.

        Raises:
            InputError: the method's model is not kept or of other code; the target is not there, or is another one; the
                cell is of a plug-in that is not given, or one that is given is not the cell's.
        """
        self.record, self.cell = record, record.cell
        names = filter(registry.runs_code, (self.cell.method, self.cell.tuning, self.cell.target))
        files = [split_options(name)[0] for name in names]
        for plugin in plugins:
            if Path(plugin).name not in files:
                fix = f"give {' and '.join(files)}" if files else "leave it out"
                raise InputError(option("plugin", plugin), "is no plug-in of the cell", fix)
        self.adapter, self.tuning = _fitted(store, record, plugins)
        self.budget = _budget(self.cell)
        self.target = _target(self.cell, root, plugins)
        self.decoder = Decoder(FrameCache(), self.budget)
        self.videos = {video.name: video for video in self.target.videos("test")}

    def sample(self, name: str | None = None, numbers: Sequence[int] = (), count: int = 4) -> Sample:
        """Take frames of a test video; without a name, of the first that has an abnormal frame to show.

        Without numbers, `count` frames spread evenly over those that protocol fair counts, half of them abnormal where
        there are such.

        Raises:
            InputError: there is no such video, or no clip of the method gives such a frame a score.
        """
        if name is not None and name not in self.videos:
            fix = f"{did_you_mean(name, self.videos)}choose from {', '.join(self.videos)}"
            raise InputError(option("video", name), "is no test video", fix)
        video = self.videos[name] if name is not None else self._first_abnormal()
        labels, scored = self.target.labels(video.name), self._scored(video)
        if missing := [number for number in numbers if number not in scored]:
            fix = f"choose from {scored.start} to {scored.stop - 1}"
            raise InputError(option("frames", missing[0]), f"has no score in video {video.name}", fix)
        chosen = list(numbers) or spread(labels, self._counted(video), count)
        footage, masks = self.decoder.frames(video), self.target.masks(video.name)
        return Sample(
            video.name,
            frame_size(video),
            chosen,
            np.concatenate([footage[number : number + 1] for number in chosen]),
            labels[chosen],
            None if masks is None else masks[chosen],
        )

    def view(self, sample: Sample) -> ModelView:
        """View these frames through the method, adapted to their scene if the cell has shots."""
        video = self.videos[sample.video]
        adapter, clip = self._adapted(video), self.adapter.clip
        starts = np.array(sample.numbers) - clip.scored
        clips = at(self.decoder.frames(video, adapter.extra_inputs), starts, clip, DEVICE)
        with torch.no_grad(), activation_norms(adapter) as norms:
            errors = adapter.maps(clips)
            if errors is None and has_unet(adapter):  # through which nothing went
                adapter.score_video([clips])
        return ModelView(
            sample,
            predicted(adapter, clips),
            None if errors is None else _array(errors),
            attention(adapter, clips),
            {name: _array(norm) for name, norm in norms.items()},
        )

    def _adapted(self, video: Video) -> Adapter:
        """The method as it scores a video: adapted, or as it was trained where the cell has no shots."""
        cell = self.cell
        if not cell.shots:
            return self.adapter
        unit = next(unit for unit in adaptation_units(self.target, cell.policy) if video in unit.videos)
        assert unit.support is not None  # a cell of shots has a support
        frames = self.decoder.frames(unit.support, self.adapter.extra_inputs)
        return adapted_once(self.adapter, frames, cell, self.tuning, self.budget, DEVICE)[0]

    def _first_abnormal(self) -> Video:
        """The first video with an abnormal frame that counts; else the first."""
        videos = list(self.videos.values())
        return next((v for v in videos if self.target.labels(v.name)[self._counted(v)].any()), videos[0])

    def _scored(self, video: Video) -> range:
        """The frames for which a clip gives a score."""
        clip = self.adapter.clip
        return range(clip.scored, len(video) - (clip.frames - 1 - clip.scored))

    def _counted(self, video: Video) -> range:
        """The scored frames that count; all of them in a video too short for any to count."""
        scored = self._scored(video)
        return range(max(scored.start, FAIR.first_frame(self.cell.shots)), scored.stop) or scored


def _budget(cell: Cell) -> Budget:
    """The budget of a cell, which keeps its name alone.

    Raises:
        InputError: it is none of those that have names, or another of the same name.
    """
    budget = BUDGETS.get(cell.budget)
    if budget is None or digest_of(asdict(budget)) != cell.budget_digest:
        known = f"one of {', '.join(BUDGETS)}, as it is now"
        raise InputError(f"budget {cell.budget}", f"is not {known}, so that no model of it can be built again", RERUN)
    return budget


def _fitted(store: Store, record: Record, plugins: Sequence[str]) -> tuple[Adapter, Tuning]:
    """Load the cell's method as it was trained and prepared, and the tuning it adapts by, its rate decided."""
    cell = record.cell
    method = registry.get_method(registry.as_given(cell.method, plugins))
    if method.version != cell.method_version:
        raise InputError(cell.method, "is of other code than when this cell was run", RERUN)
    adapter = build(method, _budget(cell), cell.seed, DEVICE)
    tuning = registry.get_tuning(registry.as_given(cell.tuning, plugins)).build()
    if adapter.needs_source:
        folder = fitted_folder(store, cell, tuning)
        store.take_in(folder.parent.name, [folder.name])
        if not folder.is_dir():
            raise InputError(str(cell), f"its model is not kept below {store.root}", RERUN)
        with parsing(folder, "holds a model that does not fit", RERUN):
            load_fitted(adapter, tuning, folder, DEVICE)
    if cell.shots and tuning.rate_is_open:
        tuning = tuning.with_rate(record.facts["search"]["chosen"])
    return adapter, tuning


def _target(cell: Cell, root: Path, plugins: Sequence[str]) -> Dataset:
    """Open the cell's target; own footage, of which a cell keeps the folder's name alone, may lie in the root too."""
    name = registry.as_given(cell.target, plugins)
    own_folder = root / name.removeprefix("path:")
    inside = name.startswith("path:") and own_folder.is_dir()
    target = registry.get_dataset(f"path:{own_folder}" if inside else name, root)
    if target.digest("test") != cell.target_digest.rpartition("+")[2]:
        raise InputError(cell.target, "holds other test video than when this cell was run", RERUN)
    return target


def spread(labels: NDArray[np.uint8], among: range, count: int) -> list[int]:
    """Choose at most `count` frames, ascending: half abnormal and half normal ones if there are, each evenly spread.

    Args:
        labels: of all frames of the video, (N,).
        among: the frames to choose from.
        count: frames to choose.
    """
    numbers = np.array(among)
    kinds = [numbers[labels[numbers] == kind] for kind in (1, 0)]
    wanted = [count - count // 2, count // 2]
    for one, other in ((0, 1), (1, 0)):
        if (lacking := wanted[one] - len(kinds[one])) > 0:
            wanted[one], wanted[other] = len(kinds[one]), min(wanted[other] + lacking, len(kinds[other]))
    chosen = [
        kind[((np.arange(many) + 0.5) / max(many, 1) * len(kind)).astype(int)]
        for many, kind in zip(wanted, kinds, strict=True)
    ]
    return sorted(np.concatenate(chosen).tolist())


@torch.no_grad()
def attention(adapter: Adapter, clips: Tensor) -> Attention | None:
    """Ask a method where its prototype unit looks in clips (n, T, C, H, W); None where it has none."""
    views = adapter.attention_maps(clips)
    return None if views is None else Attention(*map(_array, views))


@torch.no_grad()
def predicted(adapter: Adapter, clips: Tensor) -> Frames | None:
    """Ask a method for the frames it makes of clips (n, T, C, H, W): (n, H, W, C), uint8; None where it makes none."""
    frames = adapter.predicted_frames(clips)
    if frames is None:
        return None
    low, high = adapter.clip.low, adapter.clip.high
    shares = (frames.movedim(1, -1) - low) / (high - low)  # (n, H, W, C)
    pixels: Frames = (255 * shares).round().clamp(0, 255).byte().numpy()
    return pixels


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.float().numpy()
    return array
