import importlib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.adapters.tunings.gradient import FineTune
from crossvad.datasets.errors import InputError
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.planning import catalogue, plugins, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import listed, members, split_options, written


def test_every_name_of_ours_leads_somewhere():
    for name in catalogue.METHODS:
        method = registry.get_method(name)
        assert method.label == name and method.build(BUDGETS["smoke"]).clip.size == (32, 32)
    assert {*catalogue.BASELINES, "sdor", "unmasking"} == {
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


COARSE = """
from dataclasses import dataclass
from crossvad.adapters.base import Adapter, option

@dataclass(frozen=True)
class Bits:
    precision: int = option(8, "bits", minimum=1)

class Coarse(Adapter):
    Options = Bits
"""


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("lmn[precision=bf16]", "lmn[precision=bf16]"),
        ("lmn[ precision = bf16 ]", "lmn[precision=bf16]"),
        ("apn[precision=bf16,paper]", "apn[paper,precision=bf16]"),
        ("apn[scales=1,0.5,precision=bf16,cycles=1]", "apn[cycles=1,scales=1,0.5,precision=bf16]"),
        ("lmn[precision=float32]", "lmn"),
    ],
)
def test_every_method_has_a_precision(text, label):
    method = registry.get_method(text)
    assert method.label == registry.get_method(label).label == label
    assert method.arithmetic.precision == ("bf16" if "bf16" in label else "float32")
    plain = registry.get_method(label.replace(",precision=bf16", "").replace("[precision=bf16]", ""))
    assert (plain.options, plain.fit_digest, plain.version) == (method.options, method.fit_digest, method.version)


def test_a_precision_is_given_to_all_that_say_none():
    said, plain = registry.get_method("lmn[precision=fp16]"), registry.get_method("lmn")
    assert said.computing(precision="bf16") == said and plain.computing(precision="float32") == plain
    assert plain.computing(precision="bf16") == registry.get_method("lmn[precision=bf16]")


def test_what_it_trains_in_is_part_of_a_training():
    plain, rounded = (registry.get_method(f"lmn[precision=bf16{more}]") for more in ("", ",training_precision=bf16"))
    assert rounded.label == "lmn[precision=bf16,training_precision=bf16]"
    assert rounded.fit_digest != plain.fit_digest and rounded.options == plain.options
    for closed in ("knn", "mppca", "unmasking", "framediff"):
        with pytest.raises(InputError, match="does not train by steps"):
            registry.get_method(f"{closed}[training_precision=bf16]")


def test_a_method_may_have_a_precision_of_its_own(tmp_path):
    path = tmp_path / "coarse.py"
    path.write_text(COARSE)
    method = registry.get_method(f"{path}:Coarse[precision=4]")
    assert (method.options.precision, method.arithmetic.precision) == (4, "float32")
    with pytest.raises(InputError, match="has a precision of its own"):
        method.computing(precision="bf16")


def test_options_are_read_as_their_type():
    options = registry.get_tuning("metasgd[support=7,first_order=True,learning_rate=1e-3]").options
    assert (options.support, options.first_order, options.learning_rate) == (7, True, 0.001)
    assert registry.get_tuning("finetune[learning_rate=0.5]").label == "finetune[learning_rate=0.5]"


@pytest.mark.parametrize(
    ("text", "scales", "label"),
    [
        ("apn[scales=1,0.5,0.25]", (1, 0.5, 0.25), "apn[scales=1,0.5,0.25]"),
        ("apn[scales=1, 0.5 ,cycles=1]", (1, 0.5), "apn[cycles=1,scales=1,0.5]"),
        ("apn[cycles=1,scales=.5]", (0.5,), "apn[cycles=1,scales=0.5]"),
        ("apn[scales=1]", (1,), "apn"),
        ("apn[scales=1,0.12345678]", (1, 0.12345678), "apn[scales=1,0.12345678]"),  # not that of 0.1234567
        ("apn[scales=0.0000001]", (1e-7,), "apn[scales=1e-07]"),
    ],
)
def test_an_option_may_be_a_list(text, scales, label):
    method = registry.get_method(text)
    assert method.options.scales == scales and method.label == label
    assert registry.get_method(method.label) == method
    assert listed(f"lmn,{text}") == ["lmn", text]


PAPER = {"predicts": "frame", "score": 1.0, "motion": 0.0, "perspective": "none"}


