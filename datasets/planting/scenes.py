"""Scenes with planted anomalies: held-out tails of source videos as other cameras might film them.

What is drawn depends on the videos and a seed alone, so that all methods are shown the same. Clips are as long as any
method takes: each cuts its own frames out, so that the scored one is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.datasets.base import Footage, Frames
from crossvad.datasets.camera_shift import CameraShift
from crossvad.datasets.clips import ClipSpec, at, gathered, leading_up, tail_start
from crossvad.datasets.errors import InputError
from crossvad.datasets.planting.kind_names import ALL_KINDS, SQUARE
from crossvad.datasets.planting.kinds import KINDS, SQUARE_RATE, Setting, control, square
from crossvad.datasets.planting.walkers import Walker, walkers
from crossvad.datasets.words import number_of

VERSION = 1  # of what is drawn; to be raised when it changes
BEFORE, AFTER = 15, 7  # frames of a clip before and after the scored one: as many as any method takes
LONGEST_CLIP = 16  # whose held-out tail hosts are of
SCENES, CLIPS = 24, 8  # scenes of a seed, and hosts in each
FRAMES = 3000  # of a scene, in which walkers are looked for
ROOM = 12  # frames of a walk before the scored one, that somebody hurries through in a clip of five
VIEWS = 100  # drawn until somebody is in view
CONTROL, HOST = "control", "host"
CONTROLS = {**dict.fromkeys(KINDS, CONTROL), SQUARE: HOST}  # what each kind is told from


@dataclass(frozen=True)
class PlantedScene:
    """A scene's clips, planted and controls, and the video that leads up to its tail."""

    name: str
    clips: dict[str, Frames]  # each of `ALL_KINDS` and of its controls: uint8 (n, BEFORE + 1 + AFTER, H, W, C)
    shift: CameraShift
    video: Footage  # that the support clips are of

    def shown(self, group: str, spec: ClipSpec, device: torch.device) -> Tensor:
        """Cut the clips of a group for a method: (n, T, C, H, W), their scored frames the same for all."""
        first = BEFORE - spec.scored
        return self.shift(gathered([clip[first : first + spec.frames] for clip in self.clips[group]], spec, device))

    def support(self, spec: ClipSpec, shots: int, device: torch.device) -> Tensor:
        """Cut the clips that lead up to the tail, (K, T, C, H, W): normal, and seen as the others are."""
        begin = min(tail_start(len(self.video), spec.frames), len(self.video) - spec.frames)
        return self.shift(at(self.video, leading_up(begin, spec.frames, shots), spec, device))


@dataclass(frozen=True)
class _Found:
    """Somebody, and the video that they walk through."""

    video: int
    walker: Walker
    centres: NDArray[np.float64]  # (n, 2): row and column of its middle at each moment of its walk


