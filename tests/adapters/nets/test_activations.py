"""What is caught of a U-Net is what its levels make, one by one."""

import pytest
import torch

from crossvad.adapters.nets.activations import activation_norms
from made import build, clips_of

LEVELS = [*(f"encoder 1/{share}" for share in (1, 2, 4, 8)), *(f"decoder 1/{share}" for share in (8, 4, 2, 1))]


def norm(features: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(features, dim=1)


@torch.no_grad()
def test_norms_are_of_the_maps_that_levels_pass_on():
    adapter = build("apn-released")  # attends on every level; three of them
    clips = clips_of(adapter)
    with activation_norms(adapter) as norms:
        adapter.score(clips)
    frames = clips[:, :4].flatten(1, 2)
    first = adapter.encoder.attend[0](adapter.encoder.blocks[0](frames))
    second = adapter.encoder.attend[1](adapter.encoder.blocks[1](torch.nn.functional.max_pool2d(first, 2)))
    deepest = adapter.encoder.attend[2](adapter.encoder.blocks[2](torch.nn.functional.max_pool2d(second, 2)))
    entered = adapter.decoder.entry(deepest)
    merged = adapter.decoder.merges[0](torch.cat([second, adapter.decoder.ups[0](entered)], 1))
    finest = torch.cat([first, adapter.decoder.ups[1](merged)], 1)
    made = dict(zip(norms, (first, second, deepest, entered, merged, finest), strict=True))
    assert list(made) == ["encoder 1/1", "encoder 1/2", "encoder 1/4", "decoder 1/4", "decoder 1/2", "decoder 1/1"]
    for name, features in made.items():
        torch.testing.assert_close(norms[name], norm(features))
    units = torch.nn.functional.normalize(finest)  # what the prototypes are made of
    torch.testing.assert_close(units, adapter.encode(clips).features)


@pytest.mark.parametrize(
    ("method", "levels"),
    [
        ("apn", LEVELS),
        ("apn[resolution=1/4]", LEVELS),
        ("mpn", LEVELS),
        ("lmn", LEVELS),
        ("framepred", LEVELS[:4] + LEVELS[5:]),  # its decoder begins with an up-convolution
        ("lmn-recon", LEVELS),
        ("memae-2d", LEVELS),
        ("memae", []),
        ("framediff", []),
    ],
)
@torch.no_grad()
def test_every_level_is_caught_at_its_size(method, levels):
    adapter = build(method)
    clips = clips_of(adapter)
    with activation_norms(adapter) as norms:
        before = adapter.score(clips)
    assert {name: tuple(values.shape) for name, values in norms.items()} == {
        name: (3, 32 // int(name[-1]), 32 // int(name[-1])) for name in levels
    }
    with activation_norms(adapter) as norms:
        pass
    after = adapter.score(clips)
    assert norms == {} and all(torch.equal(after[cue], before[cue]) for cue in before)  # nothing is left behind
