"""For the tests of plug-ins' authors: raises where a method, a data set or a tuning breaks a rule of its contract.

    from crossvad import check_adapter, check_dataset, check_tuning

    def test_my_method():
        check_adapter(MyMethod)

`bench methods check`, `bench datasets check` and `bench tunings check` print the same rules as a table.
"""

from __future__ import annotations

from pathlib import Path

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Dataset
from crossvad.planning import registry
from crossvad.planning.data_root import data_root
from crossvad.verification.conformance import adapter_verdicts
from crossvad.verification.dataset_conformance import dataset_verdicts
from crossvad.verification.tuning_conformance import tuning_verdicts
from crossvad.verification.verdicts import Verdict, required


def check_adapter(method: str | type[Adapter]) -> list[Verdict]:
    """Train a method for a few steps on made-up video, and hold it to the contract of `crossvad.adapters.base`.

    Args:
        method: a name, `file.py:Class`, either with `[option=value]`, or a class.

    Returns:
        The rules it was held to, all of which hold: `rule`, `holds`, and what was `measured`.

    Raises:
        AssertionError: it breaks rules; names each, and what was seen.
        InputError: it cannot be found or built.
    """
    spec = registry.get_method(method)
    return required(spec.label, adapter_verdicts(spec))


def check_dataset(dataset: str | Dataset, root: str | Path | None = None) -> list[Verdict]:
    """Read a few videos of a data set, and hold it to the contract of `crossvad.datasets.base`.

    Args:
        dataset: a name, `file.py:Class`, either with `[option=value]`, or a data set.
        root: the data root that a named one is looked for in; None: $CROSSVAD_DATA, else ./data.

    Returns:
        As `check_adapter`.

    Raises:
        AssertionError: it breaks rules; names each, and what was seen.
        InputError: it cannot be found.
    """
    found = dataset
    if isinstance(found, str):
        found = registry.get_dataset(found, data_root(None if root is None else Path(root)))
    return required(str(getattr(found, "name", type(found).__name__)), dataset_verdicts(found))


def check_tuning(tuning: str | type[Tuning]) -> list[Verdict]:
    """Adapt a small method by a tuning, and hold it to the contract of `crossvad.adapters.tunings.base`.

    Args:
        tuning: a name, `file.py:Class`, either with `[option=value]`, or a class.

    Returns:
        As `check_adapter`.

    Raises:
        AssertionError: it breaks rules; names each, and what was seen.
        InputError: it cannot be found or built.
    """
    spec = registry.get_tuning(tuning)
    return required(spec.label, tuning_verdicts(spec))
