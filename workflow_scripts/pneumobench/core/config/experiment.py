"""The whole configuration: what is compared, how it is computed and judged."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pneumobench.core.config.data import Data, Images, OfflineCopies, Split
from pneumobench.core.config.explanation import Explanation
from pneumobench.core.config.figures import Figures
from pneumobench.core.config.recipe import Recipe
from pneumobench.core.config.section import Address, FilePath, PlainName, Section, Seed, Text
from pneumobench.core.corruptions import STRENGTHS
from pneumobench.core.run import Run
from pneumobench.core.task import BINARY

Names = Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, strict=False)]

# Pydantic puts these tags into the paths of errors; no key looks like them.
NAME_TAG, ENTRY_TAG = "<name>", "<entry>"


class Compute(Section):
    """Hardware and numerical precision."""

    device: Literal["auto", "cpu", "cuda", "mps"]
    """auto uses a GPU if there is one; cpu, cuda and mps force that device."""
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    """auto = bfloat16 where the hardware supports it natively and a short test finds it faster,
    float32 elsewhere."""
    numeric_threads: int = Field(ge=1, le=256)
    """Threads of one training job. They affect the result: another number changes the last bits."""
    jobs_per_gpu: int = Field(ge=1, le=64)
    """Jobs that share a GPU where no scheduler assigns GPUs; does not affect results. As many jobs
    run as snakemake's option --resources gpu= allows."""

    @property
    def sharing(self) -> int:
        """Jobs that share an NVIDIA GPU; 0 where jobs want none."""
        return self.jobs_per_gpu if self.device in ("auto", "cuda") else 0


class Downloads(Section):
    """Where data sets and weights are downloaded from."""

    data_mirror: Address | None
    """Address of a folder with the files of published data sets, used instead of the publishers;
    null = the publishers."""
    weights_mirror: Address | None
    """Address of a folder with the files of published weights, used instead of the publishers; null
    = the publishers."""


class Prediction(Section):
    """How trained networks are applied."""

    test_time_augmentation: Literal["none", "flip", "small", "seeds"]
    """Views of each image whose logits are averaged, in addition to the plain prediction: none,
    flip, small (flip, small shifts and changes of size) or seeds (flips and a quarter turn)."""


class Evaluation(Section):
    """How predictions are evaluated."""

    threshold_rule: Literal["youden", "sensitivity_95", "cost"]
    """Rule that finds the decision threshold on out-of-fold predictions: youden, sensitivity_95 or
    cost; the other two are shown as well."""
    cost_ratio: float = Field(gt=0, le=10_000)
    """Cost of a missed pneumonia relative to a false alarm, for the rule cost."""
    calibration: Literal["platt", "temperature", "isotonic", "none"]
    """Calibration method that turns logits into probabilities, fitted on out-of-fold predictions:
    platt, temperature, isotonic or none."""
    confidence: float = Field(gt=0, lt=1)
    """Level of all intervals."""
    bootstrap_replicates: int = Field(ge=100, le=1_000_000)
    """Replicates of the patient-clustered bootstrap."""
    permutations: int = Field(ge=100, le=1_000_000)
    """Permutations of patients in the tests of differences; more where many runs are compared."""
    bootstrap_seed: Seed
    """Seed of the bootstrap and of the permutations."""
    reference: Text | None
    """Architecture, named before any result is known, with which all others are compared in a
    family of tests of their own; null = none."""
    label_errors: bool
    """Whether to list the images whose labels the networks doubt (needs the package cleanlab)."""
    margin: float = Field(gt=0, le=50)
    """Difference in points of AUC (1 = 0.01) below which two runs count as equivalent."""
    preregistered: Text | None
    """Where the planned comparisons and the reference were registered before any result was seen
    (an address, a document and its date), as the report then says; null = nowhere."""

    @property
    def resampling(self) -> dict[str, float]:
        """How intervals are drawn, as `core.estimates.Resampling` takes it."""
        return {
            "confidence": self.confidence,
            "replicates": self.bootstrap_replicates,
            "seed": self.bootstrap_seed,
        }

    @property
    def fitted(self) -> dict[str, Any]:
        """How thresholds and calibrations are fitted to each fold."""
        names = ("threshold_rule", "cost_ratio", "calibration")
        return {name: getattr(self, name) for name in names}


