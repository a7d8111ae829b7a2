"""Films that we write: the right colours, whole or not at all."""

from pathlib import Path

import av
import numpy as np
import pytest

from roomsplat.errors import OutputError
from roomsplat.media.video import VideoWriter
from tests.capture.films import textured

COLORS = np.array([(200, 40, 30), (30, 180, 60), (20, 60, 220), (128, 128, 128), (255, 255, 255)], np.uint8)


def patches(width: int, height: int) -> np.ndarray:
    """Vertical bands of the colours, (height, width, 3)."""
    return np.repeat(COLORS[None, np.arange(width) * len(COLORS) // width], height, axis=0)


def decoded(path: Path) -> list[av.VideoFrame]:
    """All frames of a film."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("size", [(320, 240), (1280, 720)])
def test_colours_are_what_they_were(tmp_path: Path, size: tuple[int, int]) -> None:
    """Small or large, a flat colour comes back within 3 levels, and the film says how it is coded."""
    picture = patches(*size)
    with VideoWriter(tmp_path / "film.mp4", fps=30) as writer:
        for _ in range(3):
            writer.write(picture)
    frame = decoded(tmp_path / "film.mp4")[0]
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
    back = frame.to_ndarray(format="rgb24", interpolation="LANCZOS")
    middles = (np.arange(len(COLORS)) * 2 + 1) * size[0] // (2 * len(COLORS))
    assert np.abs(back[size[1] // 2, middles].astype(int) - COLORS).max() <= 3


def test_rate_count_and_pixel_format(tmp_path: Path) -> None:
    """Every picture becomes a frame at the asked-for rate, in the format that every player knows."""
    scene = textured(200, 48)
    with VideoWriter(tmp_path / "film.mp4", fps=24.0) as writer:
        for shift in range(12):
            writer.write(scene[:, shift * 4 : shift * 4 + 64])
    frames = decoded(tmp_path / "film.mp4")
    assert len(frames) == 12
    assert [round(frame.time * 24) for frame in frames] == list(range(12))
    assert frames[0].format.name == "yuv420p"
    content = (tmp_path / "film.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sizes_lose_one_line(tmp_path: Path) -> None:
    """H.264 in 4:2:0 needs even sizes: the last row and column go, the rest stays in place."""
    scene = textured(65, 47)
    with VideoWriter(tmp_path / "odd.mp4", fps=10, crf=10) as writer:
        writer.write(scene)
    back = decoded(tmp_path / "odd.mp4")[0].to_ndarray(format="rgb24")
    assert back.shape == (46, 64, 3)
    assert np.abs(back.astype(int) - scene[:46, :64]).mean() < 8


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_film_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """Neither a half film under the name nor a part file; an older film of that name stays."""
    (tmp_path / "film.mp4").write_bytes(b"older")
    with pytest.raises(error), VideoWriter(tmp_path / "film.mp4", fps=30) as writer:
        writer.write(textured(64, 48))
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert (tmp_path / "film.mp4").read_bytes() == b"older"


def test_a_picture_may_change_once_it_is_handed_over(tmp_path: Path) -> None:
    """One buffer for every picture, drawn over at once: the film is the same, byte for byte, as from separate ones."""
    scene = textured(160, 48)
    pictures = [scene[:, shift * 4 : shift * 4 + 64] for shift in range(20)]
    shared = np.empty((48, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "separate.mp4", fps=10) as writer:
        for picture in pictures:
            writer.write(picture)
    with VideoWriter(tmp_path / "shared.mp4", fps=10) as writer:
        for picture in pictures:
            shared[...] = picture
            writer.write(shared)
            shared[...] = 0
    assert (tmp_path / "shared.mp4").read_bytes() == (tmp_path / "separate.mp4").read_bytes()


@pytest.mark.parametrize("count", [1, 20])
def test_a_film_that_cannot_be_written_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """A disk that fills up, noticed while the next pictures are drawn or at the end: one sentence, nothing left."""
    writer = VideoWriter(tmp_path / "film.mp4", fps=10)

    class Full:
        """A container on a full disk."""

        def __init__(self, container: object) -> None:
            self.add_stream, self.close = container.add_stream, container.close

        def mux(self, _: object) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_container", Full(writer._container))
    with pytest.raises(OutputError, match=r"film\.mp4 could not be written"), writer:
        for _ in range(count):
            writer.write(textured(64, 48))
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    """No such folder: one sentence with the film's name."""
    with pytest.raises(OutputError, match=r"nowhere/film\.mp4"):
        VideoWriter(tmp_path / "nowhere" / "film.mp4", fps=30)
