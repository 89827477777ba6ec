"""What there is to know of a method without training it: sizes, cues, options, and where it departs from its paper."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget, Schedule
from crossvad.datasets.clips import head
from crossvad.datasets.readers.extra_inputs import with_extras
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import written
from crossvad.planning.specs import MethodSpec


class OptionInfo(NamedTuple):
    """One option of a method."""

    name: str
    default: str
    choices: str  # what it may be: a type's name, or words
    text: str


@dataclasses.dataclass(frozen=True)
class MethodInfo:
    """A method at one budget."""

    name: str
    summary: str
    paper: str
    licence: str
    frames: int  # of a clip
    scored: int  # index in the clip of the frame its score is for
    parameters: int
    adapted: dict[str, int]  # part -> its parameters that adapt to a scene
    cues: dict[str, float]  # cue -> its share of the fused score
    schedule: Schedule | None  # what it trains with at this budget; None if it does not train
    deviations: tuple[str, ...]
    options: tuple[OptionInfo, ...]


def describe(method: MethodSpec, budget: Budget) -> MethodInfo:
    """Build a method, without memory for its parameters, and look at it."""
    with torch.device("meta"):  # full-size methods are built in no time and take no memory
        adapter = method.build(budget)
    cls, adapted = method.cls, dict[str, int]()
    for name, parameter in adapter.adaptable_parameters().items() if cls.adapts and cls.tunable else ():
        part = name.partition(".")[0]
        adapted[part] = adapted.get(part, 0) + parameter.numel()
    return MethodInfo(
        name=method.label,
        summary=(inspect.getdoc(cls) or "").partition("\n")[0],
        paper=cls.paper,
        licence=cls.licence,
        frames=adapter.clip.frames,
        scored=adapter.clip.scored,
        parameters=adapter.parameter_count(),
        adapted=adapted,
        cues=_cues(method),
        schedule=adapter.schedule(budget) if cls.needs_source else None,
        deviations=cls.deviations,
        options=tuple(_options(cls)),
    )


def _cues(method: MethodSpec) -> dict[str, float]:
    """The cues of a method and their shares, seen by scoring a black clip at the smallest budget."""
    adapter = method.build(BUDGETS["smoke"]).eval()
    clip = adapter.clip
    frames = np.zeros((clip.frames, *clip.size, clip.channels), np.uint8)
    black = head(with_extras(frames, adapter.extra_inputs), clip, 1, torch.device("cpu"))
    weights = {cue: adapter.fusion.get(cue, 1.0) for cue in adapter.score(black)}
    return {cue: weight / sum(weights.values()) for cue, weight in weights.items()}


def _options(cls: type[Adapter]) -> list[OptionInfo]:
    hints = get_type_hints(cls.Options)
    return [
        OptionInfo(field.name, written(field.default), _kind(hints[field.name]), field.metadata.get("help", ""))
        for field in dataclasses.fields(cls.Options)
    ]


def _kind(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return f"{_kind(get_args(hint)[0])},…"
    return ", ".join(get_args(hint)) if get_origin(hint) is Literal else hint.__name__
