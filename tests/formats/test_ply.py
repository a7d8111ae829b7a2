"""Splat PLY: our files have the layout that every program expects, and theirs are read whatever they look like."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidFileError
from roomsplat.formats.ply import read_ply, write_ply
from roomsplat.formats.ply_header import read_header
from roomsplat.formats.ply_table import check_length, read_rows
from tests.formats.samples import assert_same_gaussians, make_gaussians, make_scene
from tests.reference import splat_ply


def test_layout_is_the_reference_layout(tmp_path: Path) -> None:
    """For every degree our file has the properties in the layout's order and the bytes of the value-by-value writer."""
    for degree in range(4):
        path = tmp_path / f"{degree}.ply"
        scene = make_scene(7, degree)
        write_ply(path, scene)
        header, _, rows = path.read_bytes().partition(b"end_header\n")
        found = [
            line.split()[-1].decode() for line in header.splitlines() if line.startswith(b"property float ")
        ]
        assert found == splat_ply.property_names(degree)
        assert rows == splat_ply.body(scene.gaussians)


def test_trimesh_reads_what_we_write(tmp_path: Path) -> None:
    """An independent PLY reader finds every property of ours with its value."""
    gaussians = make_gaussians(4, 2)
    write_ply(tmp_path / "a.ply", SplatScene(gaussians=gaussians))
    cloud = trimesh.load(tmp_path / "a.ply")
    np.testing.assert_array_equal(cloud.vertices, gaussians.means)
    table = cloud.metadata["_ply_raw"]["vertex"]["data"]
    names = splat_ply.property_names(2)
    assert list(table.dtype.names) == names
    for i in range(4):
        assert [float(table[name][i]) for name in names] == splat_ply.row_values(gaussians, i)


FOREIGN = {
    "binary": ("binary_little_endian", "<", "f", "float", "\n"),
    "big-endian": ("binary_big_endian", ">", "f", "float", "\n"),
    "doubles": ("binary_little_endian", "<", "d", "double", "\n"),
    "big-endian doubles": ("binary_big_endian", ">", "d", "float64", "\n"),
    "windows line ends": ("binary_little_endian", "<", "f", "float32", "\r\n"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_encodings_are_read(tmp_path: Path, kind: str) -> None:
    """Byte order, number type and line ends of the header make no difference."""
    encoding, order, code, scalar, newline = FOREIGN[kind]
    gaussians = make_gaussians(9, 3)
    head = splat_ply.header(encoding, 9, splat_ply.property_names(3), kind=scalar, newline=newline)
    (tmp_path / "a.ply").write_bytes(head + splat_ply.body(gaussians, order=order, code=code))
    assert_same_gaussians(read_ply(tmp_path / "a.ply").gaussians, gaussians)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 5000])
def test_text_is_read(tmp_path: Path, newline: str, count: int) -> None:
    """A text file is read bit for bit, with empty lines and without a line end at the end."""
    gaussians = make_gaussians(count, 1)
    head = splat_ply.header("ascii", count, splat_ply.property_names(1), newline=newline)
    rows = b"\n" + splat_ply.text(gaussians).rstrip()
    (tmp_path / "a.ply").write_bytes(head + rows.replace(b"\n", newline.encode()))
    assert_same_gaussians(read_ply(tmp_path / "a.ply").gaussians, gaussians)


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_order_and_extras_do_not_matter(tmp_path: Path, encoding: str) -> None:
    """Properties in any order, without normals, among strange ones and after another element are found."""
    gaussians = make_gaussians(3, 1)
    names = splat_ply.property_names(1)
    values = [dict(zip(names, splat_ply.row_values(gaussians, i), strict=True)) for i in range(3)]
    order = [n for n in reversed(names) if n not in ("nx", "ny", "nz")]
    extra = "comment made elsewhere\n\nobj_info x\nelement camera 2\nproperty uchar id\nproperty short view"
    head = splat_ply.header(encoding, 3, order, extra=extra).replace(
        b"property float x\n", b"property uint label\nproperty float x\n"
    )
    at = order.index("x")
    if encoding == "ascii":
        lines = [
            " ".join(f"{row[n]:.9g}" if n != "label" else "7" for n in [*order[:at], "label", *order[at:]])
            for row in values
        ]
        body = ("1 2\n3 4\n" + "\n".join(lines)).encode()
    else:
        kind = np.dtype([(n, "<u4" if n == "label" else "<f4") for n in [*order[:at], "label", *order[at:]]])
        table = np.zeros(3, kind)
        for i, row in enumerate(values):
            for name in order:
                table[name][i] = row[name]
        body = bytes(6) + table.tobytes() + b"faces may follow"
    (tmp_path / "a.ply").write_bytes(head + body)
    assert_same_gaussians(read_ply(tmp_path / "a.ply").gaussians, gaussians)


