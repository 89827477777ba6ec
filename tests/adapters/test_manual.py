"""The examples of the manual, as a reader would copy them: plug-ins of their own that keep every rule."""

import re
import textwrap
import warnings

import pytest

from crossvad.adapters import base
from crossvad.planning import registry
from crossvad.verification.conformance import adapter_verdicts

EXAMPLES = {
    re.match(r"class (\w+)", example).group(1): example
    for example in map(textwrap.dedent, re.findall(r"(?m)^    class (?:.+\n|\n(?=    ))+", base.__doc__))
}
AROUND = """
import torch
from sklearn.decomposition import PCA
from torch.nn import functional as F
from crossvad.adapters.base import Adapter, Frozen, TrainingOnly, descend
from crossvad.adapters.nets.discriminators import PatchDiscriminator
from crossvad.adapters.nets.losses import lsgan_loss
from crossvad.adapters.nets.unet import UNet

def made():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 64, 3), torch.nn.BatchNorm2d(64), torch.nn.ReLU())

WEIGHTS = made().state_dict()

def pretrained_network():
    network = made()
    network.load_state_dict(WEIGHTS)
    return network

"""


@pytest.fixture
def written(tmp_path):
    def write(name):
        before = EXAMPLES["MyPredictor"] if "(MyPredictor)" in EXAMPLES[name] else ""
        (tmp_path / "copied.py").write_text(AROUND + before + EXAMPLES[name])
        return f"{tmp_path / 'copied.py'}:{name}"

    return write


def test_the_manual_shows_one_of_each():
    assert {*EXAMPLES} == {"MyPredictor", "NearestNeighbour", "Adversarial", "PcaResidual", "FeatureDistance"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_keeps_every_rule(written, name):
    broken = [verdict for verdict in adapter_verdicts(registry.get_method(written(name))) if not verdict.holds]
    assert broken == []


def test_an_example_runs_and_runs_again(written, bench, north, south):
    """In closed form no `--tuning` or `--steps` makes a difference; the second run reads all."""
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "2")
    words += ("--method", written("NearestNeighbour"))
    done = bench("run", *words)
    assert done.code == 0 and "copied.py:NearestNeighbour" in done.out
    again = bench("run", *words, "--tuning", "head", "--steps", "10")
    assert (again.code, again.out) == (0, done.out) and "10 cells: 10 in the store, 0 to run" in again.err


def test_info_tells_of_what_it_cannot_see(written, bench):
    told = bench("methods", "info", written("NearestNeighbour"))
    assert told.code == 0
    assert all(word in told.out for word in ("not to be seen before it is fitted", "in closed form", "its own way"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = bench("methods", "info", written("FeatureDistance"))
    assert told.code == 0 and "0 parameters, and 1,920 of pretrained parts" in told.out
