"""Options for the repaired wheel itself: stripping, and software bills of materials."""

from matrix_runner.config.kinds import basic, names
from matrix_runner.config.options.option import Option, Section

STRIP: Option[bool] = Option(
    name="strip",
    kind=basic.boolean(),
    default=False,
    section=Section.BUILD,
    help="Strip symbols and debug information from the wheel's modules and the libraries that repair adds.",
    details="""
By `auditwheel repair --strip`, in the default command. A command of one's own says `--strip` itself: the option then
has no effect, and the cell says so. Debuggers and profilers lose the names of functions; Python's tracebacks do not.
""",
    example="strip = true",
)

SBOMS: Option[tuple[str, ...]] = Option(
    name="sboms",
    kind=names.inside_paths(),
    default=(),
    section=Section.BUILD,
    help="Files of the project that go into the repaired wheel as software bills of materials (PEP 770).",
    details="""
They are put into `.dist-info/sboms/`, beside auditwheel's own, which lists what repair has added, before the wheel is
verified and tested. The build, or `before-build`, may make them: paths are relative to the project's directory in the
cell. A missing file fails the cell, and so do two of one name. `runner inspect` lists what a wheel has.
""",
    example='sboms = ["sbom.cdx.json"]',
)

UNOWNED_SBOM: Option[bool] = Option(
    name="unowned-sbom",
    kind=basic.boolean(),
    default=True,
    section=Section.BUILD,
    help="List grafted libraries that no package owns in a bill of materials of the wheel (PEP 770).",
    details="""
auditwheel lists the packages that the libraries which repair adds came from, in `.dist-info/sboms/auditwheel.cdx.json`;
a library that was built by hand, in `before-all` or otherwise, is of none, and missing there. Then
`matrix-runner.cdx.json` beside it has its name, its soname and its SHA-256, and says that its owner is unknown: whoever
scans the wheel sees that there is more in it than is listed. Only wheels with such libraries are changed, and by that
file and its line in RECORD alone. It needs auditwheel 6.5 or later, the first that asks for owners. With
cibuildwheel's table it has no effect: wheels stay as its own are.
""",
    example="unowned-sbom = false",
)

OPTIONS: tuple[Option[object], ...] = (STRIP, SBOMS, UNOWNED_SBOM)
