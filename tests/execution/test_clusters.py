"""Processes on other machines, as far as one machine can be several: Ray with two nodes, Slurm's jobs run here."""

import errno
import os
import re
import signal
import socket
import textwrap
import threading
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Client
from pathlib import Path

import pytest

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.execution.launchers.base import Shared
from crossvad.execution.launchers.processes import Processes
from crossvad.execution.stopping import OF_TERMINAL
from crossvad.execution.workers import Workplace, join
from crossvad.planning.request import Request
from crossvad.store.store import Store
from live_made import until
from shared_stores import scores_below

SMOKE = {"budget": "smoke", "quiet": True, "device": "cpu"}
SLOW = ("def score(self, clips):", "def score(self, clips):\n        import time; time.sleep(0.1)")


@pytest.fixture(scope="module")
def asked(north, south):
    return {"source": north, "target": [south, north], "methods": ["framepred", "mpn"], "shots": [0, 2], **SMOKE}


@pytest.fixture(scope="module")
def alone(asked, tmp_path_factory) -> dict[str, bytes]:
    """Scores of one process."""
    folder = tmp_path_factory.mktemp("alone")
    crossvad.run(**asked, results=folder)
    return scores_below(folder)


@pytest.fixture(scope="module")
def cluster():
    """Two machines of Ray's, with a core each: this process is connected to them."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(cluster.address, log_to_driver=False, logging_level="error")
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_slurm_gives_the_scores_of_one_process(asked, alone, tmp_path):
    pytest.importorskip("submitit")
    results = crossvad.run(**asked, results=tmp_path, jobs=2, launcher="slurm[cluster=local]")
    assert {record.status for record in results.records} == {"done"}
    assert scores_below(tmp_path) == alone
    assert [*(tmp_path / "runs" / "launched").iterdir()] == []  # nor is the key left anywhere


def test_a_task_that_is_killed_is_begun_anew(asked, alone, tmp_path, plugin):
    pytest.importorskip("submitit")
    launched, killed = tmp_path / "runs" / "launched", []

    def kill_one() -> None:
        while not [*tmp_path.glob("runs/cells/[!.]*")]:  # something is done, and more is being done
            time.sleep(0.02)
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # some other may just have ended
                words = (process / "cmdline").read_bytes()
                if b"submitit" in words and str(launched).encode() in words:
                    os.kill(int(process.name), signal.SIGKILL)
                    killed.append(process.name)
                    return

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    methods = [*asked["methods"], plugin(SLOW)]
    results = crossvad.run(**asked | {"methods": methods}, results=tmp_path, jobs=2, launcher="slurm[cluster=local]")
    killer.join(60)
    assert killed and {record.status for record in results.records} == {"done"}
    assert alone.items() <= scores_below(tmp_path).items()


def test_a_task_whose_time_is_up_is_begun_anew_and_nothing_has_failed(asked, alone, tmp_path, plugin):
    """Slurm's time limit reaches all tasks at once, as SIGUSR2: again and again, and no job is to blame."""
    pytest.importorskip("submitit")
    stopped, launched = Counter[str](), str(tmp_path / "runs" / "launched").encode()

    def stop_all() -> None:
        for cells in (1, 4, 7):
            while len([*tmp_path.glob("runs/cells/[!.]*")]) < cells:
                time.sleep(0.02)
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    words = (process / "cmdline").read_bytes()
                    children = (process / "task" / process.name / "children").read_text()
                    if b"submitit" in words and launched in words and not children:
                        os.kill(int(process.name), signal.SIGUSR2)
                        stopped[str(cells)] += 1

    stopper = threading.Thread(target=stop_all, daemon=True)
    stopper.start()
    methods = [*asked["methods"], plugin(SLOW)]
    results = crossvad.run(**asked | {"methods": methods}, results=tmp_path, jobs=2, launcher="slurm[cluster=local]")
    stopper.join(60)
    assert len(stopped) >= 2 and {record.status for record in results.records} == {"done"}
    assert alone.items() <= scores_below(tmp_path).items()


