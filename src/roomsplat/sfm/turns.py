"""Place frames of a camera that only turns.

People end a film with a pan. Its frames see new things under no parallax, so nothing can be triangulated and
incremental mapping either stops or, with relaxed thresholds, places them at random (``bedroom``: the matches bear out
0 to 60 % of it). But such a frame has a simple pose: where its neighbour stands, turned. The rotation that takes the
neighbour's rays to its own is found in closed form (Kabsch 1976) and kept only if it explains the matches; on
``bedroom`` it does, to 1 px in the median.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

MIN_MATCHES = 20
MIN_SHARE = 0.7
MAX_ERROR_PX = 4.0
TRIALS = 100
SWEEPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Matches of two frames as unit rays in camera coordinates."""

    rays: Double
    """(n, 3) of the frame that is to be placed."""
    other: int
    """The other frame."""
    other_rays: Double
    """(n, 3)."""


def unit_rays(plane: NDArray[np.floating]) -> Double:
    """(n, 2) points on the plane z = 1 to (n, 3) unit vectors."""
    rays = np.concatenate([np.asarray(plane, np.float64), np.ones((len(plane), 1))], axis=1)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def place_turns(
    placed: Mapping[int, Double], links: Mapping[int, Sequence[Link]], focal: float, seed: int
) -> dict[int, Double]:
    """Poses of further frames, as far as a rotation from a placed frame explains them.

    Frames are placed one after another, the one with the most explained matches first, so a pan is followed from its
    beginning to its end; then all are turned again a few times to agree with every neighbour, not only earlier ones.

    Args:
        placed: (4, 4) cam_from_world by frame; they stay as they are.
        links: for each frame without a pose, its matches with any other frame.
        focal: in px.
        seed: of the search for rotations.
    """
    random = np.random.default_rng(seed)
    poses, used = dict(placed), dict[int, list[Link]]()
    waiting = {
        frame: [_explained(link, focal, random) for link in of_frame] for frame, of_frame in links.items()
    }
    while True:
        reachable = {
            frame: [link for link in of_frame if link is not None and link.other in poses]
            for frame, of_frame in waiting.items()
            if frame not in poses
        }
        weights = {frame: sum(len(link.rays) for link in of_frame) for frame, of_frame in reachable.items()}
        best = max(weights, key=lambda frame: (weights[frame], -frame), default=None)
        if best is None or weights[best] == 0:
            break
        nearest = max(reachable[best], key=lambda link: len(link.rays))
        poses[best] = _pose(_turned(reachable[best], poses), _center(poses[nearest.other]))
        used[best] = [link for link in waiting[best] if link is not None]
    for _ in range(SWEEPS):
        for frame, of_frame in used.items():
            known = [link for link in of_frame if link.other in poses]
            poses[frame] = _pose(_turned(known, poses), _center(poses[frame]))
    return {frame: poses[frame] for frame in used}


def best_rotation(source: Double, target: Double) -> Double:
    """(…, 3, 3) the rotation with the least squared distance from ``source`` to ``target``, both (…, n, 3).

    Kabsch 1976. Many at once: a call for each would be most of the time that a pan takes.
    """
    u, _, vt = np.linalg.svd(np.swapaxes(target, -1, -2) @ source)
    u[..., 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[..., None]
    return u @ vt


def _explained(link: Link, focal: float, random: np.random.Generator) -> Link | None:
    """The matches that one rotation explains (RANSAC; Fischler and Bolles 1981), or ``None`` when they are too few."""
    count = len(link.rays)
    if count < MIN_MATCHES:
        return None
    first, second = random.integers(0, count, TRIALS), random.integers(0, count - 1, TRIALS)
    samples = np.stack([first, second + (second >= first)], axis=1)
    rotations = best_rotation(link.other_rays[samples], link.rays[samples])
    fits = _errors(link, rotations) * focal < MAX_ERROR_PX
    best = fits[np.argmax(fits.sum(axis=1))]
    if best.sum() < MIN_SHARE * count:
        return None
    return Link(rays=link.rays[best], other=link.other, other_rays=link.other_rays[best])


def _errors(link: Link, rotations: Double) -> Double:
    """(r, n) distances of rays from turned ones: |a|² + |b|² - 2 a·Rb is one number a pair, not three."""
    products = np.einsum("rkn,nk->rn", rotations @ link.other_rays.T, link.rays)
    lengths = (link.rays**2).sum(axis=1) + (link.other_rays**2).sum(axis=1)
    return np.sqrt(np.maximum(lengths - 2 * products, 0))


def _turned(links: Sequence[Link], poses: Mapping[int, Double]) -> Double:
    """(3, 3) cam_from_world rotation that agrees best with all placed neighbours."""
    world = np.concatenate([link.other_rays @ poses[link.other][:3, :3] for link in links])
    return best_rotation(world, np.concatenate([link.rays for link in links]))


def _center(pose: Double) -> Double:
    return -pose[:3, :3].T @ pose[:3, 3]


def _pose(rotation: Double, center: Double) -> Double:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ center
    return pose
