"""The parts of `pneumobench.data.images`: what shows damage in a format, and its grey values."""