@pytest.mark.parametrize(
    ("text", "says", "label"),
    [
        ("apn[paper]", PAPER, "apn[paper]"),
        ("apn[predicts=frame,score=1,motion=0,perspective=none]", PAPER, "apn[paper]"),
        ("apn[paper,cycles=1]", PAPER | {"cycles": 1}, "apn[paper,cycles=1]"),
        ("apn[cycles=1,paper]", PAPER | {"cycles": 1}, "apn[paper,cycles=1]"),  # whatever the order
        ("apn[scales=1,0.5,paper]", PAPER | {"scales": (1, 0.5)}, "apn[paper,scales=1,0.5]"),
        ("apn[score=0.5,paper]", PAPER | {"score": 0.5}, "apn[paper,score=0.5]"),
        ("apn[paper,scales=1,0.5]", PAPER | {"scales": (1, 0.5)}, "apn[paper,scales=1,0.5]"),
        ("apn[paper,predicts=change,score=0]", PAPER | {"predicts": "change", "score": 0.0}, None),
        ("apn[motion=0,perspective=none]", {"motion": 0.0, "perspective": "none"}, "apn[motion=0.0,perspective=none]"),
        ("apn[paper,predicts=change,score=0,motion=1,perspective=source]", {}, "apn"),
    ],
)
def test_a_preset_stands_for_several_options(text, says, label):
    method = registry.get_method(text)
    options = vars(registry.get_method("apn").options) | says
    assert vars(method.options) == options
    assert method.label == (label or "apn[motion=0.0,perspective=none]")


