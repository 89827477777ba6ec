"""What makes a stored score current: versions of what is built in, the code of what is plugged in."""

from dataclasses import fields, replace

import pytest

from crossvad.adapters.base import Versions
from crossvad.adapters.methods.apn import Apn
from crossvad.adapters.tunings.gradient import FineTune
from crossvad.datasets.readers import extra_inputs
from crossvad.planning import cell as cells
from crossvad.planning import registry, versions

NUMBERS = [("fit", True, True), ("score", False, True), ("maps", False, False)]


@pytest.mark.parametrize(("part", "another_fit", "other_scores"), NUMBERS)
def test_a_raised_version_is_another_method_from_that_part_on(monkeypatch, part, another_fit, other_scores):
    method = registry.get_method("apn")
    before = method.fit_digest, method.version, method.maps_version
    monkeypatch.setattr(Apn, "versions", Apn.versions._replace(**{part: 9}))
    after = method.fit_digest, method.version, method.maps_version
    assert [a != b for a, b in zip(before, after, strict=True)] == [another_fit, other_scores, True]


def test_a_raised_tuning_is_another(monkeypatch):
    before = registry.get_tuning("finetune").version
    monkeypatch.setattr(FineTune, "version", 2)
    assert (before, registry.get_tuning("finetune").version) == ("1", "2")


CELL = {
    "method": "apn", "source": "street", "target": "plaza", "tuning": "finetune", "support": "train-head", "shots": 1,
    "steps": 1, "seed": 0, "budget": "quick", "budget_digest": "b", "method_version": "1.1", "tuning_version": "1",
    "source_digest": "s", "target_digest": "t",
}  # fmt: skip


def test_everything_that_decides_scores_is_part_of_a_cells_name():
    cell = cells.Cell(**CELL)
    for field in fields(cell):
        other = replace(cell, **{field.name: 7 if field.type == "int" else "another"})
        assert (other.key != cell.key) == (field.name not in ("fit_digest", "version")), field.name
        assert (other == cell) == (other.key == cell.key)


@pytest.mark.parametrize("name", ["harness_version", "source", "seed", "budget_digest", "source_digest", "fit_digest"])
def test_a_fit_is_another_where_its_training_is(name):
    cell = cells.Cell(**CELL)
    assert replace(cell, **{name: 7 if name in ("harness_version", "seed") else "another"}).fit_key != cell.fit_key


@pytest.mark.parametrize("name", ["target", "tuning", "shots", "method_version", "tuning_version", "target_digest"])
def test_a_fit_serves_all_that_comes_after(name):
    cell = cells.Cell(**CELL)
    assert replace(cell, **{name: 7 if name == "shots" else "another"}).fit_key == cell.fit_key


def test_methods_that_differ_in_how_they_score_alone_share_their_fit():
    plain = registry.get_method("apn")
    for option in ("score=1", "pool=patch", "calibrate=scene", "scales=1,0.5"):
        other = registry.get_method(f"apn[{option}]")
        assert other.fit_digest == plain.fit_digest and other.label != plain.label
    assert registry.get_method("apn[cycles=1]").fit_digest != plain.fit_digest
    assert len({registry.get_method(name).fit_digest for name in ("lmn", "lmn-recon", "memae", "memae-2d")}) == 4


def test_a_plug_in_is_as_new_as_its_file(plugin):
    plain = registry.get_method(plugin())
    for change in (("torch.zeros(())", "torch.ones(())"), ('"level"', '"depth"'), ("frames=5", "frames=6")):
        other = registry.get_method(plugin(change))
        assert other.version != plain.version and other.fit_digest != plain.fit_digest


def test_comments_and_layout_of_a_plug_in_are_no_news(plugin):
    plain = registry.get_method(plugin())
    talkative = plugin(
        ("class Mine(Adapter):", "# Mine!\nclass Mine(Adapter):\n"),
        ("torch.zeros(())", "torch.zeros(  # nothing yet\n            ()  )"),
    )
    other = registry.get_method(talkative)
    assert (other.version, other.fit_digest) == (plain.version, plain.fit_digest)


def test_a_plug_in_is_the_code_that_runs(plugin):
    """An edit while a long grid runs must not lend its name to what the old code made."""
    text = plugin()
    method = registry.get_method(text)
    before = method.version
    plugin(("torch.zeros(())", "torch.ones(())"))
    assert method.version == before


def test_a_plug_in_follows_the_nets_and_the_class_it_is_made_of(plugin, monkeypatch):
    before = registry.get_method(plugin()).version
    monkeypatch.setattr(versions, "NETS", versions.NETS + 1)
    over_other_nets = registry.get_method(plugin()).version
    monkeypatch.setattr(registry.Adapter, "versions", Versions(score=2))
    assert len({before, over_other_nets, registry.get_method(plugin()).version}) == 3


def test_a_method_follows_the_extra_inputs_it_is_given(plugin, monkeypatch):
    text = plugin(("class Mine(Adapter):", 'class Mine(Adapter):\n    extra_inputs = ("difference",)'))
    before = registry.get_method(text)
    fit = before.fit_digest
    assert before.version.endswith("+difference.1")
    extractor = extra_inputs.EXTRACTORS["difference"]
    monkeypatch.setitem(extra_inputs.EXTRACTORS, "difference", replace(extractor, version=2))
    after = registry.get_method(text)
    assert after.version.endswith("+difference.2") and after.fit_digest != fit
