"""Work that one machine does while others leave it alone: claimed by a small file at the URL that they share.

There are no locks there. Whoever holds a claim writes it anew every half minute, and who waits for it watches: a claim
that stays as it is for a few minutes is of nobody who lives, and is taken over. No clock is compared with another's.
That is as good as can be had, and no more: where two take one over at a time, or the network fails, something is made
twice, and nothing is spoilt by that.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from crossvad.store.objects import Objects, Unreachable

BEAT = 30.0  # seconds between two signs of life
DEAD = 150.0  # seconds without one
LOOK = 5.0  # seconds between two looks at a claim that is waited for
MOST = 1024  # bytes
MOST_UNSEEN = 50  # looks at a claim that is said to be there and cannot be read


@contextmanager
def shared_claim(objects: Objects, name: str, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Claim what a file stands for, which is there for as long; yields whether that could be done.

    Where nothing can be written it always can.

    Args:
        objects: where the file is.
        name: of the file.
        waiting: called if another holds the claim, which is then waited for; None: not waited for.
    """
    mine = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(8)}"
    if not _gained(objects, name, mine, waiting):
        yield False
        return
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(objects, name, mine, over), daemon=True)
    beating.start()
    try:
        yield True
    finally:
        over.set()
        beating.join()
        _give_back(objects, name, mine)


def is_claimed(objects: Objects, name: str) -> bool:
    """Whether another machine holds a claim, or did and was killed: a look does not tell."""
    try:
        return bool(objects.read(name, MOST))
    except (FileNotFoundError, ValueError, Unreachable):
        return False


def _gained(objects: Objects, name: str, mine: str, waiting: Callable[[], None] | None) -> bool:
    seen, since = b"", time.monotonic()
    told, unseen = False, 0
    while True:
        try:
            if objects.create(name, mine.encode()):
                return True
            found = objects.read(name, MOST)
        except FileNotFoundError:  # given back between the two, or not to be read
            unseen += 1
            if unseen == MOST_UNSEEN:
                return True
            time.sleep(0.1)
            continue
        except (ValueError, Unreachable):  # work goes on
            return True
        if waiting is None:
            return False
        if not told:
            waiting()
            told = True
        if found != seen:
            seen, since = found, time.monotonic()
        elif time.monotonic() - since > DEAD:
            with suppress(Unreachable):
                objects.write(name, mine.encode())
            return True
        time.sleep(LOOK)


def _beat(objects: Objects, name: str, mine: str, over: threading.Event) -> None:
    count = 0
    while not over.wait(BEAT):
        count += 1
        with suppress(Unreachable):  # then others take it for dead, and make the same
            objects.write(name, f"{mine} {count}".encode())


def _give_back(objects: Objects, name: str, mine: str) -> None:
    with suppress(FileNotFoundError, ValueError, Unreachable):
        if objects.read(name, MOST).startswith(mine.encode()):  # else it was taken over
            objects.remove(name)
