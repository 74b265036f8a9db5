"""Our tables of what platforms promise, held against auditwheel's; and what distributions make of them."""

import json
from importlib import resources
from itertools import pairwise
from typing import TypedDict, cast

import pytest
from packaging.version import Version

from matrix_runner.catalog.distributions import Distribution, destinations, load_distributions
from matrix_runner.catalog.policies import Policy, load_policies, load_versions, number_of
from matrix_runner.model.platforms import Arch, Libc, Platform


class Theirs(TypedDict):
    """A policy as auditwheel has it."""

    name: str
    aliases: list[str]
    symbol_versions: dict[str, dict[str, list[str]]]
    lib_whitelist: list[str]
    blacklist: dict[str, list[str]]


@pytest.fixture(name="policies", scope="module")
def _policies() -> dict[str, Policy]:
    return {str(each): each for each in load_policies()}


@pytest.fixture(name="distributions", scope="module")
def _distributions() -> tuple[Distribution, ...]:
    return load_distributions()


def theirs(libc: Libc) -> list[Theirs]:
    """Return auditwheel's policies for a C library."""
    text = resources.files("auditwheel.policy").joinpath(f"{libc}-policy.json").read_text("utf-8")
    return [policy for policy in cast("list[Theirs]", json.loads(text)) if policy["name"] != "linux"]


def versions_of(policy: Theirs, arch: Arch) -> set[str]:
    """Return all symbol versions that a policy of auditwheel's has."""
    kinds = policy["symbol_versions"].get(arch.tag, {})
    return {f"{kind}_{number}" for kind, numbers in kinds.items() for number in numbers}


@pytest.mark.parametrize("libc", Libc)
def test_the_same_policies_exist(policies: dict[str, Policy], libc: Libc) -> None:
    """For the same architectures, of the same versions, under the same old names."""
    wanted = {
        f"{each['name']}_{arch}": [f"{alias}_{arch}" for alias in each["aliases"]]
        for each in theirs(libc)
        for arch in Arch
        if arch.tag in each["symbol_versions"]
    }
    ours = {name: [each.alias] if each.alias else [] for name, each in policies.items() if each.platform.libc is libc}
    assert ours == wanted


@pytest.mark.parametrize("arch", Arch)
def test_ceilings_allow_the_same_versions(policies: dict[str, Policy], arch: Arch) -> None:
    """Of all symbol versions that exist on an architecture, each policy allows those that auditwheel's allows."""
    known = {version for each in theirs(Libc.GLIBC) for version in versions_of(each, arch)}
    for each in theirs(Libc.GLIBC):
        if arch.tag in each["symbol_versions"]:
            ours = policies[f"{each['name']}_{arch}"]
            assert {version for version in known if ours.allows_version(version)} == versions_of(each, arch)
            assert not ours.allows_version("GLIBC_PRIVATE")


@pytest.mark.parametrize("libc", Libc)
def test_the_same_libraries_and_symbols_are_allowed(policies: dict[str, Policy], libc: Libc) -> None:
    """Libraries and forbidden symbols agree; musl's name is that of each architecture, as auditwheel replaces it."""
    for each in theirs(libc):
        forbidden = {(library, symbol) for library, symbols in each["blacklist"].items() for symbol in symbols}
        for arch in Arch:
            if arch.tag in each["symbol_versions"]:
                ours = policies[f"{each['name']}_{arch}"]
                libraries = {"libc.so" if name.startswith("libc.musl-") else name for name in ours.libraries}
                assert libraries == set(each["lib_whitelist"])
                assert ours.forbidden == forbidden


def test_a_newer_policy_takes_nothing_back(policies: dict[str, Policy]) -> None:
    """PEP 600: what installs by an older tag installs by every newer one."""
    for platform in {each.platform for each in policies.values()}:
        row = [each for each in policies.values() if each.platform == platform]
        assert [each.version for each in row] == sorted(each.version for each in row)
        for older, newer in pairwise(row):
            assert older.libraries <= newer.libraries
            assert older.names <= newer.names
            assert older.forbidden >= newer.forbidden
            assert all(number <= dict(newer.ceilings)[kind] for kind, number in older.ceilings)


def test_levels_are_those_of_the_policies(policies: dict[str, Policy]) -> None:
    """What a machine's own C library is looked up in has every level that some platform has."""
    for libc, versions in load_versions():
        assert set(versions) == {each.version for each in policies.values() if each.platform.libc is libc}


