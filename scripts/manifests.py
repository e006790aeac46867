"""Checks rendered manifests strictly; called by manifests.sh with the folder that they are in.

Kubernetes' own objects are checked against its schema, those of others against scripts/schemas/, which know the fields
that we use and no more. Then the check itself is checked: misspelt fields must be refused.
"""

import copy
import hashlib
import json
import re
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.37"
SCHEMAS = Path(__file__).parent / "schemas"


def fault(document):
    """What is wrong with an object, or None."""
    of_others = SCHEMAS / (document["apiVersion"].replace("/", "_") + "_" + document["kind"] + ".json")
    try:
        if of_others.exists():
            jsonschema.validate(document, json.loads(of_others.read_text()))
        else:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(str(step) for step in error.path)}: {error.message}"
    except jsonschema.ValidationError as error:
        return f"{error.json_path}: {error.message}"
    except Exception as error:  # no schema, or not the shape of an object at all
        return f"{type(error).__name__}: {error}"
    return None


def renamed(value, old, new):
    """The same with a field called otherwise wherever it appears, and how often that was."""
    if isinstance(value, list):
        pairs = [renamed(item, old, new) for item in value]
        return [item for item, _ in pairs], sum(count for _, count in pairs)
    if not isinstance(value, dict):
        return value, 0
    changed, count = {}, 0
    for name, inner in value.items():
        inner, inside = renamed(inner, old, new)
        count += inside + (name == old)
        changed[new if name == old else name] = inner
    return changed, count


MISSPELT = [
    ("readinessProbe", "readynessProbe"),
    ("terminationGracePeriodSeconds", "terminationGraceSeconds"),
    ("readOnlyRootFilesystem", "readonlyRootFilesystem"),
    ("podSelector", "podSelectors"),
    ("automountServiceAccountToken", "autoMountServiceAccountToken"),
    ("maxReplicas", "maximumReplicas"),
    ("backendRefs", "backends"),
    ("hashMethodKey", "hashKey"),
]


def misspellings_that_pass(documents):
    """Misspellings that no object's check notices. Those of fields that nothing rendered has are left out."""
    for old, new in MISSPELT:
        for name, document in documents:
            wrong, count = renamed(copy.deepcopy(document), old, new)
            if count and fault(wrong) is None:
                yield f"{name}: {document['kind']} with {new} for {old} passes"


def wrong_with_the_redis_secret(secret):
    """The gateway's password must be the one whose hash Redis knows."""
    password = re.fullmatch(r"redis://points-gateway:([0-9a-f]{64})@points-gateway-redis:6379", secret["stringData"]["url"])
    known = re.search(r"^user points-gateway on #([0-9a-f]{64}) ", secret["stringData"]["users.acl"], re.MULTILINE)
    if not password or not known or hashlib.sha256(password[1].encode()).hexdigest() != known[1]:
        yield "redis-secret.yaml: url and users.acl don't fit together"
    if "user default off\n" not in secret["stringData"]["users.acl"]:
        yield "redis-secret.yaml: Redis' default user is on"


def main(folder):
    documents, wrong = [], []
    for file in sorted(Path(folder).glob("*.yaml")):
        found = [document for document in yaml.safe_load_all(file.read_text()) if document]
        documents += [(file.name, document) for document in found]
        if file.name == "redis-secret.yaml":
            wrong += wrong_with_the_redis_secret(found[0])
    for name, document in documents:
        problem = fault(document)
        if problem:
            wrong.append(f"{name}: {document['kind']} {document['metadata']['name']}: {problem}")
    probed = [document for _, document in documents if renamed(document, "readinessProbe", "")[1]]
    if not probed:
        wrong.append("no readinessProbe was found anywhere: is this the right folder?")
    wrong += misspellings_that_pass(documents)
    print("\n".join(wrong) or f"{len(documents)} objects are good Kubernetes {KUBERNETES}, misspelt ones are refused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
