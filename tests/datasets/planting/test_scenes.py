import numpy as np
import pytest
import torch

from crossvad.datasets.camera_shift import CameraShift
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.datasets.planting.kind_names import ALL_KINDS
from crossvad.datasets.planting.scenes import AFTER, BEFORE, CONTROLS, HOST, PlantedScenes

from .test_walkers import HEIGHT, WIDTH, street

CPU = torch.device("cpu")
# Every video of a camera has its frame's number in its last pixel, which no walker comes near.
MOVERS = [((8, 2), (0, 0.5)), ((20, 60), (0, -0.5)), ((30, -145), (0, 1)), ((10, 50), (0.1, -0.3))]


def numbered(length=200, seed=0, movers=MOVERS):
    video = street(length, movers, seed=seed)
    video[:, -1, -1, 0] = np.arange(length) % 256
    return video


@pytest.fixture(scope="module")
def scenes():
    return PlantedScenes([numbered(), numbered(seed=1), numbered(seed=2)], ["north", "north", "south"])


@pytest.fixture(scope="module")
def drawn(scenes):
    return list(scenes.drawn(0, 4, 6))


def test_scenes_of_all_cameras_take_turns(drawn):
    assert sorted(scene.name for scene in drawn[:2]) == ["north", "south"]
    assert [scene.name for scene in drawn[2:]] == [scene.name for scene in drawn[:2]]


def test_hosts_are_spread_over_the_held_out_tails(scenes, drawn):
    seen = {"north": [], "south": []}
    for scene in drawn:
        hosts = scene.clips[HOST]
        assert hosts.shape == (6, BEFORE + 1 + AFTER, HEIGHT, WIDTH, 1) and hosts.dtype == np.uint8
        for clip in hosts:
            start = int(clip[0, -1, -1, 0])
            assert any((clip == video[start : start + len(clip)]).all() for video in scenes.videos)
            seen[scene.name].append(start)
    # The last tenth, frames 180 to 199: whole clips of it begin there, if there is room for them.
    assert all(start == 200 - BEFORE - 1 - AFTER for starts in seen.values() for start in starts)
    long = PlantedScenes([numbered(1000, movers=[((20, 5), (0, 0.05)), *MOVERS])], ["one"])
    (scene,) = long.drawn(0, 1, 8)
    starts = [
        next(s for s in range(900, 978) if (clip == long.videos[0][s : s + 23]).all()) for clip in scene.clips[HOST]
    ]
    assert min(starts) < 912 and max(starts) > 962 and (np.diff(starts) > 0).all()


def test_a_planted_clip_and_its_control_differ_by_the_oddity_alone(drawn):
    """All in one place: by a walker near the frame that is scored; what is far from it is the host's."""
    for scene in drawn:
        for kind in ALL_KINDS:
            odd, control = scene.clips[kind], scene.clips[CONTROLS[kind]]
            least = 0.2 if kind == "square" else 0.6  # where nobody is in view, nothing plays faster
            assert (odd != control).any((1, 2, 3, 4)).mean() > least, kind
            if kind in ("hurried", "reversed", "stopped"):
                np.testing.assert_array_equal(odd[:, BEFORE], control[:, BEFORE])
            if kind == "texture":
                outside = (odd == control).all(-1)
                assert outside.mean() > 0.9
        changed = (scene.clips["control"] != scene.clips[HOST]).any(-1)
        assert 0 < changed.mean() < 0.2


def test_the_square_is_told_from_the_host_as_filmed(drawn):
    for scene in drawn:
        height = len(range(HEIGHT)[scene.shift.view(HEIGHT, WIDTH)[0]])
        for odd, control in zip(scene.clips["square"], scene.clips[CONTROLS["square"]], strict=True):
            changed = np.argwhere((odd != control).any((0, 3)))
            assert not len(changed) or (np.ptp(changed, axis=0) < 0.25 * height + 1).all()


def test_the_walker_is_in_view_when_it_is_scored(scenes):
    for scene in scenes.drawn(5, 12, 6):
        rows, columns = scene.shift.view(HEIGHT, WIDTH)
        for clip, host in zip(scene.clips["control"], scene.clips[HOST], strict=True):
            changed = np.argwhere((clip != host)[BEFORE].any(-1))
            assert len(changed), "somebody is put in who was not there"
            middle = (changed.min(0) + changed.max(0)) / 2
            assert rows.start - 3 <= middle[0] <= rows.stop + 3 and columns.start - 3 <= middle[1] <= columns.stop + 3


def test_whatever_takes_longer_or_shorter_clips_is_shown_the_same(drawn):
    short, long, middle = (ClipSpec(*clip, (HEIGHT, WIDTH), 1) for clip in ((5, 4), (16, 15), (16, 8)))
    for group in drawn[0].clips:
        five, last, mid = (drawn[0].shown(group, spec, CPU) for spec in (short, long, middle))
        assert five.shape == (6, 5, 1, HEIGHT, WIDTH) and last.shape == mid.shape == (6, 16, 1, HEIGHT, WIDTH)
        assert torch.equal(five, last[:, 11:]) and torch.equal(five, mid[:, 4:9])


def test_support_clips_lead_up_to_the_tail_and_are_seen_alike(drawn, monkeypatch):
    monkeypatch.setattr(CameraShift, "__call__", lambda self, clips: clips)
    clips = drawn[0].support(ClipSpec(5, 4, (HEIGHT, WIDTH), 1, 0, 255), 10, CPU)
    assert clips[:, :, 0, -1, -1].tolist() == [[start + t for t in range(5)] for start in range(166, 176)]


def test_a_seed_reproduces_them_and_another_does_not(scenes, drawn):
    again, other = list(scenes.drawn(0, 4, 6)), list(scenes.drawn(1, 4, 6))
    for one, two in zip(drawn, again, strict=True):
        assert one.name == two.name and one.shift == two.shift
        assert all((one.clips[group] == two.clips[group]).all() for group in one.clips)
    assert all(one.shift != two.shift for one, two in zip(drawn, other, strict=True))
    # However many there are, the first are the same.
    assert next(scenes.drawn(0, 1, 6)).shift == drawn[0].shift


def test_scenes_without_anybody_are_left_out_by_name():
    still = street(100, [], seed=3)
    scenes = PlantedScenes([numbered(), still, numbered(20)], ["street", "empty", "short"])
    assert {scene.name for scene in scenes.drawn(0, 5, 2)} == {"street"}
    assert scenes.left_out == ["empty", "short"]


def test_a_source_without_anybody_says_so():
    with pytest.raises(InputError, match=r"nobody who could be cut out of 2 scenes.*fixed cameras"):
        list(PlantedScenes([street(100, [])] * 2, ["a", "b"]).drawn(0, 3, 2))


def test_somebody_is_not_put_in_where_they_walk_anyway():
    """One walker, in the tail alone: at another time there is nobody else to put in; at the same, they are there."""
    video = street(400, [], seed=4)
    for frame in range(100, 130):
        video[frame, 20:27, 10 + frame - 100 : 15 + frame - 100] = 240
    for frame in range(375, 400):
        video[frame, 34:41, 10 + frame - 375 : 15 + frame - 375] = 250
    (scene,) = PlantedScenes([video], ["one"]).drawn(0, 1, 8)
    for clip, host in zip(scene.clips["control"], scene.clips[HOST], strict=True):
        rows = np.argwhere((clip != host).any((0, 2, 3)))[:, 0]
        assert rows.min() >= 17 and rows.max() <= 30, "the one of frames 100 to 129"
