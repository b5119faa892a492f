"""From predictions to numbers with intervals. Never imports torch."""
