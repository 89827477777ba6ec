"""The test videos of the report: how long each is, where it is abnormal, and a sheet of its frames."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossvad.datasets.base import Frames
from crossvad.execution.progress import Reporter
from crossvad.present.figures.tracks import spans
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Record, Store

STILLS, ACROSS, QUALITY = 36, 6, 55  # pictures of a video at most; in a row of its sheet; of the JPEG


def target_videos(store: Store, records: Sequence[Record], stills: Thumbnails, reporter: Reporter) -> dict[str, Any]:
    """Describe the test videos of each target, in the order of its cells' scores: length, abnormal spans, pictures."""
    first = {record.cell.target: record for record in reversed(records)}
    videos: dict[str, Any] = {}
    with reporter.task("Pictures of test videos") as update:
        for number, (target, record) in enumerate(first.items()):
            update(number, len(first), target)
            scores = store.scores(record.cell)
            labels = np.split(scores.labels, np.cumsum(scores.lengths)[:-1])
            videos[target] = [
                {"name": video, "length": len(own), "spans": spans(np.arange(len(own)), own)}
                | {"stills": _sheet(stills, target, video, len(own))}
                for video, own in zip(scores.videos, labels, strict=True)
            ]
    return videos


def _sheet(stills: Thumbnails, target: str, video: str, length: int) -> dict[str, Any] | None:
    """Set evenly spread frames of a video side by side in one picture; None where they are not at hand."""
    step = math.ceil(length / STILLS)
    frames = stills.frames(target, video, range(0, length, step))
    if not frames:
        return None
    high, wide = frames[0].shape[:2]
    return {"step": step, "width": wide, "height": high, "across": ACROSS, "count": len(frames), "src": _jpeg(frames)}


def _jpeg(frames: list[Frames]) -> str:
    """Write frames (h, w, 3) as a sheet, `ACROSS` in a row, at a data: address."""
    high, wide, _ = frames[0].shape
    sheet: NDArray[np.uint8] = np.zeros((math.ceil(len(frames) / ACROSS) * high, ACROSS * wide, 3), np.uint8)
    for number, frame in enumerate(frames):
        down, right = divmod(number, ACROSS)
        sheet[down * high :][:high, right * wide :][:, :wide] = frame
    written = io.BytesIO()
    Image.fromarray(sheet).save(written, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode()
