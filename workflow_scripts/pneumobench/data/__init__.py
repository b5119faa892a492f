"""From a folder of images to a checked, split and packed data set. Only augmentation needs torch."""
