"""Checks what `kubectl kustomize` makes of containers/k8s: against Kubernetes' own schemas, and what they do not know: that the parts of
the Job agree, the fields of the MPIJob, which has no schema there, and that no container has privileges.

    manifests.py FOLDER         # containers/k8s
"""
import subprocess
import sys

import kubernetes_validate
import yaml

VERSIONS = "1.31", "1.37"  # the first one with all that the Job uses, and the newest known
# Of kubeflow.org/v2beta1, as its operator's types.go has them.
MPIJOB = {"slotsPerWorker", "runPolicy", "mpiReplicaSpecs", "sshAuthMountPath", "launcherCreationPolicy", "mpiImplementation"}
RUN_POLICY = {"cleanPodPolicy", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit", "schedulingPolicy", "suspend"}


def made_of(folder):
    text = subprocess.run(["kubectl", "kustomize", f"{sys.argv[1]}/{folder}"], check=True, capture_output=True, text=True).stdout
    return {x["kind"]: x for x in yaml.safe_load_all(text)}


def validate(x):
    for version in VERSIONS:
        kubernetes_validate.validate(x, version, strict=True)


def check_pod(spec):
    """What every pod has, whichever way it is started."""
    validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec})
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 1000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["terminationGracePeriodSeconds"] >= 60
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert set(container["resources"]["requests"]) == {"cpu", "memory"} <= set(container["resources"]["limits"])
    mounted = {x["mountPath"]: x["name"] for x in container["volumeMounts"]}
    volumes = {x["name"]: x for x in spec["volumes"]}
    assert volumes[mounted["/dev/shm"]]["emptyDir"]["medium"] == "Memory"
    assert "emptyDir" in volumes[mounted["/tmp"]]
    assert volumes[mounted["/home/ringtorch/runs"]]["persistentVolumeClaim"]["claimName"] == "runs"
    assert "readinessProbe" in container
    return container


def check_job(objects, pods):
    job, service, claim = objects["Job"], objects["Service"], objects["PersistentVolumeClaim"]
    for x in job, service, claim:
        validate(x)
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    container = check_pod(pod)
    env = {x["name"]: x["value"] for x in container["env"]}
    assert spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"] == int(env["PODS"]) == pods
    assert job["metadata"]["name"] == service["metadata"]["name"] == pod["subdomain"] == service["spec"]["selector"]["job-name"]
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert pod["restartPolicy"] == "Never"  # or there is no podFailurePolicy
    codes = {x["onExitCodes"]["values"][0]: x["action"] for x in spec["podFailurePolicy"]["rules"] if "onExitCodes" in x}
    assert codes == {143: "Ignore", 2: "FailJob"}
    assert all(x["onExitCodes"]["containerName"] == container["name"] for x in spec["podFailurePolicy"]["rules"] if "onExitCodes" in x)
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}
    assert container["args"][0] == "ringtorch-pod"
    assert container["readinessProbe"]["exec"]["command"][:3] == ["ringtorch", "status", "--ready"]
    return container


check_job(made_of("job"), 2)
gpu = check_job(made_of("job-gpu"), 1)
assert gpu["resources"]["limits"]["nvidia.com/gpu"] == "1" and gpu["image"].split(":")[0].endswith("ringtorch-cuda")
assert gpu["args"][-2:] == ["--set", "device=opencl:0"]

mpi = made_of("mpijob")
validate(mpi["PersistentVolumeClaim"])
job = mpi["MPIJob"]
assert job["apiVersion"] == "kubeflow.org/v2beta1" and set(job["spec"]) <= MPIJOB and set(job["spec"]["runPolicy"]) <= RUN_POLICY
assert job["spec"]["mpiImplementation"] == "OpenMPI" and job["spec"]["sshAuthMountPath"] == "/etc/ringtorch/ssh"
launcher, worker = job["spec"]["mpiReplicaSpecs"]["Launcher"], job["spec"]["mpiReplicaSpecs"]["Worker"]
for replica in launcher, worker:
    assert set(replica) == {"replicas", "restartPolicy", "template"} and replica["restartPolicy"] in ("Never", "OnFailure")
starts, hosts = check_pod(launcher["template"]["spec"]), check_pod(worker["template"]["spec"])
assert launcher["replicas"] == 1 and hosts["args"] == ["ringtorch-host"]
assert starts["args"][:2] == ["ringtorch", "train"] and starts["args"][starts["args"].index("--hostfile") + 1] == "/etc/mpi/hostfile"
assert int(starts["args"][starts["args"].index("-n") + 1]) == worker["replicas"] * job["spec"]["slotsPerWorker"]
assert starts["image"] == hosts["image"] != "ringtorch"