class PlantedScenes:
    """Scenes of a source's training video, in which anomalies are planted."""

    def __init__(self, videos: Sequence[Footage], scenes: Sequence[str]) -> None:
        """Take decoded videos, uint8 (N, H, W, C), and the name of each one's scene."""
        self.videos = videos
        self.members = {
            name: [number for number, scene in enumerate(scenes) if scene == name] for name in dict.fromkeys(scenes)
        }
        self._found: dict[str, list[_Found]] = {}  # by scene, of those that were looked at

    @property
    def left_out(self) -> list[str]:
        """Scenes that were looked at and have nobody to cut out, or no video as long as a planted clip."""
        return sorted(name for name, found in self._found.items() if not found)

    def drawn(self, seed: int, count: int, clips: int) -> Iterator[PlantedScene]:
        """Draw `count` scenes with `clips` hosts each: of different cameras while there are any left.

        Raises:
            InputError: in no video is there somebody to cut out.
        """
        names = self._usable(seed, count)
        for number in range(count):
            yield self._scene(names[number % len(names)], names, np.random.default_rng([seed, number]), clips)

    def _usable(self, seed: int, count: int) -> list[str]:
        """Up to `count` scenes in which there is somebody, in a drawn order."""
        names = list(self.members)
        usable: list[str] = []
        for index in np.random.default_rng(seed).permutation(len(names)):
            if len(usable) < count and self.found(names[index]):
                usable.append(names[index])
        if not usable:
            problem = f"has nobody who could be cut out of {number_of(len(names), 'scene')}, and planted as an anomaly"
            fix = "choose a source of fixed cameras that somebody walks through, videos of 24 frames or more"
            raise InputError("source", problem, fix)
        return usable

    def found(self, scene: str) -> list[_Found]:
        """Whom a scene's videos show; nobody where none of them can hold a planted clip."""
        if scene not in self._found:
            hosts = self._hosts(scene)
            looked_at = self._looked_at(scene) if hosts else []
            self._found[scene] = [
                _Found(video, walker, np.array([walker.centre(moment) for moment in range(len(walker))]))
                for video, frames, first in looked_at
                for walker in walkers(frames, first)
            ]
        return self._found[scene]

    def _looked_at(self, scene: str) -> Iterator[tuple[int, Frames, int]]:
        """Number, frames and first frame of the videos that walkers are looked for in, `FRAMES` in all."""
        members = self.members[scene]
        share = FRAMES / sum(len(self.videos[number]) for number in members)
        wanted = max(1, min(len(members), int(share * len(members))))
        for number in np.unique(np.linspace(0, len(members) - 1, wanted).round().astype(int)):
            video = self.videos[members[number]]
            first = max(0, len(video) - FRAMES)
            yield members[number], video[first:], first

    def _hosts(self, scene: str) -> list[tuple[int, int]]:
        """Video and scored frame of every clip of a scene's held-out tails."""
        hosts = []
        for number in self.members[scene]:
            length = len(self.videos[number])
            last = length - 1 - AFTER
            if last >= BEFORE:
                first = min(last, tail_start(length, LONGEST_CLIP) + BEFORE)
                hosts += [(number, frame) for frame in range(first, last + 1)]
        return hosts

    def _scene(self, scene: str, names: list[str], random: np.random.Generator, count: int) -> PlantedScene:
        hosts, found = self._hosts(scene), self.found(scene)
        places = ((np.arange(count) + random.random(count)) * len(hosts) / count).astype(int)
        chosen = [hosts[place] for place in places]
        size = self.videos[hosts[0][0]][0:1].shape[1:3]
        shift, seen = self._view(found, size, random)
        others = [name for name in names if name != scene]
        strangers = [each.walker for each in self.found(others[int(random.integers(len(others)))])] if others else []
        pictures = [self.videos[self.members[name][0]][0:1][0] for name in others or [scene]]
        view = shift.view(*size)
        groups: dict[str, list[Frames]] = {name: [] for name in (HOST, CONTROL, *ALL_KINDS)}
        for video, frame in chosen:
            walker, moment = _drawn_walker(seen, video, frame, random)
            setting = Setting(walker, moment, BEFORE, strangers, pictures)
            clip = self.videos[video][frame - BEFORE : frame + AFTER + 1]
            groups[HOST].append(clip)
            groups[CONTROL].append(control(clip, setting)[0])
            for name, plant in KINDS.items():
                groups[name].append(plant(clip, setting, random)[0])
            groups[SQUARE].append(square(clip, self._fast(video, frame), view, random)[0])
        support = self.videos[chosen[int(random.integers(count))][0]]
        return PlantedScene(scene, {name: np.stack(each) for name, each in groups.items()}, shift, support)

    def _view(
        self, found: list[_Found], size: tuple[int, int], random: np.random.Generator
    ) -> tuple[CameraShift, list[tuple[_Found, NDArray[np.int64]]]]:
        """Another camera that sees somebody, and whom it sees at which moments of their walks."""
        for _ in range(VIEWS):
            shift = CameraShift.draw(random)
            rows, columns = shift.view(*size)
            seen = []
            for each in found:
                from_corner, to_corner = (
                    each.centres - (rows.start, columns.start),
                    (rows.stop, columns.stop) - each.centres,
                )
                moments = np.flatnonzero(((from_corner >= 0) & (to_corner > 0)).all(1))
                if len(moments):
                    seen.append((each, moments))
            if seen:
                return shift, seen
        whole = CameraShift((0.0, 0.0, 1.0), shift.mirrored, shift.contrast, shift.brightness)
        return whole, [(each, np.arange(len(each.walker))) for each in found]

    def _fast(self, video: int, frame: int) -> Frames:
        """The clip around a frame, played faster; where the video begins or ends, it stands still."""
        frames = self.videos[video]
        wanted = frame + SQUARE_RATE * np.arange(-BEFORE, AFTER + 1)
        wanted = wanted.clip(0, len(frames) - 1)
        return frames[int(wanted[0]) : int(wanted[-1]) + 1][wanted - wanted[0]]


def _drawn_walker(
    seen: list[tuple[_Found, NDArray[np.int64]]], video: int, frame: int, random: np.random.Generator
) -> tuple[Walker, int]:
    """Somebody in view who does not walk through the host at that time anyway, and a moment of their walk."""

    def elsewhere(each: _Found) -> bool:
        first, last = each.walker.first, each.walker.first + len(each.walker) - 1
        return each.video != video or last < frame - BEFORE or first > frame + AFTER

    free = [(each.walker, moments) for each, moments in seen if elsewhere(each)]
    free = free or [(each.walker, moments) for each, moments in seen]
    roomy = [(walker, late) for walker, moments in free if len(late := moments[moments >= ROOM])]
    pool = roomy if len(roomy) >= CLIPS else free
    walker, moments = pool[int(random.integers(len(pool)))]
    return walker, int(random.choice(moments))
