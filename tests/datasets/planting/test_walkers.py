from dataclasses import replace

import numpy as np
import pytest

from crossvad.datasets.planting.walkers import LONGEST, SHORTEST, empty_scene, walkers

HEIGHT, WIDTH = 48, 64


def street(length=40, movers=(((20, 5), (0, 1)),), channels=1, seed=0, body=(7, 5)):
    """A still, uneven scene, (N, H, W, C), and bright squares in it: (place, velocity) of the first pixel of each."""
    random = np.random.default_rng(seed)
    video = np.repeat(random.integers(60, 100, (1, HEIGHT, WIDTH, channels), np.uint8), length, 0)
    for number, (place, velocity) in enumerate(movers):
        look = random.integers(170 + 15 * number, 250, (*body, channels), np.uint8)
        for frame in range(length):
            y, x = (round(place[axis] + velocity[axis] * frame) for axis in (0, 1))
            seen = video[frame, max(y, 0) : max(y + body[0], 0), max(x, 0) : max(x + body[1], 0)]
            seen[:] = (
                look[-seen.shape[0] or None :, : seen.shape[1]] if y < 0 else look[: seen.shape[0], : seen.shape[1]]
            )
    return video


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("place", "velocity"), [((20, 5), (0, 1)), ((5, 50), (0.5, -1)), ((30, 8), (-0.25, 0.75))])
def test_a_moving_square_is_cut_out_with_its_velocity_and_place(channels, place, velocity):
    video = street(movers=[(place, velocity)], channels=channels)
    (walker,) = walkers(video)
    assert len(walker) == 40 and walker.first == 0
    assert walker.velocity == pytest.approx(velocity, abs=0.03)
    assert walker.speed == pytest.approx(np.hypot(*velocity), abs=0.03)
    for moment in (0, 17, 39):
        top, left, bottom, right = walker.box(moment)
        y, x = (round(place[axis] + velocity[axis] * moment) for axis in (0, 1))
        # The soft edge is a pixel wide.
        assert (top, left, bottom, right) == pytest.approx((y, x, y + 7, x + 5), abs=1)
        rows, columns = (slice(int(corner), int(corner) + size) for corner, size in
                         zip(walker.corners[moment], walker.opacity.shape[1:], strict=True))  # fmt: skip
        inside = walker.opacity[moment] > 0.9
        assert inside.sum() >= 35  # all of the body
        assert (walker.pixels[moment][inside] == video[moment, rows, columns][inside]).all()


def test_two_walkers_are_two_and_end_where_they_meet():
    video = street(movers=[((20, 4), (0, 1)), ((22, 50), (0, -1))])
    found = walkers(video)
    early = [walker for walker in found if walker.first == 0]
    assert sorted(round(walker.velocity[1]) for walker in early) == [-1, 1]
    # Their nearest edges, 41 pixels apart, come together by 2 a frame, and touch in frame 21.
    assert all(len(walker) <= 21 for walker in early)


def test_a_long_walk_is_cut_in_parts():
    video = street(length=100, movers=[((20, 5), (0, 0.5))])
    assert [(walker.first, len(walker)) for walker in walkers(video)] == [(0, LONGEST), (LONGEST, 100 - LONGEST)]


@pytest.mark.parametrize(
    ("why", "video"),
    [
        ("nothing moves", street(movers=[])),
        ("too short a walk", street(length=SHORTEST - 1)),
        ("too large for a body", street(body=(30, 30))),
        ("too small for one", street(body=(1, 2))),
        ("the camera moves", np.stack([np.roll(street(movers=[], seed=3)[0] * 2, frame, 1) for frame in range(40)])),
        ("it flickers in its place", street(movers=[((20, 20), (0, 0))])),
    ],
)
def test_there_is_nobody_where(why, video):
    assert walkers(video) == []


def test_whoever_touches_the_edge_is_not_whole():
    video = street(length=50, movers=[((20, -10), (0, 1))])
    (walker,) = walkers(video)
    assert walker.first == 11  # its first pixel is in the second column


def test_light_that_changes_in_the_whole_frame_is_nobody():
    video = street(movers=[]).astype(int)
    lit = (video + 40 * (np.arange(40) % 3)[:, None, None, None]).astype(np.uint8)
    assert walkers(lit) == []
    walking = street().astype(int) + 20 * (np.arange(40) % 3)[:, None, None, None]
    (walker,) = walkers(walking.clip(0, 255).astype(np.uint8))
    assert walker.velocity == pytest.approx((0, 1), abs=0.03) and len(walker) == 40


def test_the_empty_scene_is_what_the_walker_covers_for_a_while():
    np.testing.assert_array_equal(empty_scene(street()), empty_scene(street(movers=[])))


def test_beyond_its_frames_a_walk_goes_straight_on_and_is_played_to_and_fro():
    (walker,) = walkers(street())
    walker = replace(walker, pixels=walker.pixels[:10], opacity=walker.opacity[:10], corners=walker.corners[:10])
    numbers = [walker.at(step)[0] for step in range(-9, 28)]
    there_and_back = [*range(9), *range(9, 0, -1)]
    assert numbers == [there_and_back[step % 18] for step in range(-9, 28)]
    for step in (-7, 0, 5, 13, 25):
        number, corner = walker.at(step)
        assert corner[1] == pytest.approx(walker.corners[number][1] + step - number, abs=1e-6)
