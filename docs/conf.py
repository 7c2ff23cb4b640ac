"""How the documentation is built: MyST pages, Furo, and reference pages made from the code."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent.parent / "src")]

from medlms import __version__

project = "MedLMs"
author = "The MedLMs authors"
copyright = "The MedLMs authors, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "made_pages"]
exclude_patterns = ["_build", "results/*.json"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = f"MedLMs {version}"
html_theme_options = {"navigation_with_keys": True}
