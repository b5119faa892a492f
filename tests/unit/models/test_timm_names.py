"""The names of timm's backbones, which the configuration is checked with."""

import subprocess
import sys
from pathlib import Path

import timm

from pneumobench.models import timm_names

ROOT = Path(__file__).parents[3]


def test_names_are_those_that_timm_lists_and_those_that_it_still_takes():
    assert set(timm.list_models()) <= timm_names.names()
    listed = {name.partition(".")[0] for name in timm.list_models(include_tags=True)}
    assert listed <= timm_names.names()
    assert all(map(timm.is_model, timm_names.names()))


def test_neither_torch_nor_timm_is_imported_for_them():
    code = """import sys; from pneumobench.models.timm_names import names; assert names()
assert not {"torch", "timm"} & set(sys.modules)"""
    environment = {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def look_in(monkeypatch, *folders: Path) -> frozenset[str]:
    """Return the names of a timm that lies in these folders; there is none without a folder."""
    found = type("Spec", (), {"submodule_search_locations": list(map(str, folders))})
    monkeypatch.setattr(
        timm_names.importlib.util, "find_spec", lambda _: found if folders else None
    )
    return timm_names.names.__wrapped__()


def test_nothing_is_known_where_timm_is_not_or_has_no_files_to_be_read(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.py").write_text("import torch\n")
    for folders in ((), (tmp_path,), (tmp_path / "models",)):
        assert look_in(monkeypatch, *folders) == frozenset()


def test_another_timm_is_asked_for_its_own_names(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/new.py").write_text("""
@register_model
def brand_new_t(pretrained: bool = False):
    return None

register_model_deprecations(__name__, {
    'older_t': 'brand_new_t.in1k',
})
""")
    assert look_in(monkeypatch, tmp_path) == {"brand_new_t", "older_t"}
