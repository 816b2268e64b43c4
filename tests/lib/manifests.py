# SPDX-License-Identifier: Apache-2.0
# manifests.py GPUPROV k8s [DIR]: emit combinations of settings and look at what comes out.
"""
All combinations of the first axes; the last ones take turns, in steps that bring each pair together.

Either a stream is right: parsed, every field known, selectors and labels agreeing, every volume that is mounted
declared, objects in the order in which they can be applied; or the profile was refused with exit 3, nothing on
stdout and a numbered way out. With DIR, the streams are kept there for others to look at.
"""
import itertools
import os
import re
import subprocess
import sys
import tempfile

import yaml

AXES = {
    "sharing": ["none", "time-slicing", "mps"],
    "mig": ["none", "single", "mixed"],
    "way": ["environment", "cdi", "volume-mounts"],
    "discovery": [True, False],
}
TURNS = {
    "exporter": [True, False],
    "engine": ["containerd", "crio", "k0s"],
    "default-runtime": [False, True],
}
ORDER = ["Namespace", "RuntimeClass", "ServiceAccount", "ConfigMap", "DaemonSet", "Service", "ServiceMonitor", "Pod"]

# Every field that a stream may have; anything else is a slip. "*" = any name.
CONTAINER = """name image imagePullPolicy command env env.name env.value env.valueFrom.fieldRef.fieldPath
ports.name ports.containerPort livenessProbe.httpGet.path livenessProbe.httpGet.port
livenessProbe.initialDelaySeconds livenessProbe.periodSeconds readinessProbe.httpGet.path
readinessProbe.httpGet.port readinessProbe.initialDelaySeconds securityContext.allowPrivilegeEscalation
securityContext.privileged securityContext.runAsUser securityContext.runAsNonRoot
securityContext.capabilities.drop securityContext.capabilities.add resources.limits.* resources.requests.*
volumeMounts.name volumeMounts.mountPath volumeMounts.readOnly volumeMounts.mountPropagation""".split()
TERMS = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.matchExpressions."
POD = """runtimeClassName serviceAccountName automountServiceAccountToken imagePullSecrets.name priorityClassName
tolerations.key tolerations.operator tolerations.value tolerations.effect tolerations.tolerationSeconds
nodeSelector.* hostPID restartPolicy volumes.name volumes.hostPath.path volumes.hostPath.type
volumes.configMap.name""".split() + [TERMS + f for f in ("key", "operator", "values")] \
    + ["containers." + f for f in CONTAINER] + ["initContainers." + f for f in CONTAINER]
META = ["apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.labels.*"]
FIELDS = {
    "Namespace": META,
    "RuntimeClass": META + ["handler"],
    "ServiceAccount": META + ["automountServiceAccountToken", "imagePullSecrets.name"],
    "ConfigMap": META + ["data.config.yaml"],
    "DaemonSet": META + ["spec.selector.matchLabels.*", "spec.updateStrategy.type",
                         "spec.template.metadata.labels.*", "spec.template.metadata.annotations.*"]
    + ["spec.template.spec." + f for f in POD],
    "Service": META + ["spec.type", "spec.selector.*", "spec.ports.name", "spec.ports.port",
                       "spec.ports.targetPort", "spec.ports.protocol"],
    "ServiceMonitor": META + ["spec.selector.matchLabels.*", "spec.namespaceSelector.matchNames",
                              "spec.endpoints.port", "spec.endpoints.path", "spec.endpoints.interval",
                              "spec.endpoints.scrapeTimeout"],
    "Pod": META + ["spec." + f for f in POD],
}
CLUSTER_WIDE = {"Namespace", "RuntimeClass"}


class Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """A key that is given twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k) for k, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice: {keys}"
        return super().construct_mapping(node, deep)


def leaves(value, path=""):
    """The dotted path of every field; items of a list have their list's."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path


def known(path, fields):
    return any(path == f or (f.endswith(".*") and path.startswith(f[:-1])) for f in fields)


def check_pod(spec, labels, selector, doc):
    where = f"{doc['kind']} {doc['metadata']['name']}"
    if selector is not None:
        assert selector.items() <= labels.items(), f"{where}: selector {selector}, labels {labels}"
        assert not any("version" in key for key in selector), f"{where}: a version in the selector"
    volumes = {v["name"] for v in spec.get("volumes", [])}
    mounted = set()
    for container in spec.get("initContainers", []) + spec["containers"]:
        assert re.fullmatch(r"[a-z0-9.:-]+(/[a-z0-9._-]+)+:[\w.-]+", container["image"]), container["image"]
        mounted |= {m["name"] for m in container.get("volumeMounts", [])}
        for env in container.get("env", []):
            assert isinstance(env.get("value", ""), str), f"{where}: {env}"
    assert mounted == volumes, f"{where}: mounted {mounted}, declared {volumes}"
    assert spec["tolerations"], f"{where}: no tolerations"


