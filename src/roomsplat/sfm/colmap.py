"""COLMAP through pycolmap: the only file that imports it.

``zlib`` must be loaded before pycolmap: the wheel exports its own copy of zlib's symbols, and whoever binds to them
later (numba's cache through ``zlib``) frees memory with the wrong allocator ("double free"). The solver runs in a
process of its own for the same reason, see ``child.py``.
"""

import zlib  # noqa: F401  # pyright: ignore[reportUnusedImport] - must come before pycolmap, see above
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from numpy.typing import NDArray

from roomsplat.core.transforms import Similarity
from roomsplat.sfm.colmap_model import frame_number, written
from roomsplat.sfm.matching import match_frames
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair
from roomsplat.sfm.solution import Lens
from roomsplat.sfm.thresholds import Thresholds

_colmap: Any = (
    pycolmap  # its stubs leave half of the types open; what crosses this file's border is typed here
)
_colmap.logging.minloglevel = 3  # FATAL only: what goes wrong is said by our own checks, in a user's words
MAX_EXTRACTORS = 16  # threads that find features; each holds 270 MB where pictures are upsampled
# Samples that verification draws for a pair that shows nothing in common, where COLMAP draws 10,000: 9 instead of 15
# CPU s of matching on `office`, 12 instead of 18 on `can`, and of four films' 1,874 pairs one lost matches (8 of 27).
# 1,000 lose two pairs of `can`.
MAX_TRIALS = 2000
NEVER = 10**8  # frames: above that many something else is done
ROUNDS_OF_MANY = 10  # of bundle adjustment where thousands of frames are nearly right
MAX_POINT_ERROR_PX = 4.0  # as in mapping
FOCAL_GUESS = 1.2  # of the longer side; phones film at 0.75 to 1.3, and bundle adjustment moves it

MatchFrames = Callable[
    [Mapping[int, tuple[NDArray[np.float32], NDArray[np.uint8]]], tuple[int, int], Sequence[Pair]],
    list[NDArray[np.uint32]],
]


