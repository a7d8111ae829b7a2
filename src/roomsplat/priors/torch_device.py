"""PyTorch itself: whether it is there, which device it takes, and how a file of weights becomes a network's."""

import contextlib
import pickle
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Literal

from roomsplat.errors import EngineError, NotInstalledError, WeightsError

Device = Literal["auto", "cpu", "cuda"]


def import_torch() -> Any:
    """The module ``torch``.

    Raises:
        NotInstalledError: the extra ``learned`` is not installed.
    """
    try:
        # it takes seconds, and is an extra: only who asks for it pays
        import torch  # noqa: PLC0415  # pyright: ignore[reportMissingModuleSource]
    except ImportError as error:
        raise NotInstalledError(
            "Learned features, depth and LPIPS need PyTorch, and it is not installed.",
            hint="Install it: pip install 'roomsplat[learned]'.",
        ) from error
    return torch


def choose_device(device: Device) -> str:
    """``cpu`` or ``cuda``.

    Raises:
        EngineError: a GPU is asked for and PyTorch finds none.
        NotInstalledError: the extra ``learned`` is not installed.
    """
    there = bool(import_torch().cuda.is_available())
    if device == "cuda" and not there:
        raise EngineError(
            "PyTorch finds no GPU here.", hint="Use the processor, or install PyTorch with CUDA."
        )
    return "cuda" if there and device != "cpu" else "cpu"


def use_threads(count: int) -> None:
    """Let networks on the processor use this many threads; for the whole process."""
    import_torch().set_num_threads(count)


@contextlib.contextmanager
def steady() -> Generator[None]:
    """No gradients, and the same kernels at every call: the same pictures give the same bits on one computer."""
    torch = import_torch()
    with (
        torch.inference_mode(),
        torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False),
    ):
        yield


def read_state(path: Path) -> dict[str, Any]:
    """The tensors of a file by name. A pickle is read by PyTorch's reader of plain tensors, which runs no code.

    Raises:
        WeightsError: it holds something else than tensors by name.
    """
    torch = import_torch()
    try:
        if path.suffix == ".safetensors":
            # comes with the same extra as torch
            from safetensors.torch import load_file  # noqa: PLC0415  # pyright: ignore[reportMissingModuleSource]

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{path} holds no weights that can be read.", hint="Replace it by the published file."
        ) from error
    is_mapping = isinstance(content, Mapping)
    state: dict[str, Any] = dict(content) if is_mapping else {}  # pyright: ignore[reportUnknownArgumentType] - checked
    state = dict(state.get("extractor", state))  # DISK's file holds its optimiser, too
    if not state or not all(torch.is_tensor(value) for value in state.values()):
        raise WeightsError(
            f"{path} holds something else than tensors by name.", hint="Replace it by the published file."
        )
    return state


def fill(network: Any, state: Mapping[str, Any], path: Path) -> None:
    """Put tensors into a network, which then is ready to be asked; every learned one must be there.

    Raises:
        WeightsError: they belong to another network.
    """
    try:
        missing = set(network.load_state_dict(state, strict=False).missing_keys)
    except RuntimeError as error:  # a tensor of another shape
        missing, reason = set[str](), str(error).strip().splitlines()[-1].strip()
    else:
        missing &= {name for name, _ in network.named_parameters()}
        reason = f"{len(missing)} tensors are missing, such as {min(missing, default='')}"
        if not missing:
            network.eval()
            return
    raise WeightsError(
        f"{path} belongs to another network ({reason}).", hint="Replace it by the published file."
    )
