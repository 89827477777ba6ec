"""Three data sets rendered from a seed: `synthetic-street`, six cameras; `synthetic-plaza`, one unlike any of them; and
`synthetic-cameras`, ten that nobody chose.

People walk through each scene in its one direction of traffic. In the test videos something else does too: a `rider`, a
`cart`, a `runner`, or somebody going the `wrong-way`. Labels, masks and tracks are read off the same simulation, to the
pixel. A video depends on its own seed only: any of them can be rendered alone, in any order, to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossvad.datasets.base import Dataset, Frames, Scene, Size, Split, Track, Video, between
from crossvad.datasets.errors import InputError
from crossvad.datasets.synthetic.actors import Actor
from crossvad.datasets.synthetic.cameras import AVENUE, BRIDGE, CAMPUS, MARKET, PARK, PLAZA, STATION, Place
from crossvad.datasets.synthetic.drawing import HEIGHT, SUB, WIDTH, Figure, Limb, Pixels, Sprite, paint, sprite, wave
from crossvad.datasets.synthetic.drawn import drawn
from crossvad.datasets.synthetic.schedules import LENGTH
from crossvad.datasets.synthetic.traffic import Schedule, generator, simulate

RENDERER = 1  # raise it whenever a rendered byte changes: stored results depend on it
BLOCK = 32  # frames per block


@lru_cache(maxsize=8)
def stage(place: Place, seed: int) -> tuple[Pixels, Pixels, tuple[Sprite, ...]]:
    """Draw what never moves at a place: its ground in the light and in the shade, and the things that stand on it."""
    draw, camera = generator(place.name, seed, "stage"), place.camera
    y, x = np.mgrid[0 : HEIGHT * SUB, 0 : WIDTH * SUB] / SUB + 0.5 / SUB
    u, v = camera.ground(x, np.maximum(y, camera.horizon + 3))
    ground = place.ground.texture(u, v, draw)
    for axis, low, high, paving in place.strips:
        across = u if axis == "u" else v
        inside = (low <= across) & (across < high)
        ground[inside] = paving.texture(u, v, draw)[inside]
    if place.wall:
        row, paving = place.wall
        ground[: row * SUB] = paving.texture(x, y, draw)[: row * SUB]
    if place.night:
        light = place.night.at(u, v)
        if place.wall:  # as bright as the ground at its foot, and above the height of the lamps ever less
            foot = place.wall[0]
            metres = (foot - y[: foot * SUB]) * camera.height / (foot - camera.horizon)
            fall = 1 + metres * metres / 16
            light[: foot * SUB] = place.night.ambient + (light[foot * SUB] - place.night.ambient) / (fall * fall)
        ground = (ground * light[..., None] / 256).astype(np.uint8)
    figures = [
        (make(colour, draw), (x, row, (row - camera.horizon) / camera.height)) for make, colour, x, row in place.things
    ]
    stump: Figure = (Limb((0, 0, 0), 0, 0, 2 * place.shade[0], 2 * place.shade[1], 0.14),)
    shadows = [sprite(stump, at) for _, at in figures]
    sprites = [lit(place, sprite(figure, at), at[:2]) for figure, at in figures]
    dark = ground // 4 * 3
    return paint(ground, dark, (), filter(None, shadows))[0], dark, tuple(filter(None, sprites))


def lit(place: Place, item: Sprite | None, foot: tuple[float, float]) -> Sprite | None:
    """Put a sprite that stands at `foot` in the picture into the light that there is: by day it stays as it is."""
    if place.night is None or item is None:
        return item
    light = place.night.at(*place.camera.ground(*(np.array([pixel]) for pixel in foot)))
    return replace(item, colours=(item.colours * light / 256).astype(np.uint8))


@dataclass(frozen=True)
class RenderedVideo:
    """A `FrameSource` that draws its frames when asked: HEIGHT x WIDTH, RGB."""

    dataset: str
    seed: int
    place: Place
    name: str
    length: int  # frames
    schedule: Schedule = ()

    def __len__(self) -> int:
        return self.length

    @property
    def identity(self) -> str:
        """Everything that the frames depend on."""
        drawn = f" drawn={self.place.drawn}" if self.place.drawn else ""
        return f"{self.dataset} seed={self.seed} {self.name} frames={self.length} renderer={RENDERER}{drawn}"

    @property
    def stamp(self) -> str:
        """The identity: there are no files."""
        return self.identity

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop`, uint8 blocks (n, H, W, channels), resized to `size` unless it is None."""
        return between(self._rendered(size, channels), start, stop)

    def _rendered(self, size: Size | None, channels: int) -> Iterator[Frames]:
        sensor, block = self.generator("sensor"), []
        phase = sensor.integers(0, 1000) / 1000
        for frame, (picture, _) in self.pictures(range(self.length)):
            light = round(self.place.drift * wave(phase + frame / 400))
            block.append(convert(expose(picture, 1024 + light, self.place, sensor), size, channels))
            if len(block) == BLOCK or frame == self.length - 1:
                yield np.stack(block)
                block = []

    def generator(self, use: str) -> np.random.Generator:
        """Seed random numbers for one use by this video alone."""
        return generator(self.dataset, self.seed, self.name, use)

    def actors(self) -> list[Actor]:
        """The actors that cross the place in this video."""
        return simulate(self.place, self.length, self.schedule, self.generator("actors"))

    def pictures(self, frames: Sequence[int]) -> Iterator[tuple[int, tuple[Pixels, Pixels]]]:
        """Paint some frames in sub-pixels, before the camera: (frame, (picture, tags)), see `paint`."""
        camera, (ground, dark, things) = self.place.camera, stage(self.place, self.seed)
        actors = self.actors()
        for frame in frames:
            present = [(actor, actor.stand(camera, frame)) for actor in actors if actor.start <= frame <= actor.stop]
            sprites = [
                lit(self.place, sprite(actor.figure(camera, frame), at, actor.tag), at[:2]) for actor, at in present
            ]
            shadows = [sprite(actor.shadow(camera, self.place.shade), at) for actor, at in present]
            yield frame, paint(ground, dark, [*things, *filter(None, sprites)], filter(None, shadows))


