"""The configuration: strict, complete, and every mistake named at once with its remedy."""

import copy
import datetime
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from configurations import (
    ARCHITECTURES,
    DEFAULT,
    DEFAULT_TEXT,
    ROOT,
    check,
    config,
    merge,
    only_problem,
    problems,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from thirteen import THIRTEEN

from pneumobench.core.config import (
    ConfigError,
    Experiment,
    check_config,
    check_data_source,
    check_results_folder,
    experiment_identity,
)
from pneumobench.core.config.across import cautions
from pneumobench.core.config.allowed import ANY_NAME, find, in_words, leaves, meaning
from pneumobench.core.config.earlier import RENAMED
from pneumobench.core.config.identity import IDENTITY_FILE
from pneumobench.core.config.misplaced import places_of
from pneumobench.core.config.schema import (
    BEGIN,
    COMMAND,
    DOCUMENT_PATH,
    END,
    derived_files,
    with_table,
)
from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.core.run import Run
from pneumobench.models.architecture import MINIMUM_SIZE

OVERLAYS = sorted((ROOT / "experiments").glob("*.yaml"))


# The files that users see


def test_config_yaml_is_valid_and_gives_its_runs_in_order():
    experiment = check()
    assert experiment.experiment == "demo"
    assert experiment.expanded_runs == [
        Run(model, "light", 42)
        for model in (
            "custom_resnet_cbam",
            "custom_cnn_lstm",
            "timm:resnet10t",
            "timm:regnetx_002",
        )
    ]
    assert experiment.recipe("light").early_stopping.patience is None


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_is_valid_and_named_like_its_file(path):
    assert check(path.read_text(encoding="utf-8")).experiment == path.stem


def test_overlays_say_what_their_names_promise():
    everything = check((ROOT / "experiments/all.yaml").read_text(encoding="utf-8"))
    assert [run.model for run in everything.expanded_runs] == THIRTEEN
    kaggle = check((ROOT / "experiments/kaggle_quick.yaml").read_text(encoding="utf-8"))
    assert kaggle.data.source == "directory"
    assert kaggle.images.size == 96


def test_all_overlay_trains_at_least_sixty_steps_per_fold():
    experiment = check((ROOT / "experiments/all.yaml").read_text(encoding="utf-8"))
    development, split = 800, experiment.split
    images = development * (1 - 1 / split.folds) * (1 - split.inner_fraction)
    for run in experiment.expanded_runs:
        recipe = experiment.recipe(run.recipe)
        assert recipe.epochs * (images // recipe.batch_size) >= 60


def yaml_keys(value: object, above: tuple[str, ...] = ()) -> list[str]:
    if isinstance(value, dict) and value:
        return [key for name in value for key in yaml_keys(value[name], (*above, name))]
    return [".".join(above)]


def test_config_yaml_names_every_key_of_the_models():
    raw = copy.deepcopy(DEFAULT)
    (recipe,) = raw["recipes"]
    expected = {path.replace(ANY_NAME, recipe) for path, _ in leaves() if "[]" not in path}
    assert set(yaml_keys(raw)) == expected


def test_no_key_has_a_default_in_the_models_but_the_short_forms_of_runs():
    def optional(node: dict) -> list[str]:
        return [key for key in node.get("properties", {}) if key not in node.get("required", [])]

    assert optional(find(())) == []
    for section in ("data", "split", "images", "offline_copies", "compute", "evaluation"):
        assert optional(find((section,))) == []
    assert optional(find(("recipes", "any"))) == []
    assert optional(find(("runs", 0))) == ["model", "models", "recipe", "recipes", "seed", "seeds"]


def commented_keys(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Return every key of a YAML file, with the comment directly above it."""
    found, path, comment = [], [], []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        match = re.match(r"( *)([a-z0-9_]+):", line)
        if match:
            path = [*path[: len(match[1]) // 2], match[2]]
            found.append((tuple(path), " ".join(comment)))
        comment = []
    return found


def test_every_key_of_config_yaml_has_the_models_text_as_its_comment():
    keys = commented_keys(DEFAULT_TEXT)
    assert len(keys) > 60
    comments = dict(keys)
    for path, comment in keys:
        if comment:
            assert comment.removesuffix(".") == meaning(find(path)), f"comment above {path}"
        else:
            assert comments[path[:-1]], f"neither {path} nor its section has a comment above it"


def test_every_key_has_a_meaning_and_an_allowed_range():
    for path, node in leaves():
        assert meaning(node), path
        assert in_words(node), path


@pytest.mark.parametrize("path", ["schemas/config.schema.json", "docs/configuration.md"])
def test_derived_file_is_in_step_with_the_models(path):
    derived = derived_files(ROOT)[Path(path)]
    stored = (ROOT / path).read_text(encoding="utf-8")
    assert stored == derived, f"{path} is not in step with the models; run: {COMMAND}"


def test_table_replaces_only_what_stands_between_its_marks():
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_table(document, "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(UserError, match=re.escape(str(DOCUMENT_PATH))):
        with_table("no marks", "new\n")


def test_writing_the_derived_files_outside_the_project_says_where_to_go(tmp_path):
    with pytest.raises(UserError, match="change to the project's root"):
        derived_files(tmp_path)


def test_importing_the_configuration_loads_nothing_heavy():
    code = (
        "import sys, pneumobench.core.config;"
        "print({'torch', 'pandas', 'numpy', 'snakemake'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "workflow_scripts")},
    )
    assert result.stdout.strip() == "set()"


# All mistakes at once


def test_five_mistakes_are_five_messages_of_one_error():
    with pytest.raises(ConfigError) as caught:
        check("""
            recipes: {light: {optimizer: adam, learning_rate: 1e-3}}
            images: {size: 32}
            compute: {device: gpu}
            runs: [alexnett]
        """)
    text = str(caught.value)
    assert text.startswith("5 errors in the configuration\n")
    assert isinstance(caught.value, UserError)
    for path, nearest, remedy in [
        ("recipes.light.optimizer", "optimiser", "write optimiser instead"),
        ("recipes.light.learning_rate", None, "write 1.0e-3"),
        ("images.size", None, "every architecture accepts 64 and more"),
        ("compute.device", "cpu", "write cpu"),
        ("runs[0]", "alexnet", "write alexnet"),
    ]:
        (problem,) = [each for each in caught.value.problems if each.path == path]
        assert problem.nearest == nearest
        assert remedy in problem.hint
        assert str(problem) in text
    assert 'given:   "gpu"' in text
    assert "allowed: auto, cpu, cuda, mps" in text
    assert "allowed: a whole number from 64 to 1024" in text
    assert "given:   32" in text


def test_one_mistake_is_one_error_in_the_singular():
    with pytest.raises(ConfigError, match=r"^1 error in the configuration\n  1\. split\.folds\n"):
        check("split: {folds: 1}")


def test_contradictions_between_keys_are_reported_beside_wrong_values():
    found = problems("""
        experiment: My Experiment
        split: {folds: one}
        recipes:
          light:
            epochs: 0
            early_stopping: {patience: 3}
        defaults: {recipe: ligth}
        runs: [alexnet, alexnet, {model: resnet5O, seed: -1}, {models: [vgg61, timm:x]}]
    """)
    assert set(found) == {
        "experiment",
        "split.folds",
        "recipes.light.epochs",
        "recipes.light.early_stopping.patience",
        "defaults.recipe",
        "runs[1]",
        "runs[2].model",
        "runs[2].seed",
        "runs[3].models[0]",
    }


def test_unknown_architecture_names_the_nearest():
    problem = only_problem("runs: [{models: [vgg16, densenet112]}]")
    assert problem.path == "runs[0].models[1]"
    assert problem.nearest == "densenet121"
    assert "xception_lstm" in problem.allowed
    assert "timm:<name>" in problem.allowed


def test_architecture_unlike_any_other_is_told_to_choose_an_allowed_one():
    problem = only_problem("runs: [qqqqqq]")
    assert problem.nearest is None
    assert "allowed names" in problem.hint


@pytest.mark.parametrize("name", ["timm:", "timm:hf_hub/model", "timm:a b", "timm:" + "a" * 101])
def test_timm_name_must_be_a_plain_name(name):
    assert "timm.list_models" in only_problem(f'runs: ["{name}"]').hint


def test_any_timm_name_is_an_architecture():
    assert check("runs: [timm:vit_tiny_patch16_224.augreg_in21k]").expanded_runs[0].slug == (
        "timm-vit_tiny_patch16_224.augreg_in21k"
    )


def test_size_that_no_architecture_takes():
    problem = only_problem("images: {size: 63}")
    assert (problem.path, problem.given) == ("images.size", "63")
    assert f"from {MINIMUM_SIZE} " in problem.allowed


@pytest.mark.parametrize("place", ["", "split", "data.phantom", "recipes.light.augmentation"])
def test_unknown_key_is_an_error_at_every_level(place):
    steps = [*place.split("."), "qqq"] if place else ["qqq"]
    overlay = "{" + ": {".join(steps) + ": 1" + "}" * len(steps)
    problem = only_problem(overlay)
    assert problem.path == ".".join(steps)
    assert "unknown key" in problem.given
    assert problem.hint == "remove the key"


@pytest.mark.parametrize(
    ("overlay", "path", "hint"),
    [
        ("folds: 3", "folds", "it belongs below split: split: {folds: 3}"),
        ("fold: 3", "fold", "it belongs below split: split: {folds: 3}"),
        (
            "data: {source: table, path: my.csv}",
            "data.path",
            'it belongs below data.table: data: {table: {path: "my.csv"}}',
        ),
        (
            "data: {path: /images}",
            "data.path",
            "it belongs to another section: data.directory.path, data.table.path, data.nih.path "
            "or data.rsna.path",
        ),
        (
            "external: {source: nih, path: x}",
            "external.path",
            'it belongs below external.nih: external: {nih: {path: "x"}}',
        ),
        ("epochs: 3", "epochs", "it belongs below recipes.light: recipes: {light: {epochs: 3}}"),
        ("{data: {split: {folds: 3}}}", "data.split", "on the left edge of the file: split: ..."),
        ("models: [alexnet]", "models", "it belongs to an entry of runs: runs[].models"),
        ("runs: [{timm: resnet10t}]", "runs[0].timm", "write timm:resnet10t, without a space"),
        (
            "recipe: light",
            "recipe",
            "write recipes instead, unless it belongs to another section: defaults.recipe or "
            "runs[].recipe",
        ),
    ],
)
def test_key_on_the_wrong_level_is_told_where_it_belongs(overlay, path, hint):
    problem = only_problem(overlay)
    assert problem.path == path
    assert hint in problem.hint
    assert problem.given.startswith("an unknown key with the value ")


def test_every_key_is_found_where_it_belongs():
    for path, _ in leaves():
        *_, key = steps = path.replace("[]", ".[]").replace(ANY_NAME, "light").split(".")
        used = DEFAULT | {"data": {"source": steps[1] if steps[0] == "data" else "phantom"}}
        assert tuple(steps) in places_of(key, ("nowhere",), used)


def test_secret_on_the_wrong_level_is_not_repeated():
    assert "hunter2" not in str(only_problem("{split: {token: hunter2}}"))


def test_key_that_yaml_reads_as_a_truth_value():
    assert only_problem("{on: 1}").path == "true"


def test_incomplete_recipe_of_an_overlay_names_all_missing_keys_once():
    problem = only_problem("recipes: {brief: {epochs: 2, batch_size: 8, optimiser: adam}}")
    assert problem.path == "recipes.brief"
    assert problem.given.startswith("nothing for pretrained, freeze, frozen_statistics,")
    assert "epochs" not in problem.given


def test_misspelt_key_of_a_new_recipe_is_one_mistake():
    raw = config()
    raw["recipes"]["new"] = copy.deepcopy(raw["recipes"]["light"])
    raw["recipes"]["new"]["lerning_rate"] = raw["recipes"]["new"].pop("learning_rate")
    with pytest.raises(ConfigError) as caught:
        check_config(raw, architectures=ARCHITECTURES)
    (problem,) = caught.value.problems
    assert (problem.path, problem.nearest) == ("recipes.new.lerning_rate", "learning_rate")


@pytest.mark.parametrize("complete", [True, False])
def test_a_key_of_an_earlier_version_is_named_by_its_new_one(complete):
    """By its letters alone, `equalisation` would be nearest to `augmentation`."""
    raw = config()
    raw["recipes"]["new"] = copy.deepcopy(raw["recipes"]["light"]) if complete else {}
    raw["recipes"]["new"].pop("preprocessing", None)
    raw["recipes"]["new"] |= {"equalisation": "clahe"} | ({} if complete else {"based_on": "light"})
    with pytest.raises(ConfigError) as caught:
        check_config(raw, architectures=ARCHITECTURES)
    (problem,) = caught.value.problems
    assert (problem.path, problem.nearest) == ("recipes.new.equalisation", "preprocessing")
    assert problem.hint == "write preprocessing instead"


@pytest.mark.parametrize("new", [{}, {"archive_radiographs": True}])
def test_an_old_key_of_the_top_level_is_named_by_its_new_one(new):
    raw = config()
    del raw["archive_radiographs"]
    with pytest.raises(ConfigError) as caught:
        check_config(raw | new | {"archive_films": False}, architectures=ARCHITECTURES)
    (problem,) = caught.value.problems
    assert (problem.path, problem.nearest) == ("archive_films", "archive_radiographs")
    assert problem.given == "a key of an earlier version with the value false"


def test_every_renamed_key_is_listed_in_the_documentation():
    document = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    keys = {re.sub(r"\[\]", "", path).rpartition(".")[2] for path, _ in leaves()}
    for old, new in RENAMED.items():
        assert re.search(rf"\| `[^|]*{old}` \| `[^|]*{new}` \|", document), old
        assert new in keys and old not in keys


@pytest.mark.parametrize("raw", [None, [], "text"])
def test_configuration_that_is_no_mapping(raw):
    with pytest.raises(ConfigError, match="the whole file"):
        check_config(raw, architectures=ARCHITECTURES)


def test_radiographs_below_the_smallest_side_are_refused_at_once():
    small = "data: {source: pneumoniamnist, pneumoniamnist: {size: 28}"
    with pytest.raises(ConfigError, match=r"28 with data.checks.minimum_px: 32"):
        check(small + "}")
    check(small + ", checks: {minimum_px: 28}}")
    check(small.replace("source: pneumoniamnist", "source: phantom") + "}")


def test_empty_configuration_names_all_sections():
    with pytest.raises(ConfigError, match="nothing for experiment, task, data, external, split"):
        check_config({}, architectures=ARCHITECTURES)


# Values


@pytest.mark.parametrize(
    ("overlay", "path", "hint"),
    [
        ("recipes: {light: {learning_rate: 1e-3}}", "learning_rate", r"write 1\.0e-3 "),
        ("recipes: {light: {learning_rate: 2.5E-3}}", None, None),
        ("recipes: {light: {learning_rate: 1.0e3}}", "learning_rate", r"write 1\.0e\+3 "),
        ('recipes: {light: {weight_decay: "0,01"}}', "weight_decay", r"point: 0\.01$"),
        ('recipes: {light: {epochs: "8"}}', "epochs", "without quotes: 8$"),
        ("recipes: {light: {epochs: 8.0}}", "epochs", "without a point: 8$"),
        ("recipes: {light: {epochs: true}}", "epochs", "the key means: Passes"),
        ("recipes: {light: {gradient_clip: none}}", "gradient_clip", "write null"),
        ("recipes: {light: {gradient_clip: .nan}}", "gradient_clip", "Largest norm"),
        ("recipes: {light: {early_stopping: {patience: never}}}", "patience", "write null"),
        ("recipes: {light: {schedule: null}}", "schedule", "as nothing; take one of"),
        ("recipes: {light: {optimiser: AdamW}}", "optimiser", "write adamw"),
        ('recipes: {light: {offline_copies: "yes"}}', "offline_copies", "without quotes"),
        ("recipes: {light: null}", "recipes.light", "keys below it"),
        ("recipes: {light: {epochs: [8]}}", "epochs", "single value"),
        ("recipes: {}\nruns: [{model: [alexnet, vgg16]}]", "model", "write models"),
        ("runs: [{model: alexnet, seed: [1, 2]}]", "seed", "write seeds"),
        ("runs: [{models: alexnet}]", "models", r"write a list: \[alexnet\]"),
        ("runs: alexnet", "runs", r"write a list: \[alexnet\]"),
        ("runs: []", "runs", "at least one entry"),
        ("runs: [3]", "runs[0]", "write it as allowed"),
        ("compute: {precision: off}", "precision", "reads the plain words off, no and false"),
        ("data: {checks: {allow_crossings: [patients]}}", "crossings[0]", "write patient"),
        ("data: {checks: {allow_crossings: patient}}", "crossings", r"\[patient\]"),
        ("experiment: 2024", "experiment", 'in quotes: "2024"'),
        ("experiment: 2024-05-01", "experiment", 'in quotes: "2024-05-01"'),
        ("experiment: a/b", "experiment", "write a_b"),
        ("experiment: ..", "experiment", "write name"),
        ("defaults: {seeds: 42}", "seeds", r"write a list: \[42\]"),
        ("defaults: {seeds: ['1']}", "seeds[0]", "without quotes: 1"),
        ("report: {title: ''}", "title", "Title of the report"),
        ("report: {title: {2024-01-01: x}}", "title", "single value"),
    ],
)
def test_hint_says_what_to_write(overlay, path, hint):
    if path is None:
        check(overlay)
        return
    problem = only_problem(overlay)
    assert problem.path.endswith(path)
    assert re.search(hint, problem.hint), problem.hint


@pytest.mark.parametrize(
    "overlay",
    [
        "split: {folds: 1}",
        "split: {repeats: 0}",
        "split: {repeats: 21}",
        "split: {inner_fraction: 0.6}",
        "split: {inner_fraction: -0.1}",
        "split: {holdout_fraction: 0.0}",
        "data: {phantom: {shift: 1.1}}",
        "data: {phantom: {seed: -1}}",
        "data: {phantom: {seed: 4294967296}}",
        "data: {checks: {maximum_rejected_fraction: 5}}",
        "offline_copies: {augmentation: {rotation_degrees: 181}}",
        "offline_copies: {augmentation: {scale: 1.0}}",
        "evaluation: {confidence: 95}",
        "evaluation: {bootstrap_replicates: 0}",
        "evaluation: {margin: 0}",
        "evaluation: {margin: -1}",
        "recipes: {light: {batch_size: 1}}",
        "recipes: {light: {learning_rate: 0.0}}",
        "recipes: {light: {label_smoothing: 1.0}}",
        "recipes: {light: {augmentation: {horizontal_flip: 2}}}",
        "recipes: {light: {early_stopping: {patience: 0}}}",
        "compute: {numeric_threads: 0}",
    ],
)
def test_number_out_of_range(overlay):
    problem = only_problem(overlay)
    (key,) = yaml_keys(yaml.safe_load(overlay))
    assert problem.path == key
    assert "number" in problem.allowed


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("split", "folds"), "a whole number from 2 to 20"),
        (("data", "phantom", "test_fraction"), "a number above 0, at most 0.5"),
        (("evaluation", "confidence"), "a number above 0, below 1"),
        (("recipes", "x", "gradient_clip"), "a number above 0, or null"),
        (("data", "checks", "allow_crossings"), "a list of: patient, exact_duplicate"),
        (("report",), "a section with the keys title"),
    ],
)
def test_allowed_values_in_words(place, words):
    assert in_words(find(place)) == words


# Between keys


def test_patience_needs_a_schedule_without_a_fixed_end():
    problem = only_problem("recipes: {light: {early_stopping: {patience: 3}}}")
    assert problem.path == "recipes.light.early_stopping.patience"
    assert "one_cycle" in problem.given
    assert "write null" in problem.hint
    check("recipes: {light: {schedule: cosine, early_stopping: {patience: 3}}}")


def test_patience_needs_images_to_watch():
    problem = only_problem("""
        split: {inner_fraction: 0}
        recipes: {light: {schedule: none, early_stopping: {patience: 3}}}
    """)
    assert "split.inner_fraction" in problem.given


def test_plateau_needs_an_inner_part_only_where_it_is_used():
    overlay = "split: {inner_fraction: 0.0}\nrecipes: {light: {schedule: plateau}}"
    assert only_problem(overlay).path == "recipes.light.schedule"
    unused = f"{overlay}\ndefaults: {{recipe: modern_scratch}}"
    check(unused)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ("{schedule: warm_up_cosine, early_stopping: {patience: 2}}", "early_stopping.patience"),
        ("{minority_boost: 1.3}", "minority_boost"),
        ("{freeze: last_stage}", "freeze"),
    ],
)
def test_keys_of_a_recipe_that_do_not_go_together(keys, key):
    assert only_problem(f"recipes: {{light: {keys}}}").path == f"recipes.light.{key}"


def test_starting_weights_are_a_switch_or_a_path():
    for value in ("false", "true", "mine/weights.safetensors"):
        check(f"recipes: {{light: {{pretrained: {value}}}}}")
    problem = only_problem("recipes: {light: {pretrained: 3}}")
    assert problem.allowed == "true, false, or the path of a file, without { and }"


def test_vertical_flip_is_worth_a_word_of_caution_where_it_is_used():
    assert cautions(check()) == []
    transfer = "defaults: {recipe: transfer}\nruns: [resnet50]"
    (caution,) = cautions(check(transfer))
    assert "recipe transfer mirrors images top to bottom" in caution


def test_views_upside_down_are_worth_a_word_of_caution():
    (caution,) = cautions(check("prediction: {test_time_augmentation: seeds}"))
    assert "test_time_augmentation: seeds" in caution and "upside down" in caution
    assert cautions(check("prediction: {test_time_augmentation: small}")) == []


# Recipes based on others


def test_recipe_takes_what_it_does_not_give_from_the_one_it_is_based_on():
    experiment = check("""
        recipes:
          child: {based_on: light, epochs: 2, augmentation: {scale: 0.1}}
          grandchild: {based_on: child, batch_size: 9}
    """)
    light, grandchild = experiment.recipe("light"), experiment.recipe("grandchild")
    changed = {"epochs": 2, "batch_size": 9}
    augmentation = light.augmentation.model_copy(update={"scale": 0.1})
    assert grandchild == light.model_copy(update={**changed, "augmentation": augmentation})


@pytest.mark.parametrize("base", ["child", "twin", "ligth", "[light]", "null", "{a: 1}"])
def test_recipe_based_on_itself_or_on_nothing(base):
    found = problems(f"""
        recipes:
          child: {{based_on: {base}, epochs: 2}}
          twin: {{based_on: child}}
    """)
    assert "recipes.child.based_on" in found
    if base == "ligth":
        assert found["recipes.child.based_on"].nearest == "light"


def test_mistake_in_a_recipe_is_not_repeated_for_those_based_on_it():
    overlay = "recipes: {light: {epochs: 0}, child: {based_on: light, batch_size: 1}}"
    assert set(problems(overlay)) == {"recipes.light.epochs", "recipes.child.batch_size"}


def test_second_opinions_are_of_images_that_are_explained():
    problem = only_problem("explanation: {images: 3, second_opinions: 4}")
    assert problem.path == "explanation.second_opinions" and "3 or less" in problem.hint


def test_recipe_that_a_run_uses_needs_its_offline_copies():
    copies = "recipes: {light: {offline_copies: true}}\n"
    problem = only_problem(copies + "offline_copies: {per_image: 0}")
    assert problem.path == "recipes.light.offline_copies"
    check("offline_copies: {per_image: 0}")


def test_recipe_that_no_run_uses_needs_no_offline_copies():
    text = (ROOT / "experiments/all.yaml").read_text(encoding="utf-8")
    check(text + "\noffline_copies: {per_image: 0}\n")


def test_unknown_recipe_names_the_nearest():
    problem = only_problem("runs: [{model: alexnet, recipe: lite}]")
    assert (problem.path, problem.nearest) == ("runs[0].recipe", "light")


def test_reference_of_the_tests_is_one_of_several_architectures():
    runs = "runs: [alexnet, vgg16]"
    problem = only_problem(f"{runs}\nevaluation: {{reference: vgg61}}")
    assert (problem.path, problem.nearest) == ("evaluation.reference", "vgg16")
    assert check(f"{runs}\nevaluation: {{reference: vgg16}}").evaluation.reference == "vgg16"
    problem = only_problem("runs: [alexnet]\nevaluation: {reference: alexnet}")
    assert problem.path == "evaluation.reference" and "only architecture" in problem.given


def test_reference_recipe_is_one_that_runs_use():
    problem = only_problem("robustness: {reference_recipe: lihgt}")
    assert (problem.path, problem.nearest) == ("robustness.reference_recipe", "light")
    # A recipe that no run has would leave the table empty.
    assert only_problem("robustness: {reference_recipe: modern_scratch}").path == problem.path
    assert check("robustness: {reference_recipe: light}").robustness.reference_recipe == "light"


@pytest.mark.parametrize(
    ("runs", "path"),
    [
        ("[alexnet, vgg16, alexnet]", "runs[2]"),
        ("[alexnet, {model: alexnet, seed: 42}]", "runs[1]"),
        ("[{model: alexnet, seeds: [1, 2, 1]}]", "runs[0]"),
        ("[{model: alexnet, recipes: [light, light]}]", "runs[0]"),
    ],
)
def test_duplicate_run_names_both_places(runs, path):
    problem = only_problem(f"runs: {runs}")
    assert problem.path == path
    assert "alexnet (light, seed" in problem.given
    assert "which runs[0] names already" in problem.given


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("{model: alexnet, models: [vgg16]}", "either model or models"),
        ("{model: alexnet, recipe: light, recipes: [light]}", "either recipe or recipes"),
        ("{model: alexnet, seed: 1, seeds: [2]}", "either seed or seeds"),
        ("{recipe: light}", "model: <name>, or models: [<name>, ...]"),
    ],
)
def test_contradicting_short_forms(entry, allowed):
    found = problems(f"runs: [vgg16, {entry}]")
    assert found["runs[1]"].allowed == allowed


# Runs


def test_short_forms_of_runs():
    text = (ROOT / "experiments/all.yaml").read_text(encoding="utf-8")
    runs = """
        - alexnet
        - {model: vgg16}
        - {model: resnet50, recipe: light, seed: 3}
        - {models: [vgg16, alexnet], recipes: [light, short], seeds: [1, 2]}
        - {model: xception, seeds: null}
    """
    overlay = merge(yaml.safe_load(text), {"runs": yaml.safe_load(runs)})
    experiment = check(yaml.safe_dump(merge(overlay, {"defaults": {"seeds": [7, 8]}})))
    expected = [Run("alexnet", "short", 7), Run("alexnet", "short", 8)]
    expected += [Run("vgg16", "short", 7), Run("vgg16", "short", 8), Run("resnet50", "light", 3)]
    expected += [
        Run(model, recipe, seed)
        for model in ("vgg16", "alexnet")
        for recipe in ("light", "short")
        for seed in (1, 2)
    ]
    expected += [Run("xception", "short", 7), Run("xception", "short", 8)]
    assert experiment.expanded_runs == expected


# The machine may be busy: no time limit for one example.
UNHURRIED = settings(deadline=None)

RUNS = st.lists(
    st.builds(Run, st.sampled_from(ARCHITECTURES), st.just("light"), st.integers(0, 2**32 - 1)),
    min_size=1,
    max_size=8,
    unique=True,
)


@UNHURRIED
@given(RUNS)
def test_runs_written_out_come_back_as_they_were(runs):
    raw = config()
    raw["runs"] = [{"model": run.model, "recipe": run.recipe, "seed": run.seed} for run in runs]
    experiment = check_config(raw, architectures=ARCHITECTURES)
    assert experiment.expanded_runs == runs
    again = Experiment.model_validate(experiment.model_dump())
    assert again == experiment


@UNHURRIED
@given(
    st.lists(st.sampled_from(ARCHITECTURES), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
)
def test_lists_of_an_entry_are_the_product_of_their_runs(models, seeds):
    raw = config()
    raw["runs"] = [{"models": models, "seeds": seeds}]
    compact = check_config(raw, architectures=ARCHITECTURES).expanded_runs
    raw["runs"] = [{"model": model, "seed": seed} for model in models for seed in seeds]
    assert check_config(raw, architectures=ARCHITECTURES).expanded_runs == compact


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=5,
)
PLACES = [path.split(".") for path, _ in leaves() if "[]" not in path]


@UNHURRIED
@given(st.sampled_from(PLACES), st.integers(1, 4), ANYTHING)
def test_whatever_stands_at_a_key_ends_in_a_result_or_in_a_message(place, depth, value):
    raw = config()
    steps = ["light" if step == ANY_NAME else step for step in place][:depth]
    section = raw
    for step in steps[:-1]:
        section = section[step]
    section[steps[-1]] = value
    try:
        check_config(raw, architectures=ARCHITECTURES)
    except ConfigError as error:
        assert error.problems
        assert all(each.path and each.allowed and each.hint for each in error.problems)


@UNHURRIED
@given(ANYTHING)
def test_whatever_stands_as_a_run_ends_in_a_result_or_in_a_message(value):
    raw = config()
    raw["runs"].append(value)
    try:
        check_config(raw, architectures=ARCHITECTURES)
    except ConfigError as error:
        assert all("runs[4]" in each.path for each in error.problems)


def test_checked_configuration_cannot_be_changed():
    experiment = check()
    with pytest.raises(ValidationError, match="frozen"):
        experiment.images.size = 128
    assert experiment.images.size == 64


def test_sections_dump_to_plain_values():
    dumped = check().recipe("light").model_dump()
    assert dumped == config()["recipes"]["light"]


# Results folder and source of the images


def written_folder(folder: Path, overlay: str = "") -> Path:
    write_json(folder / IDENTITY_FILE, {"identity": experiment_identity(check(overlay))})
    return folder


def test_results_folder_of_the_same_configuration_is_accepted(tmp_path):
    check_results_folder(tmp_path / "none", check())
    folder = written_folder(tmp_path / "demo")
    check_results_folder(folder, check())


@pytest.mark.parametrize(
    "overlay",
    [
        "runs: [alexnet]",
        "offline_copies: {per_image: 3}",
        "recipes: {light: {epochs: 1}}",
        "data: {checks: {allow_crossings: [patient], maximum_rejected_fraction: 0.2}}",
        "data: {directory: {path: elsewhere}}",
        "split: {repeats: 3}",
    ],
)
def test_what_the_images_and_folds_do_not_depend_on_may_change(tmp_path, overlay):
    check_results_folder(written_folder(tmp_path / "demo"), check(overlay))


def test_results_folder_of_another_configuration_names_keys_values_and_remedies(tmp_path):
    folder = written_folder(tmp_path / "demo")
    changed = check("images: {size: 96}\nsplit: {folds: 3}\ndata: {source: directory}")
    with pytest.raises(UserError) as caught:
        check_results_folder(folder, changed)
    text = str(caught.value)
    assert "images.size: 64 in the folder, 96 in the config" in text
    assert "split.folds: 5 in the folder, 3 in the config" in text
    assert 'data.source: "phantom" in the folder, "directory" in the config' in text
    patients = check().data.phantom.patients
    assert f"data.phantom.patients: {patients} in the folder, not there in the config" in text
    assert "split.seed" not in text
    assert str(folder / IDENTITY_FILE) in caught.value.where
    assert "experiment: demo_2" in caught.value.remedy
    assert f"remove {folder}" in caught.value.remedy


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '"text"', "[" * 100_000, '{"identity": {"a":' + "[" * 100_000]
)
def test_results_folder_with_a_damaged_record_says_what_to_remove(tmp_path, content):
    (tmp_path / IDENTITY_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"remove {re.escape(str(tmp_path / IDENTITY_FILE))}"):
        check_results_folder(tmp_path, check())


@pytest.mark.parametrize("depth", range(100, 1000, 60))
def test_results_folder_with_a_nested_record_is_refused_in_short(tmp_path, depth):
    for begin, end in (("[", "]"), ('{"a":', "}")):
        nested = f'{{"identity": {begin * depth}1{end * depth}}}'
        (tmp_path / IDENTITY_FILE).write_text(nested, encoding="utf-8")
        with pytest.raises(UserError) as caught:
            check_results_folder(tmp_path, check())
        assert len(str(caught.value)) < 6000


def test_record_of_a_results_folder_that_is_a_folder(tmp_path):
    (tmp_path / IDENTITY_FILE).mkdir()
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        check_results_folder(tmp_path, check())


@pytest.mark.parametrize("target", [None, "results", "nowhere"])
@pytest.mark.parametrize("name", ["results", "results/demo"])
def test_results_folder_that_can_be_none(tmp_path, name, target):
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    if target:
        place.symlink_to(place if target == "results" else tmp_path / target)
    else:
        place.touch()
    with pytest.raises(UserError, match="where a folder belongs") as caught:
        check_results_folder(tmp_path / "results/demo", check())
    assert caught.value.where.startswith(f"{place}, ")


def with_path(path: object) -> Experiment:
    data = {"source": "directory", "directory": {"path": str(path)}}
    return check(yaml.safe_dump({"data": data}))


def test_folder_of_images_may_be_a_link(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "images")
    check_data_source(with_path(tmp_path / "images"))
    check_data_source(with_path(tmp_path / "link"))


def test_missing_folder_of_images_names_path_layout_and_remedy(tmp_path):
    with pytest.raises(UserError) as caught:
        check_data_source(with_path(tmp_path / "missing"))
    assert f"data.directory.path: {tmp_path / 'missing'}" in caught.value.where
    assert "{train,val,test}/{NORMAL,PNEUMONIA}" in caught.value.expected
    assert f"ln -s /where/they/are {tmp_path / 'missing'}" in caught.value.remedy
    assert "data.source: phantom" in caught.value.remedy


def test_broken_link_and_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=f"link to {re.escape(str(tmp_path / 'gone'))}"):
        check_data_source(with_path(tmp_path / "link"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        check_data_source(with_path(tmp_path / "file"))
    with pytest.raises(UserError, match="write the home folder out"):
        check_data_source(with_path("~/no-such-folder"))


def test_folder_of_images_is_not_needed_for_phantoms():
    check_data_source(check("data: {directory: {path: /no/such/folder}}"))


def test_dates_in_a_value_are_shown():
    assert only_problem("experiment: 2024-05-01").given == f'"{datetime.date(2024, 5, 1)}"'


# Bad practice

INFLATION = (ROOT / "experiments/inflation.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_bad_practice_is_asked_for_by_one_experiment_alone(path):
    asked = check(path.read_text(encoding="utf-8")).inflation.model is not None
    assert asked == (path.stem == "inflation")


def test_bad_practice_over_the_real_data_in_a_folder_of_its_own():
    overlay = (ROOT / "experiments/kaggle_quick.yaml").read_text(encoding="utf-8")
    last = (ROOT / "experiments/inflation_kaggle.yaml").read_text(encoding="utf-8")
    merged = merge(merge(config(overlay), yaml.safe_load(INFLATION)), yaml.safe_load(last))
    experiment = check_config(merged, architectures=ARCHITECTURES)
    assert experiment.experiment == "inflation_kaggle"
    assert experiment.data.source == "directory" and experiment.images.size == 64
    assert experiment.split.inner_fraction == 0.25 and experiment.inflation.model


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ("experiment: demo", "inflation.model", "no folder of honest results"),
        ("inflation: {model: alexnet}", "inflation.model", "that `runs` trains with"),
        ("recipes: {copied: {offline_copies: false}}", "recipes.copied.offline_copies", "copies"),
    ],
)
def test_bad_practice_that_cannot_be_measured_or_told_apart(change, path, words):
    merged = merge(config(INFLATION), yaml.safe_load(change))
    with pytest.raises(ConfigError) as caught:
        check_config(merged, architectures=ARCHITECTURES)
    (problem,) = caught.value.problems
    assert problem.path == path and words in problem.allowed
