"""SIGTERM, as schedulers send it, and a time limit stop a run as ctrl-C does: what is done is kept, and it goes on."""

import os
import select
import signal
import time

import pytest

import crossvad
from conftest import BENCH
from crossvad.commands.watch import tell_alarms
from crossvad.execution.stopping import TimeUp, WatchCut, limited_to, stopped_by
from crossvad.store.store import Store
from live_made import until

SLEEPS = "import time, pathlib; time.sleep(3 if pathlib.Path(__file__).with_name('hold').exists() else 0.15)"
SLOW = ("def score(self, clips):", f"def score(self, clips):\n        {SLEEPS}")
HEEDING = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n{BENCH}"  # else not, if the tests run by nohup
IN_TERMINAL = """
import os
os.setsid()
opened = os.open(os.environ["TTY"], os.O_RDWR)
for stream in range(3):
    os.dup2(opened, stream)
os.close(opened)
"""
STOPPED = "The same command goes on where this one was."


@pytest.fixture
def words(plugin, north, south, tmp_path) -> list[str]:
    """A run of minutes."""
    pair = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    return [*pair, "--method", plugin(SLOW), "--seed", "0,1", "--results", str(tmp_path / "results")]


def statuses(store: Store) -> dict[str, int]:
    found = [record.status for record in store.records()]
    return {status: found.count(status) for status in set(found)}


def wait_for_scoring(log):
    until(lambda: log.exists() and "adapt and score" in log.read_text(), 600)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_keeps_what_is_done_and_what_was_begun_says_so(number, words, start_bench, store, tmp_path):
    log, hold = tmp_path / "log", tmp_path / "hold"
    hold.touch()  # else a cell might be done before it is stopped
    run = start_bench(*words, log=log, program=HEEDING)
    wait_for_scoring(log)
    os.kill(run.pid, number)
    run.join(600)
    hold.unlink()
    said = log.read_text()
    assert run.exitcode == 1 and f"Stopped. {STOPPED}" in said and "Traceback" not in said
    assert statuses(store) == {"interrupted": 1}
    run = start_bench(*words, log=log)
    run.join(600)
    assert run.exitcode == 0 and statuses(store) == {"done": 8}, log.read_text()  # two seeds, and six baselines


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_terminal_that_closes_stops_a_run_which_goes_on_in_another(words, start_bench, store, tmp_path, jobs):
    """Nothing can be written to it any more, and all processes of the run hear that it is gone."""
    (hold := tmp_path / "hold").touch()
    terminal, its = os.openpty()
    run = start_bench(*words, "--jobs", jobs, log=tmp_path / "log", program=IN_TERMINAL + HEEDING, TTY=os.ttyname(its))
    shown = b""
    while b"adapt and score" not in shown and run.is_alive():
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 1024)
    os.close(its)
    os.close(terminal)
    run.join(600)
    hold.unlink()
    assert run.exitcode == 1 and statuses(store).keys() == {"interrupted"}
    run = start_bench(*words, log=tmp_path / "log")
    run.join(600)
    assert run.exitcode == 0 and statuses(store) == {"done": 8}, (tmp_path / "log").read_text()


def test_nohup_has_a_run_outlive_its_terminal(words, start_bench, store, tmp_path):
    log = tmp_path / "log"
    run = start_bench(*words, log=log, program=f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{BENCH}")
    wait_for_scoring(log)
    os.kill(run.pid, signal.SIGHUP)
    run.join(600)
    assert run.exitcode == 0 and statuses(store) == {"done": 8}, log.read_text()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_whose_time_is_up_stops_and_goes_on(words, start_bench, store, tmp_path, jobs):
    log = tmp_path / "log"
    run = start_bench(*words, "--jobs", jobs, "--time-limit", "1.5s", log=log)
    run.join(600)
    said = log.read_text()
    assert run.exitcode == 1 and f"Stopped, as its time is up. {STOPPED}" in said and "Traceback" not in said
    assert statuses(store).get("done", 0) < 8
    run = start_bench(*words, "--time-limit", "1h", log=log)
    run.join(600)
    assert run.exitcode == 0 and statuses(store) == {"done": 8}, log.read_text()


def test_a_time_limit_ends_with_what_it_is_for():
    with pytest.raises(TimeUp), limited_to(0.05):
        time.sleep(600)
    with limited_to(60):
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    with limited_to(None):
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("said", ["90", "2 weeks", "-1h", "0m", "1h30m", "soon"])
def test_a_time_limit_has_a_unit(said, bench):
    done = bench("run", "--source", "synthetic-street", "--target", "synthetic-plaza", "--time-limit", said)
    assert done.code == 2 and f"{said!r} is no length of time such as 90s, 45m, 2h or 1.5d" in done.err


def test_in_python_it_is_in_seconds(plugin, north, south, tmp_path):
    with pytest.raises(TimeUp):
        crossvad.run(
            source=north, target=south, methods=plugin(SLOW), shots=0, budget="smoke", results=tmp_path, quiet=True,
            time_limit=1.0,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "cause", "told"),
    [
        (["run"], KeyboardInterrupt(), f"Stopped. {STOPPED}"),
        (["--debug", "matrix", "quick"], TimeUp(), f"Stopped, as its time is up. {STOPPED}"),
        (["table"], KeyboardInterrupt(), "Stopped."),
        (
            ["watch", "-"],
            WatchCut(),
            "Stopped. Alarms that were open are not told. The same",
        ),
    ],
)
def test_what_is_told_fits_what_was_stopped(bench, monkeypatch, words, cause, told):
    def stopped(**settings):
        raise cause

    monkeypatch.setattr("crossvad.cli.bench", stopped)
    done = bench(*words)
    assert done.code == 1 and done.err.startswith(told) and ("goes on" in done.err) == (STOPPED in told)


def test_a_second_ctrl_c_cuts_a_watch(monkeypatch):
    class Watched:
        failed, notes = (), None

        def stop(self):
            """Take too long."""

        def __iter__(self):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
            yield

    monkeypatch.setattr("crossvad.api.watch", lambda cameras, **settings: Watched())
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)  # else not, where the tests run in the background
    try:
        with pytest.raises(WatchCut):
            tell_alarms({"gate": "-"}, None)
    finally:
        signal.signal(signal.SIGINT, heeded)


def test_a_terminal_that_is_gone_stops_a_watch_however_often_it_says_so():
    """A shell that ends passes on what it got; what nohup starts does not heed it."""
    stops, others = [], []
    before = signal.signal(signal.SIGHUP, lambda *_: others.append(1))
    try:
        with stopped_by(lambda: stops.append(1)):
            """Nothing comes."""
        os.kill(os.getpid(), signal.SIGHUP)
        assert (stops, others) == ([], [1])
        with stopped_by(lambda: stops.append(1)):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert (stops, others) == ([1], [1])
        with stopped_by(lambda: stops.append(1)):
            os.kill(os.getpid(), signal.SIGHUP)
        assert stops == [1] and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
