"""From files to folds: how many files, images and patients reach each step."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import (
    BLUE,
    DARK_GREY,
    GREY,
    PAGE_WIDTH,
    new_figure,
    page_width,
)
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.wording import count, listing, plural
from pneumobench.reporting.words import Words

_HEIGHT = 4.4
_FILL, _FILL_ASIDE = "#EAF2F8", "#F6F6F6"
# Fold boxes side by side; more folds are summed up in one box.
_MOST_FOLD_BOXES = 6


def draw(inputs: FigureInputs) -> Figure:
    """Draw the way from files to folds and test set."""
    flow = read_flow(inputs.one("audit"), inputs.one("splits"))
    figure = new_figure(_HEIGHT * _share(), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    counts = flow["counts"]
    _box(axes, (0.2, 8.7, 4.6, 1.1), "Files found", [plural(counts["files"], "image file")])
    _box(axes, (5.6, 7.9, 4.2, 1.9), "Excluded", _aside(flow), fill=_FILL_ASIDE)
    _arrow(axes, (4.8, 9.25), (5.6, 9.25))
    _arrow(axes, (2.5, 8.7), (2.5, 7.6))
    _box(axes, (0.2, 6.1, 4.6, 1.5), "Accepted", _accepted(flow, inputs.words))
    _box(axes, (5.6, 6.1, 4.2, 1.5), "Identical copies", _copies(counts), fill=_FILL_ASIDE)
    _arrow(axes, (4.8, 6.85), (5.6, 6.85))
    _arrow(axes, (2.5, 6.1), (2.5, 5.5))
    _arrow(axes, (4.4, 6.1), (6.0, 5.5))
    cv, test = flow["roles"]["cv"], flow["roles"]["test"]
    _box(
        axes,
        (0.2, 4.0, 4.6, 1.5),
        "Cross-validation",
        [_people(cv), "training, thresholds, ranking"],
    )
    _box(axes, (5.6, 4.0, 4.2, 1.5), "Test set", [_people(test), "reported, never used to choose"])
    _draw_folds(axes, flow["folds"])
    if flow["roles"]["left_out"]["images"]:
        axes.text(
            0.2, 0.4, f"Left out: {_people(flow['roles']['left_out'])}, which by number alone are "
            "in the test set, too.", fontsize=_size(7), color=DARK_GREY,
        )  # fmt: skip
    axes.text(
        0.2, 0.15, "Group: a patient, united with the owners of identical images. No group is in "
        "two folds, or in a fold and the test set.", fontsize=_size(7), color=DARK_GREY,
    )  # fmt: skip
    return figure


def _share() -> float:
    """Return how wide the page is, as a share of the usual one: boxes and letters keep in step."""
    return min(1.0, page_width() / PAGE_WIDTH)


def _size(points: float) -> float:
    return points * _share()


def _people(size: dict[str, int]) -> str:
    return f"{plural(size['images'], 'image')} of {plural(size['groups'], 'group')}"


def _aside(flow: dict[str, Any]) -> list[str]:
    lines = [plural(flow["counts"]["rejected"], "file")]
    shown = flow["reasons"][:2]
    lines += [f"{count(number)}: {_shorten(reason)}" for reason, number in shown]
    rest = sum(number for _, number in flow["reasons"][2:])
    return [*lines[:-1], f"{lines[-1]}; {count(rest)} others"] if rest else lines


def _shorten(text: str, longest: int = 42) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _accepted(flow: dict[str, Any], words: Words) -> list[str]:
    counts = flow["counts"]
    return [
        f"{plural(counts['ok'], 'image')} of {plural(counts['patients'], 'patient')}, "
        f"{plural(counts['patient_groups'], 'group')}",
        listing(
            [
                f"{count(number)} {words.subtype(subtype)}"
                for subtype, number in flow["subtypes"].items()
            ]
        ),
    ]


def _copies(counts: dict[str, int]) -> list[str]:
    return [
        f"{plural(counts['redundant_duplicates'], 'redundant copy', 'redundant copies')} in "
        f"{plural(counts['duplicate_sets'], 'set')}",
        "kept; a set stays on one side",
    ]


def _draw_folds(axes: Axes, folds: list[dict[str, int]]) -> None:
    if len(folds) > _MOST_FOLD_BOXES:
        images = [fold["images"] for fold in folds]
        _arrow(axes, (2.5, 4.0), (2.5, 3.1))
        _box(
            axes, (0.2, 1.6, 4.6, 1.5), f"{len(folds)} folds",
            [f"{count(min(images))} to {count(max(images))} images each"],
        )  # fmt: skip
        return
    width = (9.6 - 0.2 * (len(folds) - 1)) / len(folds)
    for position, fold in enumerate(folds):
        left = 0.2 + position * (width + 0.2)
        # A common bar above the boxes; each box hangs from it.
        _arrow(axes, (left + width / 2, 3.6), (left + width / 2, 3.1))
        lines = [plural(fold["images"], "image"), plural(fold["groups"], "group")]
        lines += [f"held out: {count(fold['inner'])}"] if fold["inner"] else []
        _box(axes, (left, 1.2, width, 1.9), f"Fold {fold['fold']}", lines)
    first, last = 0.2 + width / 2, 9.8 - width / 2
    axes.plot([first, max(last, 2.5)], [3.6, 3.6], color=GREY, linewidth=1)
    axes.plot([2.5, 2.5], [4.0, 3.6], color=GREY, linewidth=1)
    axes.text(
        0.2, 0.65, "Held out: images of the other folds by which early stopping chooses the epoch "
        "of this fold's model.", fontsize=_size(7), color=DARK_GREY,
    )  # fmt: skip


def _box(
    axes: Axes,
    place: tuple[float, float, float, float],
    title: str,
    lines: list[str],
    fill: str = _FILL,
) -> None:
    left, bottom, width, height = place
    axes.fill(
        [left, left + width, left + width, left],
        [bottom, bottom, bottom + height, bottom + height],
        facecolor=fill, edgecolor=BLUE if fill == _FILL else GREY, linewidth=0.9,
    )  # fmt: skip
    axes.text(left + 0.12, bottom + height - 0.12, title, fontsize=_size(8.5), va="top")
    for position, line in enumerate(lines):
        axes.text(
            left + 0.12, bottom + height - 0.58 - 0.4 * position, line,
            fontsize=_size(7.5), color=DARK_GREY, va="top",
        )  # fmt: skip


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
    )
