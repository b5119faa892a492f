"""The parts of `pneumobench.data.dicom`: header, stored values, grey values."""
