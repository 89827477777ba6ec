"""TSC: temporally coherent sparse coding (Luo, Liu and Gao, ICCV 2017), the stacked RNN with nothing but a dictionary.

What codes a frame also decodes it, and how sparse and how slow codes are is set and not learned: see `stackrnn`.
"""

from __future__ import annotations

from crossvad.adapters.methods.stackrnn import StackRnn
from crossvad.adapters.published import EVALUATIONS


class Tsc(StackRnn):
    """The same layers, one dictionary; 4 194 304 parameters over 2048 features."""

    published_evaluation = EVALUATIONS["tsc"]
    last_layers = ("codes.dictionary",)
    tied = True
    deviations = (
        *StackRnn.deviations,
        "codes are those of the unrolled layers, as in the authors' code: the paper optimises them to the end",
    )
