"""The training loop. It knows tokens and parameters, and nothing of files of data, metrics or reports."""
