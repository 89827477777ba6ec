"""Two datasets rendered from a seed: `synthetic-street`, six cameras, and `synthetic-plaza`, one unlike any of them.

People walk through each scene in its one direction of traffic. In the test videos something else does too: a `rider`, a
`cart`, a `runner`, or somebody going the `wrong-way`. Labels, masks and tracks are read off the same simulation, to the
pixel. A video depends on its own seed only: any of them can be rendered alone, in any order, to the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossvad.datasets import walkers
from crossvad.datasets.base import Dataset, Frames, InputError, Scene, Size, Split, Track, Video
from crossvad.datasets.walkers import HEIGHT, SUB, WIDTH, Camera, Colour, Figure, Limb, Look, Paving, Pixels, Sprite

RENDERER = 1  # raise it whenever a rendered byte changes: stored results depend on it
BLOCK = 32  # frames per block

Thing = tuple[Callable[[Colour, np.random.Generator], Figure], Colour, int, int]  # what, its colour, column, row
Schedule = tuple[tuple[str, int], ...]  # (kind, frame in which it comes, negative = before the video starts)


@dataclass(frozen=True)
class Place:
    """What one camera looks at."""

    name: str
    camera: Camera
    along: str  # the axis people walk along, with its sign: "+u", "-u", "+v" or "-v"
    band: tuple[float, float]  # where they walk on the other axis, in metres
    pause: int  # frames from one walker to the next, on average
    ground: Paving
    strips: tuple[tuple[str, float, float, Paving], ...]  # axis, from, to in metres, and what covers it in between
    things: tuple[Thing, ...]
    wall: tuple[int, Paving] | None = None  # what closes the view off above this row
    shade: tuple[float, float] = (0.5, 0.1)  # where a shadow ends, per metre of height
    noise: int = 3  # of the sensor: the sum of two draws within +- this, 0..255
    flicker: int = 6  # of the light from frame to frame, +- this many 1024ths
    drift: int = 30  # of the light over minutes, +- this many 1024ths


@dataclass(frozen=True)
class Kind:
    """How a kind of actor moves and looks."""

    pace: float  # in walking paces
    least_turn: float  # a long vehicle never looks narrower than this share of its length
    length: float  # of its shadow on the ground, in metres
    draw: Callable[[Look, float, bool], Figure]  # its figure after so many metres, seen from behind or not


KINDS = {
    "walker": Kind(1.0, 0.0, 0.1, lambda look, metres, away: walkers.person(look, metres / 1.5, away)),
    "wrong-way": Kind(1.0, 0.0, 0.1, lambda look, metres, away: walkers.person(look, metres / 1.5, away)),
    "runner": Kind(2.5, 0.0, 0.1, lambda look, metres, away: walkers.person(look, metres / 2.8, away, running=True)),
    "rider": Kind(2.3, 0.4, 1.1, lambda look, metres, away: walkers.rider(look, metres / 5)),
    "cart": Kind(1.7, 0.7, 2.2, lambda look, metres, away: walkers.cart(look, metres / 1.76)),
}


@dataclass(frozen=True)
class Actor:
    """Somebody or something that crosses a place in a straight line at an even pace."""

    kind: str
    look: Look
    start: int  # the frame in which it comes into view, at `origin`
    stop: int  # the frame in which it has left
    origin: tuple[float, float]  # (u, v) in metres
    step: tuple[float, float]  # (u, v) in metres per frame
    tag: int  # 0 for a walker, else the number of the anomaly from 1

    def stand(self, camera: Camera, frame: int) -> tuple[float, float, float]:
        """Where it stands in a picture: (x, y, pixels per metre)."""
        (u, v), (du, dv), time = self.origin, self.step, frame - self.start
        return camera.project(u + du * time, v + dv * time)

    def facing(self, camera: Camera) -> float:
        """Which way it faces, as `Limb.turned` wants it."""
        (du, dv), (cosine, sine) = self.step, camera.turn
        facing = (cosine * du - sine * dv) / sqrt(du * du + dv * dv)
        least = KINDS[self.kind].least_turn
        return max(facing, least) if facing >= 0 else min(facing, -least)

    def figure(self, camera: Camera, frame: int) -> Figure:
        """What it looks like in a frame."""
        (du, dv), (cosine, sine), facing = self.step, camera.turn, self.facing(camera)
        metres = sqrt(du * du + dv * dv) * (frame - self.start)
        away = sine * du + cosine * dv > abs(cosine * du - sine * dv)
        return tuple(part.turned(facing) for part in KINDS[self.kind].draw(self.look, metres, away))

    def shadow(self, camera: Camera, shade: tuple[float, float]) -> Figure:
        """What it darkens on the ground."""
        half = KINDS[self.kind].length / 2 * self.facing(camera)
        return (Limb((0, 0, 0), -half, 0.02, half + shade[0] * self.look.height, shade[1] * self.look.height, 0.15),)


def generator(*words: object) -> np.random.Generator:
    """Random numbers that depend on these words and on nothing else."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))


