"""What several architectures share: the base class, normalisation, attention, trunks and heads."""
