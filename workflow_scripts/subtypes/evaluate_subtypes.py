"""Judge how well every run distinguishes the subtypes."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.estimates import Resampling
    from pneumobench.core.rule_files import files_of
    from pneumobench.statistics.looks import OF_SUBTYPES, record_looks
    from pneumobench.statistics.subtypes import SubtypeFiles, evaluate_subtypes

    params, files = snakemake.params, files_of(SubtypeFiles, snakemake.input)
    record_looks(
        params.looks,
        params.runs,
        purpose=OF_SUBTYPES,
        test_labels=files.test_labels,
        selection=files.selection,
    )
    evaluate_subtypes(
        files,
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        resampling=Resampling(**params.resampling),
    )
