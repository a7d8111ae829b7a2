"""``roomsplat doctor``: what is there, what is chosen and why, and what of it works."""

import json
import tomllib
from pathlib import Path

import pytest

from roomsplat.cli import checks, doctor
from roomsplat.cli.arguments import Doctor
from roomsplat.errors import EngineError
from roomsplat.render import engines
from roomsplat.render.cuda.driver import Driver, Gpu

GPU = Gpu(index=0, name="NVIDIA H200", memory_bytes=140 * 2**30, compute=(9, 0))


@pytest.fixture
def unused_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with a GPU but without CuPy; the checks that take long are left out."""
    monkeypatch.setenv("CUPY_CACHE_DIR", "named, so that nothing is made in this home")
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)
    monkeypatch.setattr(doctor, "read_driver", lambda: Driver(cuda=(13, 0), gpus=(GPU,)))
    monkeypatch.setattr(doctor, "check_engine", lambda name, _device, **_how: f"{name} is well")
    for name in ("check_libraries", "check_video", "check_sfm"):
        monkeypatch.setattr(doctor, name, lambda: "well")


def test_the_engine_check_draws_and_trains() -> None:
    """The check of the CPU engine passes here and says that both were done."""
    assert "drew and trained right on cpu" in checks.check_engine("cpu", None)


def test_every_library_of_what_is_installed_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's libraries are among those that are tried; one that is missing or broken is named."""
    assert int(checks.check_libraries().split()[0]) == len(checks._required_libraries())
    assert {"numpy", "pillow", "sqlalchemy", "psycopg", "python-multipart"} <= checks._required_libraries()
    monkeypatch.setattr(checks, "requires", lambda _name: ["numpy>=2", "splat-of-nowhere>=1"])
    with pytest.raises(AssertionError, match="splat-of-nowhere is not installed"):
        checks.check_libraries()
    monkeypatch.setattr(checks, "requires", lambda _name: ["broken>=1"])
    monkeypatch.setattr(checks, "packages_distributions", lambda: {"not_there_at_all": ["Broken"]})
    with pytest.raises(AssertionError, match="No module named 'not_there_at_all'"):
        checks.check_libraries()


def test_every_extra_has_its_mark() -> None:
    """Each extra of the package has a library of its own by which the doctor knows that it is installed."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    assert set(checks.MARKS) == set(extras)
    for extra, mark in checks.MARKS.items():
        assert any(line.startswith(mark) for line in extras[extra])


@pytest.mark.usefixtures("unused_gpu")
def test_doctor_names_the_gpu_and_says_why_it_goes_unused(capsys: pytest.CaptureFixture[str]) -> None:
    """The facts hold the GPU, the driver's CUDA, the choice and its reason; the install line is whole."""
    doctor.run_doctor(Doctor(json=True))
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["GPU 0"] == "NVIDIA H200 (140 GB, compute 9.0)"
    assert facts["NVIDIA driver"] == "runs CUDA 13.0"
    assert facts["engine chosen"].startswith("cpu, because CuPy is not installed")
    doctor.run_doctor(Doctor())
    assert "'roomsplat[cuda]'" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("unused_gpu")
def test_strict_fails_where_a_gpu_goes_unused() -> None:
    """With --strict a GPU that nobody uses is a failure; CUDA that was asked for and is not there is one, too."""
    with pytest.raises(EngineError, match="NVIDIA H200 goes unused, because CuPy is not installed"):
        doctor.run_doctor(Doctor(strict=True))
    with pytest.raises(EngineError, match="There is no CUDA engine here, because CuPy is not installed"):
        doctor.run_doctor(Doctor(strict=True, engine="cuda"))


@pytest.mark.usefixtures("unused_gpu")
def test_strict_is_content_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without a GPU misses nothing."""
    monkeypatch.setattr(doctor, "read_driver", lambda: Driver(trouble="no NVIDIA driver is installed"))
    doctor.run_doctor(Doctor(strict=True))


@pytest.mark.usefixtures("unused_gpu")
def test_a_chosen_gpu_is_tried_first_and_its_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where CUDA is chosen its check runs, on the GPU that was asked for; a failure is shown with its hint."""

    def check(name: str, device: int | None, *, trains: bool = True) -> str:
        if name == "cuda":
            raise EngineError(f"GPU {device} is unwell.", hint="Wait.")
        return f"trains: {trains}"

    monkeypatch.setattr(
        doctor, "find_engine", lambda: engines.EngineChoice(name="cuda", reason="H200", gpus=(GPU,))
    )
    monkeypatch.setattr(doctor, "check_engine", check)
    with pytest.raises(EngineError, match="CUDA engine did not work"):
        doctor.run_doctor(Doctor(json=True, device=3))
    results = json.loads(capsys.readouterr().out)["checks"]
    assert results["CUDA engine"] == {"ok": False, "note": "GPU 3 is unwell. Wait."}
    assert results["CPU engine"] == {"ok": True, "note": "trains: False"}
    doctor.run_doctor(Doctor(engine="cpu", json=True))
    results = json.loads(capsys.readouterr().out)["checks"]
    assert results["CPU engine"] == {"ok": True, "note": "trains: True"}
    assert "CUDA engine" not in results
