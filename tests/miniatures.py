"""Miniature archives: tiny video in the layouts, codecs and label formats of the published data sets.

Every frame shows its own number, so that a test can tell which frames it got.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import Manifest, VideoFacts, labels_to_spans

HEIGHT, WIDTH = 48, 64
BITS = 12  # of a frame's number
CELL = 16  # pixels of one bit; codecs keep blocks of this size apart

Labels = dict[str, list[int]]


def frame(number: int) -> NDArray[np.uint8]:
    """A picture (48, 64) that shows a number: 12 blocks, dark or bright."""
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    blocks = np.where(np.reshape(bits, (HEIGHT // CELL, WIDTH // CELL)), 220, 30)
    return np.kron(blocks, np.ones((CELL, CELL))).astype(np.uint8)


def frames(count: int, first: int = 0) -> NDArray[np.uint8]:
    """Numbered pictures (count, 48, 64)."""
    return np.stack([frame(first + index) for index in range(count)])


def numbers(pictures: NDArray[np.uint8]) -> list[int]:
    """The numbers that pictures (N, H, W, C) of any size show."""
    high, wide = pictures.shape[1] // (HEIGHT // CELL), pictures.shape[2] // (WIDTH // CELL)
    centres = pictures[:, high // 2 :: high, wide // 2 :: wide].mean(-1).reshape(len(pictures), -1) > 125
    return [int(sum(1 << bit for bit in np.flatnonzero(bright))) for bright in centres]


TURNED = {0: (1, 0, 0, 1), 1: (0, -1, 1, 0), 2: (-1, 0, 0, -1), 3: (0, 1, -1, 0)}  # quarters to the left, by a matrix


def turn_video(path: Path, quarters: int) -> Path:
    """Have an MP4 say how it stands upright, as a phone does that was held otherwise: its pixels stay as they are."""
    film = bytearray(path.read_bytes())
    matrix = film.index(b"tkhd") + 44  # of the track's head
    a, b, c, d = (number << 16 for number in TURNED[quarters])
    film[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(film)
    return path


def write_video(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    codec: str = "",
    times: Iterable[float] | None = None,
    **options: str,
) -> Path:
    """A video file: H.264 in .mp4, as UCF-Crime's, or MPEG-4 in .avi, as Avenue's and ShanghaiTech's.

    Its frames are 1/25 s apart, or shown at these times, in seconds.
    """
    pictures = list(pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = codec or {".mp4": "libx264", ".avi": "mpeg4"}[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = pictures[0].shape[:2]
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time in zip(pictures, itertools.repeat(None) if times is None else times, strict=False):
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            if time is not None:
                frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def repeat_video(source: Path, target: Path, times: int) -> Path:
    """A video over and over, without encoding it again: hours in seconds."""
    with av.open(str(source)) as given:
        span = max(packet.pts + (packet.duration or 1) for packet in given.demux(video=0) if packet.dts is not None)
    return _copied(source, target, [turn * span for turn in range(times)])


def cut_video(source: Path, target: Path, count: int) -> Path:
    """A video without its first `count` frames, cut without encoding it again: the file hides them."""
    with av.open(str(source)) as given:
        shown = sorted(packet.pts for packet in given.demux(video=0) if packet.dts is not None)
    return _copied(source, target, [-shown[count]], avoid_negative_ts="disabled")


def _copied(source: Path, target: Path, shifts: Iterable[int], **options: str) -> Path:
    """A video's packets, later by each of these shifts in turn."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=options) as container:
        packets = [packet for packet in given.demux(video=0) if packet.dts is not None]
        stream = container.add_stream_from_template(given.streams.video[0])
        for shift, packet in itertools.product(shifts, packets):
            copy = av.Packet(bytes(packet))
            copy.pts, copy.dts = packet.pts + shift, packet.dts + shift
            copy.duration, copy.time_base = packet.duration, packet.time_base
            copy.is_keyframe, copy.stream = packet.is_keyframe, stream
            container.mux(copy)
    return target


def write_images(folder: Path, pictures: Sequence[NDArray], suffix: str = "jpg", first: int = 0) -> Path:
    """A folder of numbered images."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{first + index:03d}.{suffix}")
    return folder


def damaged_tif(path: Path) -> Path:
    """A PackBits TIFF (30, 40) whose only strip gives fewer pixels than it should."""
    rows, columns = np.indices((30, 40))
    Image.fromarray(((rows + columns) % 3 + 1).astype(np.uint8)).save(path, compression="packbits")
    data = bytearray(path.read_bytes())
    data[8] = 3  # the first run, of 40 pixels, claims 4: those that follow are taken for the lengths of others
    path.write_bytes(data)
    return path


def mask_pictures(labels: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Pixel masks (48, 64): a patch where the label is 1."""
    masks = [np.zeros((HEIGHT, WIDTH), bool) for _ in labels]
    for mask, label in zip(masks, labels, strict=True):
        mask[8:20, 30:40] = bool(label)
    return masks


