"""The pinned requirements install with the pip of any Python the project runs on."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pinned(file: str) -> dict[str, set[str]]:
    """Package → extras that its line in a requirements file asks for."""
    text = (ROOT / file).read_text()
    found = re.findall(r"^([\w.-]+)(?:\[([^\]]*)\])?==", text, re.MULTILINE)
    return {
        canonicalize_name(name): {extra.strip() for extra in extras.split(",") if extra}
        for name, extras in found
    }


def wanted_by_others(among: dict[str, set[str]]) -> dict[str, set[str]]:
    """Package → extras that installed pinned packages ask for, as `name[extra]`."""
    wanted: dict[str, set[str]] = {}
    for distribution in distributions():
        own = canonicalize_name(distribution.name)
        for line in distribution.requires or () if own in among else ():
            requirement = Requirement(line)
            marker = requirement.marker
            asked = among[own] or {""}
            if marker and not any(marker.evaluate({"extra": extra}) for extra in {"", *asked}):
                continue
            name = canonicalize_name(requirement.name)
            if requirement.extras and name != own:
                wanted.setdefault(name, set()).update(requirement.extras)
    return wanted


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-test.txt"])
def test_a_pin_names_every_extra_that_another_package_wants_of_it(file: str) -> None:
    """Older pips take `name[extra]` from a package for a requirement apart from a pinned `name`,
    and refuse the whole file as soon as there is a newer release than the pinned one."""
    pins = pinned(file)
    wanted = wanted_by_others(pins)
    assert "granian" in wanted
    assert {
        name: extras - pins[name] for name, extras in wanted.items() if extras - pins[name]
    } == {}
