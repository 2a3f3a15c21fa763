"""The container files: linted, and in step with the package."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile.gpu"
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_the_dockerfile_has_no_lint():
    run = subprocess.run([HADOLINT, DOCKERFILE], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_dockerfile_copies_and_installs_what_there_is():
    """A renamed folder or extra would break an image that nobody builds every day."""
    lines = DOCKERFILE.read_text().splitlines()
    copied = [part for line in lines if line.startswith("COPY") for part in line.split()[1:-1]]
    assert copied and all((ROOT / part).exists() for part in copied)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"gpu", "dask"} <= extras.keys()
    assert '".[gpu,dask]"' in DOCKERFILE.read_text()


def test_the_services_start_commands_that_there_are():
    """Every service has the sandbox's rights, and the worker one GPU that the scheduler knows of."""
    services = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())["services"]
    assert set(services) == {"scheduler", "worker", "grade"}
    for service in services.values():
        assert service["cap_add"] == ["SYS_ADMIN"]
        assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DOCKERFILE
    (device,) = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert "GPU=1" in services["worker"]["entrypoint"]
    help_text = subprocess.run([Path(sys.executable).with_name("autograder"), "grade", "--help"], check=True, capture_output=True, text=True).stdout
    for option in (part for part in services["grade"]["entrypoint"] if part.startswith("--")):
        assert option in help_text