def test_ray_gives_the_scores_of_one_process_though_a_machine_is_lost(asked, alone, cluster, tmp_path, plugin):
    lost = []

    def lose_one() -> None:
        while not [*tmp_path.glob("runs/cells/[!.]*")]:
            time.sleep(0.02)
        lost.append(cluster.remove_node(sorted(cluster.worker_nodes, key=str)[0], allow_graceful=False))

    loser = threading.Thread(target=lose_one, daemon=True)
    loser.start()
    methods = [*asked["methods"], plugin(SLOW)]
    results = crossvad.run(**asked | {"methods": methods}, results=tmp_path, jobs=2, launcher="ray")
    loser.join(120)
    assert lost and {record.status for record in results.records} == {"done"}
    assert alone.items() <= scores_below(tmp_path).items()
    store = Store(tmp_path)
    store.sweep()  # as the next run does: the machine that was lost may have been writing
    assert store.leftovers() == []


def test_without_a_cluster_it_says_how_to_begin_one(asked, tmp_path):
    ray = pytest.importorskip("ray")
    if ray.is_initialized():
        pytest.skip("there is one")
    with pytest.raises(InputError, match=r"^launcher ray\[address=127.0.0.1:9\]: finds no cluster .*ray start --head"):
        crossvad.run(**asked, results=tmp_path, jobs=2, launcher="ray[address=127.0.0.1:9]")


def test_where_there_is_no_slurm_it_says_so(asked, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r'^launcher="slurm": cannot submit anything here .*call it where `sbatch` is'):
        crossvad.run(**asked, results=tmp_path, jobs=2, launcher="slurm")


@pytest.mark.parametrize(
    ("launcher", "said"),
    [
        ("rya", "rya: is no known launcher; did you mean ray?"),
        ("slurm[cores=2]", "cores: is no known option of slurm; known: partition"),
        ("ray[gpus=-1]", "gpus = -1.0 cannot be: 0 or more"),
        ("slurm[cluster=pbs]", "slurm[cluster=pbs]"),
    ],
)
def test_what_is_no_launcher_is_refused(launcher, said, bench, north, south):
    words = ["--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--jobs", "2"]
    done = bench("run", *words, "--launcher", launcher)
    assert done.code == 2 and said in done.err


def test_a_machine_without_the_folder_ends_the_run_and_is_named(asked, tmp_path):
    pytest.importorskip("submitit")
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
        from pathlib import Path

        from crossvad.execution.launchers.slurm import Slurm

        class Elsewhere(Slurm):
            def said_to(self, *its):
                address, key, name, folder, *rest = super().said_to(*its)
                return address, key, name, folder / "not mounted", *rest
        """)
    )
    with pytest.raises(InputError, match=r"not mounted on .+: is not there .*shared with it"):
        crossvad.run(
            **asked, results=tmp_path / "r", jobs=2, launcher=f"{tmp_path / 'mine.py'}:Elsewhere[cluster=local]"
        )


def test_one_of_ones_own_in_a_file(asked, alone, tmp_path):
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
        from pathlib import Path

        from crossvad.execution.launchers.processes import Processes

        class Noting(Processes):
            def start(self, number):
                with open(Path(__file__).with_name("started"), "a") as file:
                    file.write(str(number))
                return super().start(number)
        """)
    )
    crossvad.run(**asked, results=tmp_path / "r", jobs=2, launcher=f"{tmp_path / 'mine.py'}:Noting")
    assert sorted((tmp_path / "started").read_text()) == ["0", "1"] and scores_below(tmp_path / "r") == alone


def shared(tmp_path: Path, north: Path, south: Path) -> Shared:
    request = Request(
        sources=[str(north)], targets=[str(south)], methods=["framediff"], tuning=["none"], shots=[0], steps=[1],
        seeds=[0], budget="smoke", protocol="fair", support=None,
    )  # fmt: skip
    return Shared(Workplace(request, tmp_path, tmp_path, maps=False, skip_bad=False), "cpu", 1)


