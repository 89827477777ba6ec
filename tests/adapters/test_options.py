"""What options may be: refused in one line beyond their ranges, and sound at the very edges of them."""

import dataclasses
import math

import pytest
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Range, Schedule, check_ranges, option
from crossvad.adapters.tunings.base import Tuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue, registry
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of

pytestmark = pytest.mark.usefixtures("frames_seen_once")
SHORT = dataclasses.replace(SMOKE, schedule=Schedule(1, 2, 1e-3))


def numbers(look_up, names):
    """Every option that is a number, of everything of these names: (its owner, its field)."""
    for name in names:
        for field in dataclasses.fields(look_up(name).cls.Options):
            if type(field.default) in (int, float):
                yield pytest.param(name, field, id=f"{name}[{field.name}]")


def ends(field):
    """The values at the ends of an option's range that it may have, and those just beyond that it may not."""
    allowed, whole = field.metadata["range"], type(field.default) is int
    inside = [end for end in (allowed.minimum, allowed.maximum) if end is not None]
    beyond = [] if allowed.minimum is None else [allowed.minimum - (1 if whole else 1e-6)]
    beyond += [] if allowed.maximum is None else [allowed.maximum + (1 if whole else 1e-6)]
    beyond += [] if allowed.above is None else [allowed.above]
    return [type(field.default)(end) for end in inside], beyond


METHOD_NUMBERS = [*numbers(registry.get_method, catalogue.METHODS)]
TUNING_NUMBERS = [*numbers(registry.get_tuning, catalogue.TUNINGS)]


def refused(look_up, text, *words):
    with pytest.raises(InputError) as error:
        look_up(text)
    said = str(error.value)
    assert "\n" not in said and said.startswith(text) and all(word in said for word in words)


@pytest.mark.parametrize(("name", "field"), [*METHOD_NUMBERS, *TUNING_NUMBERS])
def test_every_number_has_a_range_and_nothing_beyond_it_is_taken(name, field):
    look_up = registry.get_method if name in catalogue.METHODS else registry.get_tuning
    _, beyond = ends(field)
    assert beyond, "a number that may be anything"
    for value in beyond:
        refused(look_up, f"{name}[{field.name}={value}]", f"{field.name} = ", str(field.metadata["range"]))
    if type(field.default) is float:
        for value in ("nan", "inf"):
            refused(look_up, f"{name}[{field.name}={value}]", "cannot be")


def works(text):
    """A method of these options takes a step, scores what is finite, and so does one adapted from it."""
    adapter = build(text, SHORT)
    if adapter.needs_source:
        videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
        losses = []
        source = ClipSource(videos, adapter.clip, CPU, seed=0)
        adapter.fit(source, SHORT, lambda step, of, values: losses.extend(values.values()))
        closed_form = type(adapter).fit is not Adapter.fit
        assert (losses or closed_form) and all(map(math.isfinite, losses))
    clips = clips_of(adapter)
    tuned = adapt(adapter, clips, 1, registry.get_tuning("finetune[learning_rate=1e-3]").build())
    scored = {cue: values for each in (adapter, tuned) for cue, values in each.score(clips).items()}
    assert scored and all(torch.isfinite(values).all() for values in scored.values())


@pytest.mark.parametrize(("name", "field"), METHOD_NUMBERS)
def test_a_method_works_at_the_ends_of_a_range(name, field):
    for value in ends(field)[0]:
        works(f"{name}[{field.name}={value}]")


@pytest.mark.parametrize(
    "text",
    [
        "apn[levels=2,resolution=1/2]",
        "apn[levels=3,resolution=1/4]",
        "apn[levels=6]",  # 32 pixels, halved five times, are one
        "apn[levels=6,attention=finest,resolution=1/4]",
        "apn[temperature=0.001,weights=ratio]",
        "apn[prototypes=1,apart=mean,distance=absolute]",
        "apn[prototypes=0,cycles=0]",
        "apn[calibrate=scene,pool=patch]",
        "lmn[items=2,largest=own,test_update=true]",
        "memae[slots=2]",
        "memae-2d[slots=2,shrink=0.5]",
        "mpn[prototypes=0,score=few-shot]",
        "mpn[prototypes=1]",
    ],
)
def test_options_at_their_ends_go_together(text):
    works(text)


