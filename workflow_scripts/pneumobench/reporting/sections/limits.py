"""What the report cannot say."""

from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.origin import patients_told
from pneumobench.reporting.section import Points, Section
from pneumobench.reporting.words import Words


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section."""
    if files.phantoms:
        of_images = [
            "Phantoms are not patients: no result in this report says anything about real "
            "radiographs."
        ]
    else:
        of_images = [
            "Age, sex, date and device of the images are not read, so fairness towards groups of "
            f"{words.people} cannot be examined.",
            f"Patients are identified {patients_told(files.audit)}; a patient under two numbers "
            "counts as two.",
        ]
    if files.one("external") is None:
        validation = (
            "A test set from the same source as the development data is no external validation: "
            "other hospitals, devices and ages are not tested."
        )
    else:
        validation = (
            "The external radiographs come from one other source: what holds there need not hold "
            "at a third. The test set comes from the source that networks were trained on."
        )
    return Section(
        name="limits",
        title="What can this report not say?",
        short="Limits",
        blocks=(
            Points(
                (
                    *of_images[:1],
                    validation,
                    *few_sentence(files.facts["datasets"], files.facts["datasets"], words),
                    *of_images[1:],
                    "Intervals hold the trained models fixed: they show how much a result would "
                    "change with other patients, not with another training.",
                    "Runs that are not distinguishable, or undecided, are not thereby equal: a "
                    "difference may be there and be missed.",
                    "Repeated use of the test set biases its results. Choose by the out-of-fold "
                    "results.",
                    "This is research software, not a medical device.",
                )
            ),
        ),
    )
