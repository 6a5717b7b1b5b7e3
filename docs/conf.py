"""The documentation as a site: `make docs`.

The pages are Markdown that reads well where it lies. What only a site can have is added here:
navigation, formulas as MathML, the reference from docstrings, and live explorers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jetfold

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "jetfold"
author = "the jetfold authors"
copyright = author
version = release = jetfold.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "mathml",
    "docstrings",
    "pages",
    "explorers",
    "checks",
]
exclude_patterns = ["_site"]

# Markdown
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto", "explorer"]
highlight_language = "default"
smartquotes = False  # "auto" is a string, and to be copied

# The reference
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_type_aliases = {"Op": "Op"}
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"

# HTML
html_theme = "furo"
html_title = "jetfold"
html_static_path = ["_site/static"]
html_css_files = ["jetfold.css"]
html_theme_options = {
    "light_css_variables": {"color-code-background": "#f3f5f7"},
    "dark_css_variables": {"color-code-background": "#1d2126"},
}
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

# A link may be slow, but has to lead somewhere.
linkcheck_timeout = 20
linkcheck_retries = 2
