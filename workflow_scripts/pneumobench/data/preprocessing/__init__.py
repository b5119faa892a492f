"""What `pneumobench.data.preprocess` does to images: grey values spread, or all but a box masked."""
