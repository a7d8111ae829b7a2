"""Few values for many: exact where few are enough, near where not, and an end for every kind of scene."""

import numpy as np
import pytest

from roomsplat.formats.codebook import codebook, labels, palette

RNG = np.random.default_rng(3)


def mean_error(values: np.ndarray) -> float:
    """Root mean square of what the codebook changes."""
    book = codebook(values)
    return float(np.sqrt(np.mean((book[labels(values, book)] - values) ** 2)))


@pytest.mark.parametrize("count", [1, 2, 255, 256])
def test_few_values_come_back_exactly(count: int) -> None:
    """Up to 256 different values, however often each, are their own codebook."""
    values = RNG.permutation(np.repeat(RNG.normal(size=count), 7)).astype(np.float32)
    book = codebook(values)
    assert book.shape == (256,)
    assert (np.diff(book) >= 0).all()
    np.testing.assert_array_equal(book[labels(values, book)], values)


@pytest.mark.parametrize(("spread", "best", "above"), [("normal", 2.72, 1.05), ("laplace", 9.0, 1.2)])
def test_many_values_are_near_the_best_quantiser(spread: str, best: float, above: float) -> None:
    """256 steps err by little more than Panter and Dite's formula says: (∫ p^(1/3))³ / 12 over 256², for very many."""
    values = getattr(RNG, spread)(size=200_000).astype(np.float32)
    formula = np.sqrt(best / 256**2)
    assert mean_error(values) < above * formula
    assert mean_error(np.concatenate([values, [-40, 55]]).astype(np.float32)) < (above + 0.1) * formula


def test_an_empty_scene_has_a_codebook() -> None:
    """Nothing is told apart by 256 zeros."""
    assert codebook(np.empty(0, np.float32)).tolist() == [0.0] * 256


def test_a_palette_that_is_large_enough_is_exact() -> None:
    """No more vectors than entries: each is its own."""
    vectors = RNG.normal(size=(500, 9)).astype(np.float32)
    centroids, label = palette(vectors, 500)
    np.testing.assert_array_equal(centroids[label], vectors)


def test_clusters_are_found() -> None:
    """Vectors around fewer centres than the palette has entries: what is left is their spread within the clusters."""
    centres = RNG.normal(size=(300, 24)).astype(np.float32)
    vectors = (centres[RNG.integers(0, 300, 20_000)] + RNG.normal(scale=0.01, size=(20_000, 24))).astype(
        np.float32
    )
    centroids, label = palette(vectors, 2048)
    assert len(centroids) <= 2048
    assert np.sqrt(np.mean((centroids[label] - vectors) ** 2)) < 0.012


@pytest.mark.parametrize("different", [1, 2, 40, 3000])
def test_vectors_that_are_often_the_same_have_an_end(different: int) -> None:
    """Rounded harmonics, as another format leaves them, are the same for thousands: a palette comes all the same."""
    kinds = np.rint(RNG.normal(size=(different, 9)) * 4).astype(np.float32) / 4
    vectors = kinds[np.minimum(RNG.integers(0, different, 30_000), RNG.integers(0, different, 30_000))]
    vectors[:29_000] = kinds[0]
    centroids, label = palette(vectors, 1024)
    assert len(centroids) <= 1024
    error = np.sqrt(np.mean((centroids[label] - vectors) ** 2))
    assert error < (1e-6 if different <= 40 else 0.1)
