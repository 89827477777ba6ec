"""Video files: cut short, spoilt, of absurd sizes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from conftest import paint
from crossvad.datasets.readers.video_file import VideoFile
from hostile.guard import bombard
from hostile.mutations import spoilt_bytes

CODECS = {"mp4": "mpeg4", "avi": "mpeg4", "mkv": "mpeg4", "mpg": "mpeg1video"}
ENDED = {".mkv": [800], ".avi": [2247, 2776], ".mp4": [2816]}  # at which decord ends the process that it is in


@pytest.fixture(scope="module", params=CODECS)
def video(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / f"whole.{request.param}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[request.param], rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in np.repeat(paint(12, 0)[:, :48, :, None], 3, 3):
            wide = np.ascontiguousarray(np.resize(frame, (48, 64, 3)))
            for packet in stream.encode(av.VideoFrame.from_ndarray(wide, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_videos(video, tmp_path):
    whole = video.read_bytes()
    path = tmp_path / f"spoilt{video.suffix}"

    def attempt(random):
        path.write_bytes(spoilt_bytes(random, whole))
        source = VideoFile(path)
        frames = sum(len(block) for block in source.blocks((16, 16), 3))
        assert frames == len(source)

    bombard(f"video {video.suffix}", 100, attempt, ENDED.get(video.suffix, ()))
