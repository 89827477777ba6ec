import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers import frame_folder, opening
from crossvad.datasets.readers import video_file as module
from crossvad.datasets.readers.file_identity import listing
from crossvad.datasets.readers.frame_folder import FrameFolder, find_videos
from crossvad.datasets.readers.video_file import VideoFile, luma
from miniatures import TURNED, turn_video

FORMATS = {"avi": "XVID", "mp4": "mp4v", "mkv": "mp4v"}


def moving_bar(count: int = 100, height: int = 48, width: int = 64) -> np.ndarray:
    """A bar that walks over a ramp of colours: no two neighbouring frames are alike."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    frames[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    frames[..., 1] = np.linspace(255, 0, height).astype(np.uint8)[:, None]
    for index, frame in enumerate(frames):
        frame[:, index % (width - 8) :][:, :8] = (250, 250, 20)
    return frames


def write_video(path: Path, fourcc: str, frames: np.ndarray) -> Path:
    cv2 = pytest.importorskip("cv2")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), 25, (frames.shape[2], frames.shape[1]))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def write_images(folder: Path, frames: np.ndarray, pattern: str = "{:03d}.png", start: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames, start):
        Image.fromarray(frame).save(folder / pattern.format(index))
    return folder


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def read_all(path: Path) -> int:
    """Whatever way a file is used first, the error must come."""
    return len(Video(path.stem, VideoFile(path)).read((24, 32)))


# ---------------------------------------------------------------------------------------------------------- video files


@pytest.mark.parametrize("suffix", FORMATS)
def test_video_file_gives_its_frames_in_order(tmp_path, suffix):
    truth = moving_bar()
    source = VideoFile(write_video(tmp_path / f"a b é.{suffix}", FORMATS[suffix], truth))
    assert len(source) == len(truth)
    blocks = list(source.blocks(None, 3))
    assert all(len(block) <= module.BLOCK for block in blocks)
    frames = np.concatenate(blocks)
    assert frames.dtype == np.uint8 and frames.shape == truth.shape
    error = [np.abs(frames.astype(int) - np.roll(truth, shift, 0)).mean() for shift in (-1, 0, 1)]
    assert error[1] < 6 and error[1] == min(error)  # RGB, not BGR, and not off by one


def test_video_file_is_read_at_the_size_asked_for(tmp_path):
    truth = moving_bar(10)
    source = VideoFile(write_video(tmp_path / "a.avi", "MJPG", truth))
    small = np.concatenate(list(source.blocks((17, 31), 3)))
    assert small.shape == (10, 17, 31, 3)
    expected = Image.fromarray(truth[3]).resize((31, 17), Image.Resampling.BILINEAR)
    assert np.abs(small[3].astype(int) - np.asarray(expected)).mean() < 6


@pytest.mark.parametrize("width", [12, 16, 24, 48, 72, 96, 144])  # decord pads the rows of most of these
def test_video_file_is_right_at_every_width(tmp_path, width):
    truth = moving_bar(3, 48, width)
    path = write_video(tmp_path / "native.avi", "MJPG", truth)
    wide = write_video(tmp_path / "wide.avi", "MJPG", moving_bar(3, 48, 192))
    for source, size in ((path, None), (wide, (48, width))):
        frames = Video("a", VideoFile(source)).read(size)
        expected = Image.fromarray(moving_bar(3, 48, 192)[2]).resize((width, 48), Image.Resampling.BILINEAR)
        expected = truth[2] if size is None else np.asarray(expected)
        assert frames.shape == (3, 48, width, 3)
        assert np.abs(frames[2].astype(int) - expected).mean() < 12


def test_gray_is_the_luma_of_rgb(tmp_path):
    source = VideoFile(write_video(tmp_path / "a.avi", "MJPG", moving_bar(5)))
    rgb, gray = (np.concatenate(list(source.blocks(None, channels))) for channels in (3, 1))
    assert gray.shape == (*rgb.shape[:3], 1)
    for color, level in zip(rgb, gray, strict=True):
        pillow = np.asarray(Image.fromarray(color).convert("L")).astype(int)
        assert np.abs(level[..., 0] - pillow).max() <= 1


def test_luma_holds_for_every_extreme():
    corners = (
        np.array(np.meshgrid([0, 1, 127, 254, 255], [0, 128, 255], [0, 77, 255])).reshape(3, -1).T.astype(np.uint8)
    )
    pillow = np.asarray(Image.fromarray(corners[None]).convert("L")).astype(int)
    assert np.abs(luma(corners[None])[..., 0] - pillow).max() <= 1
    assert luma(np.full((1, 1, 3), 255, np.uint8)) == 255


@pytest.mark.parametrize("share", [0.98, 0.5, 0.05])
@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_video_is_refused(tmp_path, suffix, share):
    path = write_video(tmp_path / f"cut.{suffix}", FORMATS[suffix], moving_bar())
    assert read_all(path) == 100
    cut(path, share)
    with pytest.raises(InputError, match=rf"cut\.{suffix}: is truncated"):
        read_all(path)
    with pytest.raises(InputError, match="is truncated"):
        len(VideoFile(path))


@pytest.mark.parametrize(
    "content", [b"", b"not a video at all", bytes(4096), b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(8)]
)
def test_file_that_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "fake.avi"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"fake\.avi: " + ("cannot be decoded" if content else "is empty")):
        read_all(path)


def test_missing_video_is_refused(tmp_path):
    for use in (len, lambda source: source.identity, lambda source: source.stamp):
        with pytest.raises(InputError, match=r"gone\.mp4: cannot be opened"):
            use(VideoFile(tmp_path / "gone.mp4"))


def test_decoder_failing_half_way_is_refused(tmp_path, monkeypatch):
    import decord

    def fail(self):
        raise decord.DECORDError("av_read_frame failed")

    path = write_video(tmp_path / "a.avi", "MJPG", moving_bar(5))
    monkeypatch.setattr(decord.VideoReader, "next", fail)
    with pytest.raises(InputError, match=r"a\.avi: cannot be decoded"):
        read_all(path)


def test_length_of_containers_that_do_not_tell_is_left_alone(tmp_path):
    for content in (
        b"\x00\x00\x00\x08ftyp\x00\x00\x00\x00mdat" + bytes(50),  # 0: to the end of the file
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(50),  # all ones: unknown
        b"\x00\x00\x01\xba" + bytes(50),  # MPEG program stream
    ):
        path = tmp_path / "a"
        path.write_bytes(content)
        assert opening._missing_bytes(path) == 0
    (tmp_path / "b").write_bytes(b"\x00\x00\x00\x01mdat" + (100).to_bytes(8, "big") + bytes(50))
    assert opening._missing_bytes(tmp_path / "b") == 34


# ---------------------------------------------------------------------------------------------------- folders of images


def test_frame_folder_sorts_by_number_and_ignores_strays(tmp_path):
    truth = moving_bar(11, 8, 9)
    folder = write_images(tmp_path / "clip", truth, "img_{}.png", start=5)
    for stray in (".DS_Store", "._img_5.png", "Thumbs.db", "notes.txt"):
        (folder / stray).write_bytes(b"stray")
    source = FrameFolder(folder)
    assert len(source) == 11
    assert np.array_equal(np.concatenate(list(source.blocks(None, 3))), truth)


@pytest.mark.parametrize(("drop", "pattern", "named"), [(3, "{:03d}.png", "003.png"), (10, "f{}_x.bmp", "f10_x.bmp")])
def test_missing_frame_is_named(tmp_path, drop, pattern, named):
    folder = write_images(tmp_path / "clip", moving_bar(12, 8, 9), pattern)
    (folder / pattern.format(drop)).unlink()
    before, after = pattern.format(drop - 1), pattern.format(drop + 1)
    with pytest.raises(InputError, match=f"clip/{named}: missing between {before} and {after}; restore it"):
        len(FrameFolder(folder))


def test_nobody_is_told_to_remove_frames_that_end_in_their_size(tmp_path):
    write_images(tmp_path, moving_bar(3), "{:03d}_64x48.png")
    with pytest.raises(
        InputError, match=r"same frame number as 001_64x48.png, 48; .* else rename all so that their last"
    ):
        len(FrameFolder(tmp_path))


def test_doubled_unnumbered_and_absent_frames_are_refused(tmp_path):
    folder = write_images(tmp_path / "clip", moving_bar(3, 8, 9))
    write_images(folder, moving_bar(1, 8, 9), "{:04d}.bmp")
    with pytest.raises(InputError, match="has the same frame number as"):
        len(FrameFolder(folder))
    (folder / "0001.bmp").rename(folder / "cover.bmp")
    with pytest.raises(InputError, match=r"cover\.bmp: has no frame number"):
        len(FrameFolder(folder))
    (tmp_path / "empty").mkdir()
    for name, problem in (("empty", "holds no frames"), ("gone", "cannot be listed")):
        with pytest.raises(InputError, match=f"{name}: {problem}"):
            len(FrameFolder(tmp_path / name))


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "tif", "tiff", "bmp"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_damaged_image_is_named(tmp_path, suffix, damage):
    folder = write_images(tmp_path, moving_bar(3, 40, 50), "{}." + suffix)
    assert len(Video("a", FrameFolder(folder)).read((10, 12))) == 3
    bad = folder / f"2.{suffix}"
    bad.write_bytes({"empty": b"", "cut": bad.read_bytes()[: bad.stat().st_size // 2], "text": b"hello"}[damage])
    for size in (None, (10, 12)):
        with pytest.raises(InputError, match=rf"2\.{suffix}: cannot be decoded"):
            Video("a", FrameFolder(folder)).read(size)


def test_frames_of_differing_size_are_refused(tmp_path):
    folder = write_images(tmp_path, moving_bar(3, 8, 9))
    Image.new("RGB", (10, 8)).save(folder / "002.png")
    with pytest.raises(InputError, match=r"002\.png: is 10x8 where the first frame is 9x8"):
        Video("a", FrameFolder(folder)).read()


def test_jpeg_at_a_reduced_scale_stays_close_to_a_full_decode(tmp_path):
    folder = write_images(tmp_path, moving_bar(2, 120, 160), "{}.jpg")
    for channels, mode in ((3, "RGB"), (1, "L")):
        small = Video("a", FrameFolder(folder)).read((30, 40), channels)
        with Image.open(folder / "1.jpg") as image:
            full = np.asarray(image.convert(mode).resize((40, 30), Image.Resampling.BILINEAR), int)
        assert small.shape == (2, 30, 40, channels)
        assert np.abs(small[0].reshape(full.shape) - full).mean() < 3


def test_a_folder_may_mix_formats(tmp_path):
    """A JPEG is read at a smaller scale where that will do, and a PNG beside it is not."""
    ramp = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (100, 1))
    for number, suffix in enumerate(("jpg", "png", "png", "jpg")):
        Image.fromarray(ramp // (number + 1)).save(tmp_path / f"{number}.{suffix}")
    frames = np.concatenate([*FrameFolder(tmp_path).blocks((20, 25), 1)])
    assert frames.shape == (4, 20, 25, 1)
    assert np.abs(frames[0].astype(int) // np.arange(1, 5)[:, None, None, None] - frames).max() < 4


def test_deep_palette_and_binary_images_keep_their_brightness(tmp_path):
    gray = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (8, 1))
    Image.fromarray((gray.astype(np.uint16) << 8) + 7).save(tmp_path / "0.tif")
    Image.fromarray(gray).convert("P").save(tmp_path / "1.png")
    Image.fromarray(gray).convert("RGBA").save(tmp_path / "2.png")
    Image.fromarray(gray > 127).save(tmp_path / "3.tif")
    for channels in (1, 3):
        frames = Video("a", FrameFolder(tmp_path)).read(None, channels).astype(int)
        assert frames.shape == (4, 8, 64, channels)
        assert all(np.abs(frame[..., 0] - gray).max() <= 1 for frame in frames[:3])
        assert np.array_equal(frames[3, ..., 0], np.where(gray > 127, 255, 0))


# ------------------------------------------------------------------------------------------------- identity and listing


def test_identity_follows_names_and_sizes_and_the_stamp_follows_the_machine(tmp_path):
    here, there = (write_images(tmp_path / place / "clip", moving_bar(3, 8, 9)) for place in ("a", "b"))
    files = [write_video(tmp_path / place / "v.avi", "MJPG", moving_bar(3)) for place in ("a", "b")]
    for one, two in ((FrameFolder(here), FrameFolder(there)), (VideoFile(files[0]), VideoFile(files[1]))):
        assert one.identity == two.identity and one.stamp != two.stamp
        before = one.identity, one.stamp
        changed = one.path if one.path.is_file() else one.path / "002.png"
        os.utime(changed, (1, 1))
        assert one.identity == before[0] and one.stamp != before[1]
        changed.write_bytes(changed.read_bytes() + b"\0")
        assert one.identity != before[0]


def test_pixels_that_are_no_whole_numbers_are_refused(tmp_path):
    """From 0 to 1 they would all be read as black."""
    folder = write_images(tmp_path, moving_bar(3, 8, 9)[..., 0].astype(np.float32) / 255, "{:03d}.tif")
    with pytest.raises(InputError, match=r"001\.tif: has pixels that are no whole numbers.*write it with 8 or 16 bits"):
        list(FrameFolder(folder).blocks((8, 9), 1))


def test_images_of_one_size_are_told_apart_by_what_they_show(tmp_path):
    """As those are that are not compressed: a camera's frames, made anew with another exposure."""
    pictures = moving_bar(20, 8, 9)
    folders = [
        write_images(tmp_path / place, shown, "{:03d}.bmp")
        for place, shown in (("a", pictures), ("b", pictures), ("c", pictures // 2))
    ]
    first, same, darker = (FrameFolder(folder).identity for folder in folders)
    assert first == same != darker


def test_find_videos_lists_in_natural_order(tmp_path):
    for name in ("clip10.avi", "clip2.MP4", "notes.txt", "._clip3.avi"):
        (tmp_path / name).write_bytes(b"never opened")
    write_images(tmp_path / "clip_3 ünï", moving_bar(1, 8, 9))
    (tmp_path / "no frames").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    videos = find_videos(tmp_path)
    assert [video.name for video in videos] == ["clip2", "clip10", "clip_3 ünï"]
    assert [type(video.source) for video in videos].count(FrameFolder) == 1
    assert "clip10" not in [video.name for video in find_videos(tmp_path, skip={"clip10.avi"})]


def test_find_videos_lists_in_one_order_however_the_disk_does(tmp_path, monkeypatch):
    for name in ("clip1", "clip01", "Clip1", "clip2"):
        write_images(tmp_path / name, moving_bar(1))
    orders = []
    for turned in (False, True):
        found = {tmp_path: sorted(tmp_path.iterdir(), reverse=turned)}
        monkeypatch.setattr(frame_folder, "listing", lambda path, found=found: found.get(path) or listing(path))
        orders.append([video.name for video in find_videos(tmp_path)])
    assert orders == [["Clip1", "clip01", "clip1", "clip2"]] * 2


def test_find_videos_refuses_names_that_are_not_utf8(tmp_path):
    write_images(tmp_path / os.fsdecode(b"caf\xe9"), moving_bar(1))
    with pytest.raises(InputError, match=r"caf\\udce9: has a name that is not UTF-8; rename it"):
        find_videos(tmp_path)


def test_find_videos_takes_a_folder_of_images_as_one_video(tmp_path):
    folder = write_images(tmp_path / "camera", moving_bar(2, 8, 9))
    assert [(video.name, len(video)) for video in find_videos(folder)] == [("camera", 2)]
    (folder / "a.avi").touch()
    with pytest.raises(InputError, match="camera: holds both images and videos"):
        find_videos(folder)


def test_find_videos_refuses_doubled_names_and_missing_directories(tmp_path):
    assert find_videos(tmp_path) == []
    (tmp_path / "01.avi").touch()
    (tmp_path / "01.mp4").touch()
    with pytest.raises(InputError, match=r"01\.mp4: has the same name as 01\.avi"):
        find_videos(tmp_path)
    with pytest.raises(InputError, match="gone: cannot be listed"):
        find_videos(tmp_path / "gone")


# ----------------------------------------------------------------------------------------------------- turned upright


def write_turned(folder: Path, orientation: int, suffix: str = "png", **settings) -> FrameFolder:
    """Images as a phone writes them that was held otherwise: the sensor's pixels, and how to turn them."""
    folder.mkdir()
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    for number, frame in enumerate(moving_bar(3)):
        Image.fromarray(frame).save(folder / f"{number}.{suffix}", exif=tags, **settings)
    return FrameFolder(folder)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_stand_upright_as_viewers_show_them(tmp_path, orientation, suffix):
    folder = write_turned(tmp_path / "a", orientation, suffix)
    with Image.open(folder.frames[2]) as image:
        seen = np.asarray(ImageOps.exif_transpose(image))
    frames = np.concatenate(list(folder.blocks(None, 3)))
    assert frames.shape == (3, *((64, 48) if orientation > 4 else (48, 64)), 3)
    assert np.array_equal(frames[2], seen) and not list(folder.damage())


def test_a_jpeg_on_its_side_that_is_decoded_smaller_is_no_smaller_than_asked_for(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    Image.fromarray(moving_bar(1, 480, 1280)[0]).save(folder / "0.jpg", exif=tags, quality=95)
    (frame,) = np.concatenate(list(FrameFolder(folder).blocks((320, 48), 3)))
    with Image.open(folder / "0.jpg") as image:
        seen = ImageOps.exif_transpose(image).resize((48, 320), Image.Resampling.BILINEAR)
    assert frame.shape == (320, 48, 3) and np.abs(frame.astype(int) - np.asarray(seen)).mean() < 3


def test_what_is_turned_is_other_data_than_it_was_and_what_stands_upright_is_the_same(tmp_path, monkeypatch):
    upright, turned = (write_turned(tmp_path / str(orientation), orientation) for orientation in (1, 6))
    now = [(folder.identity, folder.stamp) for folder in (upright, turned)]
    monkeypatch.setattr(frame_folder, "TURNS", {})
    before = [(folder.identity, folder.stamp) for folder in (FrameFolder(upright.path), FrameFolder(turned.path))]
    assert now[0] == before[0] and now[1][0] != before[1][0] and now[1][1] != before[1][1]


def test_images_turned_in_two_ways_are_of_two_sizes(tmp_path):
    folder = write_turned(tmp_path / "a", 1)
    (tmp_path / "a" / "1.png").write_bytes((write_turned(tmp_path / "b", 8).path / "1.png").read_bytes())
    with pytest.raises(InputError, match=r"1\.png: is 48x64 where the first frame is 64x48"):
        list(folder.blocks(None, 3))


@pytest.mark.parametrize(
    "spoilt", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"nothing", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"]
)
def test_spoilt_tags_turn_nothing(tmp_path, spoilt):
    folder = write_images(tmp_path / "a", moving_bar(2), "{}.jpg")
    Image.fromarray(moving_bar(1)[0]).save(folder / "3.jpg", exif=spoilt)
    assert [len(block) for block in FrameFolder(folder).blocks((24, 32), 1)] == [3]


@pytest.mark.parametrize("quarters", TURNED)
def test_a_video_stands_upright_too(tmp_path, quarters):
    truth = np.rot90(moving_bar(10), quarters, (1, 2)).astype(int)
    path = turn_video(write_video(tmp_path / "a.mp4", "mp4v", moving_bar(10)), quarters)
    frames = np.concatenate(list(VideoFile(path).blocks(None, 3)))
    assert frames.shape == truth.shape and np.abs(frames - truth).mean() < 6
