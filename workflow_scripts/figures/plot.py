"""Draw a figure."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.drawing.inputs import FigureInputs
    from pneumobench.reporting.drawing.plot import plot_figure
    from pneumobench.reporting.words import words_of

    words = words_of(snakemake.input.audit)
    plot_figure(
        snakemake.params.module,
        FigureInputs(dict(snakemake.input.items()), words, **snakemake.params.options),
        Path(snakemake.output.png).with_suffix(""),
    )
