"""Grey values spread over the whole image, or brought to one mean.

The histogram is OpenCV's (`equalizeHist`), byte for byte, in NumPy: that is what work on chest
radiographs means by the name, and OpenCV is a large library for one function. Images are uint8
[S, S], before and after.
"""

import numpy as np

GREYS = 256
# Of standardised images: five standard deviations fill the range of greys, what lies beyond is cut.
MEAN, STANDARD_DEVIATION = 127.5, 51.0


def equalise_histogram(image: np.ndarray) -> np.ndarray:
    """Spread the grey values of an image so that each occurs about as often as any other.

    The darkest value becomes 0, the brightest 255. An image of one grey value stays as it is.
    """
    below = np.bincount(image.ravel(), minlength=GREYS).cumsum()
    darkest = below[image.min()]
    if darkest == image.size:
        return image.copy()
    scale = np.float32(GREYS - 1) / np.float32(image.size - darkest)
    table = np.rint((below - darkest).astype(np.float32) * scale)
    return table.clip(0, GREYS - 1).astype(np.uint8)[image]


def standardise(image: np.ndarray) -> np.ndarray:
    """Bring the grey values of an image to mean 127.5 and standard deviation 51.

    What exposure and contrast make of a whole image is gone then, and with it whatever they tell of
    the image's origin. Values beyond black and white are cut. An image of one grey value stays as
    it is.
    """
    grey = np.arange(GREYS)
    share = np.bincount(image.ravel(), minlength=GREYS) / image.size
    mean = share @ grey
    deviation = np.sqrt(share @ (grey - mean) ** 2)
    if deviation == 0:
        return image.copy()
    table = np.rint(MEAN + STANDARD_DEVIATION * (grey - mean) / deviation)
    return table.clip(0, GREYS - 1).astype(np.uint8)[image]
