"""The list of figures with their hashes and inputs."""

import hashlib

from pneumobench.core.files import read_json
from pneumobench.reporting.figure_manifest import list_figures


def test_manifest_has_the_hash_of_every_file_and_its_inputs(tmp_path):
    for name, text in (("a.png", "a"), ("b.pdf", "b"), ("in.csv", "i"), ("maps/m.npz", "m")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "maps/.mark").write_text("of the workflow")
    given = {
        str(tmp_path / "a.png"): [str(tmp_path / "in.csv")],
        str(tmp_path / "b.pdf"): [str(tmp_path / "maps"), str(tmp_path / "in.csv")],
    }
    list_figures(given, tmp_path / "manifest.json")
    first, second = read_json(tmp_path / "manifest.json")["entries"]
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert second["inputs"] == {
        str(tmp_path / "in.csv"): hashlib.sha256(b"i").hexdigest(),
        str(tmp_path / "maps/m.npz"): hashlib.sha256(b"m").hexdigest(),
    }
