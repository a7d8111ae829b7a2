"""The training stage: fit, then measure on the pictures that were held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import ReportProgress
from roomsplat.media.images import reduced_size
from roomsplat.pipeline.training_files import Trained
from roomsplat.render.base import Engine
from roomsplat.train.config import TrainConfig
from roomsplat.train.evaluate import evaluate
from roomsplat.train.host import Watch, unwatched
from roomsplat.train.trainer import train


def fit(
    model: SparseModel,
    engine: Engine,
    config: TrainConfig,
    checkpoint_dir: Path,
    report: ReportProgress,
    watch: Watch = unwatched,
) -> Trained:
    """Train on ``model``, resuming from ``checkpoint_dir``, and evaluate the held-out pictures at training size.

    Held-out cameras stay where they were given: their pictures have no say in where they are. They share the training
    cameras' world, which learning poses does not move, and their focal length.
    """
    checkpoint_dir.mkdir(exist_ok=True)
    result = train(model, engine, config, checkpoint_dir, report, watch)
    images = replace(model.posed_images, cameras=result.cameras)
    held = np.flatnonzero(images.is_eval)
    score = None
    if len(held):
        score = evaluate(
            engine,
            result.gaussians,
            images,
            held,
            max_side=config.max_side,
            antialiased=config.antialiased,
            exposures=result.exposures,
        )
    return Trained(
        gaussians=result.gaussians,
        splat_model="antialiased" if config.antialiased else "default",
        num_steps=config.max_steps,
        train_size=reduced_size(images.cameras.width, images.cameras.height, config.max_side),
        psnr=None if score is None else score.psnr,
        ssim=None if score is None else score.ssim,
        warnings=result.warnings,
        cameras=result.cameras,
        motion=result.motion,
        floaters=result.floaters,
        scores=() if score is None else score.images,
        exposures=result.exposures,
    )
