"""What methods ask for beside frames, by name: computed once per video and read from beside its frames ever after.

    difference   of a frame and the one before, (N, C, H, W) in [-1, 1]
    flow         optical flow from the frame before, (N, 2, H, W) in pixels: right, down (DIS, Kroeger et al. 2016)

A plug-in adds its own, such as features of a frozen network, by `register(Extractor("features:mine", 1, function))`.
What needs the frames at their own size, such as a detector of small objects, is registered with `native=True`: its
function is given blocks of them, uint8 (n, H, W, 3), whatever the budget. Detections differ in number from frame to
frame, so that they come as so many rows a frame, the empty ones NaN.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Footage, Frames
from crossvad.datasets.clips import FootageWithExtras
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.datasets.readers.file_identity import parsing
from crossvad.datasets.readers.frame_cache import CachedFrames, whole

Values = NDArray[np.float32]
BLOCK = 64  # frames at a time


@dataclass(frozen=True)
class Extractor:
    """Makes values of every frame of a video. It is a pure function: the same frames give the same values."""

    name: str
    version: int  # raise it when the same frames would give other values
    extract: Callable[[Any], Values]  # frames (N, H, W, C), uint8, or blocks of them if native -> (N, …)
    library: str = ""  # that it imports, if that is not always installed
    native: bool = False  # it looks at the video's own frames, in colour and at their own size

    @property
    def file_suffix(self) -> str:
        """End of the file's name that holds its values of a video; another version writes another file."""
        return f".{self.name.replace(':', '-')}-{self.version}.npy"


EXTRACTORS: dict[str, Extractor] = {}


def register(extractor: Extractor) -> None:
    """Let methods ask for an extractor's values by its name; one of the same name is replaced."""
    EXTRACTORS[extractor.name] = extractor


def extractor_version(name: str) -> int:
    """Which version an extra input is of, whether its library is installed or not; 0 if there is none of that name."""
    return EXTRACTORS[name].version if name in EXTRACTORS else 0


def get_extractor(name: str) -> Extractor:
    """The extractor of that name.

    Raises:
        InputError: there is none, or its library is not installed.
    """
    if name not in EXTRACTORS:
        raise InputError(f"extra input {name}", "is not known", f"choose from {', '.join(EXTRACTORS)}, or register it")
    extractor = EXTRACTORS[name]
    if extractor.library and not importlib.util.find_spec(extractor.library):
        package = {"cv2": "opencv-python"}.get(extractor.library, extractor.library)
        problem = f"needs {extractor.library}, which is not installed"
        raise InputError(f"extra input {name}", problem, f"pip install {package}")
    return extractor


class CachedValues:
    """An extractor's values of a video on disk, of which only those asked for are read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, span: slice) -> Values:
        """Values of consecutive frames, (n, …): an array of the caller's own.

        Raises:
            InputError: the file is damaged.
        """
        with parsing(self.path, "is damaged", "delete it and it will be made again"):
            return np.array(np.load(self.path, mmap_mode="r", allow_pickle=False)[span])


def with_extras(frames: Footage, names: Iterable[str], native: Callable[[], Iterable[Frames]] | None = None) -> Footage:
    """A video's frames with extra inputs, made now unless they lie beside the cached frames; without names, as it is.

    Args:
        frames: decoded.
        names: of the extra inputs.
        native: gives blocks of the video's own frames, (n, H, W, 3); None: those decoded are its own.

    Raises:
        InputError: no such extra input, its library is not installed, or the cache cannot be written.
    """
    extractors = [get_extractor(name) for name in names]
    if not extractors:
        return frames
    native = native or (lambda: [_in_colour(frames[0 : len(frames)])])
    return FootageWithExtras(frames, {extractor.name: _values(frames, extractor, native) for extractor in extractors})


def _values(frames: Footage, extractor: Extractor, native: Callable[[], Iterable[Frames]]) -> Values | CachedValues:
    if not isinstance(frames, CachedFrames):
        return _extracted(frames, extractor, native)
    path = frames.path.with_name(frames.path.stem + extractor.file_suffix)
    if not path.is_file():
        values = _extracted(frames, extractor, native)
        try:
            with whole(path) as file:  # or not there: processes may make the same file at once, or be killed
                np.save(file, values, allow_pickle=False)
        except OSError as error:
            fix = "set CROSSVAD_CACHE to a folder that can be written and has room"
            raise CannotKeep(path.parent, f"the cache cannot be written ({error.strerror or error})", fix) from error
    return CachedValues(path)


def _extracted(frames: Footage, extractor: Extractor, native: Callable[[], Iterable[Frames]]) -> Values:
    values = extractor.extract(native() if extractor.native else frames)
    if len(values) != len(frames):
        problem = f"gave values of {len(values)} of {len(frames)} frames"
        raise InputError(f"extra input {extractor.name}", problem, "mend its extractor: one row a frame")
    return np.asarray(values, np.float32)


def _in_colour(frames: Frames) -> Frames:
    """Frames (n, H, W, 3) of gray ones or of such."""
    return np.broadcast_to(frames, (*frames.shape[:3], 3))


def difference(frames: Footage) -> Values:
    """Each frame less the one before, (N, C, H, W) in [-1, 1]; zeros at the first."""
    height, width, channels = frames[0:1].shape[1:]
    values = np.zeros((len(frames), channels, height, width), np.float32)
    for start in range(1, len(frames), BLOCK):  # of a long video, the values themselves take enough room
        pixels = frames[start - 1 : start + BLOCK].astype(np.float32) / 255
        values[start : start + BLOCK] = np.moveaxis(np.diff(pixels, axis=0), -1, 1)
    return values


def flow(frames: Footage) -> Values:
    """Optical flow from the frame before to each, (N, 2, H, W): pixels to the right and down; zeros at the first."""
    import cv2

    grays = [frame[..., 0] if frame.shape[-1] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
             for frame in frames[0 : len(frames)]]  # fmt: skip
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]
    flows = np.zeros((len(grays), 2, *grays[0].shape), np.float32)
    for number in range(1, len(grays)):
        flows[number] = np.moveaxis(estimator.calc(grays[number - 1], grays[number], None), -1, 0)
    return flows


register(Extractor("difference", 1, difference))
register(Extractor("flow", 1, flow, library="cv2"))
