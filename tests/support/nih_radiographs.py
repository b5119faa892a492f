"""Radiographs of NIH's in small, each finding with a mark of its own."""

import numpy as np
from nih_fixture import nih_name, write_nih_boxes, write_nih_lists, write_nih_table
from PIL import Image


def nih_radiographs(root, patients=60):
    """Write ChestX-ray14's whole layout: with effusion the lower half is white, and boxed."""
    random = np.random.default_rng(0)
    radiographs, boxes, lists = [], [], {"development": [], "test": []}
    for patient in range(1, patients + 1):
        sick = patient % 2 == 0
        for follow_up in range(2):
            pixels = random.integers(40, 160, (96, 96))
            pixels[60:] += 90 * sick
            name = nih_name(patient, follow_up)
            folder = root / f"images_{follow_up + 1:03d}/images"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
            found = "Effusion" if sick else "No Finding"
            radiographs.append(
                (patient, follow_up, f"{found}|Mass" if sick and follow_up else found)
            )
            boxes += [(name, "Effusion", "0,60,96,36")] * sick
            # Patients of both kinds on either side, and nobody on both.
            lists["test" if patient % 5 == 0 else "development"].append(name)
    write_nih_table(root, radiographs)
    write_nih_lists(root, **lists)
    write_nih_boxes(root, boxes)
