"""From a folder of films to a checked, split and packed data set. Only augmentation needs torch."""
