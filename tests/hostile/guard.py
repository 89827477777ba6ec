"""What holds for any input: a valid outcome or an error of our own, soon, in little memory, and nothing left behind."""

from __future__ import annotations

import os
import signal
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from numpy.random import Generator

from crossvad.datasets.errors import InputError
from hostile.mutations import generator

SEED = 20260101
TIMES = int(os.environ.get("CROSSVAD_HOSTILE", "1"))  # how many times as many inputs: see `make fuzz`
SECONDS = 10.0  # of the processor's time, of one input
WAITING = 12  # times as long by the clock: other programs may want the processor, but nobody waits for ever
MEGABYTES = 600  # that one input may add to what the process holds
SHOWN = 12  # faults that a failure lists


class TooSlow(BaseException):
    """Not an `Exception`, so that no reader takes it for damage."""


def bombard(kind: str, count: int, attempt: Callable[[Generator], None], also: Iterable[int] = ()) -> None:
    """Make so many attempts, each with a generator of its own, and list those that end otherwise than they may.

    Args:
        kind: of input: with its number, what its generator depends on.
        count: of inputs, in a run of the usual length.
        attempt: makes an input and has it read.
        also: numbers of inputs that once went wrong, in a run of any length.
    """
    faults, numbers = [], sorted({*range(count * TIMES), *also})
    for number in numbers:
        try:
            with bounded():
                attempt(generator(SEED, kind, number))
        except InputError as error:
            faults += [f"{kind} {number}: {unfit}" for unfit in unfit_message(str(error))]
        except (Exception, TooSlow) as error:
            last = traceback.extract_tb(error.__traceback__)[-4:]
            where = "; ".join(f"{Path(at.filename).name}:{at.lineno}" for at in last)
            faults.append(f"{kind} {number}: {type(error).__name__}: {str(error)[:300]} ({where})")
    told = "\n".join(faults[:SHOWN])
    assert not faults, f"{len(faults)} of {len(numbers)}:\n{told}"


def unfit_message(text: str) -> list[str]:
    """What of a message no terminal should be sent."""
    control = sorted({character for character in text if unicodedata.category(character) in ("Cc", "Cs")})
    return [f"its message holds {control}"] if control else []


@contextmanager
def bounded(seconds: float = SECONDS, megabytes: float = MEGABYTES) -> Iterator[None]:
    """Fail on what takes longer, or holds more memory at any time.

    Raises:
        TooSlow: it took more of the processor's time, or `WAITING` times as long by the clock.
        AssertionError: it held more.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        what = "of the processor's time" if number == signal.SIGPROF else f"by the clock, times {WAITING}"
        raise TooSlow(f"took more than {seconds} s {what}")

    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    limits = [
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, seconds * WAITING),
    ]
    kept = [signal.signal(sign, stop) for sign, _, _ in limits]
    for _, timer, most in limits:
        signal.setitimer(timer, most)
    try:
        yield
    finally:
        for (sign, timer, _), before_it in zip(limits, kept, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(sign, before_it)
    grown = _memory("VmHWM") - before
    assert grown < megabytes, f"held {grown:.0f} MB"


def _memory(name: str) -> float:
    """Megabytes of this process: resident now, or at most since the peak began."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(name)