@pytest.mark.parametrize(
    ("comment", "model"),
    [
        ("SplatRenderMode: mip", "antialiased"),
        ("  SPLATRENDERMODE:  MIP ", "antialiased"),
        ("SplatRenderMode: default", "default"),
        ("antialiased 1", "antialiased"),
        ("antialiased 0", "default"),
        ("antialiased 1\ncomment SplatRenderMode: default", "default"),
        ("roomsplat [not json", "default"),
        ("roomsplat [1]", "default"),
    ],
)
def test_blur_model_of_other_programs(tmp_path: Path, comment: str, model: str) -> None:
    """Brush's, SuperSplat's and Postshot's words for antialiased splats are understood; the last one counts."""
    head = splat_ply.header(
        "binary_little_endian", 2, splat_ply.property_names(0), extra=f"comment {comment}"
    )
    (tmp_path / "a.ply").write_bytes(head + splat_ply.body(make_gaussians(2, 0)))
    scene = read_ply(tmp_path / "a.ply")
    assert (scene.splat_model, scene.scale, scene.provenance) == (model, "arbitrary", {})


def test_flat_splats_get_a_third_scale(tmp_path: Path) -> None:
    """A 2D splat has two scales; the third becomes e^-20, flat but not singular."""
    names = [n for n in splat_ply.property_names(0) if n != "scale_2"]
    table = np.ones(2, np.dtype([(n, "<f4") for n in names]))
    (tmp_path / "a.ply").write_bytes(splat_ply.header("binary_little_endian", 2, names) + table.tobytes())
    assert read_ply(tmp_path / "a.ply").gaussians.log_scales.tolist() == [[1, 1, -20]] * 2


def spoiled(field: str, value: float) -> Gaussians:
    """Four Gaussians, one value of the second spoiled."""
    gaussians = make_gaussians(4, 1)
    getattr(gaussians, field)[(1, *(0,) * (getattr(gaussians, field).ndim - 1))] = value
    return gaussians


def write_unchecked(path: Path, gaussians: Gaussians) -> None:
    """Write what ``write_ply`` refuses."""
    head = splat_ply.header(
        "binary_little_endian", len(gaussians), splat_ply.property_names(gaussians.sh_degree)
    )
    path.write_bytes(head + splat_ply.body(gaussians))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, np.nan) for field in ("means", "quats", "log_scales", "opacity_logits", "sh")),
        *((field, np.inf) for field in ("means", "quats", "log_scales", "sh")),
    ],
)
def test_rows_that_are_not_finite_are_left_out(tmp_path: Path, field: str, value: float) -> None:
    """A row with NaN or infinity is left out, counted, and its neighbours stay."""
    write_unchecked(tmp_path / "a.ply", spoiled(field, value))
    scene = read_ply(tmp_path / "a.ply")
    assert_same_gaussians(scene.gaussians, make_gaussians(4, 1)[np.array([0, 2, 3])])
    assert scene.provenance == {"rows_left_out": "1"}


@pytest.mark.parametrize(
    ("field", "value", "settled"),
    [("opacity_logits", np.inf, 20), ("opacity_logits", -np.inf, -20), ("log_scales", -np.inf, -20)],
)
def test_limits_are_settled(tmp_path: Path, field: str, value: float, settled: float) -> None:
    """A fully opaque, fully transparent or flat Gaussian is kept, with a finite value that means the same."""
    write_unchecked(tmp_path / "a.ply", spoiled(field, value))
    scene = read_ply(tmp_path / "a.ply")
    assert_same_gaussians(scene.gaussians, spoiled(field, settled))
    assert scene.provenance == {}


def test_a_row_without_rotation_is_left_out(tmp_path: Path) -> None:
    """A quaternion of length 0 is no rotation."""
    gaussians = make_gaussians(3, 0)
    gaussians.quats[2] = 0
    write_unchecked(tmp_path / "a.ply", gaussians)
    assert len(read_ply(tmp_path / "a.ply").gaussians) == 2


def test_a_diverged_file_is_refused(tmp_path: Path) -> None:
    """A file in which not one row is finite says so."""
    gaussians = make_gaussians(3, 0)
    gaussians.means[:] = np.nan
    write_unchecked(tmp_path / "a.ply", gaussians)
    with pytest.raises(InvalidFileError, match="3 Gaussians and not one of them is finite"):
        read_ply(tmp_path / "a.ply")


def test_doubles_beyond_float32_are_left_out(tmp_path: Path) -> None:
    """A double that float32 cannot hold counts as infinite, without a warning."""
    gaussians = make_gaussians(3, 0)
    body = bytearray(splat_ply.body(gaussians, code="d"))
    body[:8] = np.float64(1e300).tobytes()
    head = splat_ply.header("binary_little_endian", 3, splat_ply.property_names(0), kind="double")
    (tmp_path / "a.ply").write_bytes(head + body)
    assert len(read_ply(tmp_path / "a.ply").gaussians) == 2


