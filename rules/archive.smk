# What is kept and passed on: discard_weights, archive_results


rule discard_weights:
    """Remove the weights that are not to be kept, once all that needs them is made."""
    input:
        run_jsons=each(lambda layout: layout.of_all_folds("run.json")),
        selection="<results>/selection/selection.json",
        # Not read: made from the weights, so these must stay until then.
        made=each(analyses.made_from_weights),
    output:
        "<results>/kept_weights.json",
    log:
        "<logs>/discard_weights.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        keep=EXPERIMENT.keep_weights,
        # Undeclared, as it must outlive the record above: one file for each removal.
        discarded=f"{ON_DISK.results}/discarded_weights",
    script:
        "../workflow_scripts/archive/discard_weights.py"


rule archive_results:
    """Write one zip from which tables, figures and report are rebuilt without data and training."""
    input:
        rebuilt_from=each(analyses.rebuilt_from),
        made=each(analyses.made_of_archived),
        images=(
            [ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy")]
            if EXPERIMENT.archive_radiographs
            else []
        ),
        splits="<results>/dataset/splits.csv",
        table="<results>/comparison/comparison.csv",
        calibrated=of_runs("calibrated.csv"),
        explained=wanted("explained.csv"),
        lock=ancient(f"{workflow.basedir}/requirements.lock"),
    output:
        f"<results>/{EXPERIMENT.experiment}.zip",
    log:
        "<logs>/archive_results.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent),
        config=EXPERIMENT.model_dump(mode="json"),
        missing=MISSING,
        code=code_hash("archive/archive_results"),
    script:
        "../workflow_scripts/archive/archive_results.py"