class Robustness(Section):
    """How the robustness of networks to image corruption is tested."""

    strengths: Annotated[
        tuple[Annotated[int, Field(ge=STRENGTHS[0], le=STRENGTHS[-1])], ...], Field(strict=False)
    ]
    """Strengths of the corruptions under which out-of-fold images are predicted, from 1 (hardly
    visible) to 3 (obvious); [] = none."""
    seed: Seed
    """Seed of their random elements: the noise, the direction of a shift."""
    reference_recipe: Text | None
    """Recipe with whose runs the same networks' runs with other recipes are compared, to see which
    mitigations help; null = none. experiments/mitigations.yaml is an example."""
    test_time_normalisation: bool
    """Whether test images are predicted again with batch normalisation that takes its statistics
    from all of them; these results are shown separately and never ranked."""


Ensembles = Annotated[
    tuple[
        Literal[
            "mean_logit", "rank_mean", "greedy_selection", "non_negative_stack", "logistic_stack"
        ],
        ...,
    ],
    Field(strict=False),
]


class Inflation(Section):
    """How much bad practice would inflate the results."""

    model: Text | None
    """Architecture of the runs that is also trained with bad practice; null = none.
    experiments/inflation.yaml is an example."""


class Report(Section):
    """The report."""

    title: Text
    """Title of the report; `{disease}` stands for what the data are examined for."""


class Defaults(Section):
    """What a run takes that does not name its own."""

    recipe: Text
    """Recipe of runs that name none."""
    seeds: Seeds
    """Seeds of runs that name none."""


class RunEntry(Section):
    """One entry of `runs`: every model with every recipe and every seed.

    The only section with optional keys: what is missing (or null) comes from `defaults`.
    """

    model: Text | None = None
    """An architecture, or any timm backbone as timm:<name>."""
    models: Names | None = None
    """Several of them."""
    recipe: Text | None = None
    """Recipe; missing = defaults.recipe."""
    recipes: Names | None = None
    """Several recipes."""
    seed: Seed | None = None
    """Seed of the training; missing = defaults.seeds."""
    seeds: Seeds | None = None
    """Several seeds."""

    def expand(self, recipe: str, seeds: Sequence[int]) -> list[Run]:
        """Return the entry's runs: models outermost, seeds innermost.

        Parameters
        ----------
        recipe, seeds
            The defaults for what the entry does not name.
        """
        models = self.models or ((self.model,) if self.model is not None else ())
        recipes = self.recipes or (self.recipe if self.recipe is not None else recipe,)
        seeds = self.seeds or ((self.seed,) if self.seed is not None else seeds)
        return [Run(model, name, seed) for model in models for name in recipes for seed in seeds]


def as_run_entry(entry: str | Mapping | RunEntry) -> RunEntry:
    """Return an entry of `runs` in its long form; a name alone is its model."""
    return RunEntry.model_validate({"model": entry} if isinstance(entry, str) else entry)


def _kind_of_entry(entry: object) -> str | None:
    if isinstance(entry, str):
        return NAME_TAG
    return ENTRY_TAG if isinstance(entry, (Mapping, RunEntry)) else None


AnyRunEntry = Annotated[
    Annotated[Text, Tag(NAME_TAG)] | Annotated[RunEntry, Tag(ENTRY_TAG)],
    Discriminator(_kind_of_entry),
    Field(
        json_schema_extra={
            "$comment": "a model's name, or {model, recipe, seed} (lists: models, recipes, seeds)"
        }
    ),
]


Archive = FilePath | None