def write_volume(path: Path, labels: Sequence[int], version: str = "5") -> Path:
    """An Avenue label volume: `volLabel`, a 1 x N cell array of H x W masks, as MATLAB 5 or 7.3 writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    masks = [mask.astype(np.uint8) for mask in mask_pictures(labels)]
    if version == "5":
        cells = np.empty((1, len(masks)), object)
        cells[0] = [*masks]
        scipy.io.savemat(path, {"volLabel": cells})
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_dataset("volLabel", (len(masks), 1), dtype=h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        for index, mask in enumerate(masks):
            stored = file.create_dataset(f"#refs#/{index}", data=mask.T)  # MATLAB stores columns first
            stored.attrs["MATLAB_class"] = np.bytes_("uint8")
            cells[index, 0] = stored.ref
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def know(
    dataset: str, test: Labels, train: Iterable[str] = (), family: str = "frames", train_videos: int | None = None
) -> None:
    """Write a manifest where `manifest.LABELS` points, which a test has turned to a folder of its own."""
    known = {name: VideoFacts(len(labels), labels_to_spans(np.array(labels))) for name, labels in test.items()}
    training = dict.fromkeys(train, VideoFacts())
    manifest.LABELS.mkdir(parents=True, exist_ok=True)
    count = len(training) if train_videos is None else train_videos
    manifest.save(Manifest(dataset, family, "a test", "", count, training, known))


# ---------------------------------------------------------------------------------------------------- whole data sets

AVENUE: Labels = {"01": [0, 0, 1, 1, 0, 0], "03": [0, 1, 1, 0, 0, 0, 0], "11": [0, 0, 0, 0, 1]}
AVENUE_MASKS: Labels = {"01": [0, 1, 1, 1, 0, 0], "03": [1, 1, 1, 1, 1, 1, 1], "11": [0, 0, 0, 0, 1]}


def avenue(root: Path, layout: str = "official", volumes: str = "5") -> Path:
    """Three test clips and two training clips of Avenue; label volumes in the official layout."""
    home = root / ("Avenue Dataset" if layout == "official" else "avenue")
    clips = {"training": {"01": 8, "02": 9}, "testing": {name: len(labels) for name, labels in AVENUE.items()}}
    for split, lengths in clips.items():
        for number, (name, length) in enumerate(lengths.items()):
            pictures = frames(length, 100 * number)
            if layout == "official":
                write_video(home / f"{split}_videos" / f"{name}.avi", pictures)
            else:
                write_images(home / split / "frames" / name, pictures)
    if layout == "official":
        for name, labels in AVENUE_MASKS.items():
            write_volume(home / f"ground_truth_demo/testing_label_mask/{int(name)}_label.mat", labels, volumes)
    return home


def know_avenue() -> None:
    know("avenue", AVENUE, ["01", "02"])
    know("avenue", AVENUE_MASKS, ["01", "02"], "masks")


SHANGHAI: Labels = {"01_0014": [0, 0, 1, 1, 0, 0], "01_0015": [0, 1, 0, 0, 0], "06_0144": [0, 0, 0, 1]}


def shanghaitech(root: Path, layout: str = "official", masks: bool = True) -> Path:
    """Three test folders of two cameras, and four training videos of three."""
    home = root / "shanghaitech"
    for number, name in enumerate(("01_001", "01_002", "06_001", "13_001")):
        if layout == "official":
            write_video(home / "training/videos" / f"{name}.avi", frames(7, 100 * number))
        else:
            write_images(home / "training/frames" / name, frames(7, 100 * number))
    for number, (name, labels) in enumerate(SHANGHAI.items()):
        write_images(home / "testing/frames" / name, frames(len(labels), 1000 + 100 * number))
        if masks:
            for kind, array in (("frame", np.array(labels)), ("pixel", np.stack(mask_pictures(labels)))):
                path = home / f"testing/test_{kind}_mask/{name}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, array.astype(np.uint8))
    return home


UCF_TRAIN = ["Normal_Videos001_x264", "Normal_Videos002_x264", "Normal_Videos010_x264"]
UCF_TEST: dict[str, tuple[tuple[int, int], ...]] = {
    "Abuse028_x264": ((4, 9),),
    "Normal_Videos_003_x264": (),
    "Vandalism017_x264": ((2, 4), (6, 99)),
}
ANNOTATION = """\
Abuse028_x264.mp4  Abuse  5  9  -1  -1
Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1
Vandalism017_x264.mp4  Vandalism  3  4  7  99
"""
UCF_LAYOUTS = {
    "classes": ("UCF_Crimes/Videos/Training_Normal_Videos_Anomaly", "UCF_Crimes/Videos/Testing_Normal_Videos_Anomaly"),
    "parts": ("Training-Normal-Videos-Part-1", "Testing_Normal_Videos/Testing_Normal_Videos_Anomaly"),
}


def ucf(root: Path, layout: str = "classes", annotation: bool = False) -> Path:
    """Three training videos, and one normal and two abnormal test videos."""
    train, normal = UCF_LAYOUTS[layout]
    crimes = "UCF_Crimes/Videos/" if layout == "classes" else "Anomaly-Videos-Part-1/"
    for number, name in enumerate(UCF_TRAIN):
        write_video(root / train / f"{name}.mp4", frames(12 + number, 100 * number))
    for number, name in enumerate(UCF_TEST):
        folder = normal if name.startswith("Normal") else crimes + name[: -len("000_x264")]
        write_video(root / folder / f"{name}.mp4", frames(20, 1000 + 100 * number))
    if annotation:
        (root / "UCF_Crimes" / "Temporal_Anomaly_Annotation.txt").write_text(ANNOTATION)
    return root


def know_ucf() -> None:
    known = {name: VideoFacts(abnormal=spans) for name, spans in UCF_TEST.items()}
    training = dict.fromkeys(UCF_TRAIN, VideoFacts())
    manifest.LABELS.mkdir(parents=True, exist_ok=True)
    manifest.save(Manifest("ucf", "frames", "a test", "", len(training), training, known))
