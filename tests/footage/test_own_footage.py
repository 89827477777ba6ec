"""Videos of one's own."""

import pytest

from conftest import paint, write_frames
from crossvad.footage.own_footage import OwnFootage
from footage_made import LENGTH, ONSET


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
