"""The same on an S3 server, which moto is: two machines at once, and scores of one."""

import logging

import pytest

from shared_stores import scores_below

moto_server = pytest.importorskip("moto.server", reason="moto[s3] and flask are not installed: an S3 server for tests")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: what reads s3://")


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
def start(start_bench, bucket, tmp_path):
    """Start a command on a machine, with a cache of its own: what waits for its exit code and all that it said."""

    def start_at(machine, *words, results=f"{bucket[0]}/runs"):
        log, cache = tmp_path / f"{machine}.log", str(tmp_path / machine)
        process = start_bench(*words, "--results", results, log=log, folder=tmp_path, CROSSVAD_CACHE=cache, **bucket[1])

        def ended():
            process.join(600)
            return process.exitcode, log.read_text()

        return ended

    return start_at


def test_two_machines_at_once_and_a_third_that_reads(start, bucket, north, south, tmp_path):
    words = f"run --source path:{north} --target path:{south} --budget smoke --shots 0,2".split()
    words += ["--method", "framepred,memae,framediff"]
    both = [start("a", *words), start("b", *words)]
    said = [ended() for ended in both]
    assert [code for code, _ in said] == [0, 0], said
    code, told = start("c", *words, results=tmp_path / "folder")()
    assert code == 0 and "Traceback" not in told
    expected = scores_below(tmp_path / "folder")
    assert len(expected) == 12
    for machine in ("a", "b"):
        assert scores_below(tmp_path / machine) == expected
    trained = [sum("Train " in line for line in told.splitlines()) for _, told in said]
    assert sum(trained) <= 4, said  # waited for, or at worst twice
    code, told = start("d", "verify")()
    assert code == 0, told
    assert scores_below(tmp_path / "d") == expected and "left out" not in told
    assert "12 in the store, 0 to run" in start("e", *words)()[1]


def test_a_bucket_that_is_not_there_is_told_of_at_once(start, north, south):
    words = ("run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke")
    code, told = start("a", *words, results="s3://no-such-bucket/runs")()
    assert code == 2 and "Error: s3://no-such-bucket/runs: " in told and "Traceback" not in told
