"""Looking at uploads: what is no film of a room is refused with its code, and the looking itself is locked in."""

import json
import socket
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.probe import sniff as capture_sniff
from roomsplat.errors import InvalidSettingError, RoomsplatError
from roomsplat.server.probe import HEAD_BYTES, Film, ProbeLimits, Prober, shown_name, sniff
from tests.capture import films

LIMITS = ProbeLimits()


def film(path: Path, count: int = 12, width: int = 96, height: int = 64) -> Path:
    """A good small film."""
    return films.write_film(path, films.moving_pictures(count, width, height))


def zipped(path: Path) -> Path:
    """A megabyte of nothing, packed into a kilobyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.mp4", bytes(1_000_000))
    return path


def atom(kind: bytes, *content: bytes) -> bytes:
    """A piece of a QuickTime file."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def packed_index(path: Path) -> Path:
    """A film whose compressed index says that it unpacks to nearly 4 GiB."""
    packed = atom(b"cmvd", struct.pack(">I", 0xFFFF_0000), zlib.compress(bytes(8_000_000)))
    path.write_bytes(
        atom(b"ftyp", b"qt  ", bytes(8)) + atom(b"moov", atom(b"cmov", atom(b"dcom", b"zlib"), packed))
    )
    return path


def header_only(path: Path) -> Path:
    """8K by its header, and no picture in it: the pictures are cut out, their table stays."""
    whole = film(path.with_suffix(".whole.mp4"), 3, 256, 128).read_bytes()
    place = whole.index(b"mdat")
    size = struct.unpack(">I", whole[place - 4 : place])[0]
    emptied = bytearray(whole)
    emptied[place + 4 : place - 4 + size] = bytes(size - 8)
    place = whole.index(b"avc1")
    emptied[place + 28 : place + 32] = struct.pack(">HH", 7680, 4320)
    path.write_bytes(emptied)
    return path


def truncated(path: Path) -> Path:
    """A recording that was cut off before its index was written."""
    return films.truncated(path, film(path.with_name("whole.mp4"), 60), 0.5)


def one_pixel(path: Path) -> Path:
    """A film of one pixel, more or less: the smallest that an encoder makes."""
    return film(path, 12, 2, 2)


def empty(path: Path) -> Path:
    """No bytes."""
    path.write_bytes(b"")
    return path


def picture(path: Path) -> Path:
    """The head of a phone's picture."""
    path.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    return path


def short(path: Path) -> Path:
    """Two frames."""
    return film(path, 2)


@dataclass(frozen=True)
class Case:
    """A hostile or hopeless upload, and how it must end."""

    make: Callable[[Path], Path]
    name: str
    code: str
    says: str


CASES = [
    Case(films.text_as_film, "list.mp4", "unsupported_file", "neither mp4/mov nor mkv/webm"),
    Case(zipped, "zip.mp4", "unsupported_file", "neither mp4/mov nor mkv/webm"),
    Case(empty, "empty.mp4", "unsupported_file", "it is empty"),
    Case(picture, "photo.heic", "unsupported_file", "single picture"),
    Case(truncated, "cut.mp4", "unreadable_video", "damaged or incomplete"),
    Case(header_only, "head.mp4", "unreadable_video", "No picture of"),
    Case(films.audio_film, "song.mp4", "unreadable_video", "no pictures"),
    Case(packed_index, "packed.mov", "unreadable_video", "damaged or incomplete"),
    Case(one_pixel, "dot.mp4", "film_too_small", "2×2 px"),
    Case(short, "short.mp4", "too_few_frames", "2 frames; at least 5"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_no_film_of_a_room_is_refused(case: Case, tmp_path: Path) -> None:
    """Each has its code and one sentence with the user's name of the file, and never the place where it lies."""
    source = case.make(tmp_path / case.name)
    stored = source.rename(tmp_path / "Stored-0123456789")
    with pytest.raises(RoomsplatError, match=case.says) as caught:
        Prober(LIMITS).probe(stored, name=f"../../{case.name}")
    assert caught.value.code == case.code
    assert case.name in caught.value.message
    assert str(tmp_path) not in caught.value.message + caught.value.hint
    assert "capture." not in caught.value.hint
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"max_bytes": 1000}, "MiB"),
        ({"max_pixels": 1000}, "96×64 px"),
        ({"max_duration_s": 0.1}, "lasts"),
        ({"max_input_frames": 6}, "more than 6 frames"),
        ({"max_fps": 20.0}, "30 frames a second; the limit is 20"),
    ],
    ids=str,
)
def test_every_limit_on_films_holds(tmp_path: Path, limit: dict[str, float], says: str) -> None:
    """A film beyond a limit is too large, and its owner is told what to do, not what to configure."""
    source = film(tmp_path / "stored.mp4")
    with pytest.raises(RoomsplatError, match=says) as caught:
        Prober(replace(LIMITS, **limit)).probe(source, name="room.mp4")
    assert caught.value.code == "input_too_large"
    assert "capture." not in caught.value.hint


