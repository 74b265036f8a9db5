"""Proxies: which variables name one, whether it is there, and whether a container can use it. Pure."""

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.proxies import network_env

_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}


class NamedProxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that a variable names. `host`: "" if the value is no address."""

    variable: str
    value: str
    host: str = ""
    port: int = 0

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine for itself, which is another one in each container."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def named_proxies(environ: Mapping[str, str]) -> tuple[NamedProxy, ...]:
    """Return the proxies that commands and containers get, each once."""
    found: dict[str, NamedProxy] = {}
    for name, value in network_env(environ, None):
        # Both cases of a name reach the cells; here the one that is set tells.
        if name.lower() != "no_proxy" and environ.get(name) == value:
            found.setdefault(name.lower(), _parsed(name, value))
    return tuple(found.values())


def _parsed(name: str, value: str) -> NamedProxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return NamedProxy(variable=name, value=value)
    if port is None or not parts.hostname or any(letter.isspace() for letter in value):
        return NamedProxy(variable=name, value=value)
    return NamedProxy(variable=name, value=value, host=parts.hostname, port=port)


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the way to proxies. `knocks`: by variable, "" or why nothing is there.

    `in_containers`: whether cells run in containers that are machines of their own. `is_bypassed`: an index was reached
    from there all the same.
    """

    knocks: Mapping[str, str]
    in_containers: bool
    is_bypassed: bool


def judge_proxies(environ: Mapping[str, str], reach: Reach) -> Iterator[Verdict]:
    """Yield a verdict on each proxy."""
    proxies = named_proxies(environ)
    if not proxies:
        yield Verdict(name="no-proxy-set", text="no variable names one")
    worst = Level.WARNING if reach.is_bypassed else Level.ERROR
    for proxy in proxies:
        yield _judge(proxy, reach, worst)
    direct = next((value for name, value in network_env(environ, None) if name.lower() == "no_proxy"), "")
    if direct:
        yield Verdict(name="no-proxy", about="no_proxy", text=f"none for {direct}; passed to containers")


def _judge(proxy: NamedProxy, reach: Reach, worst: Level) -> Verdict:
    named = f"{proxy.variable}={proxy.value}"
    if not proxy.host:
        return Verdict(
            name="proxy-malformed",
            level=Level.ERROR,
            about=proxy.variable,
            text=f"{named} is no address of a proxy",
            remedy="an address looks like http://proxy.example.org:3128",
        )
    reason = reach.knocks.get(proxy.variable)
    if reason:
        return Verdict(
            name="proxy-unreachable",
            level=worst,
            about=proxy.variable,
            text=f"{named} cannot be reached: {reason}",
            remedy=f"start the proxy, correct {proxy.variable}, or unset it where the network needs none",
        )
    if proxy.is_loopback and reach.in_containers:
        return Verdict(
            name="proxy-loopback",
            level=worst,
            about=proxy.variable,
            text=f"{named} is this machine for itself: in a container nothing listens there",
            remedy="have it listen at an address that containers reach (the engine's bridge) and name that, or set"
            ' create-args = ["--network=host"]',
        )
    passed = "; passed to containers" if reach.in_containers else ""
    if reason is None:
        text = f"{named}: whether it can be reached is not known{passed}"
        return Verdict(name="proxy", level=Level.UNKNOWN, about=proxy.variable, text=text)
    return Verdict(name="proxy", about=proxy.variable, text=f"{named} listens{passed}")
