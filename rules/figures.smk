# A rule plot_<name> for each figure of pneumobench.reporting.figures that this experiment has.

for figure in FIGURES:

    rule:
        name:
            f"plot_{figure.name}"
        input:
            unpack(inputs_of(figure)),
        output:
            png=report(
                f"<results>/figures/{figure.name}.png",
                caption="../report/captions/figure.rst",
                category=figure.category,
                labels={"content": figure.label, "kind": "figure"},
            ),
            pdf=f"<results>/figures/{figure.name}.pdf",
        log:
            f"<logs>/plot_{figure.name}.log",
        localrule: True
        conda:
            "../envs/report.yaml"
        params:
            module=figure.module,
            options=explanation_params(*figure.options),
            caption=figure.caption,
            code=code_hash("pneumobench.reporting.drawing.plot", figure.module),
        script:
            "../workflow_scripts/figures/plot.py"
