"""crossvad: which video anomaly detector still works on a camera it has never seen, after a few seconds of it?

    from crossvad import estimate, run, choose, load_results, score_video, watch
    from crossvad import check_adapter, check_dataset, check_tuning             # for tests of methods of your own

Names are loaded when they are first used, so that importing the package takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossvad.adapters.base import Adapter as Adapter
    from crossvad.api import choose as choose
    from crossvad.api import estimate as estimate
    from crossvad.api import load_results as load_results
    from crossvad.api import profile as profile
    from crossvad.api import run as run
    from crossvad.api import score_video as score_video
    from crossvad.api import watch as watch
    from crossvad.datasets.base import Dataset as Dataset
    from crossvad.planning.protocol import Protocol as Protocol
    from crossvad.results import Results as Results
    from crossvad.verification.contracts import check_adapter as check_adapter
    from crossvad.verification.contracts import check_dataset as check_dataset
    from crossvad.verification.contracts import check_tuning as check_tuning

__version__ = "0.2.0"
__all__ = [
    "Adapter",
    "Dataset",
    "Protocol",
    "Results",
    "__version__",
    "check_adapter",
    "check_dataset",
    "check_tuning",
    "choose",
    "estimate",
    "load_results",
    "profile",
    "run",
    "score_video",
    "watch",
]

_HOMES = {
    "Adapter": "crossvad.adapters.base",
    "Dataset": "crossvad.datasets.base",
    "Protocol": "crossvad.planning.protocol",
    "Results": "crossvad.results",
    "check_adapter": "crossvad.verification.contracts",
    "check_dataset": "crossvad.verification.contracts",
    "check_tuning": "crossvad.verification.contracts",
    "choose": "crossvad.api",
    "estimate": "crossvad.api",
    "load_results": "crossvad.api",
    "profile": "crossvad.api",
    "run": "crossvad.api",
    "score_video": "crossvad.api",
    "watch": "crossvad.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        import difflib  # here, as most never need it

        close = difflib.get_close_matches(name, __all__, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{meant}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
