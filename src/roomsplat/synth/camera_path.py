"""A person with a phone walks once around the coffee table and films what is across the room.

The walk is an ellipse at eye height, a little more than one turn, so that the film revisits its start. The gaze goes
across the room, pans ahead and behind and up and down; on top come the sway of steps and the tremor of hands, both sums
of sines with seeded phases: smooth at every time scale, and the same everywhere.
"""

import math

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.dice import Dice
from roomsplat.synth.room import Room

Double = NDArray[np.float64]
TURNS = 1.06
EYE_HEIGHT = 1.48  # m
STEP_HZ = 1.6
PANS = 3.0  # looks ahead and behind per turn
TREMOR_HZ = (0.43, 0.71, 1.13, 1.87, 2.9)
TREMOR_RAD = 0.0045  # amplitude at the lowest frequency; it falls as 1/f


def camera_poses(room: Room, progress: NDArray[np.floating], duration_s: float, seed: int) -> Double:
    """(n, 4, 4) cam_from_world at ``progress`` (0 to 1) of a walk of ``duration_s`` seconds."""
    progress = np.asarray(progress, np.float64)
    dice = Dice(seed * 7919 + 13)
    time = progress * duration_s
    # A walk starts and ends at rest: the angle eases over the first and the last 4 %.
    angle = 2 * math.pi * TURNS * _ease(progress, 0.04) + dice.between(0, 2 * math.pi)
    position = _positions(room, angle, time, dice)
    pan = 0.34 * np.sin(PANS * angle + dice.between(0, 6)) + 0.10 * np.sin(7 * angle)
    yaw = np.arctan2(room.walk[1] - position[:, 1], room.walk[0] - position[:, 0]) + pan
    pitch = -0.25 + 0.15 * np.sin(2 * angle + dice.between(0, 6)) + 0.04 * np.sin(5 * angle)
    yaw += tremor(time, TREMOR_RAD, dice)
    pitch += tremor(time, TREMOR_RAD, dice)
    roll = 0.015 * np.sin(math.pi * STEP_HZ * time) + tremor(time, 0.8 * TREMOR_RAD, dice)
    return look(position, yaw, pitch, roll)


def _ease(x: Double, ramp: float) -> Double:
    """A monotone map of [0, 1] onto itself with zero slope at both ends, straight between the ramps."""
    slope = 1 / (1 - ramp)
    start, end = x**2 / (2 * ramp) * slope, 1 - (1 - x) ** 2 / (2 * ramp) * slope
    return np.where(x < ramp, start, np.where(x > 1 - ramp, end, (x - ramp / 2) * slope))


def _positions(room: Room, angle: Double, time: Double, dice: Dice) -> Double:
    cx, cy, half_x, half_y = room.walk
    reach = 0.90 + 0.10 * np.sin(2.7 * angle + dice.between(0, 6))
    x = cx + half_x * reach * np.cos(angle)
    y = cy + half_y * reach * np.sin(angle)
    z = EYE_HEIGHT + 0.11 * np.sin(1.9 * angle + dice.between(0, 6))
    step = math.pi * STEP_HZ * time
    z = z + 0.012 * np.cos(2 * step)
    sway = 0.014 * np.sin(step)
    along = angle + math.pi / 2
    shake = [tremor(time, 0.006, dice) for _ in range(3)]
    return np.stack(
        [x + shake[0] - sway * np.sin(along), y + shake[1] + sway * np.cos(along), z + shake[2]], axis=1
    )


def tremor(time: Double, amplitude: float, dice: Dice) -> Double:
    """What hands do at ``time`` (s): ``amplitude`` at the lowest frequency, less at higher ones."""
    total = np.zeros_like(time)
    for hertz in TREMOR_HZ:
        total += (
            amplitude * TREMOR_HZ[0] / hertz * np.sin(2 * math.pi * hertz * time + dice.between(0, 6.283))
        )
    return total


def look(position: Double, yaw: Double, pitch: Double, roll: Double) -> Double:
    """cam_from_world (OpenCV axes) of cameras at ``position`` that look along yaw (about +z) and pitch (up)."""
    forward = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], axis=1)
    right = np.stack([np.sin(yaw), -np.cos(yaw), np.zeros_like(yaw)], axis=1)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    right, down = cos * right + sin * down, cos * down - sin * right
    poses = np.tile(np.eye(4), (len(position), 1, 1))
    poses[:, :3, :3] = np.stack([right, down, forward], axis=1)
    poses[:, :3, 3] = -np.einsum("nij,nj->ni", poses[:, :3, :3], position)
    return poses
