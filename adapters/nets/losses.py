"""Image losses and error measures, on images in [-1, 1] as the family keeps them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, conv2d, pad

PATCH = 8  # pixels: side of the patch of pooling `patch`
WINDOW = 11  # pixels: side of the window of structural similarity
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of its scales, finest first


def squared_error(prediction: Tensor, target: Tensor, span: float = 2.0) -> Tensor:
    """Per-pixel squared error of images (B, C, H, W), mean over channels, mapped to a [0, 1] scale: (B, H, W).

    Args:
        span: of the images' values: 2 in [-1, 1].
    """
    return ((prediction - target) / span).square().mean(1)


def pixel_norm(residual: Tensor) -> Tensor:
    """2-norm over the channels of each pixel of a residual (B, C, H, W), with a finite gradient at zero: (B, H, W)."""
    return (residual.square().sum(1) + 1e-12).sqrt()


def pool_error(error: Tensor, how: str = "mean") -> Tensor:
    """One number an image from an error map (B, H, W): mean, 99th percentile, or worst 8 x 8 patch mean."""
    if how == "mean":
        return error.mean((1, 2))
    if how == "p99":
        return error.flatten(1).quantile(0.99, dim=1)
    return avg_pool2d(error.unsqueeze(1), PATCH, PATCH // 2).flatten(1).amax(1)


def smoothed(error: Tensor, share: float) -> Tensor:
    """A map (H, W) averaged over squares of about this share of its height, which end at its border."""
    reach = round(share * error.shape[0] / 2)
    around = avg_pool2d(error[None, None], 2 * reach + 1, 1, reach, count_include_pad=False)
    return around[0, 0]


def decibel(mean_squared_error: Tensor, floor: float = 1e-10) -> Tensor:
    """10 log10 of a squared error: minus the PSNR of images in [0, 1], so that higher is more abnormal.

    What is below the floor counts as the floor, as zero has no logarithm. No prediction of a network is: the default
    is less than what one level of 255 makes in one pixel of a gray frame of 256 x 256.
    """
    return 10 * mean_squared_error.clamp_min(floor).log10()


def weighted_regular_error(prediction: Tensor, target: Tensor) -> Tensor:
    """What MNAD's test-time gate looks at (Park et al. 2020): squared error, large ones weighing more.

    Images (B, C, H, W) in [-1, 1] are mapped to [0, 1]; an error e weighs 1 - exp(-e) in the image's mean: (B,).
    """
    error = ((prediction - target) / 2).square().flatten(1)
    weight = -torch.expm1(-error)
    return (weight * error).sum(1) / weight.sum(1).clamp_min(1e-12)


def gradient_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean difference of the absolute image gradients in x and in y (Frame-Pred's gradient loss). Scalar.

    Images (B, C, H, W). Beyond the right and lower border lie zeros, so that there are as many gradients as pixels: as
    Frame-Pred's published code has it.
    """

    def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
        return pad(images, (0, 1)).diff(dim=3).abs(), pad(images, (0, 0, 0, 1)).diff(dim=2).abs()

    pairs = zip(gradients(prediction), gradients(target), strict=True)
    along_x, along_y = ((ours - theirs).abs().mean() for ours, theirs in pairs)
    return along_x + along_y


def lsgan_loss(judged: Tensor, wanted: float) -> Tensor:
    """Half the mean squared distance of judgements from what they are to be (least-squares GAN, Mao et al. 2017)."""
    return (judged - wanted).square().mean() / 2


def gan_loss(judged: Tensor, truth: float) -> Tensor:
    """Cross-entropy of judgements, as logits, with one truth for all, from 0 to 1 (Goodfellow et al. 2014). Scalar."""
    return binary_cross_entropy_with_logits(judged, torch.full_like(judged, truth))


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity of images (B, C, H, W) (Wang et al. 2004), mean over all: 1 where they are equal. Scalar.

    An 11 x 11 Gaussian window of sigma 1.5 with zeros beyond the border, C1 = 0.01^2 and C2 = 0.03^2, whatever the
    images' range: as APN's published code has it, on images in [-1, 1].
    """
    luminance, contrast = _similarity(prediction, target, padding=5)
    return (luminance * contrast).mean()


def ms_ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity over several scales of images (B, C, H, W) in [0, 1] (Wang et al. 2003): at most 1. Scalar.

    The paper's five scales and weights; of images that an 11 x 11 window does not fit into at all of them, as many as
    it does, with their weights made to sum to one. A similarity below zero counts as zero.
    """
    scales = [weight for level, weight in enumerate(SCALES) if min(prediction.shape[2:]) >> level >= WINDOW]
    similarity = prediction.new_ones(())
    for level, weight in enumerate(scales):
        if level:
            prediction, target = avg_pool2d(prediction, 2), avg_pool2d(target, 2)
        luminance, contrast = _similarity(prediction, target, padding=0)
        whole = luminance * contrast if level == len(scales) - 1 else contrast
        similarity = similarity * whole.mean((2, 3)).clamp_min(1e-6) ** (weight / sum(scales))  # (B, C)
    return similarity.mean()


def _similarity(prediction: Tensor, target: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    """How alike images (B, C, H, W) are around each pixel, in luminance and in contrast and structure."""
    channels = prediction.shape[1]
    window = _gaussian(WINDOW, 1.5).to(prediction).expand(channels, 1, WINDOW, WINDOW)

    def blurred(images: Tensor) -> Tensor:
        return conv2d(images, window, padding=padding, groups=channels)

    mean_p, mean_t = blurred(prediction), blurred(target)
    variance_p = blurred(prediction.square()) - mean_p.square()
    variance_t = blurred(target.square()) - mean_t.square()
    covariance = blurred(prediction * target) - mean_p * mean_t
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_p * mean_t + c1) / (mean_p.square() + mean_t.square() + c1)
    contrast = (2 * covariance + c2) / (variance_p + variance_t + c2)
    return luminance, contrast


def _gaussian(size: int, sigma: float) -> Tensor:
    """A window (size, size) that sums to one."""
    line = (-(torch.arange(size) - size // 2).double().square() / (2 * sigma**2)).exp()
    line = line / line.sum()
    return torch.outer(line, line)
