"""The command line: `bench run`, `bench matrix`, `bench table`, and groups of others. Thin on purpose."""

from __future__ import annotations

import errno
import io
import sys

import click

from crossvad import __version__
from crossvad.commands import bash_words  # noqa: F401 (bash completes by it)
from crossvad.commands.again import narrowed
from crossvad.commands.lazy_group import Deferred, LazyGroup
from crossvad.commands.options import spelling
from crossvad.datasets.errors import InputError, Mixed, plain
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.stopping import TimeUp, WatchCut, heed_termination

COMMANDS = {  # a short help is the command's docstring up to its first full stop
    "ablate": Deferred(
        "crossvad.commands.ablate:ablate",
        "Take the APN of its paper apart, beside what that prints (Tables 4, 6 and 7).",
    ),
    "audit": Deferred(
        "crossvad.commands.audit:audit",
        "What is wrong with how the field measures, in numbers anyone can reproduce.",
    ),
    "cameras": Deferred(
        "crossvad.commands.cameras:cameras",
        "How well each method works on a camera that it has never seen: its mean AUC over cameras, each counting once.",
    ),
    "choose": Deferred(
        "crossvad.commands.choose:choose",
        "Choose a method's options on its source alone, by anomalies planted in video that no training saw.",
    ),
    "compare": Deferred(
        "crossvad.commands.compare:compare",
        "How much better a method is than another on the same test videos, and whether that is more than chance.",
    ),
    "datasets": Deferred(
        "crossvad.commands.datasets:datasets",
        "What there is to train on and to score: list, info, where, check, prepare, new.",
    ),
    "diagnostics": Deferred(
        "crossvad.commands.diagnostics:diagnostics",
        "Whether prototypes collapsed and memories are used: what stored fits watched, as it was when they ended.",
    ),
    "env": Deferred(
        "crossvad.commands.env:env",
        "What runs stand on here: versions, processor, memory, data at hand, what is missing.",
    ),
    "gain": Deferred(
        "crossvad.commands.gain:gain",
        "What adapting to a scene gains over the same method at K = 0, on the same test videos.",
    ),
    "keep": Deferred(
        "crossvad.commands.verify:keep",
        "Copy finished cells from runs/ to reference/, to be committed, so that anyone can make a table again.",
    ),
    "leaderboard": Deferred(
        "crossvad.commands.leaderboard:leaderboard",
        "Submissions as a static site, its figures with their uncertainty: build.",
    ),
    "matrix": Deferred(
        "crossvad.commands.run:matrix",
        "Run every source/target pair of a list, or of a SUITE, whose entries the options override.",
    ),
    "methods": Deferred("crossvad.commands.methods:methods", "What is benchmarked: list, info, check, new."),
    "plot": Deferred(
        "crossvad.commands.plot:plot",
        "Stored cells as pictures: the matrix, ROC curves, scores over time, AUC against shots, steps and speed.",
    ),
    "profile": Deferred(
        "crossvad.commands.profile:profile",
        "What methods cost on this machine: size, multiply-adds, latency, speed, training, adapting, memory.",
    ),
    "report": Deferred(
        "crossvad.commands.report:report",
        "All stored cells as one web page: no network, no server, one file to send.",
    ),
    "results": Deferred("crossvad.commands.results:results", "What is stored: list, remove."),
    "run": Deferred(
        "crossvad.commands.run:run",
        "Train on a source, adapt to a target, score every test frame, print the table.",
    ),
    "score": Deferred(
        "crossvad.commands.score:score",
        "Score footage of your own, and show its most suspicious moments.",
    ),
    "status": Deferred(
        "crossvad.commands.status:status",
        "How far the runs are that are going on in a results folder, from another terminal, or from another machine.",
    ),
    "submit": Deferred(
        "crossvad.commands.submit:submit",
        "Cells for a leaderboard, in one folder that anyone can check: pack, check.",
    ),
    "suites": Deferred("crossvad.commands.suites:suites", "Runs that come with the benchmark: list, show."),
    "table": Deferred("crossvad.commands.table:table_command", "Turn stored scores into a table."),
    "tunings": Deferred("crossvad.commands.tunings:tunings", "How methods adapt: list, info, check, new."),
    "verify": Deferred(
        "crossvad.commands.verify:verify",
        "Hold all that lies in the results folder, or PAGES alone, against the stored scores.",
    ),
    "watch": Deferred(
        "crossvad.commands.watch:watch",
        "Watch several running cameras of your own, and tell of alarms as lines of JSON.",
    ),
}

GO_ON = (
    "ablate",
    "audit",
    "choose",
    "datasets",
    "matrix",
    "run",
    "score",
    "watch",
)  # keep what they made
OF_THE_DISK = {  # errors that no code can help, and what a user can
    errno.ENAMETOOLONG: "name another file or folder",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room for it"),
    errno.EROFS: "name a file on a disk that can be written",
}


@click.group(
    cls=LazyGroup,
    deferred=COMMANDS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "token_normalize_func": spelling,  # --sources is --source
    },
)
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def bench(debug: bool) -> None:
    """Which video anomaly detector still works on a camera it has never seen?

    \b
    bench run --source synthetic-street --target synthetic-plaza      needs no data
    bench run --source ped2 --target ped1 --data DIR --support test-head
    bench matrix --source ped2,synthetic-street --target ped2,synthetic-plaza --data DIR
    bench matrix quick                                                one of the suites that come with it
    bench table --matrix --where shots=10
    bench plot shots --where source=path:normal --out shots.svg
    bench report --data DIR
    bench score my_video.mp4 --source synthetic-street
    bench watch cameras.toml --source synthetic-street
    bench ablate components --data DIR
    """


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a cell failed or a check found errors, 2 wrong use or bad input."""
    keep_freed_memory()
    heed_termination()
    try:
        bench(prog_name="bench", standalone_mode=False)
    except InputError as error:
        if "--debug" in sys.argv[1:]:
            raise
        if isinstance(error, Mixed):
            fix = f"choose, such as: {narrowed(sys.argv[1:], error.conditions)}"
            error = InputError(error.where, error.problem, fix)
        _fail(f"Error: {error.line}", 2)
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        _fail(plain(f"Error: {str(error.filename or 'a file')[:200]}: {error.strerror}; {OF_THE_DISK[error.errno]}"), 2)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(plain(shown.getvalue(), lines=True), nl=False, err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort) as stopped:  # click makes the one of the other
        cause = stopped.__cause__ or stopped
        why = ", as its time is up" if isinstance(cause, TimeUp) else ""
        _fail(f"Stopped{why}.{_how_to_go_on(cause)}", 1)


def _how_to_go_on(cause: BaseException) -> str:
    """Say what the same command does after one that was stopped, where there is something that it need not do again."""
    if isinstance(cause, WatchCut):
        return " Alarms that were open are not told. The same command watches from then on; what was trained is kept."
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return " The same command goes on where this one was." if command in GO_ON else ""


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
