"""pneumobench: which architecture detects paediatric pneumonia best, and can we believe it?

Imports point one way: core <- data, core <- models <- prediction <- training, and
core <- statistics <- reporting; doctor reads core and data.
Only models, training and prediction import torch. Nothing in here knows Snakemake.
"""

__version__ = "0.1.0"
