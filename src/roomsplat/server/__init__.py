"""The job service: upload a video, watch it become a scene, download it."""
