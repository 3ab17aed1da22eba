"""nbgrader's settings for this course. nbgrader reads them when it is started in this folder.

.venv/bin/nbgrader autograde ps3 · generate_feedback ps3 · export · and formgrader, in .venv/bin/jupyter lab
"""

import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent
ENGINE = Path(__file__).resolve().parent  # elsewhere where this file is a link, as in a demo's folder
if str(ENGINE) not in sys.path:  # the engine, and beside it the kit, where they are not installed
    sys.path.append(str(ENGINE))

from autograder.cli import nbgrader_commands  # noqa: E402

c = get_config()  # noqa: F821  # type: ignore[name-defined]
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "default_course"
c.GenerateFeedback.exporter_class = nbgrader_commands.FeedbackExporter
c.GenerateFeedback.preprocessors = []
c.ExportApp.plugin_class = nbgrader_commands.StatusCsvExport
# Else a heading in a student's text could take the place of a score box on the marking page, which finds it by its id.
c.HTMLExporter.exclude_anchor_links = True

nbgrader_commands.install()