@lru_cache(maxsize=16)  # the evaluation asks for labels, masks and tracks of one video in turn
def visible(video: RenderedVideo) -> NDArray[np.bool_]:
    """Render the visible pixels of each anomaly of a video's schedule: (anomalies, N, HEIGHT, WIDTH), read-only."""
    masks = np.zeros((len(video.schedule), video.length, HEIGHT, WIDTH), np.bool_)
    spans = [range(actor.start, actor.stop + 1) for actor in video.actors() if actor.tag]
    frames = [frame for frame in range(video.length) if any(frame in span for span in spans)]
    for frame, (_, tags) in video.pictures(frames):
        for index in range(len(video.schedule)):
            masks[index, frame] = (tags == index + 1).reshape(HEIGHT, SUB, WIDTH, SUB).any(axis=(1, 3))
    masks.setflags(write=False)
    return masks


@lru_cache(maxsize=256)  # asked for by every cell, and small
def labelled(video: RenderedVideo) -> NDArray[np.uint8]:
    """Label a video's frames, (N,), read-only: 1 where at least one pixel of an anomaly is visible."""
    labels = np.asarray(visible(video).any(axis=(0, 2, 3)), np.uint8)
    labels.setflags(write=False)
    return labels


def expose(picture: Pixels, gain: int, place: Place, sensor: np.random.Generator) -> Pixels:
    """Record a picture with a noisy sensor in flickering light of `gain` 1024ths: (HEIGHT, WIDTH, 3)."""
    rows = picture[::2].astype(np.uint16) + picture[1::2]
    total = rows[:, ::2] + rows[:, 1::2]
    gain += int(sensor.integers(-place.flicker, place.flicker, endpoint=True))
    noise = sensor.integers(-place.noise, place.noise, (2, *total.shape), np.int8, endpoint=True)
    # Four sub-pixels per pixel and 1024ths make 12 bits.
    exposed = (total.astype(np.int32) * gain >> 12).astype(np.int16) + noise[0] + noise[1]
    return np.asarray(np.clip(exposed, 0, 255), np.uint8)


def convert(frame: Pixels, size: Size | None, channels: int) -> Pixels:
    """Resize an RGB frame to `size` (height, width), with 1 (gray) or 3 channels: (H, W, channels)."""
    image = Image.fromarray(frame)
    image = image.convert("L") if channels == 1 else image
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, channels)


@dataclass(frozen=True)
class Options:
    """What may be chosen of a rendered data set."""

    seed: int = 0  # all is drawn from it: other videos, and of `synthetic-cameras` other cameras

    def __post_init__(self) -> None:
        """Refuse a seed that nothing can be drawn from."""
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed} cannot be: 0 or more")


