"""Frames that are seen once: what comes of them is what came of them anew, and of nothing else."""

import pytest
import torch

from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.seen_frames import remembered, seeing_once
from made import noise


def counted():
    """A maker that counts how often it makes."""
    made = []

    def make(frame):
        made.append(frame)
        return 2 * frame

    return made, make


def test_a_frame_is_looked_at_once_within_and_anew_outside():
    made, make = counted()
    frame = noise(1, 1, 4, 4)
    with seeing_once():
        for _ in range(3):
            assert torch.equal(remembered(lambda: "a", frame.clone(), make), 2 * frame)
        assert len(made) == 1
    for _ in range(2):
        remembered(lambda: "a", frame, make)
    with seeing_once():
        remembered(lambda: "a", frame, make)
    assert len(made) == 4, "what was kept is forgotten where it was kept for"


@pytest.mark.parametrize(
    ("maker", "other"),
    [
        ("b", noise(1, 1, 4, 4)),
        ("a", noise(1, 1, 4, 4) + 1e-6),
        ("a", noise(1, 1, 4, 4).view(1, 1, 2, 8)),
        ("a", noise(1, 1, 4, 4).view(torch.int32)),
    ],
    ids=["another maker", "other pixels", "another shape", "another type"],
)
def test_what_differs_in_anything_is_made_for_itself(maker, other):
    made, make = counted()
    with seeing_once():
        remembered(lambda: "a", noise(1, 1, 4, 4), make)
        assert torch.equal(remembered(lambda: maker, other, make), 2 * other)
    assert len(made) == 2


def test_fewer_bits_are_made_for_themselves():
    made, make = counted()
    with seeing_once():
        remembered(lambda: "a", noise(1, 1, 4, 4), make)
        with torch.autocast("cpu", torch.bfloat16):
            remembered(lambda: "a", noise(1, 1, 4, 4), make)
    assert len(made) == 2


def test_backbones_of_other_weights_maps_or_bits_share_nothing_and_maps_are_the_same_bit_for_bit():
    frames = noise(3, 1, 32, 32)
    asked = [("random", 32, 16), ("efficientnet-lite0", 32, 16), ("random", 32, 32), ("random", 64, 16)]
    alone = [get_backbone(*each)(frames) for each in asked]
    double = get_backbone("random", 32).double()(frames.double())
    with seeing_once():
        for _ in range(2):
            for each, expected in zip(asked, alone, strict=True):
                assert torch.equal(get_backbone(*each)(frames), expected)
            assert torch.equal(get_backbone("random", 32).double()(frames.double()), double)


def test_a_backbone_looks_once_whoever_holds_it_and_however_frames_come():
    frames, passed = noise(3, 1, 32, 32), []
    with seeing_once():
        first = get_backbone("random", 32)(frames)
        again = get_backbone("random", 32)
        again._maps(frames[:1])
        again._quick[0].register_forward_hook(lambda *_: passed.append("seen"))
        assert torch.equal(again(frames.flip(0)).flip(0), first) and not passed
    again(frames)
    assert len(passed) == 3


def test_what_learns_before_a_backbone_and_what_is_of_fewer_bits_may_be_looked_at():
    frames = noise(2, 1, 32, 32)
    look = get_backbone("random", 32)
    expected, few = look(frames), frames[:1].bfloat16()
    with seeing_once():
        assert torch.equal(look(frames.clone().requires_grad_()), expected)
        assert torch.equal(remembered(lambda: "a", few, lambda frame: 2 * frame), 2 * few)


def test_one_that_is_left_late_takes_nothing_from_another():
    made, make = counted()
    late, frame = seeing_once(), noise(1, 1, 4, 4)
    late.__enter__()
    with seeing_once():
        remembered(lambda: "a", frame, make)
        late.__exit__(None, None, None)
        remembered(lambda: "a", frame, make)
    assert len(made) == 1
