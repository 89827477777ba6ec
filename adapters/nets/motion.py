"""How fast pixels move, read from frames by arithmetic alone, and how that grows with a frame's rows.

Of two frames, the speed of normal flow, along the gradient of the image: all of motion that the constancy of brightness
gives with no further assumption (Horn and Schunck 1981). Of a clip, the speed of the one motion that all of its frames
agree on around a pixel (Lucas and Kanade 1981). In pixels a frame, so that either depends on the size of frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

MEASURED = 64  # pixels: height of the frames that flow is measured in, at most
STILL = 1e-6  # in squared pixels a frame: a thousandth of a pixel, which no camera tells from its noise
LEAST = 0.1  # of a map's mean: what a row counts as at least
SLOWEST = 1e-12  # of a pooled squared speed: less than one level of 255 makes of one gray pixel amid 256 x 256
MOVING = 0.02  # pixels a frame, from which something counts as moving
TEXTURED = 1e-3  # squared gray levels a pixel, from which its speed can be told


def normal_speed(before: Tensor, after: Tensor, eps: float = 1e-3, reach: int = 2) -> Tensor:
    """Speed along the gradient, in pixels a frame, from consecutive frames (B, C, H, W) in [-1, 1]: (B, H, W).

    Of gray I in [0, 1], the mean over channels: the mean of |I_t| |grad I| over the box around a pixel, by eps and the
    mean of |grad I|^2 there. But for eps that is the v which solves |I_t| = v |grad I| best over the box, in the sense
    of least squares: Lucas and Kanade's way (1981) to one unknown, as the direction is given. It holds for motion of
    up to a pixel or two, less than what moves is wide.

    Differences in space are central, one-sided at the border, and of the mean of both frames, so that they are of the
    same moment as the difference in time.

    Args:
        eps: in squared gray levels a pixel; makes ground that is even look still, where noise alone would speak.
        reach: of the box, in pixels to each side; what of it lies beyond the border does not count.
    """
    first, second = ((frame.mean(1) + 1) / 2 for frame in (before, after))
    down, right = torch.gradient((first + second) / 2, dim=(1, 2))
    steepness = down.square() + right.square()
    return box_mean((second - first).abs() * steepness.sqrt(), reach) / (box_mean(steepness, reach) + eps)


def measurable(clips: Tensor) -> Tensor:
    """Clips (B, T, C, H, W) at 64 pixels of height or, if they have fewer, as they are: a pixel becomes a mean.

    What walks moves about a pixel a frame there, as far as the flow of one small window reaches; in frames twice as
    large it is two and more, and flow is found where there is least of it.
    """
    height, width = clips.shape[3:]
    if height <= MEASURED:
        return clips
    size = (MEASURED, max(1, round(width * MEASURED / height)))
    return interpolate(clips.flatten(0, 1), size, mode="area").view(*clips.shape[:3], *size)


def flow_speed(clips: Tensor, eps: float = 1e-4, reach: int = 2) -> Tensor:
    """Squared speed of motion that lasts, in pixels a frame, of clips (B, T >= 2, C, H, W) in [-1, 1]: (B, H, W).

    The flow (u, v) that solves I_x u + I_y v = -I_t best over a box around the pixel and all T - 1 pairs of consecutive
    frames, in the sense of least squares (Lucas and Kanade 1981, with a ridge). Unlike `normal_speed` it adds changes
    with their signs, so that noise and flicker, which point anywhere, cancel out, and what goes one way does not.

    Args:
        eps: the ridge, in squared gray levels a pixel: ground that is even has no flow.
        reach: of the box, in pixels to each side; what of it lies beyond the border does not count.
    """
    down, right, change = _derivatives(clips)
    products = (right * right, down * down, right * down, right * change, down * change)
    xx, yy, xy, xt, yt = (box_mean(product.mean(1), reach) for product in products)
    xx, yy = xx + eps, yy + eps
    determinant = xx * yy - xy.square()
    across, along = (yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant
    return across.square() + along.square()


def _derivatives(clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Change of gray in [0, 1] downwards, to the right and to the next frame, for each pair: (B, T - 1, H, W) each."""
    gray = (clips.mean(2) + 1) / 2  # (B, T, H, W)
    down, right = torch.gradient((gray[:, 1:] + gray[:, :-1]) / 2, dim=(2, 3))
    return down, right, gray.diff(dim=1)


