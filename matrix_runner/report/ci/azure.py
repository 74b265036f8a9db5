"""The log of Azure Pipelines (learn.microsoft.com, "Logging commands")."""

from matrix_runner.report.ci.log_syntax import Annotation, ClosedFolds, Fold


class AzureLog(ClosedFolds):
    """Commands are `##[...]` and `##vso[...]`. Groups are closed at first, and cannot be open."""

    system = "Azure Pipelines"
    has_annotations = True
    # microsoft/azure-pipelines-agent, ExecutionContext.
    most_annotations = 10

    def start(self, fold: Fold) -> str:
        """Return the start of a group."""
        return f"##[group]{fold.title}"

    def end(self, fold: Fold) -> str:  # noqa: ARG002
        """Return the end of a group."""
        return "##[endgroup]"

    def annotation(self, annotation: Annotation) -> tuple[str, ...]:
        """Return an issue of the build. It has no title of its own."""
        properties = [f"type={annotation.severity}"]
        if annotation.place is not None:
            properties += [f"sourcepath={_property(annotation.place.path)}", f"linenumber={annotation.place.line}"]
            if annotation.place.column is not None:
                properties.append(f"columnnumber={annotation.place.column}")
        message = _data(f"{annotation.title}: {annotation.message}")
        return (f"##vso[task.logissue {';'.join(properties)};]{message}",)

    def progress(self, done: int, total: int) -> tuple[str, ...]:
        """Return the command that moves the progress bar."""
        return (f"##vso[task.setprogress value={100 * done // max(total, 1)};]{done} of {total} cells",)

    def summary_file(self, path: str) -> tuple[str, ...]:
        """Return the command that puts a file on the tab "Extensions" of the run."""
        return (f"##vso[task.uploadsummary]{_data(path)}",)


def _data(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(";", "%3B").replace("]", "%5D")
