"""The split by the number of a patient alone, from nothing to the report."""

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, read_table


def test_a_split_by_number_alone_reaches_the_report(make_workflow):
    flow = make_workflow(
        task="subtype", ensembles=[], split={"folds": 2, "patient_key": "number"},
        data={"phantom": {"patients": 120, "image_px": 96}}, runs=["custom_resnet18"],
    )  # fmt: skip
    flow.succeed()
    splits = read_table(flow.results / "dataset/splits.csv", text=("image_id", "inner", "group"))
    names = {role: set(part["image_id"]) for role, part in splits.groupby("role")}
    assert set(names) == {"cv", "test", "left_out"}
    for kind in (*BASELINES, "subtypes"):
        for name, role in (("out_of_fold", "cv"), ("test", "test")):
            files = flow.results.glob(f"baselines/{kind}/**/{name}.csv")
            seen = {image for path in files for image in read_table(path)["image_id"]}
            assert seen == names[role], kind
    blocks = read_table(flow.results / "shift/blocks.csv")
    assert set(blocks["image_id"]) <= names["cv"]
    found = read_json(flow.results / "dataset/audit.json")["by_number_alone"]
    assert found["development_images"] == len(names["left_out"])
    report = (flow.results / "report/report.html").read_text(encoding="utf-8")
    assert "Left out: by number alone" in report
