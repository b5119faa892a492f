# Instead of data, training and prediction: what an archive holds of them, unpack_archive


with facts.SaidPlainly():
    ARCHIVED = opening.archived_files(ARCHIVE, layout({}), driver=DRIVER)


# Where an archive's radiographs go, if it holds any.
PACKED_RADIOGRAPHS = [
    ON_DISK.packed("images") + suffix for suffix in (".npy", ".json") if RADIOGRAPHS
]


# Nothing that an archive holds is computed.
ruleorder: unpack_archive > freeze_selection
ruleorder: unpack_archive > explain_run
ruleorder: unpack_archive > assess_maps
ruleorder: unpack_archive > draw_panels


if EXPERIMENT.other_task:

    ruleorder: unpack_archive > score_subtypes


if INFLATED:

    ruleorder: unpack_archive > train_inflated


rule unpack_archive:
    """Put an archive's files where the rules that read them look for them."""
    output:
        [path for path in ARCHIVED if not path.endswith("/panels")],
        PACKED_RADIOGRAPHS,
        "<results>/archive.json",
        panels=[directory(path) for path in ARCHIVED if path.endswith("/panels")],
    log:
        "<logs>/unpack_archive.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    # Of the archive only the digest counts, which is a param: the same one may lie elsewhere later.
    resources:
        archive=ARCHIVE.path,
    params:
        results=ON_DISK.results,
        packed=PACKED_RADIOGRAPHS[0] if PACKED_RADIOGRAPHS else None,
        digest=ARCHIVE.digest,
        size=EXPERIMENT.images.size,
    script:
        "../workflow_scripts/archive/unpack_archive.py"
