import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.base import Video
from crossvad.datasets.readers.excerpts import Excerpt, excerpts, origin, shares
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile
from miniatures import frames, numbers, write_images, write_video


class Long:
    """A source of any length that is never decoded."""

    def __init__(self, name: str, length: int) -> None:
        self.identity = self.stamp = name
        self.length = length

    def __len__(self) -> int:
        return self.length


def videos(lengths):
    return [Video(f"v{number}", Long(f"v{number}", length)) for number, length in enumerate(lengths)]


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=30), st.integers(1, 6000), st.integers(5, 96))
def test_excerpts_are_bounded_and_within_their_videos(lengths, limit, length):
    whole = videos(lengths)
    parts = excerpts(whole, limit, length)
    assert parts
    if sum(lengths) <= limit:
        assert parts == whole
        return
    # Rounding gives each of the chosen videos one excerpt even where its share is less than one.
    assert sum(map(len, parts)) <= 2 * max(limit, length)
    for part in parts:
        source = part.source
        if isinstance(source, Excerpt):
            assert 0 <= source.start < source.stop <= len(source.source) and len(part) == length
    assert len({part.name for part in parts}) == len(parts)
    spans = [(id(part.source.source), part.source.start) for part in parts if isinstance(part.source, Excerpt)]
    assert len(set(spans)) == len(spans)


@given(st.lists(st.integers(200, 4000), min_size=2, max_size=10))
def test_excerpts_do_not_overlap_and_are_the_same_every_time(lengths):
    limit = sum(lengths) // 2
    parts = excerpts(videos(lengths), limit, 96)
    assert [part.name for part in parts] == [part.name for part in excerpts(videos(lengths), limit, 96)]
    taken: dict[int, list[tuple[int, int]]] = {}
    for part in parts:
        if isinstance(part.source, Excerpt):
            taken.setdefault(id(part.source.source), []).append((part.source.start, part.source.stop))
    for spans in taken.values():
        assert all(before[1] <= after[0] for before, after in zip(sorted(spans), sorted(spans)[1:], strict=False))


def test_every_video_gives_an_excerpt_and_long_ones_give_more():
    parts = excerpts(videos([200] * 9 + [100_000]), 5_000)
    count = {f"v{n}": sum(part.name.split("@")[0] == f"v{n}" for part in parts) for n in range(10)}
    assert all(count.values()) and count["v9"] > 40


def test_where_there_is_no_room_for_all_videos_they_are_taken_from_the_whole_list():
    parts = excerpts(videos([500] * 100), 960)
    assert [part.name.split("@")[0] for part in parts] == [f"v{n}" for n in (0, 11, 22, 33, 44, 55, 66, 77, 88, 99)]


@pytest.mark.parametrize("kind", ["h264", "folder"])
def test_excerpts_decode_their_own_frames_alone(tmp_path, kind):
    if kind == "h264":
        source = VideoFile(write_video(tmp_path / "a.mp4", frames(600), g="250"))
    else:
        source = FrameFolder(write_images(tmp_path / "a", frames(300), "png"))
    cache = FrameCache(tmp_path / "cache")
    parts = excerpts([Video("a", source)], 100, 20)
    assert len(parts) == 5 and all(origin(part.source) is source for part in parts)
    assert not cache.fill(parts, (24, 32), 1)
    for part in parts:
        start = part.source.start
        assert part.name == f"a@{start}" and numbers(cache.open(part, (24, 32), 1)[:]) == [*range(start, start + 20)]
    assert sum(path.stat().st_size for path in cache.root.glob("*.npy")) < 110 * 24 * 32


def test_part_of_an_excerpt(tmp_path):
    source = FrameFolder(write_images(tmp_path / "a", frames(50), "png"))
    part = Excerpt(source, 10, 30, source.stamp)
    assert numbers(np.concatenate([*part.blocks(None, 1, 5, 9)])) == [15, 16, 17, 18]
    assert numbers(np.concatenate([*part.blocks(None, 1, 18, 99)])) == [28, 29]
    assert part.identity != source.identity and part.stamp != Excerpt(source, 11, 31, source.stamp).stamp


@pytest.mark.parametrize(
    ("wanted", "limit", "given"),
    [
        ([50], 20, [20]),
        ([50], 80, [50]),
        ([50, 50], 60, [30, 30]),
        ([10, 1000, 40], 150, [10, 100, 40]),  # what the short ones leave is the long one's
        ([1000, 10, 1000], 100, [45, 10, 45]),
        ([5, 5, 5], 10, [3, 3, 4]),
    ],
)
def test_shares_are_even_and_nobody_gets_more_than_wanted(wanted, limit, given):
    assert shares(wanted, limit) == given
