import pytest

from crossvad.present.labels import label


@pytest.mark.parametrize(
    ("typed", "name", "details"),
    [
        ("apn", "apn", ()),
        ("apn[predicts=change,score=0.0]", "apn", ("predicts=change", "score=0.0")),
        ("apn[paper,cycles=1]", "apn", ("paper", "cycles=1")),
        ("my_file.py:Mine[depth=3]", "Mine", ("my_file.py", "depth=3")),
        ("avenue[subset=avenue17]", "avenue", ("subset=avenue17",)),
        ("path:my [odd] camera", "path:my [odd] camera", ()),
        ("path:south", "path:south", ()),
    ],
)
def test_a_name_and_what_stands_below_it(typed, name, details):
    assert label(typed) == (name, details)