def children() -> set[int]:
    """Processes that this one started and has not yet taken leave of; other tests may have some, too."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for path in lists for number in path.read_text("ascii").split()}


@pytest.mark.parametrize(("limit", "value"), [("wall_seconds", 0.01), ("cpu_seconds", 0)])
def test_looking_takes_no_longer_than_its_limits(tmp_path: Path, limit: str, value: float) -> None:
    """A child that meets a limit on time is ended, and the file is called costly; no child is left."""
    before, video = children(), film(tmp_path / "room.mp4")
    with pytest.raises(RoomsplatError) as caught:
        Prober(replace(LIMITS, **{limit: value})).probe(video, name="room.mp4")
    assert caught.value.code == "costly_file"
    assert children() <= before


def test_looking_takes_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    """An 8K picture that does not fit into the child's memory ends in a sentence; with more memory it is decoded."""
    source = films.still_film(tmp_path / "room.mp4", np.full((4320, 7680, 3), 90, np.uint8), 1)
    for memory, codes in ((300, {"costly_file", "unreadable_video"}), (2048, {"too_few_frames"})):
        with pytest.raises(RoomsplatError) as caught:
            Prober(replace(LIMITS, memory_bytes=memory * 2**20)).probe(source, name="room.mp4")
        assert caught.value.code in codes


@pytest.mark.parametrize("name", ["room.mp4", "room.mov", "room.mkv", "room.webm"])
def test_a_good_film_is_described(tmp_path: Path, name: str) -> None:
    """Kind, size, rate and length of each container are those of the film; the suffix is that of the content."""
    style = films.FilmStyle()
    if name.endswith("webm"):
        style = films.FilmStyle(codec="libvpx-vp9", options={"deadline": "realtime"})
    source = films.write_film(tmp_path / name, films.moving_pictures(15, 96, 64), style)
    stored = source.rename(tmp_path / "stored")
    probed = Prober(LIMITS).probe(stored, name="whatever.exe", config='{"quality": "preview"}')
    expected = Film(
        suffix=probed.film.suffix,
        codec="vp9" if name.endswith("webm") else "h264",
        width=96,
        height=64,
        num_frames=15,
        duration_s=pytest.approx(0.5, abs=0.02),
        fps=pytest.approx(30, abs=0.5),
    )
    assert probed.film == expected
    assert name.endswith(probed.film.suffix)
    assert probed.config["quality"] == "preview"


def test_both_looks_at_the_first_bytes_agree(tmp_path: Path) -> None:
    """The service refuses by its first look exactly what capture would refuse by its own."""
    heads = [
        b"\x00\x00\x00\x18" + kind
        for kind in (b"ftypisom", b"ftypqt  ", b"moov....", b"mdat....", b"free....")
    ]
    heads += [
        b"\x00\x00\x00\x18" + kind
        for kind in (b"ftypheic", b"ftypavif", b"uuid....", b"skip....", b"wide....")
    ]
    heads += [b"\x1a\x45\xdf\xa3" + bytes(20), b"", b"#EXTM3U\n", b"PK\x03\x04", b"RIFF....AVI ", b"\x00"]
    for number, head in enumerate(heads):
        path = tmp_path / str(number)
        path.write_bytes(head + bytes(HEAD_BYTES if head else 0))
        assert _passes(lambda path=path: capture_sniff(path, CaptureConfig())) == _passes(
            lambda path=path: sniff(path.read_bytes()[:HEAD_BYTES], "room.mp4")
        ), head


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"qality": "high"}', "no setting qality"),
        ('{"quality": "best"}', "no quality 'best'"),
        ('{"device": 1}', "cannot choose device"),
        ('{"threads": 64}', "cannot choose device or threads"),
        ('{"capture": {"max_frames": 100000}}', "capture.max_frames is 100000"),
        ('{"train": {"max_steps": 5000000}}', "train.max_steps is 5000000"),
        ('{"train": {"max_gaussians": 90000000}}', "train.max_gaussians"),
        ('{"train": {"exposure_rate": Infinity}}', "infinite"),
        ('{"capture": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
    ids=lambda value: value[:30],
)
def test_wrong_settings_are_refused(config: str, says: str) -> None:
    """A wrong setting, and one that would take a worker for itself, is refused before anything is queued."""
    with pytest.raises(InvalidSettingError, match=says):
        Prober(LIMITS).settle(config)


