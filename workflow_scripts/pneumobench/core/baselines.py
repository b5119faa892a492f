"""Baselines, the simplest models, which a network must beat: by name, and what they see."""

BASELINES = {
    "metadata": "width and height of the image, their ratio, the bytes of its file, mean and "
    "spread of its grey values",
    "thumbnail": "16 x 16 grey values",
    "border": "the outer tenth of the image on each side",
}
