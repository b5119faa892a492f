"""What the networks distinguish: normal images and the positive class, or subtypes of pneumonia."""

BINARY, SUBTYPE = "binary", "subtype"
SUBTYPES = ("normal", "bacterial", "viral")
"""The classes of the task `subtype`, in the order of the networks' logits."""
LOGIT_COLUMNS = tuple(f"logit_{name}" for name in SUBTYPES)
"""Columns of their logits in files of predictions, beside `logit`, that of pneumonia."""
# Sources that know pneumonia, or a finding, and nothing more.
WITHOUT_SUBTYPES = ("pneumoniamnist", "nih", "rsna")
THUMBNAIL_RUN = {"model": "thumbnail", "recipe": "baseline", "seed": 0}
"""What the baseline of subtypes is called where runs are named."""
