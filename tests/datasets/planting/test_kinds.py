import numpy as np
import pytest

from crossvad.datasets.planting.kinds import KINDS, Setting, control, square
from crossvad.datasets.planting.walkers import walkers

from .test_walkers import street

EMPTY = street(movers=[])


@pytest.fixture(scope="module")
def setting():
    (walker,) = walkers(street())
    strangers = walkers(street(movers=[((30, 50), (-0.5, -0.5))], seed=5, body=(9, 4)))
    return Setting(walker, 20, 8, strangers, [street(movers=[], seed=7)[0] // 2])


def planted(kind, setting, seed=0, clip=EMPTY[:16]):
    return KINDS[kind](clip, setting, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_reproduces_it_and_the_clip_that_came_in_stays(kind, setting):
    clip = EMPTY[:16].copy()
    first, again = (planted(kind, setting, 3, clip) for _ in range(2))
    np.testing.assert_array_equal(clip, EMPTY[:16])
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal((first[0] != clip).any(3) & ~first[1], False)
    assert first[0].dtype == np.uint8 and first[0].shape == clip.shape and first[1].shape == clip.shape[:3]


@pytest.mark.parametrize(("kind", "rates"), [("hurried", {2, 3}), ("reversed", {-1}), ("stopped", {0})])
def test_what_moves_oddly_is_the_control_s_walker_at_another_moment(kind, rates, setting):
    plain, _ = control(EMPTY[:16], setting)
    seen = set()
    for seed in range(10):
        odd, _ = planted(kind, setting, seed)
        np.testing.assert_array_equal(odd[8], plain[8], "at the scored frame both are the same")
        alike = [rate for rate in (-1, 0, 2, 3) if (odd[9] == street()[20 + rate]).all()]
        seen |= set(alike)
        (rate,) = alike
        inside = range(2, 15)  # steps 2 to 38 of a walk of 40
        np.testing.assert_array_equal(odd[2:15], np.stack([walking(20 + rate * (t - 8)) for t in inside]))
    assert seen == rates


def walking(step):
    """The scene with its walker, at a step."""
    return street(length=1, movers=[((20, 5 + step), (0, 1))])[0]


def test_the_controls_differ_from_the_host_by_the_walker_alone(setting):
    plain, mask = control(EMPTY[:16], setting)
    np.testing.assert_array_equal(plain, np.stack([walking(20 + t - 8) for t in range(16)]))
    assert mask.any((1, 2)).all()


def test_a_texture_moves_as_the_walker_does(setting):
    (plain, where), (odd, mask) = control(EMPTY[:16], setting), planted("texture", setting)
    np.testing.assert_array_equal(mask, where)
    solid = setting.walker.opacity[20] > 0.9
    top, left = setting.walker.corners[20].astype(int)
    inside = odd[8, top : top + solid.shape[0], left : left + solid.shape[1]][solid]
    assert inside.max() < 60, "of the other scene, which is darker than all here"
    assert (plain[8, top : top + solid.shape[0], left : left + solid.shape[1]][solid] > 100).all()


def sizes_and_ways(setting, seeds=40):
    """Of foreign things in an empty scene: longer side, and way from frame to frame."""
    for seed in range(seeds):
        _, mask = planted("foreign", setting, seed)
        rows, columns = np.flatnonzero(mask[8].any(1)), np.flatnonzero(mask[8].any(0))
        later = np.flatnonzero(mask[10].any(1)), np.flatnonzero(mask[10].any(0))
        middle = [(each[0] + each[-1]) / 2 for each in (rows, columns)]
        way = [((each[0] + each[-1]) / 2 - mid) / 2 for each, mid in zip(later, middle, strict=True)]
        yield max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1, way, (rows[-1] + 1, sum(columns[[0, -1]]) / 2)


@pytest.mark.parametrize("alone", [False, True])
def test_a_foreign_thing_is_larger_and_goes_another_way_from_the_same_place(alone, setting):
    setting = Setting(setting.walker, 20, 8, [] if alone else setting.strangers, setting.pictures)
    found = list(sizes_and_ways(setting))
    top, left, bottom, right = setting.walker.box(20)
    lengths = [length for length, _, _ in found]
    assert bottom - top - 1 <= min(lengths) and max(lengths) <= 2 * (bottom - top) + 5 and np.ptp(lengths) > 4
    assert all(abs(bottom - foot) <= 3 and abs((left + right) / 2 - middle) <= 3 for *_, (foot, middle) in found)
    # The walker goes a pixel to the right: it goes 1.5 to 3 that way, or one across.
    along = [way for _, way, _ in found if abs(way[1]) > 1.2]
    across = [way for _, way, _ in found if abs(way[1]) <= 1.2]
    assert 10 <= len(along) <= 30
    assert all(1.2 < right < 3.3 and abs(down) < 0.6 for down, right in along)
    assert {down > 0 for down, _ in across} == {True, False}
    assert all(abs(right) < 0.6 and abs(down) == pytest.approx(1, abs=0.6) for down, right in across)


def test_without_another_scene_the_walker_lies_on_its_side():
    (walker,) = walkers(street(body=(12, 3)))
    shape = [planted("foreign", Setting(walker, 20, 8), seed)[1][8] for seed in range(5)]
    assert all(np.ptp(np.nonzero(mask)[1]) > np.ptp(np.nonzero(mask)[0]) for mask in shape)


def test_the_square_is_lively_in_view_and_faster():
    video = street(length=48)
    clip, fast = video[16:32], video[0:32:2]
    assert (clip[15] != fast[15]).any()
    for seed in range(8):
        odd, mask = square(clip, fast, (slice(4, 44), slice(8, 60)), np.random.default_rng(seed))
        assert (mask == mask[:1]).all()
        rows, columns = np.flatnonzero(mask[0].any(1)), np.flatnonzero(mask[0].any(0))
        assert rows[-1] - rows[0] == columns[-1] - columns[0] and 4 <= rows[-1] - rows[0] + 1 <= 10
        assert rows[0] >= 4 and rows[-1] < 44 and columns[0] >= 8 and columns[-1] < 60
        np.testing.assert_array_equal(odd, np.where(mask[..., None], fast, clip))
        assert (odd != clip).any(), "the walker is in the liveliest of sixteen"
