"""Sections of the report, one module each, in the order in which they stand."""

from types import ModuleType

from pneumobench.reporting.sections import (
    answer,
    calibration,
    checklists,
    clinical,
    cost,
    curves,
    data,
    differences,
    ensembles,
    explanations,
    external,
    inflation,
    labels,
    limits,
    looks,
    methods,
    mitigations,
    origins,
    ranked,
    robustness,
    shift,
    subtypes,
    variation,
    views,
)

# A module has `build(files, words)`, or `gather(files, words, others)` where it shows what the
# sections before it and behind it leave or name.
SECTIONS: tuple[ModuleType, ...] = (
    answer,
    ranked,
    subtypes,
    views,
    differences,
    variation,
    ensembles,
    clinical,
    calibration,
    shift,
    external,
    robustness,
    mitigations,
    explanations,
    inflation,
    curves,
    cost,
    data,
    labels,
    methods,
    looks,
    checklists,
    origins,
    limits,
)