class Session:
    """One film's database and what is computed from it. Frames are numbered from 0; files are named after that."""

    def __init__(self, folder: Path, *, threads: int, seed: int, focal_ratio: float | None = None) -> None:
        """Work in ``folder``, which exists and is empty; ``focal_ratio``: of the longer side, if it is known."""
        self._focal_ratio = FOCAL_GUESS if focal_ratio is None else focal_ratio
        self._folder, self._seed = folder, seed
        self.threads = threads
        self.extractors = min(threads, MAX_EXTRACTORS)
        self._database_path, self._images = folder / "database.db", folder / "reduced"
        self._masks = folder / "masks"
        self._images.mkdir()
        self._masks.mkdir()
        self._runs = 0
        self._ids = dict[int, int]()
        self._camera: Any = None
        self.size = (0, 0)
        """(width, height) px of the reduced pictures."""
        self.matcher: MatchFrames | None = None
        """What compares frames instead of their nearest descriptors: keypoints and descriptors, size, pairs."""
        self._rig = 0

    def beside(self, name: str) -> "Session":
        """Another, empty session: to try settings on a few frames, or to begin again with other features."""
        folder = self._folder / name
        folder.mkdir()
        other = Session(folder, threads=self.threads, seed=self._seed, focal_ratio=self._focal_ratio)
        other.matcher = self.matcher
        return other

    def enter(
        self, size: tuple[int, int], features: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]]
    ) -> None:
        """Enter every frame of the film with features that are known: (n, 2) px and (n, 128) descriptors of each."""
        self._enter(range(len(features)), size)
        with self._open() as database:
            for index, (keypoints, descriptors) in enumerate(features):
                database.write_keypoints(self._ids[index], keypoints)
                kind = _colmap.FeatureExtractorType.SIFT
                database.write_descriptors(self._ids[index], _colmap.FeatureDescriptors(kind, descriptors))

    def adopt_matches(self, other: "Session", wanted: Callable[[Pair], bool]) -> set[Pair]:
        """Take over what ``other`` knows of the wanted pairs, whose features are the same here; which these are."""
        frame_of = {image_id: index for index, image_id in other._ids.items()}  # noqa: SLF001 - of the same class
        taken = set[Pair]()
        with other._open() as theirs, self._open() as ours:  # noqa: SLF001 - likewise
            pair_ids, matches = theirs.read_all_matches()
            for pair_id, found in zip(pair_ids, matches, strict=True):
                there = _colmap.pair_id_to_image_pair(pair_id)
                first, second = (frame_of[image] for image in there)
                pair = (min(first, second), max(first, second))
                if wanted(pair):
                    here = [self._ids[first], self._ids[second]]
                    ours.write_matches(*here, found)
                    ours.write_two_view_geometry(*here, theirs.read_two_view_geometry(*there))
                    taken.add(pair)
        return taken

    def picture_path(self, index: int) -> Path:
        """Where ``extract`` expects the reduced picture of a frame."""
        return self._images / f"{index:06d}.ppm"

    def mask_path(self, index: int) -> Path:
        """Where ``extract`` looks for a mask of that picture: what is black gets no features."""
        return self._masks / f"{self.picture_path(index).name}.png"

    def extract(
        self, indices: Sequence[int], size: tuple[int, int], *, max_features: int, upsample: bool, peak: float
    ) -> None:
        """SIFT (Lowe 2004) of the pictures at ``picture_path``, (width, height) px; all frames share one camera."""
        self._enter(indices, size)
        options = _colmap.FeatureExtractionOptions()
        options.num_threads, options.use_gpu, options.max_image_size = self.extractors, False, 100_000
        options.sift.max_num_features = max_features
        options.sift.max_num_orientations = (
            1  # a film is held upright: second orientations only cost matching time
        )
        options.sift.first_octave = -1 if upsample else 0
        options.sift.peak_threshold = peak
        reading = _colmap.ImageReaderOptions()
        reading.mask_path = self._masks if any(self.mask_path(i).exists() for i in indices) else ""
        _colmap.extract_features(
            self._database_path,
            self._images,
            image_names=[self.picture_path(i).name for i in indices],
            camera_mode=_colmap.CameraMode.SINGLE,
            reader_options=reading,
            extraction_options=options,
            device=_colmap.Device.cpu,
        )

    def _enter(self, indices: Sequence[int], size: tuple[int, int]) -> None:
        """Enter frames before their features are sought.

        The extractor would enter them itself, but makes a new camera at each call (one per ten frames: six focal
        lengths for one film) and numbers images as its threads finish, so that no two runs were the same.
        """
        self.size = size
        with self._open() as database:
            if self._camera is None:
                focal = self._focal_ratio * max(size)
                self._camera = _colmap.Camera.create_from_model_name(0, "SIMPLE_RADIAL", focal, *size)
                self._camera.camera_id = database.write_camera(self._camera)
                rig = _colmap.Rig()
                rig.add_ref_sensor(self._camera.sensor_id)
                self._rig = database.write_rig(rig)
            for index in indices:
                image = _colmap.Image(name=self.picture_path(index).name, camera_id=self._camera.camera_id)
                image.image_id = self._ids[index] = database.write_image(image)
                frame = _colmap.Frame()
                frame.rig_id = self._rig
                frame.add_data_id(image.data_id)
                database.write_frame(frame)

    def keypoints(self, index: int) -> NDArray[np.float32]:
        """(n, 2) px of the reduced picture, pixel centres at +0.5."""
        with self._open() as database:
            return np.asarray(database.read_keypoints(self._ids[index])[:, :2]).reshape(-1, 2)

    def descriptors(self, index: int) -> NDArray[np.uint8]:
        """(n, 128)."""
        with self._open() as database:
            return np.asarray(database.read_descriptors(self._ids[index]).data).reshape(-1, 128)

    def match(self, pairs: Sequence[Pair]) -> None:
        """Compare frames that were not compared before, and verify the matches by two-view geometry."""
        listing = self._folder / "pairs.txt"
        lines = [f"{self.picture_path(i).name} {self.picture_path(j).name}\n" for i, j in pairs]
        listing.write_text("".join(lines), encoding="utf-8")
        frames = {frame for pair in pairs for frame in pair}
        descriptors = {frame: self.descriptors(frame) for frame in frames}
        if self.matcher is None:
            found = match_frames(descriptors, pairs, self.threads)
        else:
            known = {frame: (self.keypoints(frame), descriptors[frame]) for frame in frames}
            found = self.matcher(known, self.size, pairs)
        with self._open() as database:
            for (first, second), matches in zip(pairs, found, strict=True):
                database.write_matches(self._ids[first], self._ids[second], matches)
        verification = _colmap.TwoViewGeometryOptions()
        verification.ransac.random_seed = self._seed
        verification.ransac.max_num_trials = MAX_TRIALS
        verification.detect_watermark = False  # a still overlay is the pipeline's business, not a pair's
        _colmap.verify_matches(self._database_path, listing, verification)

    def verified(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """(first, second, (n, 2) feature numbers) of every pair that passed verification."""
        frame_of = {image_id: index for index, image_id in self._ids.items()}
        result = list[tuple[int, int, NDArray[np.int64]]]()
        with self._open() as database:
            pair_ids, geometries = database.read_two_view_geometries()
        for pair_id, geometry in zip(pair_ids, geometries, strict=True):
            matches = np.asarray(geometry.inlier_matches, np.int64).reshape(-1, 2)
            if len(matches) == 0:
                continue
            first, second = (frame_of[i] for i in _colmap.pair_id_to_image_pair(pair_id))
            if first > second:
                first, second, matches = second, first, matches[:, ::-1]
            result.append((first, second, matches))
        return result

    def map(
        self,
        thresholds: Thresholds,
        on_registered: Callable[[], None],
        start: MappedModel | None = None,
        *,
        frames: Collection[int] = (),
    ) -> list[MappedModel]:
        """Incremental mapping (Schönberger and Frahm 2016), largest model first; from ``start`` if one is given.

        ``frames``: only these, if any are named.
        """
        options = self._mapping_options(thresholds, several=start is None)
        options.image_names = [self.picture_path(frame).name for frame in sorted(frames)]
        folder = self._new_folder()
        models = _colmap.incremental_mapping(
            self._database_path,
            self._images,
            folder,
            options,
            input_path=start.folder if start else "",
            next_image_callback=on_registered,
        )
        mapped = [written(model, folder / f"model{key}") for key, model in models.items()]
        return sorted(mapped, key=lambda model: (-len(model.frames), -len(model.points)))

    def retriangulate(self, model: MappedModel, thresholds: Thresholds) -> MappedModel:
        """The same cameras with points under other thresholds: what ``map`` needs to go on from there."""
        folder = self._new_folder()
        result = _colmap.triangulate_points(
            self._read(model),
            self._database_path,
            self._images,
            folder,
            clear_points=True,
            options=self._mapping_options(thresholds, several=False),
        )
        return written(result, folder / "model")

    def join(
        self,
        a: MappedModel,
        b: MappedModel,
        a_from_b: Similarity,
        thresholds: Thresholds,
        *,
        roughly: bool = False,
    ) -> MappedModel:
        """One model of two, in the world of ``a``: points are sought anew across both, then all is refined.

        ``roughly``: bad points go first, then a few rounds, as hundreds of frames that are nearly right want it.
        """
        folder = self._new_folder()
        whole, other = self._read(a), self._read(b)
        known = set(whole.reg_image_ids())
        camera_id, rig_id = next(iter(whole.cameras)), next(iter(whole.rigs))
        for image_id in sorted(set(other.reg_image_ids()) - known):
            image = other.images[image_id]
            pose = np.eye(4)
            pose[:3] = image.cam_from_world().matrix()
            placed = _colmap.Rigid3d(a_from_b.apply_to_camera(pose)[:3])
            if image_id in whole.images:  # a part of the same model once: it was only deregistered
                whole.frames[image.frame_id].rig_from_world = placed
            else:
                _add_image(whole, image, placed, camera_id, rig_id)
            whole.register_frame(image.frame_id)
        options = self._mapping_options(thresholds, several=False)
        joined = _colmap.triangulate_points(
            whole, self._database_path, self._images, folder, clear_points=True, options=options
        )
        if roughly:
            self._refine(joined, thresholds)
        else:
            _colmap.bundle_adjustment(joined, self._adjustment())
        joined.update_point_3d_errors()
        return written(joined, folder / "model")

    def _refine(self, whole: Any, thresholds: Thresholds) -> None:
        """All cameras, points and the lens together, without bad points.

        Of 2,400 frames one point that lay in the plane of a camera had an error of 1e148 px, and nothing else counted.
        """
        adjustment = self._adjustment()
        solver = adjustment.ceres.solver_options
        solver.max_num_iterations, solver.function_tolerance = ROUNDS_OF_MANY, 1e-6
        # A film's cameras see what their neighbours see, so that the sparse equations stay sparse however long it is.
        adjustment.ceres.max_num_images_direct_sparse_cpu_solver = NEVER
        points = _colmap.ObservationManager(whole)
        points.filter_all_points3D(MAX_POINT_ERROR_PX, thresholds.min_angle_deg)
        _colmap.bundle_adjustment(whole, adjustment)
        points.filter_all_points3D(MAX_POINT_ERROR_PX, thresholds.min_angle_deg)

    def locate(
        self, lens: Lens, pixels: NDArray[np.float64], points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """The (4, 4) pose of a camera that sees (n, 3) points at (n, 2) px, and which of them it explains.

        Three points by RANSAC (Lebeda et al. 2012), then all that agree, by least squares; ``None`` where none does.
        """
        camera = _colmap.Camera.create_from_model_name(
            0, "SIMPLE_RADIAL", lens.focal, lens.width, lens.height
        )
        camera.params = [lens.focal, lens.cx, lens.cy, lens.k]
        options = _colmap.AbsolutePoseEstimationOptions()
        options.ransac.max_error, options.ransac.random_seed = MAX_POINT_ERROR_PX, self._seed
        found = _colmap.estimate_and_refine_absolute_pose(pixels, points, camera, options)
        if found is None:
            return None
        pose = np.eye(4)
        pose[:3] = found["cam_from_world"].matrix()
        return pose, np.asarray(found["inlier_mask"], np.bool_)

    @staticmethod
    def _adjustment() -> Any:
        adjustment = _colmap.BundleAdjustmentOptions()
        adjustment.print_summary = False
        adjustment.ceres.solver_options.num_threads = 1  # as in mapping: the same sums at every run
        return adjustment

    def _new_folder(self) -> Path:
        self._runs += 1
        folder = self._folder / f"models{self._runs}"
        folder.mkdir()
        return folder

    def _mapping_options(self, thresholds: Thresholds, *, several: bool) -> Any:
        options = _colmap.IncrementalPipelineOptions()
        options.num_threads = 1  # with more the sums of bundle adjustment depend on who is first
        options.multiple_models = several
        options.min_model_size = 3
        options.extract_colors = False
        # Refine everything when the model grew by 40 % instead of 10 %, and stop when a step gains less than a
        # millionth: a third less time, 0.06 instead of 0.05 % of the path on the synthetic room.
        options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.4
        options.ba_global_function_tolerance = 1e-6
        # Refine around a new frame once and roughly, as everything is refined again later, and everything until 0.5 %
        # of the observations change instead of 0.05 %: 2.7 instead of 4.5 s on `fox`, 0.0336 for 0.0339 % of the path;
        # `office` 0.077 to 0.081 for 0.079 to 0.080 % (four seeds).
        options.ba_local_function_tolerance, options.ba_local_max_refinements = 1e-4, 1
        options.ba_global_max_refinement_change = 0.005
        mapper, triangulation = options.mapper, options.triangulation
        options.random_seed = mapper.random_seed = triangulation.random_seed = self._seed
        mapper.abs_pose_min_num_inliers = thresholds.min_inliers
        mapper.abs_pose_min_inlier_ratio = thresholds.min_inlier_share
        mapper.filter_min_tri_angle = triangulation.min_angle = thresholds.min_angle_deg
        return options

    @staticmethod
    def _read(model: MappedModel) -> Any:
        """What COLMAP wrote, without the frames that the model has lost since."""
        whole = _colmap.Reconstruction(model.folder)
        known = set(model.frames.tolist())
        for image_id in whole.reg_image_ids():
            if frame_number(whole.images[image_id]) not in known:
                whole.deregister_frame(whole.images[image_id].frame_id)
        return whole

    def _open(self) -> Any:
        return _colmap.Database.open(self._database_path)


def _add_image(whole: Any, image: Any, rig_from_world: Any, camera_id: int, rig_id: int) -> None:
    """Enter an image of another model, with its frame, but without its points."""
    frame = _colmap.Frame()
    frame.frame_id, frame.rig_id = image.frame_id, rig_id
    frame.add_data_id(image.data_id)
    frame.rig_from_world = rig_from_world
    whole.add_frame(frame)
    added = _colmap.Image(name=image.name, camera_id=camera_id, image_id=image.image_id)
    added.frame_id = image.frame_id
    added.points2D = [_colmap.Point2D(point.xy) for point in image.points2D]
    whole.add_image(added)


def library_version() -> str:
    """The version of _colmap."""
    return str(_colmap.__version__)