@given(
    options=st.fixed_dictionaries(
        {},
        optional={
            "predicts": st.sampled_from(["frame", "change"]),
            "score": st.sampled_from([0.0, 0.5, 1.0]),
            "motion": st.sampled_from([0.0, 1.0, 2.0]),
            "perspective": st.sampled_from(["none", "source"]),
            "cycles": st.integers(0, 3),
            "scales": st.sampled_from(["1", "1,0.5"]),
        },
    ),
    paper=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_one_set_of_options_has_one_label(options, paper, order):
    words = [f"{name}={value}" for name, value in options.items()]
    order.shuffle(words)
    method = registry.get_method(f"apn[{','.join(['paper', *words] if paper else words)}]")
    assert registry.get_method(method.label) == method  # it says the same options, and is its own label
    every = ",".join(f"{name}={written(value)}" for name, value in vars(method.options).items())
    assert registry.get_method(f"apn[{every}]").label == method.label


@pytest.mark.parametrize(
    ("look_up", "text", "problem"),
    [
        (registry.get_method, "framepret", "framepret: is no known method; did you mean framepred?"),
        (registry.get_method, "mine.py", "mine.py: names no class of a file; write my_file.py:MyClass for a method"),
        (
            registry.get_tuning,
            "mine:Mine",
            "mine:Mine: names no class of a file; write my_file.py:MyClass for a tuning",
        ),
        (registry.get_method, "", "is no name; name one"),
        (registry.get_method, "framepred[pool", "cannot be read; write name or name[field=value"),
        (registry.get_method, "framepred[]x", "cannot be read"),
        (registry.get_method, "framepred[pol=mean]", "pol: is no known option of framepred; did you mean pool?"),
        (
            registry.get_method,
            "framepred[pool=median]",
            "is no choice; did you mean mean? choose from mean, p99",
        ),
        (registry.get_method, "apn[scales=1,half]", "apn[scales=1,half]: is not a float"),
        (registry.get_method, "apn[scales=]", "apn[scales=]: is not a float"),
        (registry.get_method, "apn[scales=1,0]", "apn[scales=1,0]: scales = 0.0 cannot be: more than 0, at most 1"),
        (registry.get_method, "apn[scales=nan]", "apn[scales=nan]: scales = nan cannot be: more than 0, at most 1"),
        (registry.get_method, "apn[cycles=1,2]", "apn[cycles=1,2]: is not a int"),
        (registry.get_method, "apn[cycles]", "apn[cycles=]: is not a int"),
        (registry.get_method, "apn[papr]", "papr: is no known option of apn; did you mean paper?"),
        (registry.get_method, "apn[paper,cycels]", "cycels: is no known option of apn; did you mean cycles?"),
        (registry.get_method, "apn[paper=1]", "paper: is no known option of apn"),
        (registry.get_method, "apn[cycles=1,papr]", "apn[cycles=1,papr]: is not a int"),
        (registry.get_method, "apn[cycles=1,paper,cycles=2]", "says cycles twice; say it once"),
        (registry.get_method, "lmn[precision=bf16,precision=fp16]", "says precision twice; say it once"),
        (registry.get_method, "lmn[precision=bf17]", "precision 'bf17': is unknown; did you mean bf16?"),
        (registry.get_method, "lmn[training_precision=fp16]", "training precision 'fp16': is unknown"),
        (registry.get_method, "lmn[precision=bf16,wide]", "wide: is no known option of lmn"),
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
    rendered = ("synthetic-street", "synthetic-plaza", "synthetic-cameras")
    assert {"ped1", "ped2", *rendered} <= set(catalogue.dataset_names())
    assert isinstance(registry.get_dataset(f"path:{north}", tmp_path), OwnFolder)
    assert all(registry.get_dataset(name, tmp_path / "gone").name == name for name in rendered)
    with pytest.raises(InputError, match=r"ped3: is no known dataset; did you mean ped\d\?.*path:DIR"):
        registry.get_dataset("ped3", tmp_path)
    with pytest.raises(InputError, match=r"gone: is no folder, so there is no ped2 in it; point --data"):
        registry.get_dataset("ped2", tmp_path / "gone")


# ---------------------------------------------------------------------------------------------------------- plug-ins


@pytest.mark.parametrize("name", catalogue.RENDERED)
def test_a_rendered_data_set_has_a_seed(name):
    plain, same, other = (registry.get_dataset(f"{name}{said}", Path()) for said in ("", "[seed=0]", "[seed=11]"))
    assert plain.name == same.name == name and other.name == f"{name}[seed=11]"
    first = [
        [video.source.identity for scene in each.scenes("test") for video in scene.videos] for each in (plain, other)
    ]
    assert not {*first[0]} & {*first[1]} and all("seed=11 " in identity for identity in first[1])
    with pytest.raises(InputError, match=r"seed=-1\]: seed = -1 cannot be: 0 or more"):
        registry.get_dataset(f"{name}[seed=-1]", Path())
    with pytest.raises(InputError, match="did you mean seed"):
        registry.get_dataset(f"{name}[sed=1]", Path())


def test_a_file_is_a_method(plugin):
    method = registry.get_method(plugin())
    assert method.label == "mine.py:Mine" and method.cls.__name__ == "Mine"
    assert method.build(BUDGETS["smoke"]).clip.frames == 5


def test_a_file_may_have_options(plugin):
    fields = "import dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Options:\n    depth: int = 3\n\n"
    text = plugin(("class Mine(Adapter):", f"{fields}class Mine(Adapter):\n    Options = Options"))
    assert registry.get_method(f"{text}[depth=4]").label == "mine.py:Mine[depth=4]"


def test_presets_of_a_file_may_say_what_it_has_alone(plugin):
    fields = """import dataclasses
from typing import ClassVar

@dataclasses.dataclass(frozen=True)
class Options:
    presets: ClassVar[dict] = {"deep": {"depth": 9, "%s": 2}}
    depth: int = 3
    width: int = 1

"""
    change = "class Mine(Adapter):", f"{fields}class Mine(Adapter):\n    Options = Options"
    method = registry.get_method(f"{plugin((change[0], change[1] % 'width'))}[deep]")
    assert method.options.depth == 9 and method.label == "mine.py:Mine[deep]"
    with pytest.raises(InputError, match=r"presets of mine\.py:Mine: deep says height, which is no option"):
        registry.get_method(plugin((change[0], change[1] % "height")))


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
        ("", "has no class 'Mine'; write it as file.py:Class"),
        ("class Main: pass", r"has no class 'Mine'; did you mean Main\? write it as file.py:Class"),
        ("from ast import Name as Mina", "has no class 'Mine'; write it as file.py:Class"),
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


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("from .beside import VALUE", r"; a file is imported by itself: put all into it, or install its package"),
        ("from beside import VALUE", r"No module named 'beside'\); put all into one file, or .* PYTHONPATH={folder}$"),
        ("import folder_beside.more", r"; put all into one file, or its folder on the path: PYTHONPATH={folder}$"),
        ("import no_such_module", r"; mend the file$"),
    ],
)
def test_a_file_of_several_is_told_how_they_are_found(tmp_path, source, fix):
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "beside.py").write_text("VALUE = 1")
    (tmp_path / "folder_beside").mkdir()
    with pytest.raises(InputError, match=fix.format(folder=tmp_path)):
        registry.get_method(f"{tmp_path / 'mine.py'}:Mine")


