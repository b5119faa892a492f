"""One fold of one run: augmentation, optimisation, early stopping."""
