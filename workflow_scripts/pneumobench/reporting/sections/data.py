"""What the networks were trained and tested on."""

from typing import Any

from pneumobench.core.few import FEW, is_few, largest_unseen
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.flow import read_flow
from pneumobench.reporting.inputs import DATASET_TITLES
from pneumobench.reporting.origin import patients_told
from pneumobench.reporting.section import FigureOf, Heading, Paragraph, Points, Section
from pneumobench.reporting.table import Cell, Share, Table
from pneumobench.reporting.wording import count, plural
from pneumobench.reporting.words import Words

# Longer lists stay in audit.json.
_LISTED_REJECTIONS = 200


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section."""
    audit, flow = files.audit, read_flow(files.one("audit"), files.one("splits"))
    rejected, warnings = flow["rejected"], audit["warnings"]
    classes = f"Positive class: {words.positive}; negative class: {words.negative}."
    rest = len(rejected) - _LISTED_REJECTIONS
    return Section(
        name="data",
        title="What were the networks trained and tested on?",
        short="Data",
        blocks=(
            Paragraph(
                f"Source: {audit['source']['title']}. Patients are identified "
                f"{patients_told(audit)}.{'' if words.pneumonia else f' {classes}'}"
            ),
            *_by_number_alone(audit, files.settings, flow["roles"]["left_out"], words),
            FigureOf("data_flow"),
            Table(
                "data_flow",
                "From files to folds",
                _steps(flow, files.facts["datasets"], words),
                notes=(
                    "A group is a patient, together with the owners of identical images; it "
                    "counts as one patient in all results. "
                    f"{count(flow['counts']['redundant_duplicates'])} redundant copies were found "
                    "and kept; copies of one image are never on both sides of a split. Other files "
                    f"that are no images: {count(flow['counts']['litter'])}.",
                ),
            ),
            _classes(files.facts["datasets"], words),
            Heading(f"Files excluded ({count(len(rejected))})"),
            Table(
                "rejections",
                "Files excluded",
                [
                    {"File": entry["path"], "Reason": entry["reason"]}
                    for entry in rejected[:_LISTED_REJECTIONS]
                ],
                notes=(f"And {count(rest)} more, listed in `dataset/audit.json`.",)
                if rest > 0
                else (),
            ),
            *([] if rejected else [Paragraph("None.")]),
            Heading(f"Warnings of the audit ({count(len(warnings))})"),
            Points(tuple(warnings)) if warnings else Paragraph("None."),
        ),
    )


def _by_number_alone(
    audit: dict[str, Any], settings: dict[str, Any], left_out: dict[str, int], words: Words
) -> list[Paragraph]:
    """Say what the other reading of patient numbers would change, and which one was used."""
    found = audit.get("by_number_alone")
    if settings.get("split", {}).get("patient_key", "name") == "number":
        aside = (
            f" {plural(left_out['images'], 'development image')} of "
            f"{plural(left_out['groups'], 'group')} that the official test set has, too, were "
            "left out."
        )
        return [
            Paragraph(
                f"Equal numbers in file names are taken for one {words.person} here, whatever the "
                f"subtype (`split.patient_key: number`).{aside if left_out['images'] else ''}"
            )
        ]
    if not found:
        return []
    return [
        Paragraph(
            f"If equal numbers in file names meant one {words.person} whatever the subtype, "
            f"{count(found['patients'])} {words.people} would have images on both sides of the "
            f"official split ({count(found['development_images'])} development images). They do "
            "not here: numbers were given within a subtype, each series beginning anew, so an "
            f"equal number with another subtype is another {words.person}. "
            "`split.patient_key: number` repeats everything with the other reading."
        )
    ]


def _classes(datasets: dict[str, dict[str, Any]], words: Words) -> Table:
    """Return how many images of each class a set has, and what so many can show."""
    rows: list[dict[str, Cell]] = [
        {
            "Images": title,
            "Class": words.name(label),
            "Number": number,
            "Share of errors that may go unseen": Share(largest_unseen(number)),
            "Note": "few" if is_few(number) else "",
        }
        for name, title in DATASET_TITLES.items()
        for part in (datasets[name],)
        for label, number in (
            ("normal", part["n"] - part["events"]),
            ("pneumonia", part["events"]),
        )
    ]
    return Table(
        "classes",
        "Images by class",
        rows,
        notes=(
            "May go unseen: a model that is wrong about none of so many images may still be wrong "
            "about this share of all (upper 95 % bound, each image of a patient of its own). Few: "
            f"fewer than {FEW}; calibration, net benefit and differences between sets are then not "
            "judged.",
        ),
    )


def _steps(flow: dict, datasets: dict, words: Words) -> list[dict[str, Cell]]:
    counts, roles = flow["counts"], flow["roles"]
    subtypes = ", ".join(
        f"{count(number)} {words.subtype(subtype)}" for subtype, number in flow["subtypes"].items()
    )
    events = {name: count(part["events"]) for name, part in datasets.items()}
    steps = [
        ("Files found", counts["files"], None),
        ("Excluded", counts["rejected"], None),
        (f"Accepted ({subtypes})", counts["ok"], counts["patient_groups"]),
        (
            f"Cross-validation, {events['out_of_fold']} with {words.positive}",
            *roles["cv"].values(),
        ),
        *(
            (f"\N{EM SPACE}fold {fold['fold']}", fold["images"], fold["groups"])
            for fold in flow["folds"]
        ),
        (f"Test set, {events['test']} with {words.positive}", *roles["test"].values()),
    ]
    if roles["left_out"]["images"]:
        left_out = "Left out: by number alone, patients of the test set"
        steps.append((left_out, *roles["left_out"].values()))
    return [
        dict(zip(("Step", "Images", "Groups of patients"), step, strict=True)) for step in steps
    ]
