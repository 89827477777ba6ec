import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossvad.datasets.planting.planting import dressed, plant, rerouted, resized, steps, turned
from crossvad.datasets.planting.walkers import Walker, walkers

from .test_walkers import street


def made(frames=3, height=5, width=4, channels=1, corner=(10.0, 10.0), velocity=(0.0, 1.0), level=255.0):
    """Somebody opaque: a rectangle of one level."""
    corners = np.array(corner) + np.multiply.outer(np.arange(frames), velocity)
    pixels = np.full((frames, height, width, channels), level, np.float32)
    return Walker(pixels, np.ones((frames, height, width), np.float32), corners, velocity)


def gray(frames=6, size=(32, 40), channels=1):
    return np.full((frames, *size, channels), 90, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_at_its_own_speed_and_place_a_walker_changes_nothing_of_its_own_video(channels):
    """Nor does its halo, which is of the scene around it."""
    video = street(movers=[((5, 50), (0.5, -1))], channels=channels)
    (walker,) = walkers(video)
    planted, mask = plant(video[8:24], walker, steps(16, 0, 8))
    np.testing.assert_array_equal(planted, video[8:24])
    assert mask.any((1, 2)).all()


def test_in_an_empty_scene_its_own_pixels_lie_along_its_path():
    video, empty = street(), street(movers=[])
    (walker,) = walkers(video)
    planted, mask = plant(empty[:16], walker, steps(16, 10, 20))
    np.testing.assert_array_equal(planted, video[10:26])
    np.testing.assert_array_equal((planted != empty[:16]).any(3) & ~mask, False)


@pytest.mark.parametrize("rate", [0.0, -1.0, 2.0, 3.0])
def test_another_speed_shows_other_frames_of_the_same_walk(rate):
    video, empty = street(), street(movers=[])
    (walker,) = walkers(video)
    planted, _ = plant(empty[:5], walker, steps(5, 4, 20, rate))
    expected = [video[int(20 + rate * (frame - 4))] for frame in range(5)]
    np.testing.assert_array_equal(planted, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_mask_is_what_changed(channels):
    clip = gray(channels=channels)
    planted, mask = plant(clip, made(channels=channels, velocity=(0.5, 1.25)), steps(6, 5, 1))
    np.testing.assert_array_equal((planted != clip).any(3), mask)
    assert (clip == 90).all(), "the clip that came in stays as it was"


def test_pixels_are_mixed_as_a_double_loop_mixes_them():
    random = np.random.default_rng(0)
    pixels, opacity = random.uniform(0, 255, (1, 3, 2, 3)), random.uniform(0.1, 1, (1, 3, 2))
    walker = Walker(pixels.astype(np.float32), opacity.astype(np.float32), np.array([[4.0, 6.0]]), (0.0, 0.0))
    clip = random.integers(0, 256, (1, 12, 12, 3), np.uint8)
    planted, _ = plant(clip, walker, np.zeros(1))
    expected = clip[0].astype(float)
    for y in range(3):
        for x in range(2):
            a = opacity[0, y, x]
            expected[4 + y, 6 + x] = (1 - a) * expected[4 + y, 6 + x] + a * pixels[0, y, x]
    np.testing.assert_allclose(planted[0], expected, atol=0.51)


def test_a_part_of_a_pixel_is_shared_between_its_neighbours():
    walker = made(frames=1, corner=(10.25, 10.0), level=190)
    planted, _ = plant(gray(1), walker, np.zeros(1))
    assert planted[0, 9:17, 11, 0].tolist() == [90, 165, 190, 190, 190, 190, 115, 90]


@settings(max_examples=60, deadline=None)
@given(
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    corner=st.tuples(st.floats(-80, 80), st.floats(-80, 80)),
    velocity=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    frames=st.integers(1, 5),
    rate=st.floats(-4, 4),
)
def test_whoever_leaves_the_frame_or_is_larger_than_it_changes_what_is_in_sight(
    channels, size, corner, velocity, frames, rate
):
    clip = gray(4, channels=channels)
    walker = made(frames, *size, channels, corner, velocity)
    planted, mask = plant(clip, walker, steps(4, 2, 0, rate))
    # A pixel that it covers by little may be rounded to what it was.
    assert not ((planted != clip).any(3) & ~mask).any()
    for frame, step in enumerate(steps(4, 2, 0, rate)):
        top, left = walker.at(step)[1]
        expected = np.zeros((32, 40), bool)
        y, x = np.arange(32)[:, None], np.arange(40)
        # Pixels that it covers by a twentieth or more.
        cover = np.clip(np.minimum(y + 1, top + size[0]) - np.maximum(y, top), 0, 1)
        cover = cover * np.clip(np.minimum(x + 1, left + size[1]) - np.maximum(x, left), 0, 1)
        expected = cover > 0.051
        assert not (expected & ~mask[frame]).any() and not (mask[frame] & (cover < 0.049)).any()


def test_resized_and_turned_it_stands_where_it_stood():
    (walker,) = walkers(street())
    for changed in (resized(walker, 2.0), turned(walker)):
        for moment in (0, 20, 39):
            _, left, bottom, right = walker.box(moment)
            _, its_left, its_bottom, its_right = changed.box(moment)
            assert (its_bottom, its_left + its_right) == pytest.approx((bottom, left + right), abs=1e-6)
    top, left, bottom, right = walker.box(3)
    top2, _, bottom2, _ = resized(walker, 2.0).box(3)
    assert bottom2 - top2 == pytest.approx(2 * (bottom - top), abs=2)
    top3, left3, bottom3, right3 = turned(walker).box(3)
    assert (bottom3 - top3, right3 - left3) == (right - left, bottom - top)


def test_rerouted_it_goes_straight_through_a_place():
    (walker,) = walkers(street())
    other = rerouted(walker, 7, (30.0, 20.0), (1.5, -0.5))
    for moment in range(0, 40, 3):
        _, left, bottom, right = other.box(moment)
        assert (bottom, (left + right) / 2) == pytest.approx((30 + 1.5 * (moment - 7), 20 - 0.5 * (moment - 7)))
    assert other.velocity == (1.5, -0.5)


def test_dressed_it_keeps_its_outline_and_wears_the_texture_repeated():
    (walker,) = walkers(street())
    texture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    other = dressed(walker, texture)
    np.testing.assert_array_equal(other.opacity, walker.opacity)
    for y in range(walker.pixels.shape[1]):
        for x in range(walker.pixels.shape[2]):
            assert (other.pixels[:, y, x] == texture[y % 2, x % 3]).all()
