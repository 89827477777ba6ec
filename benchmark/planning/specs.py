"""A method or tuning with its options, as a user chose it"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import sys
from dataclasses import dataclass
from typing import Any

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings import rate_search
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.errors import InputError
from crossvad.planning.versions import UNSCORED, _code, _files, _trained


@dataclass(frozen=True)
class Spec:
    """A method or tuning with its options, as a user chose it."""

    label: str  # what tables call it: the name, with the options that differ from their defaults
    cls: type
    options: Any
    # The code that the class is made of, as it was when it was chosen: what its scores depend on, and the rest.
    code: str = dataclasses.field(init=False, repr=False, compare=False, default="")
    unscored: str = dataclasses.field(init=False, repr=False, compare=False, default="")
    trained: str = dataclasses.field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        """Read the code."""
        files = sorted(_files(sys.modules[self.cls.__module__], self.beside))
        sources = [inspect.getsource(sys.modules[name]) for name in files]
        scored, unscored = _code(sources, UNSCORED)
        object.__setattr__(self, "code", scored)
        object.__setattr__(self, "unscored", unscored)
        object.__setattr__(self, "trained", _trained(sources))

    @property
    def beside(self) -> frozenset[str]:
        """Names of modules that its results depend on and that its own does not take anything from."""
        return frozenset()

    @property
    def digest(self) -> str:
        """16 hex digits that change with the options and with the code of the class's file and the nets it is made of.

        Comments, docstrings and layout do not count, nor does what scores do not depend on.
        """
        return hashlib.sha256(f"{self.options!r}\n{self.code}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class MethodSpec(Spec):
    """A chosen method."""

    cls: type[Adapter]

    @property
    def fit_digest(self) -> str:
        """16 hex digits of what a training depends on: methods that differ only in how they score share their fits."""
        fields = dataclasses.fields(self.options)
        decisive = {f.name: getattr(self.options, f.name) for f in fields if f.metadata.get("trains", True)}
        facts = f"{self.cls.__qualname__} {decisive!r}\n{self.trained}"
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    @property
    def maps_digest(self) -> str:
        """16 hex digits that change with the code of its maps; empty where it has none."""
        if self.cls.maps is Adapter.maps:
            return ""
        return hashlib.sha256(f"{self.options!r}\n{self.unscored}".encode()).hexdigest()[:16]

    def build(self, budget: Budget) -> Adapter:
        """A fresh, untrained adapter.

        Raises:
            InputError: the class cannot be made with (budget, options).
        """
        try:
            return self.cls(budget, self.options)
        except Exception as error:  # whatever a method's constructor does
            what = f"cannot be built at budget {budget.name} ({type(error).__name__}: {error})"
            raise InputError(self.label, what, "mend its __init__(budget, options)") from error


@dataclass(frozen=True)
class TuningSpec(Spec):
    """A chosen tuning."""

    cls: type[Tuning]

    @property
    def beside(self) -> frozenset[str]:
        """What chooses its rate on the source, where that is left open."""
        return frozenset({rate_search.__name__} if self.cls.rate else ())

    def build(self) -> Tuning:
        """A tuning that has learned nothing yet."""
        return self.cls(self.options)
