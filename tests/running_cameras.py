"""Cameras that run, for tests of what watches them: local servers that encode pictures as they are asked for."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = Callable[[int], NDArray[np.uint8]]  # of a frame's number: (H, W), or (H, W, 3)


class OneWay:
    """What PyAV writes a stream to: it can be written, and no more."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self.write = write


def encode(target: Any, picture: Picture, count: int | None, rate: float, paced: bool = True, form: str = "mpegts",
           codec: str = "libx264", skip: Sequence[int] = (), garbled: int | None = None) -> None:  # fmt: skip
    """Encode frames to a file-like object: `count` of them or for ever, at their own rate if `paced`.

    Frames of which the number is in `skip` are lost on the way: their places in time stay empty. From number `garbled`
    on no packet can be decoded, as if the camera had been set to another codec.
    """
    with av.open(target, "w", format=form) as container:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=round(rate), options=options)
        first, pixel_format = picture(0), "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.height, stream.width, stream.pix_fmt = *first.shape[:2], pixel_format
        started = time.monotonic()
        for number in itertools.count() if count is None else range(count):
            if number in skip:
                continue
            pixels = picture(number)
            frame = av.VideoFrame.from_ndarray(pixels, format="gray" if pixels.ndim == 2 else "rgb24")
            frame = frame.reformat(format=pixel_format)
            frame.pts = number
            packets = stream.encode(frame)
            if garbled is not None and number >= garbled:
                packets = [_no_picture(packet) for packet in packets]
            container.mux(packets)
            if paced:
                time.sleep(max(0.0, started + (number + 1) / rate - time.monotonic()))
        container.mux(stream.encode(None))


def _no_picture(packet: Any) -> Any:
    """A packet in place of another, with nothing in it that a decoder could use."""
    made = av.Packet(b"\0\0\0\1\x09\xf0" + b"\0\0\0\1\x65" + 64 * b"\1")  # a delimiter, and a broken slice
    made.stream, made.pts, made.dts, made.time_base = packet.stream, packet.pts, packet.dts, packet.time_base
    return made


class CameraServer:
    """A camera at http://127.0.0.1:PORT/; each connection may end after a number of frames of its own."""

    def __init__(self, picture: Picture, rate: float, counts: Iterator[int | None] | None = None, breaks: bool = False,
                 **how: Any) -> None:  # fmt: skip
        """Begin to serve.

        Args:
            picture: makes each frame, by its number in the connection.
            rate: frames a second.
            counts: frames of each connection, in order; 0: it is refused; None: it goes on.
            breaks: whether a connection that ends does so without a word.
            how: as `encode` takes it.
        """
        counts = counts or itertools.repeat(None)
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler) -> None:
                self.asked += 1
                count = next(counts)
                if count == 0:
                    handler.send_error(503)
                    return
                handler.send_response(200)
                handler.send_header("Content-Type", "video/mp2t")
                if not breaks:
                    handler.send_header("Transfer-Encoding", "chunked")
                handler.end_headers()
                handler.close_connection = True

                def write(data: bytes) -> None:
                    handler.wfile.write(data if breaks else b"%x\r\n%b\r\n" % (len(data), data))

                try:
                    encode(OneWay(write), picture, count, rate, **how)
                    write(b"")  # the last chunk
                except (OSError, av.FFmpegError):
                    return  # nobody watches any more

            def log_message(handler, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def serving(picture: Picture, rate: float = 25, counts: Iterator[int | None] | None = None, **how: Any):
    """A `CameraServer` that is closed at the end."""
    server = CameraServer(picture, rate, counts, **how)
    try:
        yield server
    finally:
        server.close()
