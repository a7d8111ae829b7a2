"""The Kubernetes example: every file is read, and agrees with the code and with the images."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from roomsplat.server.database import Database
from roomsplat.server.metrics import HttpMetrics
from roomsplat.server.records import JobError
from roomsplat.server.settings import ServerSettings
from roomsplat.server.workers import Workers
from tests.deploy.laws import COMMANDS, DEPLOY, SETTINGS, routes
from tests.server.job_fixtures import Service

FOLDER = DEPLOY / "kubernetes"


def documents() -> dict[str, dict[str, Any]]:
    """Every object, by kind and name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            name = document.get("metadata", {}).get("name", path.stem)
            found[f"{document['kind']}/{name}"] = document
    return found


OBJECTS = documents()
DEPLOYMENTS = ("Deployment/roomsplat-api", "Deployment/roomsplat-worker")


def pod_of(name: str) -> dict[str, Any]:
    """The pod of a deployment."""
    return OBJECTS[name]["spec"]["template"]["spec"]


def test_kustomize_finds_every_file() -> None:
    """The list of resources is the folder, and whatever else it names is there too."""
    kustomization = OBJECTS["Kustomization/kustomization"]
    others = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == others
    [secret] = kustomization["secretGenerator"]
    assert [(FOLDER / f"{name}.example").exists() for name in secret["envs"]] == [True]


def test_every_variable_is_a_setting() -> None:
    """What config, secret and containers set is read by the service (or by the libraries beside it)."""
    kustomization = OBJECTS["Kustomization/kustomization"]
    said = {line.split("=")[0] for line in kustomization["configMapGenerator"][0]["literals"]}
    said |= set(re.findall(r"^(\w+)=", (FOLDER / "secrets.env.example").read_text("utf-8"), re.MULTILINE))
    for name in DEPLOYMENTS:
        for container in pod_of(name)["containers"]:
            said |= {variable["name"] for variable in container.get("env", [])}
    assert said - SETTINGS == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CUPY_CACHE_DIR"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_pod_is_locked_in(name: str) -> None:
    """No root, no new privileges, a root file system that nobody writes; and the user is that of the image."""
    pod = pod_of(name)
    image = (DEPLOY / "Containerfile.cpu").read_text("utf-8")
    assert f"--uid {pod['securityContext']['runAsUser']} roomsplat" in image
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    mounted = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"]
        assert not locked["allowPrivilegeEscalation"]
        assert locked["capabilities"] == {"drop": ["ALL"]}
        places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert places.keys() >= {"/app/storage", "/tmp"}  # noqa: S108 - a place in the pod
        assert set(places.values()) == mounted
    assert all("emptyDir" in volume for volume in pod["volumes"]), "nothing outlives the pod"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_pod_runs_our_command_and_is_given_time_to_end(name: str) -> None:
    """Its image is one that kustomize replaces by ours, its words are a command, and draining fits into the grace."""
    pod, settings = pod_of(name), ServerSettings()
    [container] = pod["containers"]
    images = {image["name"]: image["newTag"] for image in OBJECTS["Kustomization/kustomization"]["images"]}
    kind = images[container["image"]].rpartition("-")[2]
    assert (DEPLOY / f"Containerfile.{kind}").exists()
    assert container["args"][0] in COMMANDS
    assert (
        pod["terminationGracePeriodSeconds"] >= max(settings.drain_seconds, settings.interrupt_seconds) + 15
    )


def test_probes_ask_addresses_that_exist() -> None:
    """Every probe's path is a route of the API, on the port that the service listens on."""
    [container] = pod_of(DEPLOYMENTS[0])["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["path"] in routes()
        assert ports[asked["port"]] == ServerSettings().port
    [named] = OBJECTS["Service/roomsplat-api"]["spec"]["ports"]
    [rule] = OBJECTS["Ingress/roomsplat"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "roomsplat-api", "port": {"name": named["name"]}}
    assert named["targetPort"] in ports
    assert OBJECTS["Service/roomsplat-api"]["spec"]["selector"] == {"app": "roomsplat-api"}


def test_workers_are_scaled_by_the_jobs_that_wait_or_run(service: Service, database: Database) -> None:
    """The query of the scaling, asked of a real database: waiting and running jobs count, ended ones do not."""
    scaled = OBJECTS["ScaledObject/roomsplat-worker"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == OBJECTS["Deployment/roomsplat-worker"]["metadata"]["name"]
    [container] = pod_of("Deployment/roomsplat-worker")["containers"]
    assert container["name"] == scaled["scaleTargetRef"]["envSourceContainerName"]
    [trigger] = scaled["triggers"]
    asked = trigger["metadata"]
    assert asked["connectionFromEnv"] in {variable["name"] for variable in container["env"]}

    def wanted() -> int:
        with database.engine.connect() as connection:
            return connection.execute(text(asked["query"])).scalar_one()

    assert wanted() == 0
    jobs = [service.job(), service.job("bob"), service.job("eve")]
    assert wanted() == 3
    lease = service.jobs.acquire(jobs[0].id, "worker")
    assert lease is not None
    assert wanted() == 3
    service.jobs.fail(lease, JobError(code="x", message="It failed.", hint="Again."))
    assert wanted() == 2
    metrics = HttpMetrics()
    metrics.watch(service.jobs, Workers(database.sessions, patience_seconds=60))
    shown = metrics.text().decode()
    words = "".join((FOLDER / name).read_text("utf-8") for name in ("README.md", "scaling.yaml"))
    figures = set(re.findall(r"roomsplat_[a-z_]+", words))
    assert len(figures) >= 3
    assert [name for name in figures if f"\n{name} " not in shown] == [], "the metrics that the pages name"
    assert set(re.findall(r"`(?:GET )?(/[a-z]+)`", words)) <= routes()


def test_nothing_secret_is_in_the_folder() -> None:
    """The files of secrets are examples without values, and git ignores the filled-in ones."""
    ignored = (Path(DEPLOY).parent / ".gitignore").read_text("utf-8").splitlines()
    assert {"/deploy/.env", "/deploy/kubernetes/secrets.env"} <= set(ignored)
    example = (FOLDER / "secrets.env.example").read_text("utf-8")
    assert set(re.findall(r"^AWS_\w+=(.*)$", example, re.MULTILINE)) == {""}