WARM: tuple[Colour, ...] = ((176, 52, 48), (222, 140, 96), (206, 164, 60), (204, 118, 138), (120, 74, 130))
COOL: tuple[Colour, ...] = ((52, 84, 150), (84, 150, 170), (66, 122, 84))
PLAIN: tuple[Colour, ...] = ((226, 222, 212), (130, 130, 134), (40, 42, 48), (96, 64, 48))
SHIRTS = WARM + COOL + PLAIN
TROUSERS = ((48, 56, 84), (60, 58, 56), (120, 104, 80), (34, 34, 38), (150, 148, 142), (84, 98, 120))
SKINS = ((236, 192, 164), (222, 174, 140), (186, 134, 100), (140, 94, 66), (98, 66, 48))
HAIRS = ((36, 28, 24), (84, 56, 34), (160, 120, 66), (126, 124, 122), (58, 34, 26))


def look(draw: np.random.Generator) -> Look:
    """Somebody's looks."""
    shirt, trousers, skin, hair = (palette[draw.integers(len(palette))] for palette in (SHIRTS, TROUSERS, SKINS, HAIRS))
    return Look(1.55 + int(draw.integers(0, 36)) / 100, shirt, trousers, skin, hair)


def in_view(camera: Camera, u: float, v: float) -> bool:
    """Whether anything that stands at (u, v) may be seen: wide enough for a cart, high enough for a rider."""
    x, y, scale = camera.project(u, v)
    return 0 < scale < 80 and abs(x - WIDTH / 2) < WIDTH / 2 + 1.4 * scale and 0 < y < HEIGHT + 1.9 * scale


def enter(place: Place, kind: str, start: int, tag: int, draw: np.random.Generator) -> Actor:
    """Send an actor on its way: through the whole view, starting outside of it in frame `start`."""
    sign = (1 if place.along[0] == "+" else -1) * (-1 if kind == "wrong-way" else 1)
    low, high = place.band
    aside, slope = low + (high - low) * int(draw.integers(0, 101)) / 100, int(draw.integers(-3, 4)) / 100

    def at(metres: float) -> tuple[float, float]:
        main, other = sign * metres, aside + slope * metres
        return (main, other) if place.along[1] == "u" else (other, main)

    seen = [decimetre / 10 for decimetre in range(-300, 301) if in_view(place.camera, *at(decimetre / 10))]
    pace = int(draw.integers(13, 18)) / 100 * KINDS[kind].pace
    (u, v), (u1, v1) = at(seen[0]), at(seen[0] + pace)
    return Actor(kind, look(draw), start, start + int((seen[-1] - seen[0]) / pace), (u, v), (u1 - u, v1 - v), tag)


