"""Checks the Kubernetes manifests of a folder; called by manifests.mjs. A Job, and the pods of a TFJob, are compared with
Kubernetes' own schemas (kubernetes-validate, strict); a TFJob with the classes of Kubeflow's SDK, which are generated
from its API. Prints a line for each manifest; exit code 1 if one does not fit.
"""
import re
import sys
from pathlib import Path

import kubernetes_validate
import yaml
from kubeflow.training import models

PLAIN = {"int": int, "str": str, "bool": bool}


def check_kubernetes(manifest):
    """Compares a manifest with the newest schema of its kind; unknown fields are errors."""
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def check_kubeflow(value, kind, path):
    """Compares a value with a type of the SDK: "str", "dict(str, KubeflowOrgV1ReplicaSpec)", "V1PodTemplateSpec"."""
    container = re.fullmatch(r"dict\(str, (\w+)\)|list\[(\w+)\]", kind)
    if container and container[1]:
        for name, item in value.items():
            check_kubeflow(item, container[1], f"{path}.{name}")
    elif container:
        for i, item in enumerate(value):
            check_kubeflow(item, container[2], f"{path}[{i}]")
    elif kind == "V1PodTemplateSpec":
        check_kubernetes({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "pod"}, "template": value})
    elif kind == "V1ObjectMeta":
        check_kubernetes({"apiVersion": "v1", "kind": "ConfigMap", "metadata": value})
    elif kind.startswith("KubeflowOrg"):
        check_fields(value, getattr(models, kind), path)
    elif not isinstance(value, PLAIN[kind]):
        raise ValueError(f"{path}: expected {kind}, got {value!r}")


def check_fields(value, model, path):
    """Compares an object's fields with those of a class; the class itself refuses missing ones."""
    names = {json: name for name, json in model.attribute_map.items()}
    for json, item in value.items():
        if json not in names:
            raise ValueError(f"{path}.{json}: there is no such field, only {', '.join(sorted(names))}")
        check_kubeflow(item, model.openapi_types[names[json]], f"{path}.{json}")
    model(**{names[json]: item for json, item in value.items()})


def check(manifest):
    """Checks one manifest. Returns what it was compared with."""
    kind = manifest["kind"]
    if kind == "TFJob":
        check_kubeflow(manifest, "KubeflowOrgV1TFJob", kind)
        if manifest["apiVersion"] != "kubeflow.org/v1":
            raise ValueError(f"apiVersion: expected kubeflow.org/v1, got {manifest['apiVersion']}")
        return "Kubeflow's SDK; its pods: Kubernetes " + kubernetes_validate.latest_version()
    check_kubernetes(manifest)
    return "Kubernetes " + kubernetes_validate.latest_version()


failed = False
for file in sorted(Path(sys.argv[1]).glob("*.yaml")):
    for manifest in yaml.safe_load_all(file.read_text()):
        try:
            print(f"check: {file.name}: {manifest['kind']}: fits {check(manifest)}")
        except (ValueError, kubernetes_validate.ValidationError) as error:
            failed = True
            print(f"check: {file.name}: {manifest['kind']}: {getattr(error, 'message', error)}")
sys.exit(failed)
