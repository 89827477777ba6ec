import inspect

import pytest

from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.adapters.nets import prototypes
from crossvad.adapters.tunings.gradient import FineTune
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import listed


def test_every_name_of_ours_leads_somewhere():
    for name in catalogue.METHODS:
        method = registry.get_method(name)
        assert method.label == name and method.build(BUDGETS["smoke"]).clip.size == (32, 32)
    assert set(catalogue.BASELINES) == {
        name for name in catalogue.METHODS if not registry.get_method(name).cls.needs_source
    }
    assert registry.get_method("framepred").cls is FramePrediction and registry.get_tuning("finetune").cls is FineTune


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("framepred[pool=patch]", "framepred[pool=patch]"),
        (" framepred [ pool = patch ] ", "framepred[pool=patch]"),
        ("framepred[pool=mean]", "framepred"),  # the default: the same method, so the same row
        ("framepred[]", "framepred"),
    ],
)
def test_options(text, label):
    method = registry.get_method(text)
    assert method.label == label and method.options.pool == ("patch" if "patch" in label else "mean")
    assert method.build(BUDGETS["smoke"]).options is method.options


def test_options_are_read_as_their_type():
    options = registry.get_tuning("metasgd[support=7,first_order=True,learning_rate=1e-3]").options
    assert (options.support, options.first_order, options.learning_rate) == (7, True, 0.001)
    assert registry.get_tuning("finetune[learning_rate=0.5]").label == "finetune[learning_rate=0.5]"


@pytest.mark.parametrize(
    ("look_up", "text", "problem"),
    [
        (registry.get_method, "framepret", "framepret: is no known method; did you mean framepred?"),
        (registry.get_method, "", "cannot be read"),
        (registry.get_method, "framepred[pool", "cannot be read; write name or name[field=value"),
        (registry.get_method, "framepred[]x", "cannot be read"),
        (registry.get_method, "framepred[pol=mean]", "pol: is no known option of framepred; did you mean pool?"),
        (registry.get_method, "framepred[pool=median]", "is no choice; choose from mean, p99, patch"),
        (registry.get_method, "ramp[x=1]", "x: is no known option of ramp"),
        (registry.get_tuning, "finetun", "finetun: is no known tuning; did you mean finetune?"),
        (registry.get_tuning, "finetune[learning_rate=fast]", "finetune[learning_rate=fast]: is not a float"),
        (registry.get_tuning, "metasgd[first_order=maybe]", "is not a bool"),
        (registry.get_tuning, "metasgd[support=2.5]", "is not a int"),
    ],
)
def test_what_cannot_be_meant_is_refused(look_up, text, problem):
    with pytest.raises(InputError) as error:
        look_up(text)
    assert problem in str(error.value)


def test_datasets(tmp_path, north):
    assert {"ped1", "ped2", "synthetic-street", "synthetic-plaza"} <= set(catalogue.dataset_names())
    assert isinstance(registry.get_dataset(f"path:{north}", tmp_path), OwnFolder)
    assert registry.get_dataset("synthetic-plaza", tmp_path / "gone").name == "synthetic-plaza"
    with pytest.raises(InputError, match=r"ped3: is no known dataset; did you mean ped\d\?.*path:DIR"):
        registry.get_dataset("ped3", tmp_path)
    with pytest.raises(InputError, match=r"gone: is no folder, so there is no ped2 in it; point --data"):
        registry.get_dataset("ped2", tmp_path / "gone")


# ---------------------------------------------------------------------------------------------------------- plug-ins


def test_a_file_is_a_method(plugin):
    method = registry.get_method(plugin())
    assert method.label == "mine.py:Mine" and method.cls.__name__ == "Mine"
    assert method.build(BUDGETS["smoke"]).clip.frames == 5


def test_a_file_may_have_options(plugin):
    fields = "import dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Options:\n    depth: int = 3\n\n"
    text = plugin(("class Mine(Adapter):", f"{fields}class Mine(Adapter):\n    Options = Options"))
    assert registry.get_method(f"{text}[depth=4]").label == "mine.py:Mine[depth=4]"


def test_files_of_one_name_are_not_confused(plugin, tmp_path):
    first = registry.get_method(plugin())
    (tmp_path / "other").mkdir()
    second = plugin(("frames=5", "frames=7")).replace("mine.py", "other/mine.py")
    (tmp_path / "mine.py").rename(tmp_path / "other/mine.py")
    assert registry.get_method(second).build(BUDGETS["smoke"]).clip.frames == 7
    assert first.build(BUDGETS["smoke"]).clip.frames == 5


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (None, "does not exist; give the path"),
        ("", "has no class 'Mine'"),
        ("Mine = 3", r"is not a crossvad\.adapters\.base\.Adapter"),
        ("class Mine: pass", r"is not a crossvad\.adapters\.base\.Adapter"),
        ("def broken(:", r"mine\.py: cannot be imported"),
        ("import no_such_module", r"mine\.py: cannot be imported"),
    ],
)
def test_a_file_that_holds_no_method_is_refused(tmp_path, source, problem):
    if source is not None:
        (tmp_path / "mine.py").write_text(source)
    with pytest.raises(InputError, match=problem):
        registry.get_method(f"{tmp_path / 'mine.py'}:Mine")


