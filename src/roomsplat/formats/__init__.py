"""One file per format; every outside convention is converted in exactly one adapter."""
