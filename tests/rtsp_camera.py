"""A camera at rtsp://127.0.0.1:PORT/, as much of RFC 2326 as ffmpeg asks for: H.264, over TCP or UDP or both."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection
from fractions import Fraction
from socketserver import StreamRequestHandler, ThreadingTCPServer

import av

from running_cameras import Picture

TICKS = 90_000  # of a stream's clock in a second
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:video\r\n"
)


class RtspCamera(ThreadingTCPServer):
    """Serves so many frames to whoever asks, at their rate, and hangs up."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, picture: Picture, count: int, rate: float, ways: Collection[str] = ("TCP", "UDP")) -> None:
        """Begin to serve.

        Args:
            picture: makes each frame (H, W), by its number.
            count: of the frames.
            rate: frames a second.
            ways: that packets may take; others are refused, as a camera may.
        """
        super().__init__(("127.0.0.1", 0), _Session)
        self.picture, self.count, self.rate, self.ways = picture, count, rate, ways
        self.taken: list[str] = []  # of them, by each connection
        self.address = f"rtsp://127.0.0.1:{self.server_address[1]}/video"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Session(StreamRequestHandler):
    server: RtspCamera

    def handle(self) -> None:
        """Answer what is asked, until it is PLAY."""
        send: Callable[[bytes], object] | None = None
        while line := self.rfile.readline():
            method, told = line.split()[0].decode(), {}
            while field := self.rfile.readline().strip():
                name, _, value = field.decode().partition(":")
                told[name.strip().lower()] = value.strip()
            fields, body = {"CSeq": told["cseq"], "Session": "1", "Public": "DESCRIBE, SETUP, PLAY"}, ""
            if method == "DESCRIBE":
                body = SDP
                fields |= {"Content-Type": "application/sdp", "Content-Length": str(len(body))}
            if method == "SETUP":
                way = "TCP" if "/TCP" in told["transport"] else "UDP"
                if way not in self.server.ways:
                    self._answer("461 Unsupported Transport", fields)
                    continue
                self.server.taken.append(way)
                fields["Transport"], send = self._way(told["transport"], way)
            self._answer("200 OK", fields, body)
            if method == "PLAY" and send is not None:
                self._play(send)
                return

    def _answer(self, status: str, fields: dict[str, str], body: str = "") -> None:
        lines = [f"RTSP/1.0 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", body]
        self.wfile.write("\r\n".join(lines).encode())

    def _way(self, transport: str, way: str) -> tuple[str, Callable[[bytes], object]]:
        """What is said of the way that packets take, and what sends one."""
        if way == "TCP":
            return transport, lambda packet: self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)
        port = int(re.search(r"client_port=(\d+)", transport)[1])
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind(("127.0.0.1", 0))
        own = sender.getsockname()[1]
        return f"{transport};server_port={own}-{own + 1}", lambda packet: sender.sendto(packet, ("127.0.0.1", port))

    def _play(self, send: Callable[[bytes], object]) -> None:
        """Encode frames, and send each part of one (a NAL unit) as a packet: they are small enough."""
        server, numbers = self.server, iter(range(2**16))
        first = server.picture(0)
        codec = av.CodecContext.create("libx264", "w")
        codec.height, codec.width, codec.pix_fmt = *first.shape, "yuv420p"
        codec.time_base = Fraction(1, TICKS)
        codec.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "x264-params": "slice-max-size=1200"}
        started = time.monotonic()
        for number in range(server.count):
            frame = av.VideoFrame.from_ndarray(server.picture(number), format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(number * TICKS / server.rate), codec.time_base
            units = [
                unit
                for packet in codec.encode(frame)
                for unit in re.split(rb"\x00\x00\x00?\x01", bytes(packet))
                if unit
            ]
            for place, unit in enumerate(units, 1):
                last = 0x80 if place == len(units) else 0
                try:
                    send(struct.pack(">BBHII", 0x80, last | 96, next(numbers), frame.pts, 1) + unit)
                except OSError:  # nobody watches any more
                    return
            time.sleep(max(0.0, started + (number + 1) / server.rate - time.monotonic()))
