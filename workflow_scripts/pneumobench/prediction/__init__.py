"""From trained weights to logits."""
