"""From a folder of films to a checked, split and packed data set. Never imports torch."""
