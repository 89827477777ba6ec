"""What tests of footage share."""

import pytest

from conftest import paint, write_frames
from footage_made import LENGTH, ONSET


@pytest.fixture(scope="package")
def film(tmp_path_factory):
    """A folder of frames that turns abnormal at ONSET; read only."""
    folder = tmp_path_factory.mktemp("footage") / "yard"
    write_frames(folder, paint(LENGTH, 3, ONSET))
    return folder