@pytest.mark.parametrize("name", ["maml", "anil", "metasgd"])
def test_meta_training_works_at_the_ends(name):
    pytest.importorskip("learn2learn", exc_type=ImportError)
    tuning = registry.get_tuning(f"{name}[scenes=1,support=1,query=1,steps=1,learning_rate=1e-9]").build()
    adapter = build("apn", SHORT)
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
    losses = []
    tuning.prepare(adapter, ClipSource(videos, adapter.clip, CPU, 0), 2, lambda *log: losses.append(log[2]))
    assert len(losses) == 2 and all(math.isfinite(value) for each in losses for value in each.values())


@pytest.mark.parametrize("momentum", [1e-6, 1.0])
def test_norm_works_at_the_ends(momentum):
    adapter = build("lmn", SHORT)
    tuning: Tuning = registry.get_tuning(f"norm[momentum={momentum}]").build()
    adapted = adapt(adapter, clips_of(adapter), 1, tuning)
    assert all(torch.isfinite(values).all() for values in adapted.score(clips_of(adapter)).values())


def test_options_that_are_at_odds_are_refused_at_once():
    refused(registry.get_method, "apn[levels=2,resolution=1/4]", "levels = 2 leaves no map at resolution 1/4")
    with pytest.raises(
        InputError, match=r"^apn\[levels=7\]: cannot be built at budget smoke: levels = 7 halves frames"
    ):
        build("apn[levels=7]")
    assert build("apn[levels=7]", dataclasses.replace(SMOKE, size=64)).clip.size == (64, 64)


def test_a_plug_in_says_its_ranges(plugin):
    fields = (
        "import dataclasses\nfrom crossvad.adapters.options import option\n\n"
        "@dataclasses.dataclass(frozen=True)\nclass Options:\n"
        "    share: float = option(0.5, 'of what', minimum=0, maximum=1)\n"
        "    width: int = 3\n\n"
        "    def __post_init__(self):\n"
        "        if self.width > 3 > 6 * self.share:\n"
        "            raise ValueError('a wide one wants a larger share')\n\n"
    )
    text = plugin(("class Mine(Adapter):", f"{fields}class Mine(Adapter):\n    Options = Options"))
    assert registry.get_method(f"{text}[share=1]").options.share == 1
    for options, why in (
        ("share=1.5", "share = 1.5 cannot be: 0 to 1"),
        ("share=nan", "share = nan cannot be: 0 to 1"),
        ("share=0.2,width=4", "a wide one wants a larger share"),
    ):
        with pytest.raises(InputError, match=why):
            registry.get_method(f"{text}[{options}]")


@pytest.mark.parametrize(
    ("allowed", "words", "inside", "outside"),
    [
        (Range(), "any number", [-1e30, 0, 3], [math.inf, math.nan]),
        (Range(minimum=2), "2 or more", [2, 9], [1.999]),
        (Range(maximum=2), "at most 2", [-3, 2], [2.1]),
        (Range(minimum=0, maximum=1), "0 to 1", [0, 0.5, 1], [-0.1, 1.1, math.nan]),
        (Range(above=0), "more than 0", [1e-30], [0, -1]),
        (Range(above=0, maximum=1), "more than 0, at most 1", [1], [0, 1.1]),
    ],
)
def test_a_range_says_what_it_holds(allowed, words, inside, outside):
    assert str(allowed) == words
    assert all(value in allowed for value in inside) and not any(value in allowed for value in outside)


def test_each_of_several_numbers_is_held_to_the_range():
    @dataclasses.dataclass(frozen=True)
    class Options:
        shares: tuple[float, ...] = option((1.0,), "of what", above=0, maximum=1)

    check_ranges(Options((1.0, 0.5)))
    with pytest.raises(ValueError, match=r"shares = 1.5 cannot be: more than 0, at most 1"):
        check_ranges(Options((0.5, 1.5)))


def test_flags_and_words_have_no_range():
    @dataclasses.dataclass(frozen=True)
    class Options:
        word: str = option("a", "a word", minimum=2)
        flag: bool = option(False, "a flag", minimum=2)

    check_ranges(Options())
