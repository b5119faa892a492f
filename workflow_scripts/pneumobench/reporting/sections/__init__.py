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
    external,
    limits,
    methods,
    mitigations,
    origins,
    ranked,
    robustness,
    shift,
)

# A module has `build(files, words)`, or `gather(files, words, others)` where it shows what the
# sections before it and behind it leave or name.
SECTIONS: tuple[ModuleType, ...] = (
    answer,
    ranked,
    clinical,
    calibration,
    shift,
    external,
    robustness,
    mitigations,
    curves,
    cost,
    data,
    methods,
    checklists,
    origins,
    limits,
)
