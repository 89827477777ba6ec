import pytest

from crossvad.execution import profiling
from crossvad.execution.work_costs import Effort
from crossvad.store import profiles
from profile_made import profile


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(profiling, "Effort", lambda: Effort(least=1, most=1, seconds=0.0, warm_up=0.0))


def test_what_was_measured_is_shown_and_kept(bench, store, north, south, hasty):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--shots", "2", "--steps", "1,3")
    done = bench(
        "profile", "framepred,framediff", "--budget", "smoke", *words, "--results", store.root.parent, "--quiet"
    )
    assert done.code == 0, done.err
    for text in ("framepred", "framediff", "K = 2, 1 step", "K = 2, 3 steps", "32 pixels, gray, width 8"):
        assert text in done.out
    assert [each.method for each in profiles.stored(store)] == ["framepred", "framediff"]
    again = bench("profile", "--stored", "--results", store.root.parent)
    assert again.code == 0 and again.out.split("budget smoke")[0] == done.out.split("budget smoke")[0]


def test_another_size_than_the_budgets(bench, store, north, south, hasty):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--shots", "2", "--steps", "1")
    done = bench("profile", "framediff", "--budget", "smoke", "--size", 48, *words, "--results", store.root.parent)
    assert done.code == 0 and "48 pixels" in done.out


def test_rows_have_all_that_was_measured(bench, store):
    profiles.keep(store, profile())
    profiles.keep(store, profile("mpn", adaptation=(), latency=float("nan")))
    done = bench("profile", "--stored", "--format", "long", "--results", store.root.parent)
    head, first, second = done.out.strip().splitlines()
    assert "multiply_adds" in head and "adapt_5x1_seconds" in head
    assert first.startswith("lmn,") and second.startswith("mpn,")


def test_what_differs_is_told_apart_and_what_does_not_is_told_once(bench, store):
    profiles.keep(store, profile(size=256))
    profiles.keep(store, profile(size=128))
    done = bench("profile", "--stored", "--format", "md", "--results", store.root.parent)
    assert "| 256" in done.out and "| 128" in done.out and "machine Abacus" in done.out
    assert "500.0 (750.0)" in done.out and "54.00" in done.out and "15.65" in done.out


def test_one_that_scores_whole_videos_has_a_dash(bench, store):
    profiles.keep(store, profile(latency=float("nan"), latency_95=float("nan"), training_steps=float("nan")))
    done = bench("profile", "--stored", "--format", "md", "--results", store.root.parent)
    assert "methods that score whole videos have no latency" in done.out and "| –" in done.out


@pytest.mark.parametrize(
    ("flag", "own", "other"), [("--budget", "paper", "demo"), ("--size", 128, 64), ("--target", "gate", "hall")]
)
def test_what_is_stored_is_narrowed_by_how_it_was_measured(bench, store, flag, own, other):
    profiles.keep(store, profile())
    changed = {"video": "gate/b"} if flag == "--target" else {flag.removeprefix("--"): own}
    profiles.keep(store, profile("apn", **changed))
    done = bench("profile", "--stored", flag, own, "--format", "md", "--results", store.root.parent)
    assert done.code == 0 and "| apn" in done.out and "| lmn" not in done.out
    none = bench("profile", "--stored", flag, other, "--results", store.root.parent)
    assert none.code == 2 and f"holds no profile of any method, {flag.removeprefix('--')} {other}" in none.err


@pytest.mark.parametrize("words", [("--source", "ped2"), ("--shots", "1"), ("--steps", "1"), ("--device", "cpu")])
def test_what_does_not_narrow_what_is_stored_is_refused(bench, store, words):
    profiles.keep(store, profile())
    done = bench("profile", "--stored", *words, "--results", store.root.parent)
    assert done.code == 2 and "lmn" not in done.out
    assert (
        f"{words[0]}: is of what is measured" in done.err
        and "leave it out, or narrow by --budget, --size or --target" in done.err
    )


def test_without_a_profile_the_error_says_how_to_make_one(bench, store):
    done = bench("profile", "lmn", "--stored", "--results", store.root.parent)
    assert done.code == 2 and "bench profile METHOD" in done.err
    assert bench("profile", "lnm", "--results", store.root.parent).code == 2


def test_more_shots_than_a_protocol_allows_and_more_than_the_video_has(bench, store, north, south, hasty):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--steps", "1", "--budget", "smoke")
    words += ("--results", store.root.parent)
    done = bench("profile", "framepred", "--shots", "12", *words)
    assert done.code == 0 and "K = 12, 1 step" in done.out
    done = bench("profile", "framepred", "--shots", "90", *words)
    assert done.code == 2 and "40 frames, which make 36 clips, and not 90" in done.err


def test_of_a_method_that_was_changed_the_last_version_counts(bench, store):
    profiles.keep(store, profile(method_version="1", throughput=1.5, finished="2025-01"))
    profiles.keep(store, profile(method_version="2", throughput=3.5, finished="2025-02"))
    done = bench("profile", "--stored", "--format", "md", "--results", store.root.parent)
    assert "3.5" in done.out and "1.5" not in done.out


def test_own_footage_is_found_by_its_folder_too_wherever_that_is(bench, store, north, south, hasty, monkeypatch):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--shots", "2", "--steps", "1")
    results = ("--results", store.root.parent)
    assert bench("profile", "framediff", "--budget", "smoke", *words, *results, "--quiet").code == 0
    monkeypatch.chdir(store.root.parent)
    for name in (f"path:{south}", "path:./south", "path:south", f"path:{south}/", "path:~/south"):
        assert bench("profile", "--stored", "--target", name, *results).code == 0, name
    for name in (f"path:{north}", "south", "path:~no-such-user/south"):
        assert bench("profile", "--stored", "--target", name, *results).code == 2, name


def test_a_data_set_need_not_be_at_hand_to_be_asked_for(bench, store):
    stored = {"avenue[labels=masks]": "avenue[labels=masks]", "synthetic-cameras": "synthetic-cameras[seed=0]"}
    stored |= {"mine.py:Mine[depth=3]": "below/mine.py:Mine[depth=3]"}
    for number, (label, typed) in enumerate(stored.items()):
        profiles.keep(store, profile(f"m{number}", video=f"{label}/01"))
        done = bench("profile", "--stored", "--target", typed, "--results", store.root.parent)
        assert done.code == 0 and f"m{number}" in done.out, done.err
    done = bench("profile", "--stored", "--target", "avenue[label=masks]", "--results", store.root.parent)
    assert done.code == 2 and "labels" in done.err
