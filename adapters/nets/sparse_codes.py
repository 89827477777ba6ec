"""Sparse codes of sequences, by a network that unrolls their optimisation (Luo, Liu and Gao, ICCV 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

NEARNESS = 100.0  # squared distance of two inputs at which their codes need to agree by 1/e


class Last(NamedTuple):
    """The last moment of sequences, for those that go on."""

    inputs: Tensor  # (B, D)
    codes: Tensor  # (B, M)


class SparseCodes(nn.Module):
    """Stacked RNN whose layers are steps of ISTA (the paper's equations 7 to 9, and its code).

    The code a of an input x at a moment is to make |x - A a|^2 / 2 + l1 |a|_1 + l2 d |a - a'|^2 / 2 small, where a' is
    the code of the moment before, and d = exp(-|x - x'|^2 / 100) how alike the two inputs are. A step of a gradient
    descent on that, of size 1 / g, and a soft threshold l1 / g is a layer; the first begins with a'.
    """

    def __init__(
        self,
        features: int,
        atoms: int,
        layers: int = 3,
        sparsity: float = 0.1,
        coherence: float = 0.1,
        learned: bool = True,
        exact: bool = True,
    ) -> None:
        """Make a dictionary A.

        Args:
            features: D, of an input.
            atoms: M, of the dictionary.
            layers: K, steps a moment.
            sparsity: l1, to begin with.
            coherence: l2, to begin with.
            learned: g, l1 and l2 are parameters; else they stay as they are, and g = 1.
            exact: the first layer is a step of ISTA: the published code has l2 / g there in the place of 1 / g.
        """
        super().__init__()
        self.layers, self.exact = layers, exact
        self.dictionary = nn.Parameter(drawn(features, atoms))
        for name, value in (("gamma", 1.0), ("sparsity", sparsity), ("coherence", coherence)):
            number = torch.tensor(float(value))
            if learned:
                self.register_parameter(name, nn.Parameter(number))
            else:
                self.register_buffer(name, number)

    gamma: Tensor
    sparsity: Tensor
    coherence: Tensor

    def forward(self, inputs: Tensor, last: Last | None = None) -> Tensor:
        """Codes of sequences.

        Args:
            inputs: (B, T, D).
            last: what came before them; None: nothing, whose code was zero.

        Returns:
            Codes (B, T, M).
        """
        threshold, smooth = self.sparsity / self.gamma, self.coherence / self.gamma
        given = inputs @ self.dictionary / self.gamma  # (B, T, M)
        agree = self.dictionary.mT @ self.dictionary / self.gamma  # (M, M)
        if last is None:
            last = Last(torch.zeros_like(inputs[:, 0]), torch.zeros_like(given[:, 0]))
        before = torch.cat([last.inputs.unsqueeze(1), inputs[:, :-1]], 1)
        alike = smooth * (-(inputs - before).square().sum(2, keepdim=True) / NEARNESS).exp()  # (B, T, 1)
        code, codes = last.codes, []
        for moment in range(inputs.shape[1]):
            start = code
            first = code @ agree * (1 if self.exact else self.coherence)
            code = shrink(code - first + given[:, moment], threshold)
            for _ in range(self.layers - 1):
                pull = alike[:, moment] * (start - code)
                code = shrink(code - code @ agree + pull + given[:, moment], threshold)
            codes.append(code)
        return torch.stack(codes, 1)


def shrink(values: Tensor, threshold: Tensor) -> Tensor:
    """Soft threshold: what of values is more than so far from zero."""
    return values.sign() * (values.abs() - threshold).relu()


def drawn(features: int, atoms: int) -> Tensor:
    """A matrix (D, M) to begin with: Glorot's uniform one, halved, as the code has it."""
    return nn.init.xavier_uniform_(torch.empty(features, atoms)) / 2
