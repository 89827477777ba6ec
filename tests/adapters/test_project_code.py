"""What a plug-in imports of its own project is part of its version; what is of others, or unused, is not."""

import ast
import importlib
import sys
import textwrap
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.adapters.project_code import project_code, told
from crossvad.planning import registry

METHOD = '''
from crossvad.adapters.base import Adapter
{imports}

class Mine(Adapter):
    """One's own."""

    needs_source = False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=5)

    def score(self, clips):
        {late}
        return {{"level": clips.mean((1, 2, 3, 4)) + {value}}}
'''
MORE = "VALUE = 1\n"


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A project on the path, written anew at each call: package({"nets/more.py": …}) -> the version of its method."""

    def version(files, imports="", late="pass"):
        filled = {"imports": imports, "late": late, "value": 0}
        write(tmp_path / "theirs", {"__init__.py": "", "methods/mine.py": METHOD.format(**filled)} | files)
        monkeypatch.syspath_prepend(tmp_path)
        for each in [each for each in sys.modules if each.split(".")[0] == "theirs"]:
            del sys.modules[each]
        importlib.invalidate_caches()
        return registry.get_method(importlib.import_module("theirs.methods.mine").Mine).version

    return version


WAYS = {
    "full": "import theirs.nets.more",
    "of": "from theirs.nets import more",
    "what": "from theirs.nets.more import VALUE",
    "relative": "from ..nets.more import VALUE",
    "relative of": "from ..nets import more",
    "star": "from ..nets.more import *",
}


@pytest.mark.parametrize(
    ("where", "way"), [*product(["imports"], WAYS), *product(["late"], sorted(WAYS.keys() - {"star"}))]
)
def test_an_edit_of_what_it_imports_is_news(package, where, way):
    """At the top of its file, or within a function of it."""
    said = {where: WAYS[way]}
    before = package({"nets/more.py": MORE}, **said)
    assert package({"nets/more.py": "VALUE = 1  # one\n"}, **said) == before
    assert package({"nets/more.py": "VALUE = 2\n"}, **said) != before


def test_so_is_an_edit_of_what_that_imports_and_an_edit_of_others_is_none(package):
    files = {
        "nets/more.py": "from . import deep\n",
        "nets/deep.py": "from ..methods import mine\n",
    }
    before = package(files, imports=WAYS["of"])
    assert package({"nets/deep.py": "VALUE = 3\n"}, imports=WAYS["of"]) != before
    assert package(files | {"nets/other.py": MORE, "methods/other.py": MORE}, imports=WAYS["of"]) == before


def test_what_lies_beside_a_file_counts_wherever_both_lie(tmp_path, monkeypatch):
    versions = []
    for folder, value in (("a", 1), ("b", 1), ("c", 2)):
        filled = {"imports": f"import beside{folder}", "late": "pass", "value": 0}
        filled["imports"] = "from beside_it import VALUE"
        write(tmp_path / folder, {"mine.py": METHOD.format(**filled), "beside_it.py": f"VALUE = {value}\n"})
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / folder)
            sys.modules.pop("beside_it", None)
            versions.append(registry.get_method(f"{tmp_path / folder / 'mine.py'}:Mine").version)
    assert versions[0] == versions[1] != versions[2]


def test_what_is_imported_counts_as_it_was_until_it_is_imported_again(tmp_path, monkeypatch):
    """A notebook's second run: the file was edited, and the old code runs on."""
    text = METHOD.format(imports="import beside_edited", late="pass", value="beside_edited.VALUE")
    write(tmp_path, {"mine.py": text, "beside_edited.py": MORE})
    monkeypatch.syspath_prepend(tmp_path)
    method = f"{tmp_path / 'mine.py'}:Mine"
    before = registry.get_method(method).version
    write(tmp_path, {"beside_edited.py": "VALUE = 22\n"})
    assert registry.get_method(method).version == before
    importlib.reload(sys.modules["beside_edited"])
    assert registry.get_method(method).version != before


@pytest.fixture
def sessions(tmp_path, monkeypatch):
    """What a notebook does with a package of two modules: sessions(do, …) -> the version of its method after each."""

    def version(*things):
        write(tmp_path, {"used/__init__.py": "", "used/layers.py": MORE})
        text = METHOD.format(imports="from .layers import VALUE", late="pass", value="VALUE")
        write(tmp_path, {"used/method.py": text})
        monkeypatch.syspath_prepend(tmp_path)
        for name in ("used", "used.layers", "used.method"):
            sys.modules.pop(name, None)
        versions = []
        for thing in (lambda: importlib.import_module("used.method"), *things):
            thing()
            versions.append(registry.get_method(sys.modules["used.method"].Mine).version)
        return versions

    return version


def test_an_edit_counts_from_when_the_class_is_made_of_it(sessions, tmp_path):
    """Who reloads the layers alone still runs the old ones: the method holds on to what it imported."""
    first, edited, layers, method = sessions(
        lambda: write(tmp_path, {"used/layers.py": "VALUE = 22\n"}),
        lambda: importlib.reload(sys.modules["used.layers"]),
        lambda: importlib.reload(sys.modules["used.method"]),
    )
    assert first == edited == layers != method


