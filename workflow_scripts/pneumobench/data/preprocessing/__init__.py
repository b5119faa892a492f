"""What `pneumobench.data.preprocess` does to films: grey values spread, or all but a box masked."""
