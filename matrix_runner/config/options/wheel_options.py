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

OPTIONS: tuple[Option[object], ...] = (STRIP, SBOMS)
