"""Several data sets to train on at once, as one source."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Scene, Split
from crossvad.datasets.errors import InputError, Problem


class Joined(Dataset):
    """The training videos of several data sets, named ped1+ped2 in whatever order they are given.

    Their scenes stay apart, so that an episode of meta-training is of one camera. It has no test video: an anomaly is
    looked for in one data set at a time.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        """Join data sets; one that is joined itself gives its parts.

        Raises:
            InputError: two of them have one name.
        """
        self._parts = sorted((part for dataset in datasets for part in dataset.parts), key=lambda part: part.name)
        names = [part.name for part in self._parts]
        self.name = "+".join(names)
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            fix = "name each data set once; rename one of the folders if they are two"
            raise InputError(self.name, f"has {twice[0]} twice", fix)

    @property
    def parts(self) -> list[Dataset]:
        """The data sets, in the order of their names."""
        return list(self._parts)

    def scenes(self, split: Split) -> list[Scene]:
        """The training scenes of all parts, each scene and video named after its part: ped1/01. No test scene."""
        if split == "test":
            return []
        return [
            Scene(
                f"{part.name}/{scene.name}",
                tuple(replace(video, name=f"{part.name}/{video.name}") for video in scene.videos),
            )
            for part in self._parts
            for scene in part.scenes("train")
        ]

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Refuse: there is no test video.

        Raises:
            InputError: always.
        """
        raise InputError(self.name, "is there to be trained on, so it has no labels", "score one of its parts")

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List the problems of every part's training files, and parts that share video."""
        if "train" not in splits:
            return []
        problems = [problem for part in self._parts for problem in part.check(["train"])]
        owners: dict[str, str] = {}
        for part in self._parts:
            identities = [video.source.identity for video in part.videos("train")]
            shared = {owners[identity] for identity in identities if identity in owners}
            problems += [
                Problem("error", self.name, f"has training videos of {part.name} that are {other}'s too", "drop one")
                for other in sorted(shared)
            ]
            owners |= dict.fromkeys(identities, part.name)
        return problems

    def digest(self, split: Split) -> str:
        """Hash the digests of the parts into 16 hex digits."""
        lines = [self.name, *(part.digest(split) for part in self._parts)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
