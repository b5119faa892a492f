"""What metrics, measures of calibration and rules for thresholds are called in tables and texts."""

METRICS = {"roc_auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
CALIBRATION = {
    "calibration_error": "Calibration error",
    "brier": "Brier score",
    "slope": "Slope",
    "in_the_large": "Calibration in the large",
}
RULES = {"youden": "Youden", "sensitivity_95": "sensitivity 95 %", "cost": "cost"}
# The metric that says how often images of a class are called right.
RIGHT = {"normal": "specificity", "pneumonia": "sensitivity"}
