"""Where compiled kernels are kept: CuPy's own folder, unless this computer does not let us write there."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "CUPY_CACHE_DIR"


def ensure_cache_folder() -> Path:
    """The folder that CuPy will use. To be called before CuPy is imported.

    CuPy makes ``~/.cupy/kernel_cache`` while it is imported and fails where it cannot, as in a container whose home is
    read-only. There a folder of our own serves this process and is removed at its end: kernels are then compiled at
    each start (seconds), which is better than no GPU. A folder that the user named is taken as it is.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    usual = Path("~/.cupy/kernel_cache").expanduser()
    try:
        usual.mkdir(parents=True, exist_ok=True)
    except OSError:
        pass
    else:
        if os.access(usual, os.W_OK):
            return usual
    # A private folder: code that is loaded must not come from a place where others can write.
    own = Path(tempfile.mkdtemp(prefix="roomsplat-kernels-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.environ[VARIABLE] = str(own)
    return own
