"""The log of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions")."""

from matrix_runner.report.ci.log_syntax import Annotation, ClosedFolds, Fold


class GithubLog(ClosedFolds):
    """Commands are lines that start with `::`. Groups are closed at first, and cannot be open: what must be is none."""

    system = "GitHub Actions"
    has_annotations = True
    # actions/runner, ExecutionContext: further ones of a step are counted, and shown nowhere.
    most_annotations = 10

    def start(self, fold: Fold) -> str:
        """Return the start of a group."""
        return f"::group::{_data(fold.title)}"

    def end(self, fold: Fold) -> str:  # noqa: ARG002
        """Return the end of a group."""
        return "::endgroup::"

    def annotation(self, annotation: Annotation) -> tuple[str, ...]:
        """Return an annotation, which a place puts beside the changed lines of a pull request."""
        properties = [f"title={_property(annotation.title)}"]
        if annotation.place is not None:
            properties = [f"file={_property(annotation.place.path)}", f"line={annotation.place.line}", *properties]
            if annotation.place.column is not None:
                properties.insert(2, f"col={annotation.place.column}")
        return (f"::{annotation.severity} {','.join(properties)}::{_data(annotation.message)}",)

    def commands_off(self, token: str) -> tuple[str, ...]:
        """Return the command that stops commands."""
        return (f"::stop-commands::{token}",)

    def commands_on(self, token: str) -> tuple[str, ...]:
        """Return the command that no output can know."""
        return (f"::{token}::",)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
