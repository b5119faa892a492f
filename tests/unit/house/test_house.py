"""The house keeps its own rules: names, directions of imports, environments."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from rule_texts import rule_texts

PROJECT = Path(__file__).resolve().parents[3]
SCRIPTS = PROJECT / "workflow_scripts"
PACKAGE = SCRIPTS / "pneumobench"

# A room may import from those named here and from itself.
MAY_IMPORT = {
    "core": set(),
    "data": {"core"},
    "models": {"core"},
    "prediction": {"core", "data", "models"},
    "training": {"core", "data", "models", "prediction"},
    "explain": {"core", "data", "models", "prediction"},
    "statistics": {"core"},
    "reporting": {"core", "statistics"},
    "doctor": {"core", "data", "models", "training", "explain"},
}
WITHOUT_TORCH = ("core", "data", "statistics", "reporting", "doctor")
# What varies images does so where networks are trained; what doctor builds is a process of its own.
WITH_TORCH = ("data/augment.py", "data/augmentation/", "doctor/building.py")
# The simplest models are no networks.
LIGHT_PREDICTION = tuple(
    f"prediction/{name}.py" for name in ("baselines", "baseline_models", "shift", "subtypes")
)


def without_torch() -> list[Path]:
    paths = [path for room in WITHOUT_TORCH for path in (PACKAGE / room).rglob("*.py")]
    light = [
        path for path in paths if not path.relative_to(PACKAGE).as_posix().startswith(WITH_TORCH)
    ]
    return light + [PACKAGE / name for name in LIGHT_PREDICTION]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room):
    allowed = MAY_IMPORT[room] | {room}
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imported(path):
            if name.startswith("pneumobench."):
                assert name.split(".")[1] in allowed, f"{path}: {name}"
            assert not name.startswith("snakemake"), path


def test_light_rooms_do_not_import_torch():
    for path in without_torch():
        assert not any(re.match(r"(torch|timm)\b", name) for name in imported(path)), path


def test_light_rooms_do_not_load_torch():
    modules = [
        ".".join(path.relative_to(SCRIPTS).with_suffix("").parts)
        for path in without_torch()
        if path.name != "__init__.py"
    ]
    code = f"import {', '.join(modules)}, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS)


def scripts() -> list[Path]:
    return [path for path in SCRIPTS.glob("*/*.py") if path.parent != PACKAGE]


def test_every_rule_has_its_script_and_every_script_its_rule():
    """A rule's script has its name; the rules of a loop over a registry share one."""
    scripted = {}
    for rule, text in rule_texts().items():
        if found := re.search(r'script:\s+"\.\./workflow_scripts/\w+/(\w+)\.py"', text):
            scripted.setdefault(found[1], set()).add(rule)
    assert set(scripted) == {path.stem for path in scripts()}
    assert all(rules == {script} or len(rules) > 1 for script, rules in scripted.items())


