"""How figures are drawn.

A figure of `reporting.figures` has a module of its name with the function
`draw(inputs: FigureInputs) -> Figure`; `plot.plot_figure` saves it. The other modules are what
figures share.
"""
