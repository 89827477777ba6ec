"""A method or tuning with its options, as a user chose it, and which version of it that is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.extra_inputs import extractor_version
from crossvad.planning.cell import digest_of
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
        return digest_of({"class": self.cls.__qualname__, "options": decisive, "version": version})

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
            raise InputError(self.label, what, "choose another value, or another --budget") from error
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
