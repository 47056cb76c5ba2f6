"""Makes the pods of an Indexed Job as Kubernetes would, for `podman kube play`, which knows no Jobs. Reads manifests and writes
FOLDER/NAME-INDEX.yaml. What a cluster adds is added: the pod's name and host name, the addresses of the Service (hostAliases), and the
completion index. The arguments are the test's, and it mounts what they name.

    kubectl kustomize containers/k8s/job | pods.py FOLDER NETWORK MOUNT[,MOUNT...] ARGUMENT...
"""
import copy
import json
import sys

import yaml

folder, network, mounts, arguments = sys.argv[1], sys.argv[2], sys.argv[3].split(","), sys.argv[4:]
job = next(x for x in yaml.safe_load_all(sys.stdin) if x["kind"] == "Job")
name, spec = job["metadata"]["name"], job["spec"]
pods = range(spec["completions"])
for index in pods:
    pod = copy.deepcopy(spec["template"])
    pod.setdefault("metadata", {}).update(name=f"{name}-{index}", labels={"job-name": name})
    of = pod["spec"]
    of["hostname"] = f"{name}-{index}"
    of["hostAliases"] = [{"ip": f"{network}.{10 + i}", "hostnames": [f"{name}-{i}.{of['subdomain']}"]} for i in pods]
    container = of["containers"][0]
    container["args"] = container["args"][:1] + arguments
    container["imagePullPolicy"] = "Never"
    container["env"].append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
    for volume in of["volumes"]:
        volume.get("secret", {}).setdefault("optional", False)  # podman 4.3 crashes without it
    for i, mount in enumerate(mounts):
        host, inside = mount.split(":")
        of["volumes"].append({"name": f"test-{i}", "hostPath": {"path": host, "type": "Directory"}})
        container["volumeMounts"].append({"name": f"test-{i}", "mountPath": inside, "readOnly": True})
    with open(f"{folder}/{name}-{index}.yaml", "w") as out:
        json.dump({"apiVersion": "v1", "kind": "Pod", **pod}, out)
