"""What `config/deploy/` starts and sets is what there is."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with moto; its types would be one more package

from feedproxy.cli import cli
from feedproxy.settings import PREFIX, Settings

DEPLOY = Path(__file__).resolve().parents[1] / "config" / "deploy"
ROOT = DEPLOY.parents[1]
FILES = sorted(file for file in DEPLOY.iterdir() if file.suffix != ".json")
PROSE = {"feedproxy", "image", "does"}
UNITS = sorted(DEPLOY.glob("*.service"))
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "MemoryDenyWriteExecute": "yes",
    "RestrictNamespaces": "yes",
    "StateDirectory": "feedproxy",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_and_every_command_that_is_named_exists(file: Path) -> None:
    text = file.read_text("utf-8")
    variables = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+)", text)}
    known = set(Settings.model_fields)
    assert {name for name in variables if name not in known and name.removesuffix("_file") not in known} == set()
    commands = set(re.findall(r"\bfeedproxy ([a-z]+)\b", text.replace('", "', " ")))
    assert commands - PROSE - set(cli.commands) == set()


def compose(name: str) -> dict[str, Any]:
    found = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["compose.yml", "compose.scale.yml"])
def test_services_of_ours_run_as_nobody_else_over_what_is_declared(name: str) -> None:
    whole = compose(name)
    ours = {key: service for key, service in whole["services"].items() if "build" in service}
    assert ours
    for key, service in whole["services"].items():
        named = {volume.partition(":")[0] for volume in service.get("volumes", ()) if volume[0] not in "./"}
        assert named <= set(whole.get("volumes") or ())
        assert set(service.get("secrets", ())) <= set(whole.get("secrets") or ())
        assert set(service.get("depends_on", ())) <= set(whole["services"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source[0] != "." or (DEPLOY / source).exists(), f"{key}: {source}"
    for service in ours.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "no-new-privileges:true" in service["security_opt"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile, each on one line."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in joined.splitlines():
        if line:
            yield line.partition(" ")[0], line.partition(" ")[2]


def test_the_image_is_made_of_what_is_locked_and_runs_as_nobody() -> None:
    found = list(instructions((DEPLOY / "Dockerfile").read_text("utf-8")))
    installs = [part for name, rest in found if name == "RUN" for part in rest.split("&&") if "pip install" in part]
    assert len(installs) == 3
    for install in installs:
        assert (
            "--require-hashes" in install or shlex.split(install)[-3:] == ["--no-build-isolation", "."] or "--no-deps" in install
        )
    assert [rest for name, rest in found if name == "USER"] == ["10001"]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for name, rest in found if name == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def unit_of(file: Path) -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names have capitals
    parser.read(file, "utf-8")
    return dict(parser["Service"])


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_units_are_hardened_and_start_what_there_is(file: Path) -> None:
    unit = unit_of(file)
    assert {name: unit.get(name) for name in HARDENED} == HARDENED
    program, *arguments = shlex.split(unit["ExecStart"])
    if program.endswith("/feedproxy"):
        assert arguments[0] in cli.commands
    else:
        assert arguments == ["--config", "python:feedproxy.web.server"]


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    rules = [rule for group in compose("alerts.yml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "advice"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian package prometheus)")
def test_prometheus_takes_the_alerts() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", DEPLOY / "alerts.yml"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx (Debian package nginx)")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    upstream = "/etc/nginx/feedproxy-upstream.conf"
    assert f"include {upstream};" in site
    site = re.sub(r"listen .*?80;", "listen 127.0.0.1:0;", site).replace(upstream, str(DEPLOY / "nginx-upstream.conf"))
    site = site.replace("    listen 127.0.0.1:0;\n", "", 1).replace("127.0.0.1:0", f"unix:{tmp_path}/socket")
    (tmp_path / "site.conf").write_text(site, "utf-8")
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole, "utf-8")
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
