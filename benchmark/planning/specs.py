"""A method or tuning with its options, as a user chose it, and which version of it that is."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args, get_type_hints

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import FLOAT32, Arithmetic, Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.extra_inputs import extractor_version
from crossvad.datasets.wording import noun
from crossvad.planning.cell import digest_of
from crossvad.planning.names import did_you_mean, spelled, split_options
from crossvad.planning.versions import plugin_code


@dataclass(frozen=True)
class Spec:
    """A method or tuning with its options, as a user chose it."""

    label: str  # what tables call it: the name, with the options that differ from their defaults
    cls: type
    options: Any
    code: str = dataclasses.field(init=False, repr=False, compare=False, default="")  # of a plug-in, when it was chosen

    def __post_init__(self) -> None:
        """Read a plug-in's code."""
        object.__setattr__(self, "code", plugin_code(self.cls))

    def _version(self, *numbers: int) -> str:
        """These numbers, as `1.2`; of a plug-in, 16 hex digits that change with its file's code and with them."""
        text = ".".join(map(str, numbers))
        return digest_of({"code": self.code, "versions": text}) if self.code else text


@dataclass(frozen=True)
class MethodSpec(Spec):
    """A chosen method."""

    cls: type[Adapter]
    arithmetic: Arithmetic = FLOAT32  # its label says what of it is not as it is by default

    @property
    def version(self) -> str:
        """What changes when its scores do, whether its training changed or the way it scores."""
        return self._version(self.cls.versions.fit, self.cls.versions.score) + self._extras

    @property
    def _extras(self) -> str:
        """Which version of each extra input it is given, such as +flow.1."""
        return "".join(f"+{name}.{extractor_version(name)}" for name in self.cls.extra_inputs)

    @property
    def maps_version(self) -> str:
        """What changes when its maps do; empty where it has none."""
        return "" if self.cls.maps is Adapter.maps else self._version(*self.cls.versions)

    @property
    def fit_digest(self) -> str:
        """16 hex digits of what a training depends on: methods that differ only in how they score share their fits."""
        fields = dataclasses.fields(self.options)
        decisive = {f.name: repr(getattr(self.options, f.name)) for f in fields if f.metadata.get("trains", True)}
        version = self._version(self.cls.versions.fit) + self._extras
        facts: dict[str, object] = {"class": self.cls.__qualname__, "options": decisive, "version": version}
        precision = self.arithmetic.training_precision
        return digest_of(facts if precision == "float32" else facts | {"precision": precision})

    def computing(self, **said: str) -> MethodSpec:
        """The same method in another `Arithmetic`, which its label says; what that says already stays as it is.

        Raises:
            InputError: there is no such precision, or the method cannot be trained in it.
        """
        arithmetic = self.arithmetic
        for name, text in said.items():
            if text not in (known := get_args(get_type_hints(Arithmetic)[name])):
                fix = f"{did_you_mean(text, known)}choose from {', '.join(known)}"
                raise InputError(f"{name.replace('_', ' ')} {text!r}", "is unknown", fix)
            if getattr(arithmetic, name) == getattr(FLOAT32, name):
                chosen: dict[str, Any] = {name: text}
                arithmetic = replace(arithmetic, **chosen)
        changed = {name: text for name, text in asdict(arithmetic).items() if text != getattr(FLOAT32, name)}
        if own := changed.keys() & {field.name for field in dataclasses.fields(self.options)}:
            raise InputError(self.label, f"has a {own.pop()} of its own", "say it in brackets, and not by a flag")
        if "training_precision" in changed and not self.trains_by_steps:
            fix = "leave its training_precision out"
            raise InputError(self.label, "does not train by steps, so in no other precision", fix)
        name, options = split_options(self.label)
        return replace(self, label=spelled(name, options | changed), arithmetic=arithmetic)

    @property
    def arithmetic_options(self) -> list[str]:
        """Options of `Arithmetic` that it has: none that one of its own is called, and of training if it does train."""
        own = {field.name for field in dataclasses.fields(self.options)}
        own |= set() if self.trains_by_steps else {"training_precision"}
        return [field.name for field in dataclasses.fields(Arithmetic) if field.name not in own]

    @property
    def trains_by_steps(self) -> bool:
        """Whether it is trained by the steps of an optimiser, and not fitted in closed form, or at all."""
        return self.cls.needs_source and self.cls.fit is Adapter.fit

    def build(self, budget: Budget) -> Adapter:
        """A fresh, untrained adapter.

        Raises:
            InputError: the class cannot be made with (budget, options), or declares what nothing would heed.
        """
        if problem := _unheeded(self.cls):
            raise InputError(self.label, *problem)
        try:
            return self.cls(budget, self.options)
        except ValueError as error:  # options and budget do not go together
            what = f"cannot be built at budget {budget.name}: {error}"
            raise InputError(self.label, what, "choose another value, or another " + noun("budget")) from error
        except Exception as error:  # whatever a method's constructor does
            what = f"cannot be built at budget {budget.name} ({type(error).__name__}: {error})"
            raise InputError(self.label, what, "mend its __init__(budget, options)") from error


def _unheeded(cls: type[Adapter]) -> tuple[str, str] | None:
    """What a class declares that nothing would heed, and what to do about it; None if there is no such thing."""
    if callable(getattr(cls, "adapt", None)):
        return "has its own `adapt`, which nothing calls", "call it calibrate(self, clips), and say tunable = False"
    for name in ("needs_source", "stochastic", "adapts", "tunable"):
        if not isinstance(getattr(cls, name), bool):
            return f"{name} is no true or false of the class", "cells are named by it before a method is built"
    if not isinstance(cls.extra_inputs, tuple):
        return f"extra_inputs is {cls.extra_inputs!r}", 'write a tuple of names: extra_inputs = ("flow",)'
    return None


@dataclass(frozen=True)
class TuningSpec(Spec):
    """A chosen tuning."""

    cls: type[Tuning]

    @property
    def version(self) -> str:
        """What changes when the way it adapts does."""
        return self._version(self.cls.version)

    def build(self) -> Tuning:
        """A tuning that has learned nothing yet."""
        return self.cls(self.options)
