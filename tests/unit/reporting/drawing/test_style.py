"""How runs are told apart in figures, and how classes are named."""

import itertools

import numpy as np
from matplotlib.colors import to_rgb

from pneumobench.reporting.drawing import style


def test_thirteen_runs_highlight_six_and_grey_the_rest():
    styles = style.run_styles([f"run {index}" for index in range(13)])
    own = [entry for entry in styles.values() if entry.highlighted]
    assert len(own) == 6
    assert {entry.colour for entry in styles.values() if not entry.highlighted} == {style.GREY}
    assert len({(entry.colour, str(entry.line), entry.marker) for entry in own}) == 6
    # A second cue beside the colour: no two line styles and no two markers are alike.
    assert len({str(entry.line) for entry in own}) == len({entry.marker for entry in own}) == 6


def test_neighbours_in_rank_differ_in_grey_or_in_line_style():
    entries = list(style.run_styles([f"run {index}" for index in range(7)]).values())
    for first, second in itertools.pairwise(entries):
        assert first.line != second.line and first.marker != second.marker
        assert np.abs(np.subtract(to_rgb(first.colour), to_rgb(second.colour))).max() > 0.2
