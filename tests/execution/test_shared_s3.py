"""The same on an S3 server, which moto is: two machines at once, and scores of one."""

import logging
import os
import subprocess
import sys

import pytest

from shared_stores import scores_below

moto_server = pytest.importorskip("moto.server", reason="moto[s3] and flask are not installed: an S3 server for tests")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: what reads s3://")
CALL = [sys.executable, "-c", "import torch; torch.set_num_threads(1); from crossvad.cli import main; main()"]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A bucket of a server in this process, and what a process must know to find it."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it tells of every request
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("crossvad-tests")
        yield "s3://crossvad-tests", settings
    server.stop()


@pytest.fixture
def start(bucket, north, south, tmp_path):
    def start_at(machine, *words, results=f"{bucket[0]}/runs"):
        environment = {**os.environ, **bucket[1], "CROSSVAD_CACHE": str(tmp_path / machine)}
        return subprocess.Popen(
            [*CALL, *words, "--results", str(results)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip

    return start_at


def test_two_machines_at_once_and_a_third_that_reads(start, bucket, north, south, tmp_path):
    words = f"run --source path:{north} --target path:{south} --budget smoke --shots 0,2".split()
    words += ["--method", "framepred,memae,framediff"]
    both = [start("a", *words), start("b", *words)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    alone = start("c", *words, results=tmp_path / "folder")
    assert not alone.communicate(timeout=300)[1].count("Traceback") and alone.returncode == 0
    expected = scores_below(tmp_path / "folder")
    assert len(expected) == 12
    for machine in ("a", "b"):
        assert scores_below(tmp_path / machine) == expected
    trained = [sum("Train " in line for line in told.splitlines()) for _, told in said]
    assert sum(trained) <= 4, said  # waited for, or at worst twice
    reading = start("d", "verify")
    out, told = reading.communicate(timeout=300)
    assert reading.returncode == 0, out + told
    assert scores_below(tmp_path / "d") == expected and "left out" not in told
    again = start("e", *words)
    assert "12 in the store, 0 to run" in again.communicate(timeout=300)[1]


def test_a_bucket_that_is_not_there_is_told_of_at_once(start, north, south):
    process = start("a", "run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke",
                    results="s3://no-such-bucket/runs")  # fmt: skip
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2 and "Error: s3://no-such-bucket/runs: " in told and "Traceback" not in told
