"""Options of the output: the directories of wheels and report, and the way a run is shown."""

from matrix_runner.config.kinds import basic, shapes
from matrix_runner.config.kinds.units import BYTES
from matrix_runner.config.kinds.values import LogFolds, Progress
from matrix_runner.config.options.option import Option, Section

OUTPUT_DIR: Option[str] = Option(
    name="output-dir",
    kind=basic.string(words="a path", read=basic.filled, may_be_empty=False, shape=shapes.FILLED),
    default="wheelhouse",
    section=Section.RUN,
    help="Directory for the wheels, and nothing else: `twine upload` takes all that is in it.",
    details="""
It is made if need be. A relative path starts at the directory in which the command is run.
""",
    example='output-dir = "dist"',
    flag="--output-dir",
    metavar="DIRECTORY",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

REPORT_DIR: Option[str] = Option(
    name="report-dir",
    kind=basic.string(words="a path", may_be_empty=True),
    default="",
    section=Section.RUN,
    help="Directory for report.json, SHA256SUMS, events.jsonl and logs; empty: beside the output directory.",
    details="""
By default its name is that of the output directory with `-report` at the end: `wheelhouse-report`. It is no hidden
name, which actions that upload artifacts leave out, and git ignores what is in it. If the output directory is the
project, it is `matrix-runner-report` in there. A relative path starts at the directory in which the command is run.
""",
    example='report-dir = "build-report"',
    flag="--report-dir",
    metavar="DIRECTORY",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OVERWRITE: Option[bool] = Option(
    name="overwrite",
    kind=basic.boolean(),
    default=False,
    section=Section.RUN,
    help="Replace a different wheel of the same name in the output directory.",
    example="overwrite = true",
    flag="--overwrite",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

MAX_WHEEL_SIZE: Option[int] = Option(
    name="max-wheel-size",
    kind=basic.measured(
        words="bytes, or a size such as `60m` or `1g`", units=BYTES, least=1, most=1024**4, least_text="1 to 1t"
    ),
    default=100 * 1024**2,
    section=Section.RUN,
    help="Size from which a wheel is warned of, such as 60m; 0: none.",
    details="""
The default is PyPI's limit for a file. The warning names the largest files of the wheel, such as libraries that repair
put in; `runner collect`, after which wheels are published, refuses such a wheel. One that has grown by more than a
tenth since the last report is told too, with the files that grew; that is why `report.json` has the ten largest of
each. `k`, `m`, `g`, `t` are powers of 1024.
""",
    example='max-wheel-size = "60m"',
    affects_wheel=False,
)

PROGRESS: Option[Progress] = Option(
    name="progress",
    kind=basic.choice(Progress, "way to show progress"),
    default=Progress.AUTO,
    section=Section.RUN,
    help="How a build is shown: auto, live, plain, quiet or json.",
    details="""
`live` is a table that is drawn anew, for terminals; `plain` prints a block for each cell when it ends, for
[CI](ci-logs.md) and files; `quiet` prints warnings, failures and the last lines of the summary. `json` prints each
event as a JSON object on a line of its own, and nothing else, to standard output; the format is in [Events](events.md).
`auto` is `live` on a terminal outside CI, else `plain`.
""",
    example='progress = "plain"',
    flag="--progress",
    metavar="WAY",
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

LOG_FOLDS: Option[LogFolds] = Option(
    name="log-folds",
    kind=basic.choice(LogFolds, "kind of folds"),
    default=LogFolds.AUTO,
    section=Section.RUN,
    help="The CI system for which the log is written; auto: by its variables; none: for a person.",
    details="""
`github`, `gitlab`, `travis`, `azure`, `buildkite`, `circleci` and `teamcity` have [syntaxes of their own](ci-logs.md)
for folds, annotations and progress, and limits of a log's size. `auto` knows the system by its variables. Outside of
CI, and with `none`, nothing is folded or annotated, and a failure is explained beside its cell. In place of it
cibuildwheel's `CIBW_LOG_FOLD_MODE` is read where its table is: `disabled`, `github`, `travis`, `azure`.
""",
    example='log-folds = "none"',
    per_platform=False,
    per_cell=False,
    affects_wheel=False,
)

OPTIONS: tuple[Option[object], ...] = (OUTPUT_DIR, REPORT_DIR, OVERWRITE, MAX_WHEEL_SIZE, PROGRESS, LOG_FOLDS)
