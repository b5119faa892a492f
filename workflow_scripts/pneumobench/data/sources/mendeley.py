"""The images of Kermany et al. as their authors published them: Mendeley Data, no account needed.

Version 2 is ChestXRay2017.zip, with Kaggle's file names (train and test, no val). Version 3 holds
the same radiographs, named after the numbers of the patients, in one archive with optical coherence
tomography of eyes; of that, only chest radiographs are unpacked.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pneumobench.core.extract import unpack
from pneumobench.data.sources.published import CITATION, Located, Published
from pneumobench.data.sources.scan import is_litter

FILES = "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files"

_OF_VERSION = {
    2: {
        "file": "ChestXRay2017.zip",
        "key": "f12eaf6d-6023-432f-acc9-80c9d7393433",
        # Not stated with the data set; three users of the file, who did not know of each other,
        # name the same one for its 1,235,512,464 bytes.
        "sha256": "13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36",
    },
    3: {
        "file": "ZhangLabData.zip",
        "key": "810b2ce2-11c3-4424-996e-3bef36600907",
        "sha256": "",
    },
}


def published_by_mendeley(options: Mapping[str, Any]) -> Published:
    """Describe a version of the data set.

    Parameters
    ----------
    options
        version: 2 or 3.
    """
    version = options["version"]
    known = _OF_VERSION[version]
    return Published(
        title="Chest X-Ray Images, Kermany et al. 2018",
        page=f"https://data.mendeley.com/datasets/rscbjbr9sj/{version}",
        version=str(version),
        licence="CC BY 4.0",
        citation=CITATION.format(version=version),
        file=known["file"],
        locate=lambda: Located(f"{FILES}/{known['key']}/file_downloaded"),
        unpack=unpack_radiographs,
        sha256=known["sha256"],
    )


def unpack_radiographs(archive: Path, folder: Path) -> None:
    """Unpack the chest radiographs of an archive; other files, litter among them, are left out.

    Parameters
    ----------
    archive
        The file.
    folder
        A folder that will hold the radiographs below the archive's own folders, or not be there.

    Raises
    ------
    UserError
        As for `pneumobench.core.extract.unpack`.
    """
    unpack(archive, folder, keep=_is_chest_radiograph)


def _is_chest_radiograph(path: PurePosixPath) -> bool:
    return "OCT" not in path.parts and not is_litter(path.parts)
