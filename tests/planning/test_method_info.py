"""`bench methods list` and `info`: what they say of a method is what it is."""

import pytest

from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.method_info import describe

PAPER = BUDGETS["paper"]


@pytest.mark.parametrize("name", catalogue.METHODS)
def test_facts_are_those_of_the_adapter(name):
    method = registry.get_method(name)
    known, adapter = describe(method, BUDGETS["smoke"]), method.build(BUDGETS["smoke"])
    assert (known.name, known.parameters) == (name, adapter.parameter_count())
    assert (known.frames, known.scored) == (adapter.clip.frames, adapter.clip.scored)
    assert known.summary and len(known.options) == len(vars(adapter.options))
    assert sum(known.cues.values()) == pytest.approx(1)
    if adapter.needs_source:
        assert set(known.cues) >= set(adapter.fusion)
        assert sum(known.adapted.values()) == sum(p.numel() for p in adapter.adaptable_parameters().values())
        assert known.schedule == (
            None if name in ("after-mt-frcn", "knn", "mdt", "mppca") else BUDGETS["smoke"].schedule
        )
        assert known.paper and known.licence and known.deviations
    else:
        assert known.schedule is None and known.adapted == {}


def test_full_size():
    known = describe(registry.get_method("mpn"), PAPER)
    assert (known.parameters, known.adapted) == (13_285_251, {"prototypes": 1_280, "head": 112_451})
    assert (known.schedule.steps, known.schedule.optimizer, known.schedule.learning_rate) == (16_000, "adam", 1e-4)
    assert known.cues == {"prediction": 0.5, "feature": 0.5}


def test_options_say_what_they_may_be():
    options = {option.name: option for option in describe(registry.get_method("apn"), BUDGETS["smoke"]).options}
    assert (options["weights"].default, options["weights"].choices) == ("softmax", "softmax, ratio")
    assert (options["prototypes"].default, options["prototypes"].choices) == ("10", "int, 0 or more")
    assert all(option.text for option in options.values())


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("framepred", ["optical-flow loss", "adversarial", "learning rate", "adapt nothing"]),
        ("apn", ["lambda 1 weighs L_c alone", "printed are distances", "130 000 steps", "temperature 0.05"]),
        ("apn-released", ["batches of 4"]),
        ("mpn", ["one by one", "1000 passes"]),
        ("lmn", ["carries over", "adapt nothing"]),
        ("lmn-recon", ["carries over", "adapt nothing"]),
        ("memae", ["dot products", "gray", "1 / slots", "batches of 14", "adapt nothing"]),
        ("framepred[paper]", ["Lucas and Kanade", "FlowNet2-SD"]),
        ("zxvad", ["other clips of the same source", "Kornia", "adapt nothing"]),
        ("convae", ["227 pixels", "recalled", "gray", "adapt nothing"]),
        ("amc", ["Lucas and Kanade", "128 x 192", "adapts to a scene"]),
        ("rgan", ["MS-SSIM", "reset_state", "meta-training"]),
        ("mppca", ["one mixture for all cells", "sum-product", "interpretation"]),
        ("mdt", ["one mixture for all places", "hard EM"]),
        ("stackrnn", ["ResNet-152", "lambda 2 for 1", "stateful=true", "adapt nothing"]),
        ("tsc", ["optimises them to the end"]),
        ("after-mt-frcn", ["not MT-FRCN", "COCO", "windows in which"]),
        ("knn", ["no paper's method to the letter"]),
        ("memae-2d", ["no paper gives its size", "adapt nothing"]),
    ],
)
def test_what_differs_from_the_authors_is_told(method, told):
    every = ["antialiasing", "after so many steps", "held out", "best one on the test set"]
    known = "\n".join(describe(registry.get_method(method), BUDGETS["smoke"]).deviations)
    assert [words for words in told + every if words not in known] == []


def test_nobody_departs_from_authors_that_it_has_not(plugin):
    for method in (plugin(), "framediff"):
        assert describe(registry.get_method(method), BUDGETS["smoke"]).deviations == ()


def test_list(bench):
    done = bench("methods", "list", "--budget", "paper")
    assert done.code == 0
    assert all(name in done.out for name in catalogue.METHODS)
    assert all(count in done.out for count in ("3,364,022", "13,285,251", "15,651,843", "17,196,291", "6,492,801"))


def test_info(bench):
    done = bench("methods", "info", "mpn", "--budget", "paper")
    assert done.code == 0
    words = [
        "CVPR 2021",
        "licence: none",
        "5 frames, number 5 is scored",
        "13,285,251",
        "prototypes 1,280",
        "head 112,451",
    ]
    words += ["by protocol paper", "smoothed, without the first 4 + K frames", "antialiasing"]
    words += [
        "16,000 steps of 4 clips, adam at 0.0001, constant",
        "known deviations",
        "few-shot",
        "training",
    ]
    assert all(word in done.out for word in words)


def test_info_of_what_has_judges(bench):
    known = describe(registry.get_method("zxvad"), PAPER)
    assert known.optimizers == {
        "predictor": "adam at 0.0002", "discriminator": "adam at 2e-05", "classifier": "adam at 2e-05",
    }  # fmt: skip
    done = bench("methods", "info", "amc", "--budget", "paper")
    assert "generator by adam at 0.0002" in " ".join(done.out.split())


def test_info_of_what_learns_nothing(bench):
    done = bench("methods", "info", "framediff[pool=patch]")
    assert done.code == 0 and "framediff[pool=patch]" in done.out and "none" in done.out
    assert "licence" not in done.out and "deviations" not in done.out


def test_info_of_a_file(bench, plugin):
    done = bench("methods", "info", plugin())
    assert done.code == 0 and "mine.py:Mine" in done.out and "1 parameters" in done.out


def test_an_unknown_method_is_refused(bench):
    done = bench("methods", "info", "apm")
    assert done.code == 2 and "did you mean apn?" in done.err
