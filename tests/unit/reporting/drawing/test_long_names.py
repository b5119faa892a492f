"""Long names of runs and classes: no text runs into another one, whatever the number of runs."""

import pytest
from calibration_fixture import Calibrations
from explanation_fixture import Explanations
from figure_inputs import assert_readable, drawn
from map_figures import MAP_FIGURES, map_inputs
from reporting_fixture import Experiment, Made
from shift_fixture import write_shift
from thirteen import THIRTEEN

from pneumobench.reporting.words import Words

FIGURES = ("confusion", "shift", "calibration", "decision_curves", "training_curves", "ranking",
           "critical_difference", *MAP_FIGURES)  # fmt: skip
LONG = "ResNet18 + CBAM from scratch, the second of two"
WORDS = {
    "usual": Words(),
    "long": Words("pleural thickening with effusion", "no finding in this image", adults=True),
    "one word": Words("pneumonoultramicroscopicsilicovolcanoconiosis", "unremarkable"),
}


def experiment(folder, number):
    """Return the inputs of an experiment of so many runs, every other with a long name."""
    runs = [
        Made(model, f"{LONG} {place}" if place % 2 else f"Net {place}", 3.2 - 0.2 * place, 1e6)
        for place, model in enumerate(THIRTEEN[:number])
    ]
    made = Experiment(folder, runs, n=(150, 60))
    calibrations = Calibrations(made)
    files = {"shift": write_shift(made), "calibrations": calibrations.details}
    return Explanations(made, sides=(7, 12)), files


@pytest.fixture(scope="module", params=[4, 13])
def explained(request, tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("long"), request.param)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_runs_into_another(explained, name, words):
    made, files = explained
    assert_readable(drawn(name, map_inputs(made, WORDS[words], **files)))
