"""Are the phantoms like real radiographs, and does nothing trivial give the disease away?

Draws a set of phantoms (or takes one that exists), measures it beside a folder of real images in
Kaggle's layout and writes a mosaic, real radiographs left, phantoms right:

    python benchmarks/phantom_realism.py --real resources/datasets/chest_xray --out results/realism

Without --real only the probes for shortcuts run.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from pneumobench.core.files import read_table, write_json
from pneumobench.data.phantoms.generate import generate_phantoms

_SIDE = 224


def out_of_fold_auc(model, features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Area under the ROC curve of patient-grouped out-of-fold predictions (5 folds)."""
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
    scores = cross_val_predict(model, features, labels, groups=groups, cv=folds, method=method)
    return float(roc_auc_score(labels, scores[:, 1] if scores.ndim == 2 else scores))


def linear_probe(strength: float = 1.0):
    """Standardised logistic regression."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def metadata_features(path: Path) -> list[float]:
    """Width, height, aspect ratio, bytes, mean and standard deviation of the grey values."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"), dtype=np.float64)
    height, width = pixels.shape
    return [width, height, width / height, path.stat().st_size, pixels.mean(), pixels.std()]


def read_square(path: Path, side: int) -> np.ndarray:
    """Grey image squashed to a square, float64 0 to 255."""
    with Image.open(path) as image:
        square = image.convert("L").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(square, dtype=np.float64)


def border_features(path: Path) -> np.ndarray:
    """The outer tenth of the image on each side, from a 30 x 30 reduction."""
    frame = np.ones((30, 30), dtype=bool)
    frame[3:-3, 3:-3] = False
    return read_square(path, 30)[frame]


def corner_features(path: Path) -> np.ndarray:
    """Brightest grey in patches of the two upper corners, where side markers stand."""
    square = read_square(path, 96)
    corners = np.concatenate([square[:32, :12], square[:32, -12:]], axis=1)
    return corners.reshape(8, 4, 4, 6).max(axis=(1, 3)).ravel()


def thumbnail_features(path: Path) -> np.ndarray:
    """A 16 x 16 thumbnail with mean 0 and standard deviation 1."""
    thumbnail = read_square(path, 16).ravel()
    return (thumbnail - thumbnail.mean()) / thumbnail.std()


def _forest():
    return RandomForestClassifier(100, min_samples_leaf=10, random_state=0)


# What must not find pneumonia (the thumbnail: clearly worse than a network): model and features.
PROBES = {
    "metadata, logistic": (linear_probe(), metadata_features),
    "metadata, forest": (_forest(), metadata_features),
    "border, logistic": (linear_probe(0.001), border_features),
    "border, forest": (_forest(), border_features),
    "marker corner, logistic": (linear_probe(0.01), corner_features),
    "thumbnail 16x16, logistic": (linear_probe(0.001), thumbnail_features),
    "thumbnail 16x16, ridge": (RidgeClassifier(alpha=100.0), thumbnail_features),
}


def probe_shortcuts(folder: Path, names: tuple[str, ...] = tuple(PROBES)) -> dict[str, float]:
    """Out-of-fold AUC of probes on all radiographs of a set.

    Parameters
    ----------
    folder
        Holds phantoms.csv and chest_xray/.
    names
        Which of `PROBES`.
    """
    table = read_table(folder / "phantoms.csv")
    paths = [folder / "chest_xray" / path for path in table["path"]]
    labels = (table["label"] == "pneumonia").to_numpy().astype(int)
    groups = table["patient"].to_numpy()
    figures = {}
    for name in names:
        model, measure = PROBES[name]
        features = np.array([measure(path) for path in paths])
        figures[name] = out_of_fold_auc(model, features, labels, groups)
    return figures


def grey_histogram(square: np.ndarray) -> np.ndarray:
    """Share of the pixels in each of 32 bins of grey."""
    return np.histogram(square, bins=32, range=(0, 256))[0] / square.size


