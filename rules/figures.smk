# A rule plot_<name> for each figure of pneumobench.reporting.figures that this experiment has.


def inputs_of(figure):
    """Return an input function: what a figure is drawn of, by name."""

    def inputs(layout):
        named = figure.files(layout)
        # Tables that follow from the images are new whenever these are.
        return named | {
            name: ancient(named[name]) for name in named if name == "images"
        }

    return each(inputs)


# The runs that figures show, None for all, and their names for people.
SHOWN = EXPERIMENT.shown_runs
SHOWN_TITLES = SHOWN and [run.title for run in SHOWN]


def figure_files(*kinds):
    """Return the files of all figures."""
    names = [figure.name for figure in FIGURES]
    return expand("<results>/figures/{name}.{kind}", name=names, kind=kinds)


for figure in FIGURES:

    rule:
        name:
            f"plot_{figure.name}"
        input:
            unpack(inputs_of(figure)),
        output:
            **{
                kind: f"<results>/figures/{figure.name}.{kind}"
                for kind in EXPERIMENT.figures.formats
                if kind != "png"
            },
            png=report(
                f"<results>/figures/{figure.name}.png",
                caption="../report/captions/figure.rst",
                category=figure.category,
                labels={"content": figure.label, "kind": "figure"},
            ),
        log:
            f"<logs>/plot_{figure.name}.log",
        localrule: True
        conda:
            "../envs/report.yaml"
        params:
            module=figure.module,
            options=explanation_params(*figure.options),
            runs=SHOWN and [run.folder for run in SHOWN],
            look=EXPERIMENT.figures.look,
            caption=figure.caption_of(SHOWN_TITLES),
            code=code_hash("figures/plot", figure.module),
        script:
            "../workflow_scripts/figures/plot.py"
