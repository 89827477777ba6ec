"""The two memories of the field: MNAD's few items, written by a rule, and MemAE's many slots, learned by gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from crossvad.adapters.nets.whole_precision import whole


class ItemMemory(nn.Module):
    """MNAD's memory (Park et al. 2020): M unit items, read by softmax, updated by a rule, never by gradient."""

    items: Tensor  # (M, C)

    def __init__(self, items: int, channels: int, largest: str = "all") -> None:
        """Make `items` random unit vectors; `largest` is over which queries an update takes its maximum: all or own."""
        super().__init__()
        self.largest = largest
        self.register_buffer("items", normalize(torch.rand(items, channels), dim=1))

    @torch.no_grad()
    def read(self, queries: Tensor) -> Tensor:
        """What the items say of unit queries (K, C): their softmax-weighted mean (K, C), without a gradient (code)."""
        return (queries @ self.items.T).softmax(1) @ self.items

    @torch.no_grad()
    def update(self, queries: Tensor) -> None:
        """Move each item towards the queries (K, C) it is nearest to, weighted by how well they match it.

        The weight of query k for item m is softmax over queries of the similarity, divided by its maximum over `all`
        queries (as the published code does) or the item's `own` (as the paper says). Items no query is nearest to stay.
        """
        similarity = queries @ self.items.T  # (K, M)
        weights = similarity.softmax(0)
        mine = weights * one_hot(similarity.argmax(1), len(self.items))
        largest = (weights if self.largest == "all" else mine).amax(0)
        moved = (mine / largest.clamp_min(torch.finfo(mine.dtype).tiny)).T @ queries
        # A new tensor, as the loss just computed still needs the old one; an item that did not move has unit length.
        self.items = normalize(self.items + moved, dim=1)

    def nearest_two(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest and the second nearest item of each query (K, C), each (K, C), without a gradient."""
        best = (queries.detach() @ self.items.T).topk(2, 1).indices
        return self.items[best[:, 0]], self.items[best[:, 1]]

    @torch.no_grad()
    def usage(self, queries: Tensor) -> dict[str, float]:
        """`items in use`: share that is some query's (K, C) nearest; `item cosine`: mean over pairs, 1 if all alike."""
        used = (queries @ self.items.T).argmax(1).unique()  # type: ignore[no-untyped-call]
        pairs = torch.triu_indices(len(self.items), len(self.items), 1, device=self.items.device)
        cosine = (self.items @ self.items.T)[pairs[0], pairs[1]].mean()
        return {"items in use": len(used) / len(self.items), "item cosine": cosine.item()}


class SlotMemory(nn.Module):
    """MemAE's memory (Gong et al. 2019): N learned slots, addressed by softmax, hard shrinkage and renormalisation."""

    def __init__(self, slots: int, channels: int, shrink: float, cosine: bool = False) -> None:
        """Draw the slots; they are asked by dot products, as MemAE's code does, or by cosines, as its paper says."""
        super().__init__()
        self.slots = nn.Parameter(torch.empty(slots, channels).uniform_(-(channels**-0.5), channels**-0.5))
        self.shrink, self.cosine = shrink, cosine

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Queries (K, C) to what replaces them (K, C) and the addressing weights (K, N); rows sum to one or zero."""
        asked, slots = (normalize(each) for each in (queries, self.slots)) if self.cosine else (queries, self.slots)
        weights = whole(asked @ slots.T).softmax(1)  # what is shrunk below is smaller than half precision has
        excess = weights - self.shrink
        weights = excess.relu() * weights / (excess.abs() + 1e-12)
        weights = normalize(weights, p=1, dim=1)
        return weights @ self.slots, weights


def entropy(weights: Tensor) -> Tensor:
    """Mean entropy in nats of addressing weights (K, N): MemAE's sparsity loss. Scalar."""
    return -(weights * (weights + 1e-12).log()).sum(1).mean()
