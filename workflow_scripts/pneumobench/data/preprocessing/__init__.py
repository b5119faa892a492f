"""What `pneumobench.data.preprocess` does: spread grey values, or mask all but a box."""
