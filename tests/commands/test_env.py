"""What a report of a fault needs, and nothing of what lies in anyone's folders."""

import torch

from crossvad import __version__
from crossvad.execution import environment
from crossvad.execution.device import machine


def test_it_says_what_runs_stand_on(bench, store, monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSVAD_DATA", str(tmp_path / "nowhere"))
    done = bench("env", "--results", store.root.parent)
    assert done.code == 0 and not done.err
    told = dict(line.split(":", 1) for line in done.out.splitlines())
    assert told["crossvad"].strip() == __version__
    assert told["processor"].strip() == machine(torch.device("cpu"))
    assert torch.__version__ in told["torch"] and "numpy" in told["packages"] and "missing" not in told["packages"]
    assert told["data"].strip() == f"no archive at hand below {tmp_path / 'nowhere'}"
    assert told["results"].strip().startswith("0 cells, and 0 committed in ")


def test_what_an_extra_lacks_is_named(monkeypatch):
    wanted = ["torch", "nobodys-package>=2", 'av ; extra == "video"', "nobodys-other ; extra == 'video'"]
    monkeypatch.setattr(environment, "requires", lambda name: wanted)
    packages = list(environment._packages())
    assert packages[0][::2] == ("torch", "") and packages[1] == ("nobodys-package", "", "")
    assert environment._extras() == "video (without nobodys-other)"
