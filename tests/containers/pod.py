"""Makes a pod of an Indexed Job as Kubernetes would, for `podman kube play`, which knows no Jobs. Reads manifests and prints the pod.

    kubectl kustomize containers/k8s/job | cat - keys.yaml | pod.py INDEX FOLDER NETWORK MOUNT[,MOUNT...] ARGUMENT...

What a cluster adds is added: the pod's name and host name, its index, and the addresses of the pods of the Service (hostAliases). FOLDER,
which is in memory, gets what podman 4.3 makes otherwise than a cluster: the files of Secrets, which it does not decode, with their owner
and mode, and volumes in memory, to which only root could write. The arguments are the test's, and it mounts what they name.
"""
import base64
import json
import os
import shutil
import sys

import yaml

index, folder, network, mounts, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split(","), sys.argv[5:]
objects = list(yaml.safe_load_all(sys.stdin))
secrets = {x["metadata"]["name"]: x["data"] for x in objects if x["kind"] == "Secret"}
job = next(x for x in objects if x["kind"] == "Job")
name = job["metadata"]["name"]
pod = job["spec"]["template"]
spec = pod["spec"]


def empty_folder(what, mode):
    where = f"{folder}/{index}-{what}"
    shutil.rmtree(where, ignore_errors=True)
    os.mkdir(where)
    os.chmod(where, mode)
    return where


def secret_folder(volume):
    where = empty_folder(volume["name"], 0o755)
    for file, data in secrets[volume["secret"]["secretName"]].items():
        with open(f"{where}/{file}", "wb") as out:
            out.write(base64.b64decode(data))
        os.chown(out.name, 0, spec["securityContext"]["fsGroup"])
        os.chmod(out.name, volume["secret"]["defaultMode"])
    return where


def as_podman_does_it(volume):
    if "secret" in volume:
        return {"name": volume["name"], "hostPath": {"path": secret_folder(volume)}}
    if volume.get("emptyDir", {}).get("medium") == "Memory":
        return {"name": volume["name"], "hostPath": {"path": empty_folder(volume["name"], 0o1777)}}
    return volume


pod.setdefault("metadata", {}).update(name=f"{name}-{index}", labels={"job-name": name})
spec["hostname"] = f"{name}-{index}"
spec["hostAliases"] = [{"ip": f"{network}.1{i}", "hostnames": [f"{name}-{i}.{spec['subdomain']}"]} for i in range(job["spec"]["completions"])]
spec["volumes"] = [as_podman_does_it(x) for x in spec["volumes"]]
container = spec["containers"][0]
container.update(args=container["args"][:1] + arguments, imagePullPolicy="Never")
container["env"].append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
for mount in mounts:
    host, inside = mount.split(":")
    spec["volumes"].append({"name": os.path.basename(inside), "hostPath": {"path": host}})
    container["volumeMounts"].append({"name": os.path.basename(inside), "mountPath": inside, "readOnly": True})
print(json.dumps({"apiVersion": "v1", "kind": "Pod", **pod}))
