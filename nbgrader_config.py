"""nbgrader's settings for this course. nbgrader reads them when it is started in this folder.

.venv/bin/nbgrader autograde ps3 · generate_feedback ps3 · export · and formgrader, in .venv/bin/jupyter lab
"""

import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent
ENGINE = Path(__file__).resolve().parent  # elsewhere where this file is a link, as in a demo's folder
for folder in (ENGINE, ENGINE / "autograder"):  # the engine, and beside it the kit, where they are not installed
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

from autograder import nbgrader_classes  # noqa: E402

c = get_config()  # noqa: F821  # type: ignore[name-defined]
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "default_course"
c.GenerateFeedback.exporter_class = nbgrader_classes.FeedbackExporter
c.GenerateFeedback.preprocessors = []
c.ExportApp.plugin_class = nbgrader_classes.StatusCsvExport
# Else a heading in a student's text could take the place of a score box on the marking page, which finds it by its id.
c.HTMLExporter.exclude_anchor_links = True

nbgrader_classes.install()
