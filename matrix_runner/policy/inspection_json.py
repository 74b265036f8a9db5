"""The JSON document of `runner inspect --json`."""

from typing import TypeAlias

from matrix_runner.catalog.distributions import Distribution, destinations
from matrix_runner.policy.analysis import Analysis, Verdict
from matrix_runner.policy.demands import Demand
from matrix_runner.policy.elf_reading.elf import Binary

JSONValue: TypeAlias = "str | int | bool | list[JSONValue] | dict[str, JSONValue] | None"


def inspection_document(analysis: Analysis, distributions: tuple[Distribution, ...]) -> dict[str, JSONValue]:
    """Return a wheel's complete analysis as JSON data. Documented in docs/reference/inspect.md."""
    contents = analysis.wheel.contents
    return {
        "wheel": contents.filename,
        "sha256": contents.sha256,
        "size": contents.size,
        "platform_tags": [*analysis.platform_tags],
        "is_pure": contents.is_pure,
        "platforms": [_verdict(each, distributions) for each in analysis.verdicts],
        "files": [_binary(each) for each in analysis.wheel.binaries],
        "odd_files": [each.path for each in analysis.odd_files],
        "grafted_pythons": [*analysis.grafted_pythons],
        "sboms": [*contents.sboms],
        "not_in_sbom": [*analysis.unlisted],
    }


def _verdict(verdict: Verdict, distributions: tuple[Distribution, ...]) -> dict[str, JSONValue]:
    found = destinations(distributions, verdict.platform, verdict.needs)
    return {
        "platform": str(verdict.platform),
        "policy": None if verdict.policy is None else str(verdict.policy),
        "tagged": None if verdict.tagged is None else str(verdict.tagged),
        "keeps_its_promise": verdict.keeps_its_promise,
        "libc": str(verdict.needs),
        "pip": verdict.pip,
        "distributions": [
            {"name": each.distribution.name, "from": None if each.release is None else each.release.version}
            for each in found
        ],
        "held_back": [
            {
                "policy": None if rung.policy is None else str(rung.policy),
                "without": str(rung.without),
                "by": [_demand(each) for each in rung.demands],
            }
            for rung in verdict.rungs
        ],
        "libraries": [
            {"name": each.name, "place": each.provider.value, "needed_by": [*each.needed_by]}
            for each in verdict.libraries
        ],
        "not_found": [
            {
                "file": each.file,
                "library": each.name,
                "loading": each.entry,
                "held_at": [*each.held_at],
                "loaded_by": each.loaded_by,
            }
            for each in verdict.lost
        ],
        "of_other_libc": [
            {"file": each.path, "libc": str(each.libc), "shown_by": each.shown_by} for each in verdict.of_other_libc
        ],
        "carried_libcs": [
            {"file": each.path, "libc": str(each.libc), "needed_by": [*each.needed_by]} for each in verdict.carried
        ],
        "undefined_versions": [
            {"file": each.file, "library": each.library, "version": each.version} for each in verdict.undefined
        ],
    }


def _demand(demand: Demand) -> dict[str, JSONValue]:
    return {
        "kind": demand.kind.value,
        "file": demand.file,
        "library": demand.library or None,
        "what": demand.what,
        "symbols": [*demand.symbols],
    }


def _binary(binary: Binary) -> dict[str, JSONValue]:
    return {
        "path": binary.path,
        "architecture": None if binary.arch is None else binary.arch.tag,
        "machine": binary.header.machine,
        "bits": binary.header.bits,
        "byte_order": binary.header.byte_order,
        "is_data": binary.header.is_data,
        "soname": binary.soname,
        "needed": [*binary.needed],
        "rpath": [*binary.rpath],
        "runpath": [*binary.runpath],
        "instructions": binary.instructions,
        "packs_relocations": binary.packs_relocations,
        "requires": [
            {"library": each.library, "version": each.version, "symbols": [*each.symbols]}
            for each in binary.requirements
        ],
        "trouble": binary.trouble,
    }
