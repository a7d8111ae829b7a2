"""Pictures and films on disk, through Pillow and PyAV; knows nothing of rooms or cameras."""
