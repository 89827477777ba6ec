"""Suite files, and names as they are typed."""

from __future__ import annotations

import pytest

from crossvad.planning import registry
from crossvad.planning.names import listed
from crossvad.planning.suite import ENTRIES, read_suite
from hostile.guard import bombard
from hostile.mutations import WORDS, spoilt_text

SUITE = """\
sources = ["synthetic-street", "path:north"]
targets = ["ped2[videos=1-3]"]
methods = ["apn[prototypes=20,cycles=1]", "memae"]
tuning = ["finetune", "metasgd"]
shots = [0, 5]
seeds = [0, 1]
budget = "demo"
support = "train-head"

[[grid]]
seeds = [2]

[[grid]]
target = ["path:south"]
"""


def test_suites(tmp_path):
    path = tmp_path / "suite.toml"

    def attempt(random):
        path.write_bytes(spoilt_text(random, SUITE))
        for entries in read_suite(path).grids:
            assert entries.keys() <= ENTRIES.keys()

    bombard("suite", 1000, attempt)


@pytest.mark.parametrize("get", ["method", "tuning", "dataset"])
def test_names(tmp_path, get):
    known = {
        "method": "apn[prototypes=20,score=0.5]",
        "tuning": "finetune[learning_rate=1e-3]",
        "dataset": "ped2[videos=1-3]",
    }

    def attempt(random):
        text = spoilt_text(random, known[get]).decode("utf-8", errors="surrogateescape")
        text = WORDS[random.integers(len(WORDS))] if random.random() < 0.3 else text
        for name in listed(text):
            if get == "dataset":
                registry.get_dataset(name, tmp_path)
            else:
                getattr(registry, f"get_{get}")(name)

    bombard(f"name of a {get}", 200, attempt)
