"""From a video or a folder of images to the sharpest frames, written once as files."""