@pytest.mark.parametrize(
    ("text", "number"), [("2.2.5", (2, 2, 5)), ("1", (1,)), ("PRIVATE", None), ("", None), ("2.", None), ("²", None)]
)
def test_numbers_of_versions(text: str, number: tuple[int, ...] | None) -> None:
    """Only digits and dots are a number."""
    assert number_of(text) == number


def test_distributions_are_in_order(distributions: tuple[Distribution, ...]) -> None:
    """Names and versions are there once; newer releases have no older C library, and are no older themselves."""
    assert len({each.name for each in distributions}) == len(distributions)
    names = {each.name for each in distributions}
    for each in distributions:
        assert each.is_rolling is not bool(each.releases)
        assert each.like is None or each.like in names
        assert each.architectures
        assert len({release.version for release in each.releases}) == len(each.releases)
        libcs = [release.libc for release in each.releases]
        assert libcs == sorted(libcs)
        dates = [release.released for release in each.releases if release.released]
        assert dates == sorted(dates)


# From the survey that the manylinux project's maintainers keep: the oldest releases it lists for each C library.
@pytest.mark.parametrize(
    ("platform", "libc", "named"),
    [
        ("manylinux_x86_64", "2.12", "Debian 7, Ubuntu 12.04, RHEL 6, Oracle Linux 6"),
        ("manylinux_x86_64", "2.17", "Debian 8, Ubuntu 14.04, RHEL 7, CentOS 7, Oracle Linux 7, Amazon Linux 1"),
        ("manylinux_x86_64", "2.24", "Debian 9, Ubuntu 18.04, Amazon Linux 2, openSUSE Leap 15.0, RHEL 8"),
        ("manylinux_x86_64", "2.28", "Debian 10, Ubuntu 20.04, RHEL 8, AlmaLinux 8, Rocky Linux 8, openSUSE Leap 15.3"),
        ("manylinux_x86_64", "2.31", "Debian 11, Ubuntu 20.04, Fedora 32, openSUSE Leap 15.3, RHEL 9"),
        ("manylinux_x86_64", "2.34", "Debian 12, Ubuntu 21.10, Fedora 35, RHEL 9, Amazon Linux 2023"),
        ("manylinux_x86_64", "2.38", "Debian 13, Ubuntu 23.10, Fedora 39, openSUSE Leap 15.6"),
        ("manylinux_x86_64", "2.41", "Debian 13, Ubuntu 25.04, Fedora 42"),
        ("manylinux_x86_64", "2.43", "Ubuntu 26.04, Fedora 44"),
        ("manylinux_x86_64", "2.44", "Ubuntu 26.10"),
        ("manylinux_i686", "2.17", "Debian 8, Ubuntu 14.04, CentOS 7"),
        ("manylinux_riscv64", "2.31", "Debian 13, Ubuntu 20.04"),
        ("musllinux_x86_64", "1.1", "Alpine Linux 3.8"),
        ("musllinux_x86_64", "1.2", "Alpine Linux 3.13"),
        ("musllinux_x86_64", "1.2.6", "Alpine Linux 3.24"),
        ("musllinux_riscv64", "1.1", "Alpine Linux 3.20"),
    ],
)
def test_who_can_install_what(distributions: tuple[Distribution, ...], platform: str, libc: str, named: str) -> None:
    """The first release of each that has the C library, on that architecture."""
    found = destinations(distributions, Platform.parse(platform), Version(libc))
    shown = {f"{each.distribution.name} {each.release.version}" for each in found if each.release}
    assert set(named.split(", ")) <= shown


def test_no_distribution_is_named_for_what_it_does_not_have(distributions: tuple[Distribution, ...]) -> None:
    """No 32-bit RHEL 8, no Alpine for a glibc wheel, and only rolling ones for a C library of the future."""
    names = {
        each.distribution.name
        for each in destinations(distributions, Platform.parse("manylinux_i686"), Version("2.28"))
    }
    assert not names & {"RHEL", "AlmaLinux", "Alpine Linux", "Arch Linux", "Ubuntu"}
    future = destinations(distributions, Platform.parse("manylinux_x86_64"), Version("2.99"))
    assert future
    assert all(each.release is None and each.distribution.is_rolling for each in future)


def test_they_are_read_once() -> None:
    """Reading them takes 10 ms of a processor, and every cell of a run needs them."""
    assert load_policies() is load_policies()
