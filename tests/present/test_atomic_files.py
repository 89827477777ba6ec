"""What is written is there whole or as it was, and errors name the file that they are of."""

import errno
import shutil

import pytest

from crossvad.datasets.errors import InputError
from crossvad.present.atomic_files import replacing, replacing_folder


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    out = tmp_path / "site"
    with replacing_folder(out) as draft:
        (draft / "a").write_text("first")
    with pytest.raises(ZeroDivisionError), replacing_folder(out) as draft:
        (draft / "a").write_text("second")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["site"] and (out / "a").read_text() == "first"


@pytest.mark.parametrize("writing", [replacing, replacing_folder])
def test_a_file_that_cannot_be_read_is_not_said_to_be_written(tmp_path, monkeypatch, writing):
    """Beside the place that is written, and named as a user may: from the folder that they are in."""
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    for gone in ("scores.npz", "outer/scores.npz", tmp_path / "out.npz"):
        with pytest.raises(InputError, match=r"npz: cannot be read \(No such file") as told, writing(out) as draft:
            shutil.copyfile(gone, draft / "copy")
        assert told.value.where == str(gone) and not any(tmp_path.iterdir())


@pytest.mark.parametrize("writing", [replacing, replacing_folder])
def test_what_cannot_be_written_is(tmp_path, writing):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"out: cannot be written \(No such file"), writing(out) as draft:
        (draft / "no" / "folder").write_text("text")
    with pytest.raises(InputError, match=r"out: cannot be written \(No space left"), writing(out):
        raise OSError(errno.ENOSPC, "No space left", str(tmp_path / "source"), None, str(tmp_path / "copy"))
    with pytest.raises(InputError, match="out: cannot be written"), writing(tmp_path / "nowhere" / "out"):
        pytest.fail("was entered")
