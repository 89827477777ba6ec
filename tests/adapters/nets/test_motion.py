"""Speed and its trend over rows, against the definition written out pixel by pixel, and motion that is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossvad.adapters.nets.motion import (
    expected,
    flow_speed,
    measurable,
    nearness,
    normal_speed,
    row_trend,
    scale_slope,
)
from made import noise


def by_hand(before, after, eps, reach):
    """Speed of frames (C, H, W) in [-1, 1], pixel by pixel."""
    first, second = ((frame.mean(0) + 1) / 2 for frame in (before, after))
    middle, (height, width) = (first + second) / 2, first.shape
    steepness, change, speed = (np.zeros((height, width)) for _ in range(3))
    for y in range(height):
        for x in range(width):
            up, down, left, right = max(y - 1, 0), min(y + 1, height - 1), max(x - 1, 0), min(x + 1, width - 1)
            along_y = (middle[down, x] - middle[up, x]) / (down - up)
            along_x = (middle[y, right] - middle[y, left]) / (right - left)
            steepness[y, x] = along_y**2 + along_x**2
            change[y, x] = abs(second[y, x] - first[y, x]) * math.hypot(along_y, along_x)
    for y in range(height):
        for x in range(width):
            box = slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1)
            speed[y, x] = change[box].mean() / (steepness[box].mean() + eps)
    return speed


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("eps", "reach"), [(1e-3, 2), (1e-3, 0), (0.5, 1), (1e-9, 9)])
def test_speed_pixel_by_pixel(channels, eps, reach):
    clips = noise(3, 2, channels, 9, 12)
    ours = normal_speed(clips[:, 0], clips[:, 1], eps, reach)
    for speed, (before, after) in zip(ours, clips.double().numpy(), strict=True):
        np.testing.assert_allclose(speed, by_hand(before, after, eps, reach), rtol=1e-4)
    torch.testing.assert_close(normal_speed(clips[:, 0], clips[:, 1]), normal_speed(clips[:, 0], clips[:, 1], 1e-3, 2))


@pytest.mark.parametrize("way", [(1, 0), (0, 1), (1, 1), (1, -1)])
@pytest.mark.parametrize("pixels", [0.0, 0.1, 0.5, 1.0, -1.0, 1.5])
def test_a_moved_texture_moves_so_many_pixels_a_frame(way, pixels):
    """A wave of 16 pixels, moved along its gradient: differences of a sine are known, and nearly its derivatives."""
    rows, columns = torch.arange(40.0, dtype=torch.float64)[:, None], torch.arange(40.0, dtype=torch.float64)
    rate, steps = 2 * math.pi / 16, math.hypot(*way)
    clip = [torch.sin(rate * (way[0] * rows + way[1] * columns - steps * moved)) for moved in (0, pixels)]
    speed = normal_speed(*(frame[None, None] for frame in clip), eps=1e-9)[0, 3:-3, 3:-3]
    known = 2 * math.tan(rate * steps * abs(pixels) / 2) / (math.sin(rate) * steps)
    torch.testing.assert_close(speed, torch.full_like(speed, known), rtol=1e-5, atol=1e-12)
    assert known == pytest.approx(abs(pixels), rel=0.2) and (steps > 1 or known == pytest.approx(abs(pixels), rel=0.1))


def test_a_shifted_texture_of_any_shape_moves_about_a_pixel():
    """Blurred noise moves along its gradients by at most what it is shifted; which is all of it where they lie so."""
    texture = noise(1, 1, 60, 60)
    for _ in range(8):
        texture = torch.nn.functional.avg_pool2d(texture, 3, 1)
    ridges = texture.mean(2, keepdim=True).expand(-1, -1, 40, -1) * 8  # upright: no gradient along them
    for shifted, low, high in ((ridges, 0.85, 1.15), (8 * texture, 0.4, 1.0)):
        speed = normal_speed(shifted[..., 1:], shifted[..., :-1], eps=1e-6)
        assert low < speed.median() < high


def test_what_is_still_or_even_is_slow():
    still = noise(2, 1, 8, 8)
    assert not normal_speed(still, still).any()
    assert not normal_speed(torch.full((1, 1, 8, 8), -1.0), torch.ones(1, 1, 8, 8)).any()  # a lamp goes on


@given(a=st.floats(-8, 4), growth=st.floats(-3, 3), height=st.integers(2, 80), maps=st.integers(1, 3))
def test_the_trend_of_a_trend_is_found(a, growth, height, maps):
    b = growth / height
    true = np.exp(a + b * np.arange(height))
    spread = np.linspace(0, 2, maps * 5).reshape(maps, 1, 5)  # of mean one
    trend = row_trend(torch.from_numpy(true[:, None] * (spread if maps > 1 else np.ones((1, 1, 5)))))
    assert trend.tolist() == pytest.approx([a, b], abs=1e-8)
    np.testing.assert_allclose(expected(trend, height)[:, 0], true, rtol=1e-6)


@given(seed=st.integers(0, 1000), still=st.integers(0, 12))
def test_the_trend_is_of_least_squares_and_a_still_row_counts_as_a_tenth(seed, still):
    maps = np.random.default_rng(seed).uniform(0.5, 1.5, (2, 20, 6))
    maps[:, :still] = 1e-9
    rows = np.array([max(maps[:, row].mean(), maps.mean() / 10) for row in range(20)])
    b, a = np.polyfit(np.arange(20), np.log(rows), 1)
    assert row_trend(torch.from_numpy(maps)).tolist() == pytest.approx([a, b], abs=1e-8)
    assert row_trend(torch.from_numpy(maps), sloped=False).tolist() == pytest.approx([np.log(rows).mean(), 0], abs=1e-8)


@given(top=st.integers(0, 63), rows=st.integers(0, 64), speed=st.sampled_from([1e-30, 1e-3, 1.0, 1e6]))
def test_no_band_of_motion_blows_the_trend_up(top, rows, speed):
    """Whatever moves where, alone in a frame: the trend is finite, and no row is expected to be 100 times another."""
    maps = torch.zeros(1, 64, 64)
    maps[:, top : top + rows] = speed
    trend = row_trend(maps)
    rows = expected(trend, 64)
    assert trend.isfinite().all() and rows.isfinite().all() and rows.max() <= 100 * rows.min()


def test_nothing_moves():
    assert row_trend(torch.zeros(1, 32, 32)).tolist() == pytest.approx([math.log(1e-6), 0], abs=1e-5)


def flow_by_hand(clip, eps, reach):
    """Squared speed of a clip (T, C, H, W) in [-1, 1]: the 2 x 2 least squares of each pixel's box, solved by numpy."""
    gray = (clip.mean(1) + 1) / 2
    middle, change = (gray[1:] + gray[:-1]) / 2, gray[1:] - gray[:-1]
    down, right = np.gradient(middle, axis=(1, 2))
    height, width = gray.shape[1:]
    speed = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            box = slice(None), slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1)
            gradients, changes = np.stack([right[box].ravel(), down[box].ravel()], 1), change[box].ravel()
            normal = gradients.T @ gradients / len(changes) + eps * np.eye(2)
            speed[y, x] = np.square(np.linalg.solve(normal, -gradients.T @ changes / len(changes))).sum()
    return speed


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("frames", "eps", "reach"), [(2, 1e-4, 2), (5, 1e-4, 1), (5, 0.1, 3)])
def test_flow_pixel_by_pixel(frames, channels, eps, reach):
    clips = noise(2, frames, channels, 8, 11)
    for speed, clip in zip(flow_speed(clips, eps, reach), clips.double().numpy(), strict=True):
        np.testing.assert_allclose(speed, flow_by_hand(clip, eps, reach), rtol=2e-3, atol=1e-7)


