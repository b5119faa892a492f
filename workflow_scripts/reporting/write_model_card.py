"""Write what a user of one run's networks must know."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.model_card import CardInputs, write_model_card
    from pneumobench.reporting.words import words_of

    given = snakemake.input
    write_model_card(
        CardInputs(
            metrics=given.metrics,
            run_jsons=given.run_jsons,
            description=given.description,
            selection=given.selection,
            robustness=given.robustness[0] if given.robustness else None,
            external=snakemake.params.external,
        ),
        snakemake.output[0],
        settings=snakemake.params.settings,
        words=words_of(given.audit),
    )