def test_digest_ignores_comments_and_docstrings_and_layout(plugin):
    plain = registry.get_method(plugin()).digest
    talkative = plugin(
        ("class Mine(Adapter):", '# Mine!\nclass Mine(Adapter):\n    """It is mine."""\n'),
        ("def loss(self, clips):\n", 'def loss(self, clips):\n        """How bad."""\n\n'),
        ("torch.zeros(())", "torch.zeros(  # nothing yet\n            ()  )"),
    )
    assert registry.get_method(talkative).digest == plain


CHANGES = [("torch.zeros(())", "torch.ones(())"), ('"level"', '"depth"'), ("frames=5", "frames=6")]


@pytest.mark.parametrize("change", CHANGES)
def test_digest_sees_the_code(plugin, change):
    assert registry.get_method(plugin()).digest != registry.get_method(plugin(change)).digest


def test_digest_is_of_the_code_that_runs(plugin):
    """An edit while a long grid runs must not lend its name to what the old code made."""
    text = plugin()
    method = registry.get_method(text)
    before = method.digest
    plugin(("torch.zeros(())", "torch.ones(())"))
    assert method.digest == before


def test_digest_sees_the_nets_a_method_is_made_of(monkeypatch):
    def digests() -> dict[str, str]:
        return {name: registry.get_method(name).digest for name in ("apn", "mpn", "lmn", "memae", "framepred")}

    before, read = digests(), inspect.getsource
    monkeypatch.setattr(
        inspect, "getsource", lambda module: read(module) + ("X = 1" if module is prototypes else "# nothing")
    )
    after = digests()
    assert {name for name in before if before[name] != after[name]} == {"apn", "mpn"}


def test_digest_ignores_what_is_only_there_to_be_read(plugin):
    head = "import dataclasses\nfrom crossvad.adapters.base import option\n\n@dataclasses.dataclass(frozen=True)\n"
    head += "class Options:\n    depth: int = option(3, 'how deep')\n\nclass Mine(Adapter):\n    Options = Options\n"
    head += "    deviations = ('a few',)\n"
    plain = registry.get_method(plugin(("class Mine(Adapter):\n", head))).digest
    assert registry.get_method(plugin(("class Mine(Adapter):\n", head.replace("how deep", "depth")))).digest == plain
    assert registry.get_method(plugin(("class Mine(Adapter):\n", head.replace("a few", "many")))).digest == plain
    assert registry.get_method(plugin(("class Mine(Adapter):\n", head.replace("(3,", "(4,")))).digest != plain


def test_digest_sees_the_options():
    digests = {
        registry.get_method(text).digest for text in ("framepred", "framepred[pool=patch]", "framepred[pool=p99]")
    }
    assert len(digests) == 3
    assert registry.get_method("framepred[pool=mean]").digest == registry.get_method("framepred").digest
    assert registry.get_tuning("finetune").digest != registry.get_tuning("finetune[learning_rate=0.5]").digest


def test_a_method_that_cannot_be_built_is_named(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(
        "from crossvad.adapters.base import Adapter\n"
        "class Broken(Adapter):\n"
        "    def __init__(self, budget):\n"
        "        super().__init__(budget)\n"
    )
    with pytest.raises(InputError, match=r"broken\.py:Broken: cannot be built at budget smoke \(TypeError"):
        registry.get_method(f"{file}:Broken").build(BUDGETS["smoke"])


def test_methods_that_differ_in_how_they_score_alone_share_their_fit(plugin):
    plain, names = registry.get_method("apn"), ("score=0", "pool=patch", "calibrate=scene")
    for name in names:
        other = registry.get_method(f"apn[{name}]")
        assert other.fit_digest == plain.fit_digest and other.digest != plain.digest
    assert registry.get_method("apn[cycles=1]").fit_digest != plain.fit_digest
    assert len({registry.get_method(name).fit_digest for name in ("lmn", "lmn-recon", "memae", "memae-2d")}) == 4


SCORED = ('return {"level": (clips[:, -1] - self.level).square().mean((1, 2, 3))}', 'return {"level": clips.mean()}')


def test_a_fit_follows_the_code_that_trains(plugin):
    plain = registry.get_method(plugin()).fit_digest
    assert registry.get_method(plugin(SCORED)).fit_digest == plain
    assert (
        registry.get_method(plugin(("(clips - self.level).square()", "(clips - self.level).abs()"))).fit_digest != plain
    )
    assert registry.get_method(plugin(("torch.zeros(())", "torch.ones(())"))).fit_digest != plain


def test_a_fit_follows_a_score_that_the_loss_is_made_of(plugin):
    uses = ("return (clips - self.level).square().mean()", 'return self.score(clips)["level"].mean()')
    assert registry.get_method(plugin(uses, SCORED)).fit_digest != registry.get_method(plugin(uses)).fit_digest


def test_commas_in_brackets_part_no_names():
    assert listed("apn[prototypes=5,cycles=1], lmn,,memae") == ["apn[prototypes=5,cycles=1]", "lmn", "memae"]
    assert listed("") == []
