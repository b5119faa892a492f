"""Tables, figures and the report. Never imports torch."""

import os

# Figures are drawn into files; matplotlib does not even start with another backend's wrong name.
os.environ["MPLBACKEND"] = "agg"
