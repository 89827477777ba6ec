"""From frames on disk to an AUC: MNAD's way, which is its test script's, and ours, which is that of `bench run`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from peer_methods import Mnad
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader
from torchvision.transforms import Compose, ToTensor

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.cell_evaluation import evaluate
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.execution.decoding import Decoder
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import CellRun, Fitted, score_cells
from crossvad.planning.protocol import PAPER
from crossvad.planning.registry import get_method
from crossvad.planning.request import unadapted

VIDEOS = 2
ALPHA = 0.6  # of the frame's cue, as their script has it


def as_jpeg(frames: Path, length: int, home: Path) -> Path:
    """Copy the first frames of the first videos below a folder to JPEG, numbered from 0 as MNAD's loader has them.

    Returns:
        A folder with test/<video>/<frame>.jpg, and labels.csv that calls the later half of each video abnormal.

    Raises:
        SystemExit: there are too few.
    """
    videos = [folder for folder in sorted(frames.iterdir()) if folder.is_dir() and len(images(folder)) >= length]
    if len(videos) < VIDEOS:
        raise SystemExit(f"{frames}: has no {VIDEOS} folders of {length} frames")
    lines = ["video,start,end"]
    for video in videos[:VIDEOS]:
        made = home / "test" / video.name
        made.mkdir(parents=True)
        for number, path in enumerate(images(video)[:length]):
            Image.open(path).convert("RGB").save(made / f"{number:03d}.jpg", quality=95)
        lines.append(f"{video.name},{length // 2},{length}")
    (home / "labels.csv").write_text("\n".join(lines))
    return home


def images(folder: Path) -> list[Path]:
    """The frames of a folder, in order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".png", ".tif", ".bmp"))


@torch.no_grad()
def theirs(method: Mnad, home: Path, size: int, where: torch.device) -> float:
    """AUC as `Evaluate.py` comes to it, without the gate of its memory."""
    utils = method.code.module("model.utils")
    clips = utils.DataLoader(str(home / "test"), Compose([ToTensor()]), size, size, time_step=4)
    scores: dict[str, list[list[float]]] = {}
    for path, image in zip(clips.samples, DataLoader(clips, batch_size=1, num_workers=1), strict=True):
        seen = method.see(image.to(where))
        # PSNR and distance, which their script puts into one number as below.
        scores.setdefault(Path(path).parent.name, []).append(
            [-seen.scores["prediction"].item(), seen.scores["feature"].item()]
        )
    fused, labels = [], []
    for found in scores.values():
        psnr, distance = np.array(found).T
        fused.append(ALPHA * stretched(psnr) + (1 - ALPHA) * (1 - stretched(distance)))
        length = len(psnr) + 4
        labels.append(np.arange(4, length) >= length // 2)
    return float(roc_auc_score(1 - np.concatenate(labels), np.concatenate(fused)))


def stretched(values: np.ndarray) -> np.ndarray:
    """To [0, 1]."""
    return (values - values.min()) / (values.max() - values.min())


def ours(adapter: Adapter, home: Path, budget: Budget, where: torch.device) -> float:
    """AUC as a cell comes to it, by the rules of protocol paper."""
    target, name = OwnFolder(home), "lmn"
    grid = unadapted([name], target, target, budget, [0])
    (cell,) = grid.cells()
    fitted = Fitted("", adapter, NoTuning(), {}, {})
    with tempfile.TemporaryDirectory() as cache:
        decoder = Decoder(FrameCache(Path(cache)), budget)
        decoder.fill(target.videos("test"), Reporter(quiet=True))
        task = CellRun(cell, fitted.tuning)
        scored = score_cells([task], fitted, target, decoder, where, lambda done, of, note: None)[0]
    weights, published = adapter.fusion, get_method(name).cls.published_evaluation
    return evaluate(ScoredCell(scored.scores, weights=weights, published=published), PAPER)["auc"] / 100
