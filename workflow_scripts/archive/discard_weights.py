"""Remove the weights that are not to be kept; what they were is written down."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.discarding import discard_weights

    given, params = snakemake.input, snakemake.params
    discard_weights(
        given.run_jsons, given.selection, snakemake.output[0], params.discarded, keep=params.keep
    )
