import pytest

from crossvad.datasets.errors import InputError
from crossvad.planning.variants import option_names, variants


def test_every_combination_of_what_a_method_has():
    assert variants(["apn[cycles=1]", "framediff", "random"], ["pool=mean,p99", "score=0,1"]) == [
        "apn[cycles=1,pool=mean,score=0]",
        "apn[cycles=1,pool=mean,score=1]",
        "apn[cycles=1,pool=p99,score=0]",
        "apn[cycles=1,pool=p99,score=1]",
        "framediff[pool=mean]",
        "framediff[pool=p99]",
        "random",
    ]
    assert variants(["framediff", "framediff"], []) == ["framediff"]


@pytest.mark.parametrize(
    ("methods", "options", "message"),
    [
        (["apn"], ["pol=mean"], "--option pol: is no option of apn; did you mean pool?"),
        (["random"], ["pool=mean"], "--option pool: is no option of random; known: precision"),
        (["apn"], ["pool"], "write name=value,value"),
        (["apn"], ["pool="], "write name=value,value"),
        (["apn"], ["pool=mean,median"], r"pool=median.*is no choice"),
        (["apn[pool=p99]"], ["pool=mean"], "says pool, which --option varies"),
        (["apnn"], [], "did you mean apn"),
    ],
)
def test_what_cannot_be_is_refused(methods, options, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        variants(methods, options)


def test_option_names_are_those_of_any_of_the_methods():
    assert option_names(["framediff", "extrapolate", "random"]) == ["pool", "precision"]
