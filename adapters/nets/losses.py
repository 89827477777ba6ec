"""Image losses and error measures, on images in [-1, 1] as the family keeps them."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d

POOLS = ("mean", "p99", "patch")
PATCH = 8  # pixels: side of the patch of pooling `patch`


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Per-pixel squared error of images (B, C, H, W), mean over channels, mapped to a [0, 1] scale: (B, H, W)."""
    return ((prediction - target) / 2).square().mean(1)


def pool_error(error: Tensor, how: str = "mean") -> Tensor:
    """One number an image from an error map (B, H, W): mean, 99th percentile, or worst 8 x 8 patch mean."""
    if how == "mean":
        return error.mean((1, 2))
    if how == "p99":
        return error.flatten(1).quantile(0.99, dim=1)
    return avg_pool2d(error.unsqueeze(1), PATCH, PATCH // 2).flatten(1).amax(1)


def decibel(mean_squared_error: Tensor) -> Tensor:
    """10 log10 of a squared error: minus the PSNR of images in [0, 1], so that higher is more abnormal."""
    return 10 * mean_squared_error.clamp_min(1e-10).log10()


def gradient_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean difference of the absolute image gradients in x and in y (Frame-Pred, Liu et al. 2018, Eq. 2). Scalar."""
    along_x = prediction.diff(dim=3).abs() - target.diff(dim=3).abs()
    along_y = prediction.diff(dim=2).abs() - target.diff(dim=2).abs()
    return along_x.abs().mean() + along_y.abs().mean()
