"""Writing of option values as TOML, such that each kind reads its own output back to the same value."""

import msgspec

from matrix_runner.config.kinds.values import (
    BuildConstraints,
    BuildFrontend,
    CompilerCacheBackend,
    CompilerCacheChoice,
    ContainerEngine,
    DependencyVersions,
    EngineEntry,
    ExcludeNewer,
    VersionSource,
)


def string(text: str) -> str:
    """Write a basic string."""
    # JSON's escapes are TOML's; only DEL, not escaped in JSON, has to be escaped in TOML.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def plain(value: object) -> str:
    """Write a value with a plain TOML form: strings, numbers, booleans, words from closed sets, lists of these."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(plain, value))}]"
    return str(value) if isinstance(value, int) else string(str(value))


def frontend(value: object) -> str:
    """Write a build frontend: its name, or a table if it has arguments."""
    if not isinstance(value, BuildFrontend):
        raise TypeError(value)
    name = plain("pyodide-build" if value.for_pyodide else value.name)
    return f"{{ name = {name}, args = {plain(value.args)} }}" if value.args else name


def engine(value: object) -> str:
    """Write a container engine: its name, or a table if it has further fields."""
    if not isinstance(value, ContainerEngine):
        raise TypeError(value)
    entries = [f"name = {plain(value.name)}"]
    entries += [f"create-args = {plain(value.arguments.words)}"] if value.arguments.words else []
    entries += ["disable-host-mount = true"] if value.disable_host_mount else []
    return f"{{ {', '.join(entries)} }}" if len(entries) > 1 else plain(value.name)


def engines(value: object) -> str:
    """Write engines as a list of tables."""
    return f"[{', '.join(_engine_entry(one) for one in _items(value))}]"


def _engine_entry(entry: object) -> str:
    if not isinstance(entry, EngineEntry):
        raise TypeError(entry)
    fields = [f"name = {plain(entry.name)}", f"endpoint = {plain(entry.endpoint)}"]
    fields += [f"arch = {plain(entry.arch)}"] if entry.arch is not None else []
    fields += [f"jobs = {entry.jobs}"] if entry.jobs else []
    fields += [f"tls = {plain(entry.tls)}"] if entry.tls else []
    return f"{{ {', '.join(fields)} }}"


def compiler_cache(value: object) -> str:
    """Write a compiler cache: its name, or a table if its backend is not the usual one."""
    if not isinstance(value, CompilerCacheChoice):
        raise TypeError(value)
    name = plain(value.name)
    is_usual = value.backend is CompilerCacheBackend.VOLUME
    return name if is_usual else f"{{ name = {name}, backend = {plain(value.backend)} }}"


def versions(value: object) -> str:
    """Write the source of dependency versions."""
    if not isinstance(value, DependencyVersions):
        raise TypeError(value)
    match value.source:
        case VersionSource.FILE:
            return f"{{ file = {plain(value.file)} }}"
        case VersionSource.PACKAGES:
            return f"{{ packages = {plain(value.packages)} }}"
        case VersionSource.PINNED | VersionSource.LATEST:
            return plain(value.source)


def build_constraints(value: object) -> str:
    """Write constraints on what a build requires: a path, or a list of lines."""
    if not isinstance(value, BuildConstraints):
        raise TypeError(value)
    return plain(value.lines) if value.lines else plain(value.file)


def exclude_newer(value: object) -> str:
    """Write an upload time as the user did."""
    if not isinstance(value, ExcludeNewer):
        raise TypeError(value)
    return plain(value.text)


def variables(value: object) -> str:
    """Write environment variables as a string of assignments: only there do quotes have their shell meaning."""
    return string(" ".join(f'{name}="{text}"' for name, text in _pairs(value)))


def settings(value: object) -> str:
    """Write build backend settings as a table."""
    entries = []
    for key, values in _pairs(value):
        shown = plain(values[0]) if isinstance(values, tuple) and len(values) == 1 else plain(values)
        entries.append(f"{string(str(key))} = {shown}")
    return f"{{ {', '.join(entries)} }}" if entries else "{}"


def _items(value: object) -> tuple[object, ...]:
    if not isinstance(value, tuple):
        raise TypeError(value)
    return value


def _pairs(value: object) -> tuple[tuple[object, object], ...]:
    if not isinstance(value, tuple):
        raise TypeError(value)
    return value