def scale_slope(clips: Tensor) -> float:
    """By how much what moves in a scene's clips (B, T, C, H, W) is larger at the bottom than at the top: of log area.

    Of things alike, both the area in pixels and the squared speed grow with the square of how near they are, so that
    the one can be read off the other: the slope of log squared speed over rows, where the frame's height is 1, among
    pixels that move and have texture. Rows weigh as many as they have of these. 0 where fewer than two rows do.
    """
    speed = flow_speed(clips)  # (B, H, W)
    down, right, _ = _derivatives(clips)
    texture = box_mean((down.square() + right.square()).mean(1), 2)
    seen = (speed > MOVING**2) & (texture > TEXTURED)
    count = seen.sum((0, 2)).double()
    if (count > 0).sum() < 2:
        return 0.0
    logs = torch.where(seen, speed.clamp_min(STILL).log(), 0).sum((0, 2)).double() / count.clamp_min(1)
    rows = torch.arange(len(count), dtype=torch.float64, device=count.device) / len(count)
    weight = count / count.sum()
    centred = rows - (weight * rows).sum()
    return float((weight * centred * logs).sum() / (weight * centred.square()).sum())


def nearness(slope: float | Tensor, rows: int) -> Tensor:
    """What one thing adds to a sum over the frame, by its row: its squared speed times its area, (rows, 1).

    exp(2 slope (row / rows - 1/2)) by the `scale_slope`, so that it is 1 halfway down. Maps that are divided by it sum
    to about the same for a thing far away as for one that is near.
    """
    slope = torch.as_tensor(slope)
    row = torch.arange(rows, dtype=torch.float32, device=slope.device) / rows - 0.5
    return (2 * slope.float() * row).exp().unsqueeze(1)


def box_mean(values: Tensor, reach: int) -> Tensor:
    """Mean of maps (B, H, W) over a box around each pixel, of so many to each side that lie within: (B, H, W)."""
    return avg_pool2d(values.unsqueeze(1), 2 * reach + 1, 1, reach, count_include_pad=False).squeeze(1)


def row_trend(squared_speed: Tensor, sloped: bool = True) -> Tensor:
    """What maps (B, H, W) of squared speed grow by from row to row: (2,), the a and b of exp(a + b row), all finite.

    As perspective has it, what is near the camera, mostly low in the frame, moves more pixels. Fitted by least squares
    to the logarithms of the rows' means over all maps and columns; rows count from 0, the uppermost, and H >= 2.

    A row in which nothing moved, such as of sky, or of road while nobody walks there, has a logarithm that says how
    little noise there was, and of few frames there are many. So a row counts as a tenth of the maps' mean at least,
    which bounds the trend: of rows that all are above that, it is found as it is. Where nothing moves at all, the trend
    is level, at a thousandth of a pixel a frame.

    Args:
        sloped: whether rows differ; else b is zero, and all rows are expected to be as they are in the mean.
    """
    means = squared_speed.mean((0, 2))
    logs = means.clamp_min((LEAST * means.mean()).clamp_min(STILL)).log()
    rows = torch.arange(len(logs), dtype=logs.dtype, device=logs.device)
    centred = rows - rows.mean()
    slope = (centred * logs).sum() / centred.square().sum() * sloped
    return torch.stack([logs.mean() - slope * rows.mean(), slope])


def expected(trend: Tensor, rows: int) -> Tensor:
    """The squared speed that a `row_trend` expects in each of so many rows, (rows, 1), to divide maps by."""
    row = torch.arange(rows, dtype=trend.dtype, device=trend.device)
    return (trend[0] + trend[1] * row).exp().unsqueeze(1)
