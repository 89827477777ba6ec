"""Trainings at a URL that can be read and not written: they are taken from there, and what is new stays here."""

import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.api import score_videos
from crossvad.datasets.errors import InputError
from crossvad.store import objects

pytest.importorskip("aiohttp", reason="aiohttp is not installed")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A folder, and the address of a web server that shows it."""
    folder = tmp_path / "shown"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def trained(monkeypatch):
    """How often a method has been trained."""
    fit, times = FramePrediction.fit, []

    def counted(self, *args):
        times.append(self)
        return fit(self, *args)

    monkeypatch.setattr(FramePrediction, "fit", counted)
    return times


@pytest.fixture
def score(north, tmp_path, monkeypatch):
    """Score a test video on a machine: score("a", results)."""

    def call(machine, results, seed=0):
        monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / machine))
        (scored,) = score_videos(
            [north / "test" / "a"],
            source=north,
            method="framepred",
            budget="smoke",
            shots=0,
            seed=seed,
            results=results,
        )
        return scored.scores["score"]

    return call


def test_what_is_trained_is_taken_and_what_is_not_stays_here(score, web, trained, monkeypatch, capsys):
    folder, address = web
    scores = score("a", folder.as_uri())
    there = sorted(folder.rglob("*.*"))
    assert len(trained) == 1 and there
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for a server that had refused"))
    capsys.readouterr()
    assert score("b", address).equals(scores) and len(trained) == 1
    told = capsys.readouterr().err
    assert f"note: {address}: cannot be read or written (501" in told and "new ones stay on this machine" in told
    score("b", address, seed=7)
    score("b", address, seed=7)
    assert len(trained) == 2 and sorted(folder.rglob("*.*")) == there


def test_a_server_that_is_not_there_is_told_before_anything_is_trained(score, trained, monkeypatch):
    monkeypatch.setattr(objects, "PAUSES", ())
    with pytest.raises(InputError, match="cannot be reached"):
        score("a", "http://127.0.0.1:9/results")
    assert not trained
