"""``python -m roomsplat``."""

from roomsplat.cli.main import main

main()