def moving_wave(pixels, frames=5, size=32):
    """A clip of a pattern of two waves that moves (down, right) so many pixels a frame: (1, T, 1, H, W)."""
    rows, columns = torch.arange(float(size))[:, None], torch.arange(float(size))
    rate = 2 * math.pi / 16
    clip = [
        (torch.sin(rate * (rows - pixels[0] * t)) + torch.sin(rate * (columns - pixels[1] * t))) / 2
        for t in range(frames)
    ]
    return torch.stack(clip)[None, :, None]


@pytest.mark.parametrize("pixels", [(0.0, 0.0), (0.5, 0.0), (0.0, -0.5), (0.3, 0.4), (-1.0, 1.0)])
def test_flow_finds_the_motion_whichever_way_it_goes(pixels):
    speed = flow_speed(moving_wave(pixels), eps=1e-9)[0, 4:-4, 4:-4]
    torch.testing.assert_close(speed.sqrt(), torch.full_like(speed, math.hypot(*pixels)), rtol=0.1, atol=1e-4)


def test_what_flickers_moves_less_than_what_goes_one_way():
    """Noise has differences as large as motion has, which point anywhere: over a clip they cancel out."""
    still = moving_wave((0.0, 0.0)).expand(1, 5, 1, 32, 32)
    flickering = still + 0.2 * noise(1, 5, 1, 32, 32)
    going = moving_wave((0.0, 0.5))
    apart = [(normal_speed(clips[:, 3], clips[:, 4]).square().mean()) for clips in (flickering, going)]
    lasting = [flow_speed(clips).mean() for clips in (flickering, going)]
    assert lasting[0] / lasting[1] < 0.5 * apart[0] / apart[1]