def simulate(place: Place, length: int, schedule: Schedule, draw: np.random.Generator) -> list[Actor]:
    """Who crosses a place in `length` frames: its traffic, already under way at the start, and the schedule."""
    start, actors = -250, []
    while start < length:
        actors.append(enter(place, "walker", start, 0, draw))
        start += int(draw.integers(place.pause // 3, place.pause * 5 // 3, endpoint=True))
    actors += [enter(place, kind, start, tag, draw) for tag, (kind, start) in enumerate(schedule, start=1)]
    return [actor for actor in actors if actor.stop > 0]


@lru_cache(maxsize=8)
def stage(place: Place, seed: int) -> tuple[Pixels, Pixels, tuple[Sprite, ...]]:
    """What never moves at a place: its ground in the light and in the shade, and the things that stand on it."""
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
    figures = [
        (make(colour, draw), (x, row, (row - camera.horizon) / camera.height)) for make, colour, x, row in place.things
    ]
    foot: Figure = (Limb((0, 0, 0), 0, 0, 2 * place.shade[0], 2 * place.shade[1], 0.14),)
    shadows = [walkers.sprite(foot, at) for _, at in figures]
    sprites = [walkers.sprite(figure, at) for figure, at in figures]
    dark = ground // 4 * 3
    return walkers.paint(ground, dark, (), filter(None, shadows))[0], dark, tuple(filter(None, sprites))


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
        """What the frames are: everything they depend on."""
        return f"{self.dataset} seed={self.seed} {self.name} frames={self.length} renderer={RENDERER}"

    @property
    def stamp(self) -> str:
        """The identity: there are no files."""
        return self.identity

    def blocks(self, size: Size | None, channels: int) -> Iterator[Frames]:
        """All frames in order, uint8 (n, H, W, channels), n at most `BLOCK`, resized to `size` unless it is None."""
        sensor, block = self.generator("sensor"), []
        phase = sensor.integers(0, 1000) / 1000
        for frame, (picture, _) in self.pictures(range(self.length)):
            light = round(self.place.drift * walkers.wave(phase + frame / 400))
            block.append(convert(expose(picture, 1024 + light, self.place, sensor), size, channels))
            if len(block) == BLOCK or frame == self.length - 1:
                yield np.stack(block)
                block = []

    def generator(self, use: str) -> np.random.Generator:
        """Random numbers for one use by this video alone."""
        return generator(self.dataset, self.seed, self.name, use)

    def actors(self) -> list[Actor]:
        """Who crosses the place in this video."""
        return simulate(self.place, self.length, self.schedule, self.generator("actors"))

    def pictures(self, frames: Sequence[int]) -> Iterator[tuple[int, tuple[Pixels, Pixels]]]:
        """Some frames in sub-pixels, before the camera: (frame, (picture, tags)), see `walkers.paint`."""
        camera, (lit, dark, things) = self.place.camera, stage(self.place, self.seed)
        actors = self.actors()
        for frame in frames:
            present = [(actor, actor.stand(camera, frame)) for actor in actors if actor.start <= frame <= actor.stop]
            sprites = [walkers.sprite(actor.figure(camera, frame), at, actor.tag) for actor, at in present]
            shadows = [walkers.sprite(actor.shadow(camera, self.place.shade), at) for actor, at in present]
            yield frame, walkers.paint(lit, dark, [*things, *filter(None, sprites)], filter(None, shadows))


@lru_cache(maxsize=16)  # the evaluation asks for labels, masks and tracks of one video in turn
def visible(video: RenderedVideo) -> NDArray[np.bool_]:
    """Where each anomaly of a video's schedule is seen: (anomalies, N, HEIGHT, WIDTH), read-only."""
    masks = np.zeros((len(video.schedule), video.length, HEIGHT, WIDTH), np.bool_)
    spans = [range(actor.start, actor.stop + 1) for actor in video.actors() if actor.tag]
    frames = [frame for frame in range(video.length) if any(frame in span for span in spans)]
    for frame, (_, tags) in video.pictures(frames):
        for index in range(len(video.schedule)):
            masks[index, frame] = (tags == index + 1).reshape(HEIGHT, SUB, WIDTH, SUB).any(axis=(1, 3))
    masks.setflags(write=False)
    return masks


def expose(picture: Pixels, gain: int, place: Place, sensor: np.random.Generator) -> Pixels:
    """What the camera records of a picture at a light of `gain` 1024ths: (HEIGHT, WIDTH, 3), flickering and noisy."""
    rows = picture[::2].astype(np.int32) + picture[1::2]
    total = rows[:, ::2] + rows[:, 1::2]
    gain += int(sensor.integers(-place.flicker, place.flicker, endpoint=True))
    noise = sensor.integers(-place.noise, place.noise, (2, *total.shape), np.int8, endpoint=True)
    # Four sub-pixels per pixel and 1024ths make 12 bits.
    exposed: Pixels = np.clip((total * gain >> 12) + noise[0] + noise[1], 0, 255).astype(np.uint8)
    return exposed


def convert(frame: Pixels, size: Size | None, channels: int) -> Pixels:
    """An RGB frame at `size` (height, width) with 1 (gray) or 3 channels: (H, W, channels)."""
    image = Image.fromarray(frame)
    image = image.convert("L") if channels == 1 else image
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, channels)


class Synthetic(Dataset):
    """A rendered dataset; `street` and `plaza` make the two there are."""

    def __init__(
        self,
        name: str,
        seed: int,
        places: tuple[Place, ...],
        train: int,
        length: int,
        tests: dict[str, tuple[Schedule, ...]],
    ) -> None:
        """`train` normal videos per place and a test video per schedule of `tests[place]`, all of `length` frames."""
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
        """Frame labels, (N,): 1 where at least one pixel of an anomaly is seen."""
        return np.asarray(self.masks(video).any(axis=(1, 2)), np.uint8)

    def masks(self, video: str) -> NDArray[np.bool_]:
        """Pixel labels, (N, HEIGHT, WIDTH): every pixel that an anomaly has a part in."""
        return np.asarray(visible(self._find(video)).any(axis=0))

    def tracks(self, video: str) -> list[Track]:
        """One track per anomaly that is seen: the box around its pixels in every frame that shows any."""
        found = self._find(video)
        return [track(mask, kind) for mask, (kind, _) in zip(visible(found), found.schedule, strict=True) if mask.any()]

    def _find(self, name: str) -> RenderedVideo:
        for videos in self._videos["test"].values():
            for video in videos:
                if video.name == name:
                    return video
        raise InputError(f"{self.name}/{name}", "is not a test video", 'ask for one named by scenes("test")')


def track(mask: NDArray[np.bool_], kind: str) -> Track:
    """The boxes around a mask (N, H, W) in the frames in which it is not empty; x1 and y1 lie just outside of it."""
    frames = np.flatnonzero(mask.any(axis=(1, 2)))
    columns, rows = np.asarray(mask[frames].any(axis=1)), np.asarray(mask[frames].any(axis=2))
    x0, y0 = columns.argmax(axis=1), rows.argmax(axis=1)
    x1, y1 = columns.shape[1] - columns[:, ::-1].argmax(axis=1), rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    return Track(frames, np.stack([x0, y0, x1, y1], axis=1).astype(np.float64), kind)


GRASS = Paving((98, 134, 70), (92, 128, 66), (0.5, 0.4), 0.06, 7, 12)
ASPHALT = Paving((92, 93, 98), (90, 91, 96), (1.7, 1.3), 0.05, 3, 9)
KERB = Paving((196, 192, 184), (150, 148, 142), (1.0, 9.0), 0.06, 6, 4)
GREEN, IRON, WOOD = (92, 142, 70), (52, 56, 60), (150, 104, 62)

AVENUE = Place(
    "avenue",
    Camera(horizon=18, height=4.2, distance=11),
    along="+u",
    band=(-1.9, 1.5),
    pause=20,
    ground=Paving((168, 164, 158), (138, 134, 128), (0.9, 0.9), 0.05, 7, 5),
    strips=(("v", -20, -2.5, ASPHALT), ("v", -2.5, -2.3, KERB), ("v", 2.0, 9.0, GRASS)),
    wall=(61, Paving((88, 104, 124), (186, 156, 128), (19.0, 30.0), 9.0, 16, 5)),
    things=(
        (walkers.tree, GREEN, 28, 66),
        (walkers.tree, GREEN, 118, 65),
        (walkers.bush, GREEN, 76, 66),
        *((walkers.bollard, IRON, x, 95) for x in (14, 58, 102, 146)),
    ),
)
MARKET = Place(
    "market",
    Camera(horizon=4, height=4.6, distance=12),
    along="-u",
    band=(-4.4, 1.6),
    pause=16,
    ground=Paving((172, 118, 92), (132, 92, 76), (0.6, 0.3), 0.04, 14, 7, bond=True),
    strips=(("v", 2.2, 9.0, Paving((206, 190, 164), (180, 164, 140), (1.2, 0.8), 0.05, 5, 4)),),
    wall=(51, Paving((110, 84, 70), (214, 196, 158), (26.0, 40.0), 12.0, 20, 5)),
    things=(
        (walkers.planter, (216, 72, 90), 34, 57),
        (walkers.bench, WOOD, 84, 57),
        (walkers.planter, (240, 200, 80), 128, 57),
        (walkers.lamp, IRON, 60, 112),
    ),
    shade=(-0.6, 0.12),
    noise=2,
    flicker=8,
)
PARK = Place(
    "park",
    Camera(horizon=-12, height=5.0, distance=12, turn=(0.8, -0.6)),
    along="+u",
    band=(-1.3, 1.3),
    pause=22,
    ground=GRASS,
    strips=(("v", -1.9, 1.9, Paving((202, 184, 146), (198, 180, 142), (0.7, 0.7), 0.05, 4, 11)),),
    wall=(14, Paving((58, 90, 52), (50, 80, 46), (4.0, 4.0), 1.0, 14, 14)),
    things=(
        (walkers.tree, (80, 128, 58), 118, 38),
        (walkers.bush, GREEN, 24, 96),
        (walkers.bench, WOOD, 60, 88),
        (walkers.bush, (110, 140, 70), 146, 52),
        (walkers.tree, GREEN, 22, 24),
    ),
    shade=(-0.4, 0.2),
    drift=50,
)
STATION = Place(
    "station",
    Camera(horizon=-42, height=6.0, distance=10.5, turn=(0.8, -0.6)),
    along="-u",
    band=(-2.0, 1.4),
    pause=18,
    ground=Paving((116, 124, 138), (92, 98, 112), (0.8, 0.8), 0.05, 8, 4),
    strips=(
        ("v", 2.0, 2.25, Paving((226, 192, 70), (206, 172, 60), (0.3, 0.3), 0.04, 4, 4)),
        ("v", 2.6, 12.0, Paving((74, 70, 66), (54, 50, 48), (0.6, 9.0), 0.2, 6, 14)),
    ),
    things=(
        (walkers.bench, (70, 90, 130), 36, 96),
        (walkers.bollard, (190, 60, 50), 18, 60),
        (walkers.lamp, IRON, 70, 117),
    ),
    shade=(0.15, 0.06),
    noise=4,
    flicker=10,
    drift=15,
)
BRIDGE = Place(
    "bridge",
    Camera(horizon=-30, height=5.0, distance=9),
    along="-v",
    band=(-1.7, 1.7),
    pause=18,
    ground=Paving((160, 126, 90), (104, 80, 58), (3.1, 0.3), 0.035, 14, 8, bond=True),
    strips=tuple(
        strip
        for low, high, rail in ((-30, -2.6, -2.6), (2.6, 30, 2.4))
        for strip in (
            ("u", low, high, Paving((70, 112, 134), (84, 128, 150), (2.3, 0.5), 0.12, 7, 5, bond=True)),
            ("u", rail, rail + 0.2, Paving((228, 226, 220), (196, 194, 188), (9.0, 1.0), 0.1, 4, 4)),
        )
    ),
    things=tuple((walkers.bollard, (206, 204, 198), x, row) for row, *xs in ((22, 53, 107), (60, 33, 127)) for x in xs),
    shade=(0.4, -0.15),
    noise=2,
    drift=50,
)
CAMPUS = Place(
    "campus",
    Camera(horizon=-56, height=6.5, distance=10),
    along="+v",
    band=(-1.8, 1.8),
    pause=20,
    ground=Paving((186, 176, 168), (152, 142, 136), (0.5, 0.5), 0.04, 9, 5, bond=True),
    strips=(("u", -30, -2.2, GRASS), ("u", 2.2, 30, GRASS), ("u", -2.3, -2.15, KERB), ("u", 2.15, 2.3, KERB)),
    things=((walkers.tree, (120, 140, 60), 18, 62), (walkers.bush, GREEN, 146, 36), (walkers.bench, WOOD, 142, 90)),
    shade=(-0.3, -0.12),
)
PLAZA = Place(
    "plaza",
    Camera(horizon=-75, height=7.2, distance=8.6, turn=(0.6, 0.8)),
    along="+u",
    band=(-2.2, 1.8),
    pause=16,
    ground=Paving((222, 206, 172), (196, 178, 146), (1.0, 1.0), 0.06, 6, 4),
    strips=tuple(
        ("v", low, low + 0.5, Paving((92, 138, 136), (80, 122, 120), (0.5, 0.5), 0.05, 8, 4)) for low in (-3.5, 2.2)
    ),
    things=(
        (walkers.fountain, (176, 172, 166), 38, 36),
        (walkers.planter, (196, 70, 150), 132, 106),
        (walkers.lamp, (40, 70, 66), 146, 84),
        (walkers.planter, (240, 236, 230), 16, 76),
    ),
    shade=(0.7, 0.25),
    flicker=5,
)


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
