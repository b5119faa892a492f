"""The findings of NIH ChestX-ray14, as its table names them (Wang et al., CVPR 2017, 2097-2106)."""

FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening"),
    *("Pneumonia", "Pneumothorax"),
)
NO_FINDING = "No Finding"
ABNORMAL = "abnormal"
