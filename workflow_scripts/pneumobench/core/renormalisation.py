"""What predictions with statistics of the test images are called in the column tta."""

RENORMALISED = "test_statistics"
