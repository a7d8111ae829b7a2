"""The line from video to splat: settings, events, workspace, run."""
