"""The architectures, one file each, behind one contract: images in, logits out."""
