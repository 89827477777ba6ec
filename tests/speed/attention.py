"""Criss-cross attention beside the direct form of CCNet's description: time and memory, side by side.

    python tests/speed/attention.py                               # 256 x 256 pixels, 64 channels, 2 threads
    python tests/speed/attention.py --size 64 --channels 16 --batch 8 --rounds 20
    python tests/speed/attention.py --device cuda

The direct form makes all energies of columns and of rows, adds a tensor of zeros with -inf on its diagonals to those of
the columns, joins both and takes one softmax over H + W places. Both are run in turn, and on the same weights. The goal
for a forward pass without gradients at the default size: half the time, a third of the memory, 1e-4 apart at most.
Memory is the most bytes that tensors hold at one time beyond what was held before, as CUDA's allocator counts them, or
on the CPU summed up from every allocation and release that PyTorch's profiler hears of (see `measuring.peak_bytes`).
"""

from __future__ import annotations

import measuring
import torch
from torch import Tensor

from crossvad.adapters.nets.attention import CrissCrossAttention
from crossvad.execution.device import get_device


def direct(layer: CrissCrossAttention, features: Tensor) -> Tensor:
    """(B, C, H, W) to the same shape, the plain way."""
    query, key, value = layer.query(features), layer.key(features), layer.value(features)
    images, _, height, width = features.shape

    def columns(given: Tensor) -> Tensor:  # (B, c, H, W) to (B W, c, H)
        return given.permute(0, 3, 1, 2).contiguous().view(images * width, -1, height)

    def rows(given: Tensor) -> Tensor:  # (B, c, H, W) to (B H, c, W)
        return given.permute(0, 2, 1, 3).contiguous().view(images * height, -1, width)

    none = features.new_full((images * width, height), float("-inf"))
    energy_column = torch.bmm(columns(query).transpose(1, 2), columns(key)) + torch.diag_embed(none)
    energy_row = torch.bmm(rows(query).transpose(1, 2), rows(key))
    joined = [
        energy_column.view(images, width, height, height).transpose(1, 2),
        energy_row.view(images, height, width, width),
    ]
    weights = torch.cat(joined, 3).softmax(3)  # (B, H, W, H + W)
    weight_column = weights[..., :height].transpose(1, 2).contiguous().view(images * width, height, height)
    weight_row = weights[..., height:].contiguous().view(images * height, width, width)
    down = torch.bmm(columns(value), weight_column.transpose(1, 2)).view(images, width, -1, height)
    along = torch.bmm(rows(value), weight_row.transpose(1, 2)).view(images, height, -1, width)
    return layer.gamma * (down.permute(0, 2, 3, 1) + along.permute(0, 2, 1, 3)) + features


def main() -> None:
    """Measure and print."""
    options = measuring.options(__doc__.splitlines()[0], channels=64).parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    where, size = get_device(options.device), options.size
    layer = CrissCrossAttention(options.channels).to(where)
    torch.nn.init.ones_(layer.gamma)
    features = torch.randn(options.batch, options.channels, size, size, device=where)
    print(f"{options.batch} x {options.channels} x {size} x {size} on {where}, {options.threads} threads")

    with torch.no_grad():
        works = {"direct": lambda: direct(layer, features), "ours": lambda: layer(features)}
        measuring.report("forward", works, options.rounds, where)
        apart = measuring.difference(layer(features), direct(layer, features))

    features.requires_grad_()
    inputs = [features, *layer.parameters()]
    works = {
        "direct": lambda: torch.autograd.grad(direct(layer, features).square().mean(), inputs),
        "ours": lambda: torch.autograd.grad(layer(features).square().mean(), inputs),
    }
    measuring.report("with backward", works, options.rounds, where)
    print(f"forward, greatest absolute difference: {apart:.1e}")


if __name__ == "__main__":
    main()
