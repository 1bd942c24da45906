"""Programs beside the package, run with `python -m scripts.FOLDER.NAME` from a checkout."""