def radial_spectrum(square: np.ndarray) -> np.ndarray:
    """Decimal logarithm of the standardised image's power in 40 rings of spatial frequency."""
    window = np.hanning(len(square))
    content = (square - square.mean()) / square.std() * np.outer(window, window)
    power = np.abs(np.fft.fft2(content)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(square))] * 2))
    rings = np.minimum((frequency * 80).astype(int), 40)
    total = np.bincount(rings.ravel(), power.ravel(), 41) / np.bincount(rings.ravel(), minlength=41)
    return np.log10(total[:40])


def compare_with_real(
    real: list[Path], phantoms: list[Path]
) -> tuple[dict[str, float], pd.DataFrame]:
    """Share of histogram bins and frequency rings where the median phantom lies in the real band.

    The band reaches from the 5th to the 95th percentile of the real images. `single` shares count
    each phantom by itself (90 % would be a perfect match).
    """
    shares: dict[str, float] = {}
    rows = []
    for name, measure in (("histogram", grey_histogram), ("spectrum", radial_spectrum)):
        theirs = np.array([measure(read_square(path, _SIDE)) for path in real])
        ours = np.array([measure(read_square(path, _SIDE)) for path in phantoms])
        low, high = np.percentile(theirs, [5, 95], axis=0)
        middle = np.median(ours, axis=0)
        shares[f"{name}, median phantom in the band"] = float(
            np.mean((middle >= low) & (middle <= high))
        )
        shares[f"{name}, single phantoms in the band"] = float(
            np.mean((ours >= low) & (ours <= high))
        )
        for position in range(len(low)):
            rows.append(
                {
                    "measure": name,
                    "bin": position,
                    "real_low": low[position],
                    "real_median": np.median(theirs[:, position]),
                    "real_high": high[position],
                    "phantom_median": middle[position],
                }
            )
    return shares, pd.DataFrame(rows)


def mosaic(real: list[Path], phantoms: list[Path], path: Path, rows: int = 5) -> None:
    """Write a mosaic: three columns of real radiographs, three of phantoms."""
    sheet = Image.new("L", (6 * _SIDE + 12, rows * _SIDE), 255)
    for column in range(6):
        source = real if column < 3 else phantoms
        for row in range(rows):
            radiograph = read_square(source[(column % 3) * rows + row], _SIDE).astype(np.uint8)
            left = column * _SIDE + (12 if column > 2 else 0)
            sheet.paste(Image.fromarray(radiograph), (left, row * _SIDE))
    sheet.save(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, help="real radiographs in Kaggle's layout")
    parser.add_argument("--out", type=Path, required=True, help="folder for phantoms and results")
    parser.add_argument("--patients", type=int, default=640)
    parser.add_argument("--image-px", type=int, default=256)
    parser.add_argument("--difficulty", type=float, default=0.3)
    parser.add_argument("--shift", type=float, default=0.2)
    parser.add_argument("--marker-confounder", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if not (options.out / "phantoms.csv").exists():
        generate_phantoms(
            options.out / "phantoms.csv",
            patients=options.patients,
            test_fraction=0.2,
            seed=options.seed,
            image_px=options.image_px,
            difficulty=options.difficulty,
            shift=options.shift,
            marker_confounder=options.marker_confounder,
            workers=options.workers,
        )
    figures = probe_shortcuts(options.out)
    if options.real:
        rng = np.random.default_rng(0)
        real = sorted((options.real / "train").rglob("*.jpeg"))
        real = [real[i] for i in rng.permutation(len(real))[:500]]
        phantoms = sorted((options.out / "chest_xray" / "train").rglob("*.jpeg"))
        phantoms = [phantoms[i] for i in rng.permutation(len(phantoms))[:500]]
        shares, bins = compare_with_real(real, phantoms)
        figures |= shares
        bins.to_csv(options.out / "realism_bins.csv", index=False)
        mosaic(real, phantoms, options.out / "mosaic.png")
    for name, value in figures.items():
        sys.stdout.write(f"{name:45s} {value:.3f}\n")
    write_json(options.out / "realism.json", figures)


if __name__ == "__main__":
    main()
