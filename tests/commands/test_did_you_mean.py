"""A name that is nearly one that is known is answered by that one, wherever it is typed."""

from __future__ import annotations

import pytest

from crossvad.datasets.errors import InputError
from crossvad.planning.names import did_you_mean
from crossvad.planning.request import get_budget
from crossvad.planning.suite import parsed

PAIR = ("--source", "synthetic-street", "--target", "synthetic-plaza", "--dry-run")


def test_names_of_stored_cells(bench, north, south):
    pair = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--quiet", "--shots", "0")
    assert bench("run", *pair, "--method", "framediff").code == 0
    for words in (
        ("compare", "--against", "framdiff"),
        ("cameras", "--against", "framdiff"),
        ("table", "--against", "framdiff"),
        ("table", "--where", "method=framdiff"),
    ):
        done = bench(*words)
        assert done.code == 2 and "did you mean framediff?" in done.err, words
    video = bench("plot", "scores", "--where", "method=framediff", "--video", "aa")
    assert video.code == 2 and "did you mean a?" in video.err
    absent = bench("compare", "--against", "apn")
    assert absent.code == 2 and "did you mean" not in absent.err and "run it on the same sources" in absent.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("run", *PAIR, "--method", "framdiff"), "framediff"),
        (("run", *PAIR, "--tuning", "finetun"), "finetune"),
        (("run", *PAIR, "--source", "synthetic-stret"), "synthetic-street"),
        (("run", *PAIR, "--protocol", "papr"), "paper"),
        (("run", *PAIR, "--precision", "bf15"), "bf16"),
        (("run", *PAIR, "--method", "framediff[pool=pach]"), "patch"),
        (("matrix", "quik"), "quick"),
    ],
)
def test_names_of_what_is_to_be_run(bench, words, meant):
    done = bench(*words)
    assert done.code == 2 and f"did you mean {meant}?" in done.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("results", "rm"), "remove"), (("results", "ls"), "list"), (("results", "remov"), "remove"),
        (("suites", "sho"), "show"), (("datasets", "chk"), "check"), (("plot", "shot"), "shots"), (("tabel",), "table"),
    ],
)  # fmt: skip
def test_commands_at_every_level(bench, words, meant):
    done = bench(*words)
    assert done.code == 2 and f"No such command {words[-1]!r}. Did you mean {meant}?" in done.err
    assert "Choose from list, remove." in bench("results", "xyz").err


def test_budgets():
    with pytest.raises(InputError, match=r"did you mean smoke\?"):
        get_budget("smok")
    with pytest.raises(InputError, match=r"did you mean smoke\?"):
        parsed("mine.toml", 'sources = ["ped2"]\nbudget = "smok"')


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rgan", "rgan[lstm=small]"),
        ("rgna", "rgan[lstm=small]"),
        ("apn[papr]", "apn[paper]"),
        ("randm", "random"),
        ("xyz", None),
    ],
)
def test_a_name_is_known_by_its_beginning_too(name, meant):
    known = ["apn", "apn[paper]", "random", "rgan[lstm=small]", "rgan[lstm=large]"]
    assert did_you_mean(name, known) == (f"did you mean {meant}? " if meant else "")
