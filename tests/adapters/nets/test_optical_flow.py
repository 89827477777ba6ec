"""Flow by Lucas and Kanade: against motion that is known."""

import numpy as np
import pytest
import torch

from crossvad.adapters.nets.optical_flow import lucas_kanade, warped


def textured(size, right=0.0, down=0.0, seed=0):
    """Two images (2, size, size) in [-1, 1] of waves, moved by so many pixels: exactly, as waves are known anywhere."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - np.array([down, right])[:, None, None]
    waves = random.uniform(-1, 1, (2, 24, 2)) * 2 * np.pi / 20  # no shorter than 20 pixels along a row or column
    phases = random.uniform(0, 2 * np.pi, (2, 24, 1, 1))
    images = np.sin(waves[..., :1, None] * y + waves[..., 1:, None] * x + phases).mean(1) * 2
    return torch.from_numpy(images.clip(-1, 1)).float()


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (1, 0), (-0.5, 0.25), (3, 1), (-2, -3)])
def test_a_shift_is_found(size, right, down):
    flow = lucas_kanade(textured(size), textured(size, right, down))[:, :, 6:-6, 6:-6]
    wrong = (flow - torch.tensor([right, down]).view(1, 2, 1, 1)).abs()
    assert wrong.median() < 0.1 and wrong.mean() < 0.2


def test_even_ground_does_not_move():
    assert not lucas_kanade(torch.full((1, 32, 32), 0.3), torch.full((1, 32, 32), 0.8)).any()


def test_warping_reads_where_the_flow_points():
    images, flow = torch.randn(1, 6, 7), torch.zeros(1, 2, 6, 7)
    flow[0, 0], flow[0, 1] = 2, -1
    read = warped(images, flow)
    for y in range(6):
        for x in range(7):
            assert read[0, y, x].item() == pytest.approx(images[0, max(y - 1, 0), min(x + 2, 6)].item(), abs=1e-5)


def test_a_gradient_passes_to_the_second_image():
    """Against differences, in float64."""
    first = textured(32).double()[:1]
    second = (first + 0.1 * textured(32, seed=1).double()[:1]).requires_grad_()
    lucas_kanade(first, second).abs().mean().backward()
    assert second.grad.isfinite().all()
    for y, x in ((10, 12), (20, 7)):
        step = torch.zeros_like(second)
        step[0, y, x] = 1e-6
        with torch.no_grad():
            up, low = (lucas_kanade(first, second + sign * step).abs().mean() for sign in (1, -1))
        assert second.grad[0, y, x].item() == pytest.approx(((up - low) / 2e-6).item(), rel=1e-3, abs=1e-9)