def workflow_texts() -> dict[str, str]:
    """Return the texts that Snakemake reads, by the names of their files."""
    paths = (PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk"))
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def test_rules_carry_the_hash_of_their_own_script():
    without = set()
    for name, text in rule_texts().items():
        (script,) = set(re.findall(r'"\.\./workflow_scripts/(\w+/\w+)\.py"', text))
        if not re.search(
            rf'\bcode=(?:lambda wildcards: )?code_(?:hash|of_run)\(\s*"{script}"', text
        ):
            without.add(name)
    # What is fetched, drawn under a name that holds the hash, unpacked, removed or only reported
    # stays as it is.
    assert without == {
        "decide_precision", "discard_weights", "doctor", "fetch_dataset", "fetch_weights",
        "find_batch_sizes", "generate_external_phantoms", "generate_phantoms", "record_experiment",
        "unpack_archive",
    }  # fmt: skip


def test_rules_stand_apart_from_what_they_share():
    for name, text in workflow_texts().items():
        assert bool(re.search(r"^ *rule\b", text, re.M)) != (name == "common.smk"), name


def test_what_rules_share_stays_small():
    assert len(workflow_texts()["common.smk"].splitlines()) <= 250


def test_rules_do_not_compute():
    """Functions of rules are short, import nothing that computes, and read and write no file."""
    may_import = (
        r"(pneumobench|snakemake|snakemake_facts|snakemake_terminal|functools|os|pathlib|re|shlex|sys|"
        r"typing)\b"
    )
    for name, text in workflow_texts().items():
        for module in re.findall(r"^ *(?:from|import) (\S+)", text, re.M):
            assert re.match(may_import, module), (name, module)
        assert not re.search(
            r"\bopen\(|read_text|write_text|\bjson\.|^ *(run|shell):", text, re.M
        ), name
        for function in re.findall(r"^def .*\n(?:(?: .*)?\n)*", text, re.M):
            assert len(function.strip().splitlines()) <= 15, (name, function)


def test_inner_parts_of_snakemake_are_touched_in_one_place():
    for name, text in workflow_texts().items():
        assert set(re.findall(r"(?<!/)\bworkflow\.(\w+)", text)) <= {"basedir", "configfiles"}, name
        assert not re.search(r"\bargv\b|expand_input|\brules\._", text), name


def test_only_local_rules_use_the_network():
    """Jobs on compute nodes have none."""
    text = "".join(path.read_text() for path in (PROJECT / "rules").glob("*.smk"))
    using = set()
    for part in re.split(r"^rule ", text, flags=re.M)[1:]:
        if re.search(r"^        network=1,", part, re.M):
            assert re.search(r"^    localrule: True", part, re.M), part
            using.add(part.split(":")[0])
    assert using == {"fetch_dataset", "fetch_weights"}
    for path in (PACKAGE / "core", PACKAGE / "data", PACKAGE / "models"):
        for file in path.rglob("*.py"):
            if any(name.startswith("pneumobench.core.download") for name in imported(file)):
                assert re.search(r"fetch|kaggle", file.stem), file


def test_scripts_are_thin():
    for path in scripts():
        assert len(path.read_text().splitlines()) <= 45, path


def test_seeds_are_set_in_one_place():
    users = [path.name for path in PACKAGE.rglob("*.py") if "torch.manual_seed" in path.read_text()]
    assert users == ["randomness.py"]


def test_custom_networks_do_without_torchvision():
    for name in ("custom_resnet18", "custom_resnet_cbam", "custom_cnn_lstm"):
        names = imported(PACKAGE / "models" / "architectures" / f"{name}.py")
        assert not any(name.startswith("torchvision") for name in names)


def lock() -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for line in (PROJECT / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([a-z0-9-]+)==([^ ;]+)", line):
            versions.setdefault(match[1], set()).add(match[2])
    return versions


def test_lock_names_no_host_and_covers_pyproject():
    text = (PROJECT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--index|--find-links", text)
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    for requirement in itertools.chain(
        project["dependencies"], *project["optional-dependencies"].values()
    ):
        assert re.match(r"[A-Za-z0-9-]+", requirement)[0].lower() in lock(), requirement


def test_tests_that_the_documents_name_are_there():
    found = re.findall(
        r"`(test_\w+)(?:::(\w+))?`", (PROJECT / "docs/robustness.md").read_text("utf-8")
    )
    files: dict[str, str] = {}
    for path in PROJECT.glob("tests/**/test_*.py"):
        # Tests of modules of one name in several rooms have one name.
        files[path.stem] = files.get(path.stem, "") + path.read_text(encoding="utf-8")
    wrong = [
        (file, name)
        for file, name in found
        if file not in files or not re.search(rf"(?:def|class) {name}\b", files[file])
    ]
    assert len(found) > 200 and not wrong


def test_pre_commit_runs_what_make_check_runs():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.split("\ncheck: $(READY)\n")[1].split("\n\n")[0]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = hooks["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == commands
    assert not any(hook["pass_filenames"] for hook in local["hooks"])


def test_the_page_on_architecture_names_every_room_and_what_exists():
    text = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
    for room in MAY_IMPORT:
        assert f"\n| `{room}` |" in text, room
    for page in ("docs/architecture.md", "CONTRIBUTING.md"):
        named = re.findall(r"`((?:core|data|models|prediction|reporting|statistics)/[\w/]+\.py)`",
                           (PROJECT / page).read_text(encoding="utf-8"))  # fmt: skip
        assert named and not [name for name in named if not (PACKAGE / name).exists()]


def test_functions_fit_a_screen():
    """Sixty lines, documentation included, and ten parameters."""
    for path in SCRIPTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                named = f"{path.name}: {node.name}"
                assert node.end_lineno - node.lineno < 60, named
                given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                assert len(given) <= 10, named
