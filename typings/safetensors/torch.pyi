# An extra, absent where types are checked: everything in it is Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