def test_an_edit_between_an_import_and_the_first_run_does_not_count(sessions, tmp_path):
    (first,) = sessions()
    for name in ("used", "used.layers", "used.method"):
        del sys.modules[name]
    made = importlib.import_module("used.method").Mine
    write(tmp_path, {"used/layers.py": "VALUE = 22\n"})
    assert registry.get_method(made).version == first


def test_a_file_that_is_called_as_what_is_built_in_harms_nothing(tmp_path):
    """`import time` is not of it; it counts as if it were, and its module has no file."""
    text = METHOD.format(imports="import time", late="pass", value=0)
    write(tmp_path, {"mine.py": text, "time.py": MORE})
    before = registry.get_method(f"{tmp_path / 'mine.py'}:Mine").version
    write(tmp_path, {"time.py": "VALUE = 22\n"})
    assert registry.get_method(f"{tmp_path / 'mine.py'}:Mine").version != before


def test_a_file_among_installed_packages_is_a_project_by_itself(tmp_path):
    write(tmp_path, {"mine.py": "import numpy_like\n", "numpy_like.py": MORE})
    assert [*project_code("mine", tmp_path / "mine.py")] == ["mine", "numpy_like"]
    write(tmp_path, {"numpy_like-1.0.dist-info/METADATA": ""})
    assert [*project_code("mine", tmp_path / "mine.py")] == ["mine"]


@pytest.mark.parametrize("content", [b"def no(:\n", b"\0", b"\xff\xfe"], ids=["syntax", "null", "no text"])
def test_what_is_no_python_counts_byte_by_byte(tmp_path, content):
    write(tmp_path, {"mine.py": "try:\n    import spoilt\nexcept Exception:\n    pass\n"})
    (tmp_path / "spoilt.py").write_bytes(content)
    before = project_code("mine", tmp_path / "mine.py")
    (tmp_path / "spoilt.py").write_bytes(content + b" ")
    after = project_code("mine", tmp_path / "mine.py")
    assert before["mine"] == after["mine"] and before["spoilt"] != after["spoilt"]


def test_the_encoding_that_a_file_says_is_heeded(tmp_path):
    (tmp_path / "mine.py").write_bytes("# coding: latin-1\nNAME = 'é'\n".encode("latin-1"))
    assert "é" in project_code("mine", tmp_path / "mine.py")["mine"]


@given(st.lists(st.sets(st.integers(0, 6)), min_size=7, max_size=7))
def test_all_that_is_reached_is_found_and_nothing_else(tmp_path_factory, edges):
    folder = tmp_path_factory.mktemp("graph")
    for number, others in enumerate(edges):
        (folder / f"graph_{number}.py").write_text("".join(f"import graph_{other}\n" for other in sorted(others)))
    reached = {0}
    for _ in edges:  # no path is longer
        reached |= {other for number in reached for other in edges[number]}
    found = project_code("graph_0", folder / "graph_0.py")
    assert [*found] == ["graph_0", *(f"graph_{number}" for number in sorted(reached - {0}))]


CODE = """
@final
class A(B, metaclass=C):
    x: int = 3
    def f(self, a, *, b=None, **c):
        match a:
            case None: return
        return f"{a!r:>{b}}{a}" "" f"" or [] or u"é" or (lambda: ...)
"""
TOLD = (
    "Module(body=[ClassDef(name='A', bases=[Name(id='B', ctx=Load())], keywords=[keyword(arg='metaclass', "
    "value=Name(id='C', ctx=Load()))], body=[AnnAssign(target=Name(id='x', ctx=Store()), annotation=Name(id='int', "
    "ctx=Load()), value=Constant(value=3), simple=1), FunctionDef(name='f', args=arguments(posonlyargs=[], "
    "args=[arg(arg='self'), arg(arg='a')], kwonlyargs=[arg(arg='b')], kw_defaults=[Constant(value=None)], "
    "kwarg=arg(arg='c'), defaults=[]), body=[Match(subject=Name(id='a', ctx=Load()), "
    "cases=[match_case(pattern=MatchSingleton(value=None), body=[Return()])]), Return(value=BoolOp(op=Or(), "
    "values=[JoinedStr(values=[FormattedValue(value=Name(id='a', ctx=Load()), conversion=114, "
    "format_spec=JoinedStr(values=[Constant(value='>'), FormattedValue(value=Name(id='b', ctx=Load()), "
    "conversion=-1)])), FormattedValue(value=Name(id='a', ctx=Load()), conversion=-1)]), List(elts=[], ctx=Load()), "
    "Constant(value='é', kind='u'), Lambda(args=arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], "
    "defaults=[]), body=Constant(value=Ellipsis))]))], decorator_list=[])], decorator_list=[Name(id='final', "
    "ctx=Load())])], type_ignores=[])"
)


def test_a_plug_in_is_the_same_under_every_python():
    """The text is that of 3.11; 3.12 and later have more fields, and tell empty ones otherwise."""
    tree = ast.parse(CODE)
    assert told(tree) == TOLD
    for node in ast.walk(tree):  # as 3.12 makes it
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            node._fields, node.type_params = tuple(dict.fromkeys((*node._fields, "type_params"))), []
        if isinstance(node, ast.JoinedStr):
            node.values.append(ast.Constant(""))
    assert told(tree) == TOLD
    assert told(ast.parse(CODE.replace("[]", "[0]"))) != TOLD
