"""Videos of one's own."""

import pytest

from conftest import paint, write_frames
from crossvad.datasets.base import Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.footage.own_footage import OwnFootage, check_length, frame_rate
from footage_made import LENGTH, ONSET, Blocks
from miniatures import frames, write_video


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A folder of frames that turns abnormal at ONSET."""
    folder = tmp_path_factory.mktemp("footage") / "yard"
    write_frames(folder, paint(LENGTH, 3, ONSET))
    return folder


def test_own_footage_is_one_scene_a_video(film):
    own = OwnFootage([film])
    assert [scene.name for scene in own.scenes("test")] == ["yard"] and own.scenes("train") == []
    assert not own.labels("yard").any() and len(own.labels("yard")) == LENGTH


def test_footage_that_is_not_there_or_shares_a_name_is_refused(film, tmp_path):
    with pytest.raises(InputError, match=r"gate\.mp4: is not there"):
        OwnFootage([tmp_path / "gate.mp4"])
    (tmp_path / "yard.mp4").touch()
    with pytest.raises(InputError, match="has the same name as"):
        OwnFootage([film, tmp_path / "yard.mp4"])


def test_a_video_file_tells_its_frame_rate_and_a_folder_does_not(film, tmp_path):
    write_video(tmp_path / "gate.mp4", frames(10))  # 25 frames per second
    footage = OwnFootage([film, tmp_path / "gate.mp4"])
    assert [frame_rate(video) for video in footage.videos("test")] == [None, 25.0]
    (tmp_path / "gate.mp4").write_bytes(b"no video any more")
    with pytest.raises(InputError, match="cannot be opened any more"):
        frame_rate(footage.videos("test")[1])


@pytest.mark.parametrize(
    ("length", "shots", "problem"),
    [
        (4, 0, "has 4 frames, but one clip takes 5"),
        (5, 0, None),
        (7, 3, "which leaves none to score; choose at most --shots 2"),
        (7, 2, None),
    ],
)
def test_a_clip_to_score_must_follow_the_support_set(film, length, shots, problem):
    video, clip = Video("yard", Blocks(length, 3)), ClipSpec(5, 4, (32, 32), 1)
    if problem is None:
        check_length(video, film, clip, shots)
        return
    with pytest.raises(InputError, match=problem):
        check_length(video, film, clip, shots)
