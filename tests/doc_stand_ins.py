"""Small stand-ins for what the guides run on: rendered cameras, archives, footage of one's own, committed cells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import miniatures
from conftest import paint, write_camera, write_frames
from crossvad.datasets.published.manifest import load
from crossvad.datasets.synthetic.cameras import AVENUE, MARKET, PLAZA
from crossvad.datasets.synthetic.dataset import Synthetic

ROOT = Path(__file__).parents[1]
FRAMES = 50  # of a rendered video


def street(seed: int = 0) -> Synthetic:
    """Two cameras to learn from."""
    tests = {place.name: ((("rider", 30),),) for place in (AVENUE, MARKET)}
    return Synthetic("synthetic-street", seed, (AVENUE, MARKET), 1, FRAMES, tests)


def plaza(seed: int = 0) -> Synthetic:
    """An unseen one, with three test videos."""
    tests = {"plaza": ((("rider", 32),), (("cart", 30),), (("runner", 34),))}
    return Synthetic("synthetic-plaza", seed, (PLAZA,), 1, FRAMES, tests)


def data(root: Path) -> Path:
    """A data root with a part of Ped1 and Ped2, two cameras of one's own, and the set of a guide."""
    for name in ("ped1", "ped2"):
        known = load(name, "frames")
        for split, home in (("train", "training"), ("test", "testing")):
            for number, (video, facts) in enumerate([*known.of(split).items()][:2]):
                write_frames(root / name / home / "frames" / video, paint(facts.frames or 0, number))
    for number, name in enumerate(("normal", "my_camera")):
        write_camera(root / name, number)
    for number, name in enumerate(("north", "south")):
        write_camera(root / "gates" / name, number)
        for split in ("train", "test"):  # names of videos are unique within a split
            for video in (root / "gates" / name / split).iterdir():
                video.rename(video.with_name(f"{name}-{video.name}"))
    (root / "gates" / "onsets.txt").write_text("north-a 32\nsouth-c 30\n")
    return root


def folder(home: Path, root: Path) -> Path:
    """Where a reader of a guide stands: a clone with a few committed cells, and footage of their own."""
    home.mkdir()
    shutil.copytree(root / "my_camera", home / "my_camera")
    shutil.copytree(root / "my_camera" / "test" / "b", home / "frames")
    miniatures.write_video(home / "my_video.mp4", paint(FRAMES, 3, onset=35))
    for name in ("docs", "tests", "README.md"):
        (home / name).symlink_to(ROOT / name)
    results = home / "results"
    results.mkdir()
    for path in (ROOT / "results").iterdir():
        if path.is_file():
            shutil.copy(path, results)
    for record in committed():
        shutil.copytree(record.parent, results / "reference" / record.parent.name)
    return home


def committed() -> list[Path]:
    """The records of a few committed cells: of four methods, one seed, and five pairs of source and target."""
    union = "avenue+path:normal+synthetic-street+ucf"
    pairs = {("path:normal", "ped2"), ("path:normal", "synthetic-plaza"), ("ped2", "ped2")}
    pairs |= {(union, "ped2"), (union, "shanghaitech")}
    found = []
    for path in sorted((ROOT / "results" / "reference").glob("*/record.json")):
        cell = json.loads(path.read_text())["cell"]
        if (
            cell["method"] in ("apn", "lmn", "memae", "framediff")
            and (cell["source"], cell["target"]) in pairs
            and (cell["budget"], cell["seed"]) == ("quick", 0)
            and cell["shots"] in (0, 1, 10)
            and cell["steps"] in (0, 10)
            and cell["tuning"] in ("none", "finetune")
        ):
            found.append(path)
    return found
