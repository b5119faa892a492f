# Predictions from the images alone: score_baselines, score_shift


rule score_baselines:
    """Fit the simplest models fold by fold; score their out-of-fold images and the test images."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
    output:
        out_of_fold=of_baselines("out_of_fold.csv"),
        test=of_baselines("test.csv"),
    log:
        "<logs>/score_baselines.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("prediction/score_baselines"),
    script:
        "../workflow_scripts/prediction/score_baselines.py"


rule score_shift:
    """Ask the simplest models which radiographs are test radiographs, and leave out blocks of file numbers."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        # Labels of all images, joined after the selection; those of any run are the same.
        scores=each(lambda layout: layout.of_runs("scores.csv")[:1]),
    output:
        domains="<results>/shift/domains.csv",
        blocks="<results>/shift/blocks.csv",
    log:
        "<logs>/score_shift.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("prediction/score_shift"),
    script:
        "../workflow_scripts/prediction/score_shift.py"