def test_a_stranger_without_the_key_is_not_heard(tmp_path, north, south):
    from crossvad.execution.launchers.remote import Remote, RemoteWorker

    class Nobody(Remote):
        def start(self, number: int) -> RemoteWorker:
            raise NotImplementedError

    with Nobody(Processes.Options(), shared(tmp_path, north, south)) as launcher:
        port = launcher.port
        silent = socket.create_connection(("127.0.0.1", port))  # and stays so
        with pytest.raises(Exception, match=r"digest|rejected|reset|authentication|EOF|^$"):
            Client(("127.0.0.1", port), authkey=b"guessed").send("me")
        with socket.create_connection(("127.0.0.1", port)) as probe:  # a scan of ports, which goes away
            probe.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with Client(("127.0.0.1", port), authkey=launcher.key) as known:
            known.send("somebody")
            until(lambda: "somebody" in launcher.arrived)
            assert [*launcher.arrived] == ["somebody"]
        silent.close()


def test_a_caller_that_cannot_be_taken_in_shuts_nobody_out(monkeypatch):
    """As where a process has too many files open for a while."""
    from crossvad.execution.launchers.remote import Remote

    class Nobody(Remote):
        def start(self, number):
            raise NotImplementedError

    refusals, accept = iter([OSError(errno.EMFILE, "Too many open files")]), socket.socket.accept

    def refusing_once(door):
        if refusal := next(refusals, None):
            raise refusal
        return accept(door)

    monkeypatch.setattr(socket.socket, "accept", refusing_once)
    with (
        Nobody(None, Shared(None, "cpu", 1)) as launcher,
        Client(("127.0.0.1", launcher.port), authkey=launcher.key) as connection,
    ):
        connection.send("me")
        until(lambda: "me" in launcher.arrived)


def test_a_cluster_without_room_is_told_of_once(cluster, tmp_path, north, south, monkeypatch):
    from crossvad.execution.launchers import ray_cluster, remote

    monkeypatch.setattr(remote, "WAITED", 0.5)
    told: list[str] = []

    def heard(**asked: float) -> str:
        told.clear()
        with ray_cluster.RayCluster(ray_cluster.Options(**asked), shared(tmp_path, north, south)) as launcher:
            launcher.say = told.append
            worker = launcher.start(0)
            waiting = threading.Thread(target=launcher.heard, args=([worker],), daemon=True)
            waiting.start()
            until(lambda: told)
            waiting.join(2)  # a few looks more
            worker.end()
            waiting.join(60)
        (line,) = told
        return line

    line = heard(cpus=4)
    assert line.startswith("  1 of 1 processes not started yet: each asks for 4 CPU, and the cluster has ")
    assert re.search("of [12] CPUs free", line) and "no machine has so much" in line and "GPU" not in line
    assert "each asks for 1 CPU and 0.5 GPU" in heard(gpus=0.5)


def test_a_machine_that_does_not_have_the_folder_says_which(tmp_path, north, south, monkeypatch):
    from multiprocessing.connection import Listener

    monkeypatch.chdir(tmp_path)
    with Listener(("127.0.0.1", 0), authkey=b"k") as listener:
        handlers = [signal.getsignal(each) for each in (*OF_TERMINAL, signal.SIGTERM)]
        said = []
        hearing = threading.Thread(target=lambda: said.extend(_all(listener)), daemon=True)
        hearing.start()
        gone = tmp_path / "not mounted"
        join(listener.address, b"k", "me", gone, shared(tmp_path, north, south).place, "cpu", 1)
        hearing.join(120)
    assert said[0] == "me" and said[1].where.startswith(f"{gone} on ") and "is not there" in said[1].problem
    assert Path.cwd() == tmp_path
    assert handlers == [signal.getsignal(each) for each in (*OF_TERMINAL, signal.SIGTERM)]


def _all(listener) -> list:
    heard, connection = [], listener.accept()
    try:
        while True:
            heard.append(connection.recv())
    except EOFError:
        return heard