class Synthetic(Dataset):
    """A rendered data set; `street`, `plaza` and `cameras` make the three there are."""

    Options = Options

    def __init__(
        self,
        name: str,
        seed: int,
        places: tuple[Place, ...],
        train: int,
        length: int,
        tests: dict[str, tuple[Schedule, ...]],
    ) -> None:
        """Plan `train` normal videos per place and a test video per schedule of `tests[place]`, of `length` frames."""
        self.name = name
        self._videos: dict[Split, dict[str, list[RenderedVideo]]] = {"train": {}, "test": {}}
        for place in places:
            plans: dict[Split, tuple[Schedule, ...]] = {"train": ((),) * train, "test": tests[place.name]}
            for split, schedules in plans.items():
                self._videos[split][place.name] = [
                    RenderedVideo(name, seed, place, f"{place.name}-{split}-{number:02d}", length, schedule)
                    for number, schedule in enumerate(schedules, start=1)
                ]

    def scenes(self, split: Split) -> list[Scene]:
        """One scene per place."""
        return [
            Scene(place, tuple(Video(video.name, video) for video in videos))
            for place, videos in self._videos[split].items()
        ]

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels, (N,): 1 where at least one pixel of an anomaly is visible."""
        return labelled(self._test_video(video)).copy()

    def masks(self, video: str) -> NDArray[np.bool_]:
        """Pixel labels, (N, HEIGHT, WIDTH): every pixel that an anomaly has a part in."""
        return np.asarray(visible(self._test_video(video)).any(axis=0))

    def tracks(self, video: str) -> list[Track]:
        """One track per visible anomaly: the box around its pixels in every frame that shows any."""
        rendered = self._test_video(video)
        masks = zip(visible(rendered), rendered.schedule, strict=True)
        return [track(mask, kind) for mask, (kind, _) in masks if mask.any()]

    def _test_video(self, name: str) -> RenderedVideo:
        for videos in self._videos["test"].values():
            for video in videos:
                if video.name == name:
                    return video
        raise InputError(f"{self.name}/{name}", "is not a test video", 'ask for one named by scenes("test")')


def track(mask: NDArray[np.bool_], kind: str) -> Track:
    """Track a mask (N, H, W): the box around it in each frame that has any of it; x1 and y1 lie just outside."""
    frames = np.flatnonzero(mask.any(axis=(1, 2)))
    columns, rows = np.asarray(mask[frames].any(axis=1)), np.asarray(mask[frames].any(axis=2))
    x0, y0 = columns.argmax(axis=1), rows.argmax(axis=1)
    x1, y1 = columns.shape[1] - columns[:, ::-1].argmax(axis=1), rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    return Track(frames, np.stack([x0, y0, x1, y1], axis=1).astype(np.float64), kind)


def street(seed: int = 0) -> Synthetic:
    """`synthetic-street`: six cameras with two normal videos and one test video each, 120 frames long."""
    tests: dict[str, tuple[Schedule, ...]] = {
        "avenue": ((("rider", 30), ("runner", 95)),),
        "market": ((("cart", 30),),),
        "park": ((("wrong-way", -75),),),
        "station": ((("runner", 45),),),
        "bridge": ((("cart", 75),),),
        "campus": ((("rider", 34),),),
    }
    return Synthetic("synthetic-street", seed, (AVENUE, MARKET, PARK, STATION, BRIDGE, CAMPUS), 2, 120, tests)


def plaza(seed: int = 0) -> Synthetic:
    """`synthetic-plaza`: one camera with three normal videos and eight test videos, 150 frames long."""
    tests: tuple[Schedule, ...] = (
        (("rider", 40), ("runner", 105)),
        (("wrong-way", 40),),
        (("runner", -12), ("rider", 95)),
        (("cart", 35),),
        (("cart", -15),),
        (("rider", 60),),
        (("wrong-way", -40),),
        (("runner", 30), ("cart", 80)),
    )
    return Synthetic("synthetic-plaza", seed, (PLAZA,), 3, 150, {"plaza": tests})


def cameras(seed: int = 0) -> Synthetic:
    """`synthetic-cameras`: ten cameras drawn from the seed, two normal and six test videos each, 150 frames long."""
    plans = drawn(seed)
    tests = {plan.place.name: plan.schedules for plan in plans}
    return Synthetic("synthetic-cameras", seed, tuple(plan.place for plan in plans), 2, LENGTH, tests)
