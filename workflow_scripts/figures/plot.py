"""Draw a figure."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.drawing.inputs import FigureInputs
    from pneumobench.reporting.drawing.plot import plot_figure
    from pneumobench.reporting.drawing.style import Look
    from pneumobench.reporting.words import words_of

    params, words = snakemake.params, words_of(snakemake.input.audit)
    plot_figure(
        params.module,
        FigureInputs(dict(snakemake.input.items()), words, runs=params.runs, **params.options),
        Path(snakemake.output.png).with_suffix(""),
        formats=list(snakemake.output.keys()),
        look=Look(**params.look),
    )
