"""The page as it was built by ``make web``: its files, and how they are answered over HTTP."""
