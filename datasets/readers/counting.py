"""The frames of a video file counted, as the first that is done with it, by a process apart.

At some spoilt files decord ends the process that it is in: it makes room for as many frames as the file claims, and
lets no Python code see that there is no such room. Apart, it takes down nothing but the counting of that file.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.opening import hidden, opened

KEPT = 2  # processes that wait for more; as many are at work as there are files counted at once
READY = b"ready\n"


def frames_in(path: Path) -> int:
    """Count the frames of a video file; decord goes through the whole of it.

    Raises:
        InputError: the file is missing, empty, truncated, not a video, or makes decord crash.
    """
    for _ in range(2):  # what ended the first process may have been something else, such as a lack of memory
        try:
            answer = _asked(path)
        except OSError:  # none can be started
            return _counted(path)
        if answer is not None:
            break
    else:
        fix = "fetch it again or re-encode it, or leave it out"
        raise InputError(path, "makes the decoder crash: it is damaged, or claims to be too long", fix)
    if "frames" in answer:
        return int(answer["frames"])
    raise InputError(path, answer["problem"], answer["fix"])


def _counted(path: Path) -> int:
    reader = opened(path, None)
    return len(reader) - hidden(path, reader)


class _Counter:
    """A process that counts frames for this one, and ends with it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        # In a session of its own, as ctrl-C is for this process to deal with. It finds packages where this one does,
        # and none in the folder that it happens to be in (-P).
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "crossvad.datasets.readers.counting"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if self._line() != READY:
            self.end()
            raise ChildProcessError("no process to count frames in can be started")

    def ask(self, path: Path) -> dict[str, Any] | None:
        """The answer about a file; None if the process ended over it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
        except BrokenPipeError:
            return None
        line = self._line()
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self) -> None:
        """End the process, whatever it is doing, and wait for that."""
        self.process.kill()
        self.process.communicate()

    def _line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


_waiting: deque[_Counter] = deque()


def _asked(path: Path) -> dict[str, Any] | None:
    counter = _taken()
    answer = None
    try:
        answer = counter.ask(path)
    finally:  # an interrupted one may still be busy
        if answer is not None and len(_waiting) < KEPT:
            _waiting.append(counter)
        else:
            counter.end()
    return answer


def _taken() -> _Counter:
    """Take a process that waits, or start one."""
    while True:
        try:
            counter = _waiting.pop()
        except IndexError:
            return _Counter()
        if counter.owner != os.getpid():  # that of the process that this one was forked from
            continue
        if counter.process.poll() is None:
            return counter
        counter.end()  # it was ended from outside, and no file is to blame


@atexit.register
def _end_all() -> None:
    while _waiting:
        counter = _waiting.pop()
        if counter.owner == os.getpid():
            counter.end()


def _serve() -> None:
    """Answer each path on stdin, a JSON text a line, by its number of frames or by what is wrong with it."""
    import decord  # noqa: F401  # slow to load: before it says that it is ready

    paths: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(paths,), daemon=True).start()
    answers = sys.stdout.buffer
    answers.write(READY)
    while True:
        answers.flush()
        answer: dict[str, int | str]
        try:
            answer = {"frames": _counted(Path(paths.get()))}
        except InputError as error:
            answer = {"problem": error.problem, "fix": error.fix}
        answers.write(json.dumps(answer).encode() + b"\n")


def _listen(paths: queue.SimpleQueue[str]) -> None:
    """Pass paths on; once no more can come, end the process, even while it is busy with a file."""
    for line in sys.stdin.buffer:
        paths.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    _serve()