class Experiment(Section):
    """The configuration of one experiment; `check_config` makes it and checks across keys."""

    experiment: PlainName
    """Name of the experiment; results go to results/<experiment>/."""
    task: Literal["binary", "subtype"]
    """Classes to distinguish: binary (pneumonia, or the finding of data.nih.positive, and images
    without), or subtype (normal, bacterial and viral, where the data state them)."""
    data: Data
    """The images, and the checks they must pass."""
    external: Annotated[
        Data | None,
        Field(
            json_schema_extra={"$comment": "a section with those keys of data that differ from it"}
        ),
    ]
    """A second source of images for external validation: trained runs predict it, and nothing is
    tuned on it; only what differs from data, such as {source: rsna, rsna: {path: ...}}. null =
    none."""
    split: Split
    """How patients are divided into folds."""
    images: Images
    """The images that the networks see."""
    offline_copies: OfflineCopies
    """Augmented copies written to disk once, for recipes with offline_copies: true."""
    compute: Compute
    """Hardware and numerical precision."""
    downloads: Downloads
    """Where data sets and weights are downloaded from."""
    prediction: Prediction
    """How trained networks are applied."""
    evaluation: Evaluation
    """How predictions are evaluated."""
    ensembles: Ensembles
    """Ensembles of all runs, listed below them: mean_logit, rank_mean, greedy_selection,
    non_negative_stack, logistic_stack; [] = none, as with a single run."""
    robustness: Robustness
    """How the robustness of networks to image corruption is tested."""
    explanation: Explanation
    """Which regions the networks use."""
    inflation: Inflation
    """How much bad practice would inflate the results."""
    allow_partial: bool
    """true = tables and report are built from the complete runs and name the others."""
    keep_weights: Literal["all", "best", "none"]
    """Weights that are kept once everything that needs them is made: all, best (of the run that
    ranks first) or none. Removed weights alone cause no retraining; whatever needs them later
    does."""
    archive: Archive
    """Archive, made by archive_results, from which tables, figures and report are rebuilt; its own
    configuration replaces this one. null = compute."""
    archive_radiographs: bool
    """true = the archive contains the few radiographs that figures show; false = none, and figures
    of radiographs are not rebuilt."""
    report: Report
    """The report."""
    figures: Figures
    """How figures are drawn, for instance for a paper; no other result follows from it."""
    recipes: Annotated[
        dict[PlainName, Recipe],
        Field(min_length=1, json_schema_extra={"additionalProperties": False}),
    ]
    """How to train. A run names one of these."""
    defaults: Defaults
    """Recipe and seeds of runs that name none."""
    runs: Annotated[tuple[AnyRunEntry, ...], Field(min_length=1, strict=False)]
    """The runs to compare: names, or {model, recipe, seed}; the keys models, recipes and seeds take
    lists. Any timm backbone works as timm:<name>."""

    @property
    def expanded_runs(self) -> list[Run]:
        """All runs in the order of the configuration, short forms written out."""
        return [
            run
            for entry in self.runs
            for run in as_run_entry(entry).expand(self.defaults.recipe, self.defaults.seeds)
        ]

    @property
    def shown_runs(self) -> list[Run] | None:
        """The runs that figures show, in their order; None for all in order of rank."""
        return self.figures.shown(self.expanded_runs)

    @property
    def trained_anew(self) -> bool:
        """Whether a model is trained by one recipe more than once: with seeds or in repeats."""
        trainings = [(run.model, run.recipe) for run in self.expanded_runs]
        return self.split.repeats > 1 or len(set(trainings)) < len(trainings)

    @property
    def inflated_run(self) -> Run | None:
        """The run that is trained by bad practice, too; None in most experiments."""
        wanted = (self.inflation.model, self.defaults.recipe)
        runs = self.expanded_runs
        return next((run for run in runs if (run.model, run.recipe) == wanted), None)

    @property
    def other_task(self) -> dict[str, str]:
        """The key `task` for what follows from it; empty with the binary task, which is not named.

        So results of before there was another task stay valid.
        """
        return {} if self.task == BINARY else {"task": self.task}

    def recipe(self, name: str) -> Recipe:
        """Return the recipe of that name."""
        return self.recipes[name]

    def training(self, recipe: str) -> dict[str, Any]:
        """Return all that a training follows from beside its run and images, as plain values."""
        return self.recipes[recipe].model_dump() | self.other_task

    @property
    def trainings(self) -> list[tuple[str, dict[str, Any]]]:
        """Architecture and recipe of every run, seeds apart, the recipe with its name."""
        pairs = dict.fromkeys((run.model, run.recipe) for run in self.expanded_runs)
        return [(model, {"name": name, **self.training(name)}) for model, name in pairs]
