"""From folders of images to a checked, split, packed data set. Only augmentation needs torch."""
