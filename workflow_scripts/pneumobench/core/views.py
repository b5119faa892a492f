"""Sets of views for test-time augmentation, by name; each name of a view says what it shows."""

PLAIN = "the image as it is"
MIRRORED = "mirrored left to right"

VIEW_SETS = {
    "flip": (PLAIN, MIRRORED),
    "small": (
        PLAIN,
        MIRRORED,
        "moved left by 2 %",
        "moved right by 2 %",
        "moved up by 2 %",
        "moved down by 2 %",
        "reduced to 95 %",
        "enlarged to 105 %",
    ),
    # Of the project that this one grew from. Anatomically wrong: no chest image is upside down.
    "seeds": (PLAIN, MIRRORED, "mirrored top to bottom", "turned left by 90 degrees"),
}
