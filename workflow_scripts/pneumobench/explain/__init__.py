"""What the networks look at: class activation maps, second opinions, and how far to trust them."""
