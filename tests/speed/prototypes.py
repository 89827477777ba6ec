"""The prototype unit beside a plain form that broadcasts pixels x prototypes x channels: time and memory, side by side.

    python tests/speed/prototypes.py                              # 256 x 256 pixels, 128 channels, 10 prototypes
    python tests/speed/prototypes.py --size 64 --batch 8 --prototypes 20
    python tests/speed/prototypes.py --device cuda

The plain form makes tensors of N x M x C elements (N pixels, M prototypes, C channels) to pool prototypes from pixels,
to compare pixels with prototypes and to rebuild pixels from them. Both are run in turn, and on the same weights. Memory
is measured as `measuring.peak_bytes` says; the largest tensor is that of all which an operation of the unit makes.
"""

from __future__ import annotations

import measuring
import torch
from torch import Tensor
from torch.nn.functional import normalize

from crossvad.adapters.nets.prototypes import PrototypeUnit
from crossvad.execution.device import get_device


def broadcast(made: PrototypeUnit, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, C, H, W) to features (B, C, H, W), prototypes (B, M, C) and distance (B, H, W), the plain way."""
    shape = features.shape
    x = normalize(features.flatten(2).transpose(1, 2), dim=2)  # (B, N, C)
    attention = (made.maps(x) / made.temperature).softmax(1)  # (B, N, M)
    pixels = x.unsqueeze(2)  # (B, N, 1, C)
    prototypes = normalize((attention.unsqueeze(3) * pixels).sum(1), dim=2)  # (B, M, C)
    others = prototypes.unsqueeze(1)  # (B, 1, M, C)
    weights = ((pixels * others).sum(3) / made.temperature).softmax(2)  # (B, N, M)
    retrieved = normalize((weights.unsqueeze(3) * others).sum(2), dim=2)
    distance = (pixels - others).square().mean(3).amin(2)  # (B, N)
    return (retrieved + x).transpose(1, 2).reshape(shape), prototypes, distance.view(shape[0], *shape[2:])


def loss(found: tuple[Tensor, ...]) -> Tensor:
    """As methods have one: of features, and of the distance to the nearest prototype."""
    return found[0].square().sum() + found[2].sum()


def main() -> None:
    """Measure and print."""
    parser = measuring.options(__doc__.splitlines()[0], channels=128)
    parser.add_argument("--prototypes", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    where, size = get_device(options.device), options.size
    made = PrototypeUnit(options.channels, options.prototypes).to(where)
    # Maps that tell pixels apart: of those a new unit has, all prototypes are nearly the mean feature.
    torch.nn.init.normal_(made.maps.weight, std=3)
    features = torch.randn(options.batch, options.channels, size, size, device=where)
    print(
        f"{options.batch} x {options.channels} x {size} x {size}, {options.prototypes} prototypes on {where}, "
        f"{options.threads} threads"
    )

    with torch.no_grad():
        works = {"broadcast": lambda: broadcast(made, features), "ours": lambda: made(features)}
        measuring.report("forward", works, options.rounds, where)
        plain, own = broadcast(made, features), made(features)
        with measuring.Largest() as largest:
            made(features)

    features.requires_grad_()
    inputs = [features, made.maps.weight]
    works = {
        "broadcast": lambda: torch.autograd.grad(loss(broadcast(made, features)), inputs),
        "ours": lambda: torch.autograd.grad(loss(made(features)), inputs),
    }
    measuring.report("with backward", works, options.rounds, where)
    for name, other in zip(("features", "prototypes", "distance"), plain, strict=True):
        apart = measuring.difference(getattr(own, name), other)
        print(f"forward, greatest absolute difference of {name}: {apart:.1e}")
    everything = features.numel() * options.prototypes
    print(f"largest tensor of ours: {largest.elements} elements; N x M x C: {everything}")


if __name__ == "__main__":
    main()
