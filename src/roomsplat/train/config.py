"""Settings of training: one set for every scene, with lengths given as shares of the run so that it fits any run.

The numbers were chosen by measurement (docs/lab-notebook.md, "Training").
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from roomsplat.errors import InvalidSettingError


def _check_ranges(checks: Iterable[tuple[str, float, float, float]]) -> None:
    """``checks``: (name, value, lowest, highest); what is not a number is in no range."""
    for name, value, low, high in checks:
        if not low <= value <= high:
            raise InvalidSettingError(
                f"The training setting {name} is {value}.", hint=f"Choose a value from {low} to {high}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfig:
    """Adam's step sizes (Kerbl et al. 2023, section 7, gives the family; the values are ours)."""

    means: float = 3.2e-4
    """At the start, as a share of the scene's extent (``schedule.scene_extent``)."""
    quats: float = 2e-3
    log_scales: float = 1e-2
    opacity_logits: float = 1e-1
    sh_dc: float = 5e-3
    sh_rest: float = 5e-4
    means_final: float = 0.01
    """Share of the means' start value that is left at the end; exponential in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensifyConfig:
    """How Gaussians are added and removed."""

    start: float = 0.05
    """Share of the run before which the count stays."""
    stop: float = 0.8
    """Share of the run after which nothing is added."""
    rounds: int = 12
    """How often, evenly spaced between start and stop."""
    min_opacity: float = 0.005
    """Fainter Gaussians are removed."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        _check_ranges(
            (
                ("densify.start", self.start, 0, 1),
                ("densify.stop", self.stop, self.start, 1),
                ("densify.rounds", self.rounds, 0, 10_000),
                ("densify.min_opacity", self.min_opacity, 0, 1),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulariseConfig:
    """What keeps a scene from learning its film by heart (``train/regularise.py``)."""

    opacity: float = 0.0
    """Weight in the loss of the mean opacity (Kheradmand et al. 2024, section 3.4: 0.01)."""
    scale: float = 0.0
    """Weight of the mean standard deviation in scene extents (likewise)."""
    harmonics: float = 0.1
    """Weight of half the sum of squares of a Gaussian's harmonics of degree 1 and up, mean over Gaussians."""
    flatness: float = 0.0
    """Weight of the mean bend of extents / depth in each picture (``flatness``)."""
    anchors: float = 0.5
    """Weight of the mean relative difference of depths to those of the sparse points (``anchors``)."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        _check_ranges(
            (
                ("regularise.opacity", self.opacity, 0, 100),
                ("regularise.scale", self.scale, 0, 100),
                ("regularise.harmonics", self.harmonics, 0, 1e4),
                ("regularise.flatness", self.flatness, 0, 100),
                ("regularise.anchors", self.anchors, 0, 100),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseConfig:
    """How the cameras' places are learned (``train/poses.py``)."""

    trials: tuple[float, float] = (0.2, 0.3)
    """Shares of the run at which it is tried out whether cameras should move at all; the second time in doubt only."""
    min_gain: float = 0.03
    """They move if the loss of the pictures tried falls by this share, with the Gaussians as they are; below half of it
    the matter is closed. Films of ours where it fell by 1.7 % lost 0.4 dB of what is held out."""
    review: float = 0.6
    """Share of the run at which it is asked again."""
    keep_gain: float = 0.03
    """They are put back then if the loss is lower by less than this share for their having moved."""
    reach: float = 6e-3
    """How far a camera can go in all, in radians and in parts of the scene's extent: the sum of its largest steps."""
    rate_final: float = 0.01
    """Share of the first step's size that is left for the last one; exponential in between."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        _check_ranges(
            (
                ("poses.trials", self.trials[0], 0, self.trials[1]),
                ("poses.trials", self.trials[1], self.trials[0], self.review),
                ("poses.review", self.review, self.trials[1], 1),
                ("poses.min_gain", self.min_gain, -1, 1),
                ("poses.keep_gain", self.keep_gain, -1, 1),
                ("poses.reach", self.reach, 0, 1),
                ("poses.rate_final", self.rate_final, 1e-6, 0.99),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientConfig:
    """When passing things are looked for (``train/transients.py``)."""

    looks: tuple[float, ...] = (0.3, 0.45, 0.6, 0.75)
    """Shares of the run; after a look that finds nothing there are no others."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        _check_ranges([("transients.looks", look, 0, 1) for look in self.looks])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """What the trainer needs to know."""

    max_steps: int = 3000
    """Training steps; each renders one picture."""
    max_gaussians: int = 100_000
    """Never more than this."""
    max_side: int | None = None
    """Longer side in px that pictures are reduced to; ``None`` keeps their size."""
    seed: int = 0
    """Same seed, engine and thread count: same result, bit for bit."""
    sh_degree: int = 3
    """Highest degree of spherical harmonics, 0 to 3."""
    sh_interval: float = 0.02
    """Share of the run after which the degree rises by one."""
    coarse_levels: tuple[tuple[int, float], ...] = ((4, 0.1), (2, 0.35))
    """(divisor of the picture size, share of the run until which it holds), coarse to fine; then full size."""
    dense_start: float = 0.0
    """Share of ``max_gaussians`` that a run begins with; what sparse points do not make up is put between them."""
    min_level_side: int = 64
    """A coarse level whose shorter side would be smaller than this, in px, is skipped."""
    ssim_weight: float = 0.3
    """Weight of 1 - SSIM beside mean absolute difference (Kerbl et al. 2023, equation 7)."""
    antialiased: bool = False
    """Train with the Mip-Splatting opacity compensation (``SplatScene.splat_model``)."""
    learn_exposure: bool = True
    """Learn a colour transform per training picture where the film's brightness drifts."""
    exposure_min_drift: float = 0.1
    """It does if the gains that the sparse points show (``drift``) spread by this much, root mean square of their
    logarithms: 0.03 to 0.05 for films without a window in them, 0.13 to 0.26 for those with one."""
    exposure_rate: float = 5e-3
    """Adam's step size for it at the start; falls linearly to nothing at the end."""
    exposure_pull: float = 0.03
    """Weight in the loss of its absolute deviation from the gains that the sparse points show (``drift``); its response
    curve is free."""
    refine_poses: bool = True
    """Learn the training cameras' places and one focal length with the Gaussians, where a trial shows that it helps."""
    mask_transients: bool = True
    """Leave out of each picture what passes through the film, such as a person, where looks at the scene find it."""
    checkpoint_every_s: float = 30.0
    """Seconds between checkpoints."""
    picture_memory_mb: int = 2000
    """For pictures in 8 bits; beyond it they are read again each time they are shown (250 of 1920x1080 px fit)."""
    rates: RateConfig = field(default_factory=RateConfig)
    densify: DensifyConfig = field(default_factory=DensifyConfig)
    poses: PoseConfig = field(default_factory=PoseConfig)
    transients: TransientConfig = field(default_factory=TransientConfig)
    regularise: RegulariseConfig = field(default_factory=RegulariseConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        _check_ranges(
            (
                ("max_steps", self.max_steps, 1, 10_000_000),
                ("max_gaussians", self.max_gaussians, 1, 100_000_000),
                ("seed", self.seed, 0, 2**63),
                ("sh_degree", self.sh_degree, 0, 3),
                ("dense_start", self.dense_start, 0, 1),
                ("ssim_weight", self.ssim_weight, 0, 1),
                ("max_side", 16 if self.max_side is None else self.max_side, 16, 100_000),
                ("picture_memory_mb", self.picture_memory_mb, 0, 10_000_000),
                ("exposure_min_drift", self.exposure_min_drift, 0, 100),
            )
        )
        if not self.checkpoint_every_s > 0:
            raise InvalidSettingError(
                f"The training setting checkpoint_every_s is {self.checkpoint_every_s}.",
                hint="Choose a number of seconds above 0.",
            )
        shares = (0.0, *(share for _, share in self.coarse_levels))
        rising = all(a < b <= 1 for a, b in itertools.pairwise(shares))
        if not rising or any(divisor < 1 for divisor, _ in self.coarse_levels):
            raise InvalidSettingError(
                f"The training setting coarse_levels is {self.coarse_levels}.",
                hint="Give divisors of at least 1 with shares that rise and lie above 0 and up to 1, "
                "such as [[4, 0.1], [2, 0.35]].",
            )
