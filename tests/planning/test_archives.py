"""What is known of stored cells' targets by their names alone."""

import math

import pytest

from crossvad.planning.archives import published_videos, stored_target


@pytest.mark.parametrize(
    ("target", "videos"),
    [
        ("ped1", 36),
        ("ped2", 12),
        ("ucf[train=official]", 290),
        ("avenue[labels=masks]", 21),
        ("avenue[subset=avenue17]", 16),
        ("ped1[videos=01-17+20]", 18),
        ("avenue[videos=01-03,subset=avenue17]", 1),
        ("shanghaitech[videos=12_0142-12_0143]", 2),
        ("ucf[videos=gone.txt,train=official]", 290),  # the file of a part need not be at hand to read results
    ],
)
def test_as_many_videos_were_published(target, videos):
    assert published_videos(target) == videos


@pytest.mark.parametrize("target", ["path:ped1", "synthetic-plaza", "my_file.py:Mine", "my_set[videos=2]"])
def test_of_other_targets_nothing_is_known(target):
    assert math.isnan(published_videos(target)) and stored_target(target) is None


def test_labels_are_of_the_family_that_was_asked_for():
    assert stored_target("avenue[labels=masks]")[1].family == "masks"
