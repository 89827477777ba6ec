"""Facts of a cell as they are written and read again."""

import numpy as np
import pytest
import torch

from crossvad.store.facts import to_be_read_again


def test_numbers_of_numpy_and_torch_are_what_they_were():
    facts = {"parameters": np.int64(3), "fps": np.float32(2.5), "adapt_seconds": torch.tensor(0.5)}
    facts["adaptations"] = [{"reverted": np.bool_(True)}]
    told = to_be_read_again(facts)
    assert told == {"parameters": 3, "fps": 2.5, "adapt_seconds": 0.5, "adaptations": [{"reverted": True}]}
    assert type(told["parameters"]) is int and told["adaptations"][0]["reverted"] is True


@pytest.mark.parametrize("value", [object(), {1}, 1j, np.complex64(1), np.zeros(2), torch.zeros(2), len])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        to_be_read_again({"mine": value})
