"""The language: what a workflow is. Reads files and nothing else."""

from definitions.errors import DrumbeatError, EnvironmentFault, InternalError, ProblemsFound, UserError
from definitions.loader import load_project, load_settings, read_folder
from definitions.problems import Problem, Span
from definitions.project import Project, ProjectSettings
from definitions.workflow import Workflow

__all__ = [
    "DrumbeatError",
    "EnvironmentFault",
    "InternalError",
    "Problem",
    "ProblemsFound",
    "Project",
    "ProjectSettings",
    "Span",
    "UserError",
    "Workflow",
    "load_project",
    "load_settings",
    "read_folder",
]