def test_settings_become_the_whole_tree() -> None:
    """What is left out comes from the preset, limits of the service hold for the job as well, and JSON can carry it."""
    tree = Prober(replace(LIMITS, max_pixels=1_000_000)).settle('{"quality": "preview", "eval_every": 0}')
    assert tree["eval_every"] == 0
    assert isinstance(tree["capture"], dict)
    assert tree["capture"]["max_pixels"] == 1_000_000
    assert Prober(LIMITS).settle(json.dumps(tree)) == tree
    few = Prober(replace(LIMITS, max_frames=200)).settle('{"quality": "preview"}')
    assert few["capture"] == {**tree["capture"], "max_frames": 200, "max_pixels": LIMITS.max_pixels}


def test_names_are_shown_without_harm() -> None:
    """A name of a user's is one short line without folders."""
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("C:\\films\\room.mp4") == "room.mp4"
    assert shown_name("a\nb\x1b[31m\u202e.mp4") == "ab[31m.mp4"
    assert shown_name("") == shown_name("\n") == shown_name("x/") == "the upload"
    assert len(shown_name("x" * 1000)) == 80


CONFINED = """
import json, os, socket, sys
from roomsplat.server.probe import ProbeLimits
from roomsplat.server.probe_child import confine

before = confine(ProbeLimits(memory_bytes=512 * 2**20), os.getppid())
report = {"without_network": before, "processors": len(os.sched_getaffinity(0))}
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2).close()
    report["connected"] = True
except OSError:
    report["connected"] = False
try:
    bytearray(2**30)
    report["memory"] = True
except MemoryError:
    report["memory"] = False
try:
    with open(sys.argv[2], "wb", buffering=0) as file:
        while file.tell() < 4 * 2**20:
            file.write(bytes(2**16))
except OSError:
    pass
report["written"] = os.stat(sys.argv[2]).st_size
print(json.dumps(report))
"""


def test_the_child_is_locked_in(tmp_path: Path) -> None:
    """Behind ``confine`` there is no more memory, no large file, one processor, and no network where the kernel can."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", CONFINED, str(listener.getsockname()[1]), str(tmp_path / "big")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["connected"] is not report["without_network"]
    assert report["memory"] is False
    assert report["processors"] == 1
    assert report["written"] <= 2**20


def test_the_child_knows_no_secret_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and addresses in the service's environment do not reach the process that reads strangers' files."""
    seen = tmp_path / "seen"
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(
        f"import os; open({str(seen)!r}, 'a').write(' '.join(sorted(os.environ)) + chr(10))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(spy))
    monkeypatch.setenv("ROOMSPLAT_DATABASE_URL", "postgresql://u:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    Prober(LIMITS).settle(None)
    names = set(seen.read_text().split())
    assert "PYTHONPATH" in names
    assert not names & {"ROOMSPLAT_DATABASE_URL", "AWS_SECRET_ACCESS_KEY"}


def test_the_child_dies_with_the_service() -> None:
    """A service that is killed leaves no child behind that still looks at a film."""
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import os, sys, time\\n"
        "from roomsplat.server.probe import ProbeLimits\\n"
        "from roomsplat.server.probe_child import confine\\n"
        'confine(ProbeLimits(), int(sys.argv[1])); print("in", flush=True); time.sleep(60)\', str(os.getpid())])\n'
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        said = {service.stdout.readline().strip(), service.stdout.readline().strip()}
        child = int(next(word for word in said if word != "in"))
        service.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.02)


def _passes(look: Callable[[], object]) -> bool:
    try:
        look()
    except RoomsplatError:
        return False
    return True