def test_a_class_is_called_what_its_package_offers_it_as(tmp_path, monkeypatch):
    """Else the same method had two names in one store, by the command line and from Python."""
    code = "from crossvad.adapters.methods.baselines import Speed\nclass Mine(Speed): pass\n"
    (tmp_path / "offering.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    cls = importlib.import_module("offering").Mine
    assert registry.get_method(cls).label == "offering.py:Mine"
    point = metadata.EntryPoint("my-speed", "offering:Mine", plugins.METHODS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == plugins.METHODS else [])
    assert registry.get_method(cls).label == registry.get_method("my-speed").label == "my-speed"


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


def test_commas_in_brackets_part_no_names():
    assert listed("apn[prototypes=5,cycles=1], lmn,,memae") == ["apn[prototypes=5,cycles=1]", "lmn", "memae"]
    assert listed("") == []


def test_a_typed_list_has_no_empty_name():
    assert members(" apn[a=1,b], lmn ", "--method") == ["apn[a=1,b]", "lmn"] and members(" , ", "--method") == []
    for text in ("apn,", ",apn", "apn,,lmn", "apn, ,lmn"):
        with pytest.raises(InputError, match=f"^--method: '{text}' has an empty name beside a ','; name one there"):
            members(text, "--method")
    with pytest.raises(InputError, match=r"^apn\[a=1,,b=2\]: 'a=1,,b=2' has an empty name beside a ','"):
        split_options("apn[a=1,,b=2]")


def test_a_plus_parts_two_names(tmp_path):
    assert registry.joined_names("ped1+ped2") == ["ped1", "ped2"]
    for text in ("ped1++ped2", "ped1+", "+ped1"):
        with pytest.raises(InputError, match="has an empty name beside a '\\+'"):
            registry.joined_names(text)
    (tmp_path / "my++cam").mkdir()
    assert registry.joined_names(f"path:{tmp_path}/my++cam") == [f"path:{tmp_path}/my++cam"]


# ------------------------------------------------------------------------------------------- tunings and data sets, too

TUNING = """
import dataclasses, itertools
from crossvad.adapters.options import option
from crossvad.adapters.tunings.base import Tuning

@dataclasses.dataclass(frozen=True)
class Options:
    strength: float = option(0.5, "how far")

class Nudge(Tuning):
    Options = Options

    def steps(self, adapter, seen):
        yield from itertools.repeat(self.options.strength)
"""
DATASET = """
import dataclasses
import numpy as np
from crossvad.datasets.base import Dataset

@dataclasses.dataclass(frozen=True)
class Options:
    hours: str = "day"

class Yard(Dataset):
    Options = Options
    name = "yard"

    def __init__(self, root, options):
        self.root, self.options = root, options

    def scenes(self, split):
        return []

    def labels(self, video):
        return np.zeros(0, np.uint8)

def Path(root):
    return str(root)
"""


def test_a_file_is_a_tuning(tmp_path):
    (tmp_path / "mine.py").write_text(TUNING)
    plain = registry.get_tuning(f"{tmp_path / 'mine.py'}:Nudge")
    assert plain.label == "mine.py:Nudge" and plain.build().options.strength == 0.5
    strong = registry.get_tuning(f"{tmp_path / 'mine.py'}:Nudge[strength=2]")
    assert strong.label == "mine.py:Nudge[strength=2.0]" and strong.build().options.strength == 2
    with pytest.raises(InputError, match=r"is not a crossvad.adapters.tunings.base.Tuning"):
        registry.get_tuning(f"{tmp_path / 'mine.py'}:Options")


def test_a_file_is_a_data_set(tmp_path):
    (tmp_path / "mine.py").write_text(DATASET)
    plain = registry.get_dataset(f"{tmp_path / 'mine.py'}:Yard", tmp_path)
    assert (plain.name, plain.root, plain.options.hours) == ("yard", tmp_path, "day")
    chosen = registry.get_dataset(f"{tmp_path / 'mine.py'}:Yard[hours=night]", tmp_path)
    assert (chosen.name, chosen.options.hours) == ("mine.py:Yard[hours=night]", "night")
    with pytest.raises(InputError, match=r"makes no crossvad.datasets.base.Dataset"):
        registry.get_dataset(f"{tmp_path / 'mine.py'}:Path", tmp_path)
    with pytest.raises(InputError, match=r"night: is no known option|hour: is no known option.*did you mean hours"):
        registry.get_dataset(f"{tmp_path / 'mine.py'}:Yard[hour=night]", tmp_path)
    with pytest.raises(InputError, match="takes no options"):
        registry.get_dataset(f"{tmp_path / 'mine.py'}:Path[hours=night]", tmp_path)


@pytest.mark.parametrize(
    ("group", "look_up", "holds"),
    [
        ("crossvad.adapters", registry.get_method, "mine.py:Mine"),
        ("crossvad.tunings", registry.get_tuning, "mine.py:Nudge"),
        ("crossvad.datasets", lambda text: registry.get_dataset(text, Path()), "mine.py:Yard"),
    ],
)
def test_packages_offer_theirs_with_options(tmp_path, monkeypatch, plugin, group, look_up, holds):
    fields = "import dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Options:\n    depth: int = 3\n\n"
    plugin(("class Mine(Adapter):", f"{fields}class Mine(Adapter):\n    Options = Options"))
    source = {"mine.py:Mine": (tmp_path / "mine.py").read_text(), "mine.py:Nudge": TUNING, "mine.py:Yard": DATASET}
    (tmp_path / "mine.py").write_text(source[holds])
    cls = getattr(registry._load_file(tmp_path / "mine.py"), holds.partition(":")[2])
    point = SimpleNamespace(name="theirs", load=lambda: cls)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == wanted else [])
    wanted = group
    option = {"Mine": "depth=4", "Nudge": "strength=2.0", "Yard": "hours=night"}[cls.__name__]
    chosen = look_up(f"theirs[{option}]")
    assert f"theirs[{option}]" in (getattr(chosen, "label", ""), getattr(chosen, "name", ""))


