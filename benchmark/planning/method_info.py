"""What there is to know of a method without training it: sizes, cues, options, and where it departs from its paper."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.frozen import frozen_count
from crossvad.adapters.options import Arithmetic, Budget, Range, Schedule
from crossvad.adapters.published import DEVIATIONS, PublishedEvaluation
from crossvad.datasets.clips import head
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.extra_inputs import with_extras
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import presets_of, written
from crossvad.planning.specs import MethodSpec


class OptionInfo(NamedTuple):
    """One option of a method."""

    name: str
    default: str
    choices: str  # what it may be: a type's name with its range, or words
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
    frozen: int  # parameters of pretrained parts on top, which nothing changes
    adapted: dict[str, int]  # part -> its parameters that adapt to a scene
    cues: dict[str, float]  # cue -> its share of the fused score; none if it cannot score before it is fitted
    schedule: Schedule | None  # what it trains with at this budget; None if it does not train, or its own way
    optimizers: dict[str, str]  # what steps, and how: name -> such as "adam at 0.0002"; none if it does not train so
    own_fit: bool  # it is fitted its own way
    transductive: bool  # it scores a frame by test video from after it, too
    calibrated: bool  # it adapts in closed form, and by no steps
    published_evaluation: PublishedEvaluation  # what protocol `paper` does to its scores
    deviations: tuple[str, ...]
    presets: dict[str, str]  # name -> the options that it stands for, as they are typed
    options: tuple[OptionInfo, ...]
    arithmetic: dict[str, tuple[str, ...]]  # options of `Arithmetic` that it has, with what each may be


def describe(method: MethodSpec, budget: Budget) -> MethodInfo:
    """Build a method and look at it."""
    adapter, cls, adapted = _built(method, budget), method.cls, dict[str, int]()
    for name, parameter in adapter.adaptable_parameters().items() if cls.adapts and cls.tunable else ():
        part = name.partition(".")[0]
        adapted[part] = adapted.get(part, 0) + parameter.numel()
    own_fit = cls.needs_source and cls.fit is not Adapter.fit
    return MethodInfo(
        name=method.label,
        summary=inspect.cleandoc(cls.__doc__ or "").partition("\n")[0],
        paper=cls.paper,
        licence=cls.licence,
        frames=adapter.clip.frames,
        scored=adapter.clip.scored,
        parameters=adapter.parameter_count(),
        frozen=frozen_count(adapter),
        adapted=adapted,
        cues=_cues(method),
        schedule=adapter.schedule(budget) if cls.needs_source and not own_fit else None,
        optimizers=_optimizers(method, budget) if cls.needs_source and not own_fit else {},
        own_fit=own_fit,
        transductive=adapter.transductive,
        calibrated=cls.adapts and not cls.tunable,
        published_evaluation=cls.published_evaluation,
        deviations=cls.deviations + (DEVIATIONS if cls.needs_source and not method.code else ()),
        presets={name: _typed(options) for name, options in presets_of(cls).items()},
        options=tuple(options_of(cls)),
        arithmetic={name: get_args(get_type_hints(Arithmetic)[name]) for name in method.arithmetic_options},
    )


def _built(method: MethodSpec, budget: Budget) -> Adapter:
    """A method without memory for its parameters, so that full-size ones are built in no time, if it can be."""
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pretrained weights, which find no memory to be read into
            return method.build(budget)
    except InputError:  # it looks at what is in its parameters
        return method.build(budget)


def _optimizers(method: MethodSpec, budget: Budget) -> dict[str, str]:
    """What a method trains with at a budget, seen at the smallest."""
    adapter = method.build(BUDGETS["smoke"])
    if not adapter.parameter_count():  # a plug-in that is not finished: nothing there to step on
        return {}
    optimizers = adapter.optimizers(budget)
    return {
        name: f"{type(each).__name__.lower()} at {each.param_groups[0]['lr']:g}" for name, each in optimizers.items()
    }


def _cues(method: MethodSpec) -> dict[str, float]:
    """The cues of a method and their shares, seen by scoring a black clip at the smallest budget."""
    adapter = method.build(BUDGETS["smoke"]).eval()
    clip = adapter.clip
    frames = np.zeros((clip.frames, *clip.size, clip.channels), np.uint8)
    black = head(with_extras(frames, adapter.extra_inputs), clip, 1, torch.device("cpu"))
    try:
        weights = {cue: adapter.fusion.get(cue, 1.0) for cue in adapter.score(black)}
    except Exception:  # such as that of a bank that is still empty: then what it says of itself
        weights = dict(adapter.fusion)
    return {cue: weight / sum(weights.values()) for cue, weight in weights.items()}


def _typed(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={written(value)}" for name, value in options.items())


def options_of(cls: Any) -> list[OptionInfo]:
    """Every option of a class, be it a method or a tuning, in order."""
    hints = get_type_hints(cls.Options)
    return [
        OptionInfo(
            field.name, written(field.default), _choices(hints[field.name], field), field.metadata.get("help", "")
        )
        for field in dataclasses.fields(cls.Options)
    ]


def _choices(hint: Any, field: dataclasses.Field[Any]) -> str:
    """What an option may be: the words to choose from, or a type, of numbers with their range."""
    if get_origin(hint) is Literal:
        return ", ".join(get_args(hint))
    several = get_origin(hint) is tuple
    one, allowed = get_args(hint)[0] if several else hint, field.metadata.get("range", Range())
    kind = f"{one.__name__},…" if several else one.__name__
    return f"{kind}, {allowed}" if one in (int, float) and allowed != Range() else kind
