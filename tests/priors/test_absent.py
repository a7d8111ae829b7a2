"""Without PyTorch: everything else works, and who asks for a network is told what to install."""

import subprocess
import sys

LIBRARIES = ("torch", "kornia", "transformers", "safetensors")
BLOCK = f"import sys; sys.modules.update(dict.fromkeys({LIBRARIES!r}))"


def run(script: str) -> str:
    """What a Python without these libraries prints, wherever the tests run."""
    done = subprocess.run(
        [sys.executable, "-c", f"{BLOCK}\n{script}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_priors_can_be_imported_without_pytorch() -> None:
    """Every module of priors loads without it: only a network needs it."""
    modules = ("depth", "features", "lightglue", "lpips", "mast3r", "matching", "torch_device", "weights")
    assert run("\n".join(f"import roomsplat.priors.{name}" for name in modules) + "\nprint('all')") == "all"


def test_who_asks_for_a_network_is_told_what_to_install() -> None:
    """Each network says in one sentence that PyTorch is missing, and which extra brings it."""
    for call in (
        "features import Extractor as F; F('aliked')",
        "lightglue import Matcher as M; M('disk')",
        "lpips import Lpips as L; L()",
    ):
        script = f"""
from roomsplat.errors import NotInstalledError
try:
    from roomsplat.priors.{call}
except NotInstalledError as error:
    print(error.message, error.hint)
"""
        assert "roomsplat[learned]" in run(script)


def test_without_pytorch_lpips_is_left_out() -> None:
    """Who would print it where it can be had gets a sentence, not an error."""
    script = "from roomsplat.priors.lpips import lpips_where_present as look; print(*look())"
    assert run(script).startswith("None LPIPS is left out: ")


def test_nothing_else_loads_pytorch() -> None:
    """The pipeline, the trainer and the solver load none of these libraries, installed or not."""
    script = (
        "import sys, roomsplat.pipeline.run, roomsplat.train.trainer, roomsplat.sfm.worker, roomsplat.cli.main; "
        f"print([name for name in {LIBRARIES!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