def test_a_class_stands_for_its_name(plugin):
    text = plugin()
    cls = registry.get_method(text).cls
    assert registry.get_method(cls).label == "mine.py:Mine" and registry.get_method(cls).version
    assert registry.get_method(FramePrediction).label == "framepred"
    assert registry.get_tuning(FineTune).label == "finetune"


def test_data_sets_are_joined_by_a_plus(tmp_path, north, south):
    joined = registry.get_dataset(f"path:{south}+path:{north}", tmp_path)
    assert isinstance(joined, Joined) and joined.name == "path:north+path:south"
    (tmp_path / "mine.py").write_text(DATASET)
    mine = f"{tmp_path / 'mine.py'}:Yard[hours=night]"
    joined = registry.get_dataset(f"{mine}+synthetic-plaza+path:{north}", tmp_path)
    assert joined.name == "mine.py:Yard[hours=night]+path:north+synthetic-plaza"
    with pytest.raises(InputError, match=r"^ped3: is no known dataset; did you mean ped\d"):
        registry.get_dataset("synthetic-plaza+ped3", tmp_path)
    with pytest.raises(InputError, match=r"gone: is no folder, so there is no ped2 in it"):
        registry.get_dataset("synthetic-plaza+ped2", tmp_path / "gone")


def test_a_plus_in_the_name_of_a_folder_or_a_file_joins_nothing(tmp_path, camera, north):
    assert registry.get_dataset(f"path:{camera('c++')}", tmp_path).name == "path:c++"
    assert registry.get_dataset("path:c++", tmp_path).name == "path:c++"  # below the data root alone
    assert registry.joined_names(f"path:{'a' * 300}+{'b' * 300}") == [f"path:{'a' * 300}", "b" * 300]
    assert registry.get_dataset(f"path:{north}+path:{camera('a+b')}", tmp_path).name == "path:a+b+path:north"
    (tmp_path / "d+e.py").write_text(DATASET)
    mine = f"{tmp_path / 'd+e.py'}:Yard[hours=night]"
    assert registry.get_dataset(mine, tmp_path).name == "d+e.py:Yard[hours=night]"
    assert [part.name for part in registry.get_dataset(f"synthetic-plaza+{mine}", tmp_path).parts] == [
        "d+e.py:Yard[hours=night]",
        "synthetic-plaza",
    ]
