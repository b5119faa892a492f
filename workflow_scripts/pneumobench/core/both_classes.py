"""What is fitted to labels needs images of both classes."""

import numpy as np

from pneumobench.core.errors import UserError


def check_both_classes(positive: np.ndarray, fitted: str, *, where: str) -> None:
    """Check that there are normal and pneumonia images.

    Parameters
    ----------
    positive
        [images] bool.
    fitted
        What is fitted to them (`a threshold`), for the message.
    where
        Whose images these are, for the message.

    Raises
    ------
    UserError
        If one of the classes has no image.
    """
    if positive.all() or not positive.any():
        raise UserError(
            f"{fitted} cannot be fitted to images of one class",
            where=f"{where}: {len(positive)} images, {int(positive.sum())} with pneumonia",
            expected="normal and pneumonia images in every fold",
            remedy="lower split.folds or use more data",
        )