@pytest.mark.parametrize("field", ["means", "quats", "log_scales", "opacity_logits", "sh"])
def test_what_is_not_finite_is_not_written(tmp_path: Path, field: str) -> None:
    """Writing refuses values that reading would leave out, and makes no file."""
    with pytest.raises(ValueError, match="not finite"):
        write_ply(tmp_path / "a.ply", SplatScene(gaussians=spoiled(field, np.nan)))
    assert list(tmp_path.iterdir()) == []


def test_endless_provenance_is_refused(tmp_path: Path) -> None:
    """Notes that do not fit into a header that we would read again are refused."""
    scene = SplatScene(gaussians=make_gaussians(1, 0), provenance={"note": "x" * 70_000})
    with pytest.raises(ValueError, match="too long"):
        write_ply(tmp_path / "a.ply", scene)


ZERO = splat_ply.property_names(0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a PLY file"),
        (b"plyx", "is not a PLY file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "is not a PLY file"),
        (b"ply\nformat ascii 1.0\n", "has no 'end_header' line"),
        (b"ply\n" + b"comment x\n" * 9000 + b"end_header\n", "has no 'end_header' line"),
        (b"ply\nformat ascii 1.0\nend_headers\n", "has no 'end_header' line"),
        (b"ply\nelement vertex 1\nend_header\n", "does not say in its header whether"),
        (b"ply\nformat ascii 1.0\nend_header\n", "has no 'vertex' element"),
        (b"ply\nformat binary_middle_endian 1.0\nend_header\n", r"cannot be understood \(line 2"),
        (b"ply\nformat ascii 1.0\nelement vertex -1\nend_header\n", r"cannot be understood \(line 3"),
        (b"ply\nformat ascii 1.0\nelement vertex 1e3\nend_header\n", r"cannot be understood \(line 3"),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", r"cannot be understood \(line 3"),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n",
            r"cannot be understood \(line 4",
        ),
        (splat_ply.header("ascii", 1, [*ZERO, "x"]), "declares the property 'x' of 'vertex' twice"),
        (splat_ply.header("ascii", 0, ["x", "y", "z"]), "without Gaussians: the properties f_dc_0"),
        (splat_ply.header("ascii", 0, [*ZERO, "f_rest_0"]), "has 1 f_rest properties"),
        (
            splat_ply.header("ascii", 0, [*ZERO, *(f"f_rest_{i}" for i in range(1, 10))]),
            "has 9 f_rest properties",
        ),
        (splat_ply.header("ascii", 2, ZERO) + b"0 " * 40, "was cut off: its header promises 2 rows"),
        (splat_ply.header("ascii", 10**12, ZERO) + b"0 " * 40, "was cut off"),
        (splat_ply.header("binary_little_endian", 10**14, ZERO) + bytes(68), "was cut off"),
        (
            splat_ply.header("ascii", 1, ZERO) + b"0 " * 16 + b"    ",
            r"row 1 of 'vertex' has 16 values, expected 17",
        ),
        (splat_ply.header("ascii", 1, ZERO) + b"0 " * 16 + b"zero", "holds text where a number should be"),
        (splat_ply.header("binary_little_endian", 0, ZERO, extra="element chunk 1"), "is a compressed PLY"),
        (
            splat_ply.header("binary_little_endian", 1, ZERO, extra="element f 1\nproperty list uchar int i")
            + bytes(99),
            "holds lists in its 'f' element",
        ),
        (
            splat_ply.header("ascii", 1, ZERO).replace(
                b"end_header", b"property list uchar int i\nend_header"
            )
            + b"0 " * 19,
            "holds lists in its 'vertex' element",
        ),
    ],
)
def test_wrong_files_are_refused_with_their_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Every kind of wrong file has its own sentence, which names the file, and a hint."""
    (tmp_path / "wrong.ply").write_bytes(content)
    with pytest.raises(InvalidFileError, match=sentence) as caught:
        read_ply(tmp_path / "wrong.ply")
    assert "wrong.ply" in caught.value.message
    assert caught.value.hint


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder instead of a file is refused with a sentence."""
    with pytest.raises(InvalidFileError, match="could not be read"):
        read_ply(tmp_path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """A file that another program cuts off between the check and the reading is refused too."""
    write_ply(tmp_path / "a.ply", make_scene(5, 0))
    with (tmp_path / "a.ply").open("rb+") as file:
        header = read_header(tmp_path / "a.ply", file)
        element = check_length(tmp_path / "a.ply", file, header, "vertex")
        file.truncate(header.num_bytes + 100)
        with pytest.raises(InvalidFileError, match="was cut off"):
            read_rows(tmp_path / "a.ply", file, header, element, {})
