"""The orientation that a camera noted, and pictures turned by it."""

from PIL import ExifTags, Image, ImageOps


def orientation(image: Image.Image) -> int:
    """Return the orientation of an image, 1 to 8 as EXIF counts them.

    It is 1, upright, without a note or with one that cannot be read: the pixels do not need it.
    """
    try:
        # Not the image's own function: that of PNG decodes it, if it is not.
        found = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - any kind is raised for a damaged note
        return 1
    return found if found in range(1, 9) else 1


def turn_upright(image: Image.Image) -> None:
    """Turn a loaded image by its orientation, in place."""
    if orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