def test_flow_of_even_ground_is_none():
    assert (flow_speed(torch.zeros(1, 5, 1, 16, 16)) == 0).all()


def waves_by_row(slope, size=64, frames=5):
    """Bands of waves, the lower the faster: log squared speed grows by `slope` over the height."""
    columns, clip = torch.arange(float(size)), []
    for t in range(frames):
        rows = [
            torch.sin(2 * math.pi / 16 * (columns - t * 0.3 * math.exp(slope * (y / size - 0.5) / 2)))
            for y in range(size)
        ]
        clip.append(torch.stack(rows))
    return torch.stack(clip)[None, :, None]


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.5, -1.5])
def test_the_slope_of_speed_over_rows_is_found(slope):
    assert scale_slope(waves_by_row(slope)) == pytest.approx(slope, abs=0.15)


@pytest.mark.parametrize(("size", "measured"), [(128, 64), (256, 64), (64, 64), (48, 48)])
def test_larger_frames_are_measured_at_64_pixels(size, measured):
    """The same scene, filmed in larger frames: each pixel is a square of them, and what moves moves as many more."""
    clips = noise(2, 3, 1, measured, measured)
    larger = clips.repeat_interleave(size // measured, 3).repeat_interleave(size // measured, 4)
    torch.testing.assert_close(measurable(larger), clips)
    assert measurable(noise(1, 2, 1, 96, 192)).shape == (1, 2, 1, 64, 128)


def test_no_slope_where_nothing_moves():
    assert scale_slope(moving_wave((0.0, 0.0))) == 0.0 == scale_slope(torch.zeros(2, 5, 1, 16, 16))


def test_nearness_makes_near_and_far_add_the_same():
    """A thing of side s moves s pixels a frame, and is seen on s^2 pixels, where s^2 grows by the slope over rows."""
    slope, size = 2.0, 64
    near = nearness(slope, size)[:, 0]
    assert near[32] == 1 and near.shape == (64,)
    for row in (5, 20, 60):
        side = math.exp(slope * (row / size - 0.5) / 2)
        assert side**2 * side**2 / float(near[row]) == pytest.approx(1, rel=1e-5)
    assert (nearness(0.0, 8) == 1).all()