def check_stream(text, say):
    docs = list(yaml.load_all(text, Loader=Strict))
    kinds = [d["kind"] for d in docs]
    ranks = [ORDER.index(k) if k != "Service" else ORDER.index("DaemonSet") for k in kinds]
    assert ranks == sorted(ranks), kinds
    names = [(d["kind"], d["metadata"]["name"]) for d in docs]
    assert len(set(names)) == len(names), names
    selectors = []
    for doc in docs:
        for path in leaves(doc):
            assert known(path, FIELDS[doc["kind"]]), f"{doc['kind']}: unknown field {path}"
        namespace = doc["metadata"].get("namespace")
        assert (namespace is None) == (doc["kind"] in CLUSTER_WIDE), doc["metadata"]
        if doc["kind"] == "DaemonSet":
            template = doc["spec"]["template"]
            selectors.append(tuple(sorted(doc["spec"]["selector"]["matchLabels"].items())))
            check_pod(template["spec"], template["metadata"]["labels"], doc["spec"]["selector"]["matchLabels"], doc)
        if doc["kind"] == "Pod":
            check_pod(doc["spec"], {}, None, doc)
        if doc["kind"] == "ConfigMap":
            check_config(yaml.load(doc["data"]["config.yaml"], Loader=Strict), say)
    assert len(set(selectors)) == len(selectors), "two DaemonSets would fight for the same pods"
    accounts = {n for k, n in names if k == "ServiceAccount"}
    classes = {n for k, n in names if k == "RuntimeClass"}
    for doc in docs:
        spec = doc.get("spec", {}).get("template", {}).get("spec", {})
        assert spec.get("serviceAccountName", "x") in accounts | {"x"}, spec
        assert spec.get("runtimeClassName", "x") in classes | {"x"}, spec
        if doc["kind"] == "DaemonSet":
            assert ("runtimeClassName" in spec) != say["default-runtime"], say
    return names


def check_config(config, say):
    assert config["version"] == "v1"
    flags = config["flags"]
    assert flags["migStrategy"] == say["mig"], config
    strategy = flags["plugin"]["deviceListStrategy"]
    assert strategy == {"environment": ["envvar"], "volume-mounts": ["volume-mounts"],
                        "cdi": ["cdi-annotations", "cdi-cri"]}[say["way"]], config
    sharing = config.get("sharing", {})
    kind = {"none": None, "mps": "mps", "time-slicing": "timeSlicing"}[say["sharing"]]
    assert list(sharing) == ([kind] if kind else []), config
    if kind:
        assert sharing[kind]["resources"] == [{"name": "nvidia.com/gpu", "replicas": 3}], config
        assert sharing[kind]["renameByDefault"] is False, config
    assert ("mpsRoot" in flags) == (kind == "mps"), config


def profile(say):
    crio = say["engine"] == "crio"
    toolkit = {}
    if say["way"] == "cdi":
        toolkit["mode"] = "cdi"
    if say["way"] == "volume-mounts":
        toolkit.update({"volume-mounts": True, "unprivileged-envvar": False})
    plugin = {"mig-strategy": say["mig"], "sharing": {"kind": say["sharing"]}}
    if say["sharing"] != "none":
        plugin["sharing"]["replicas"] = 3
    out = {"version": "1", "kind": "k8s", "kubernetes": {
        "engine": say["engine"], "device-plugin": plugin, "gpu-feature-discovery": say["discovery"],
        "dcgm-exporter": {"enabled": say["exporter"]}}}
    if toolkit:
        out["container-toolkit"] = toolkit
    out["crio" if crio else "containerd"] = {"default-runtime": say["default-runtime"]}
    return yaml.safe_dump(out)


def impossible(say):
    return say["sharing"] == "mps" and (say["mig"] != "none" or not say["discovery"])


def combinations():
    turns = list(itertools.product(*TURNS.values()))
    for n, values in enumerate(itertools.product(*AXES.values())):
        for step in (0, 5):
            yield dict(zip(AXES, values)) | dict(zip(TURNS, turns[(n + n // 3 + n // 9 + step) % len(turns)]))


def check_pairs():
    """Each value of each axis has met each value of each other one."""
    axes = AXES | TURNS
    met = {(a, say[a], b, say[b]) for say in combinations() for a in axes for b in axes}
    for a, b in itertools.combinations(axes, 2):
        for pair in itertools.product(axes[a], axes[b]):
            assert (a, pair[0], b, pair[1]) in met, f"{a} {pair[0]} never met {b} {pair[1]}"


def main():
    check_pairs()
    gpuprov, keep = sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else None
    made = refused = 0
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "p.yaml")
        for say in combinations():
            with open(path, "w") as f:
                f.write(profile(say))
            done = subprocess.run([gpuprov, "emit", "k8s", path], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, check=False)
            if impossible(say):
                assert done.returncode == 3 and not done.stdout and "; (1) " in done.stderr, (say, done)
                refused += 1
                continue
            assert done.returncode == 0, (say, done)
            names = check_stream(done.stdout, say)
            assert (("DaemonSet", "nvidia-mps-control-daemon") in names) == (say["sharing"] == "mps"), say
            assert (("DaemonSet", "gpu-feature-discovery") in names) == say["discovery"], say
            assert (("Service", "dcgm-exporter") in names) == say["exporter"], say
            made += 1
            if keep:
                with open(os.path.join(keep, f"{made}.yaml"), "w") as f:
                    f.write(done.stdout)
    print(f"{made} streams are right, {refused} profiles were refused")
    assert made > 60 and refused > 20, "hardly anything was tried"


main()
