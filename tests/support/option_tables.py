"""Good tables of configuration that use every option, in our dialect and in cibuildwheel's."""

from matrix_runner.config.options import OPTIONS

_EXAMPLES = "\n".join(option.example for option in OPTIONS)
OURS = f"""[project]
name = "demo"
requires-python = ">=3.9"
[dependency-groups]
test = ["pytest"]
[tool.matrix-runner]
{_EXAMPLES}
inherit = {{ before-all = "append" }}
[tool.matrix-runner.linux]
before-all = "x"
inherit = "before-all: prepend; environment"
environment = {{ A = "$(b 'c') ${{D:-e}}" }}
[[tool.matrix-runner.overrides]]
select = ["cp3{{9,1?}}-*", "*[!a-z]"]
config-settings = {{ a = ["b", 1, true] }}
inherit.config-settings = "append"
"""
THEIRS = """[tool.cibuildwheel]
build = "cp39-*"
skip = ["pp*", "cp3{6,7}-*"]
archs = ["auto", "arm64"]
enable = ["pypy", "pyodide-eol"]
before-all = ["a", "b"]
environment = { A = 'x" B="y', C = 1 }
container-engine = "docker; create-args: -t"
build-frontend = { name = "build", args = ["-x"] }
dependency-versions = { packages = ["a"] }
build-verbosity = "2"
config-settings = "a=1 b"
audit-command = "x {wheel}"
[tool.cibuildwheel.linux]
before-all = "c"
[tool.cibuildwheel.macos]
x = 1
[[tool.cibuildwheel.overrides]]
select = "*musl*"
inherit.before-all = "append"
before-all = "d"
"""
