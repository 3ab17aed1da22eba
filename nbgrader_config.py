"""nbgrader's settings for this course. nbgrader reads them when it is started in this folder.

nbgrader autograde SET · generate_feedback SET · export · and formgrader, in jupyter lab
"""

from pathlib import Path

from autograder.cli import nbgrader_commands, nbgrader_export  # installed beside nbgrader, in one environment

ROOT = Path(__file__).absolute().parent

c = get_config()  # noqa: F821  # type: ignore[name-defined]
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "default_course"
c.GenerateFeedback.exporter_class = nbgrader_commands.FeedbackExporter
c.GenerateFeedback.preprocessors = []
c.ExportApp.plugin_class = nbgrader_export.StatusCsvExport
# Else a heading in a student's text could take the place of a score box on the marking page, which finds it by its id.
c.HTMLExporter.exclude_anchor_links = True

nbgrader_commands.install()
