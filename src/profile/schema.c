/* SPDX-License-Identifier: Apache-2.0 */
/* The profile language. One row a key; parents before their children. */
#include "profile/schema.h"

#include "base/str.h"

#include <string.h>

const char *const schema_kinds[] = { "bare-metal", "docker", "k8s", NULL };

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define BM KIND_BARE_METAL
#define DK KIND_DOCKER
#define K8 KIND_K8S
#define ANY (BM | DK | K8)

#define ROW(p, t, k, d, w, h)                                                                      \
	{                                                                                          \
		.path = (p), .type = SCHEMA_##t, .kinds = (k), .fallback = (d), .words = (w),      \
		.help = (h)                                                                        \
	}
#define NEED(p, w, h)                                                                              \
	{                                                                                          \
		.path = (p), .type = SCHEMA_WORD, .kinds = ANY, .required = true, .words = (w),    \
		.help = (h)                                                                        \
	}

/* clang-format off: one line a key, however long */
const struct schema_row schema_table[] = {
	NEED("version", WORDS("1"), "version of the profile language"),
	NEED("kind", schema_kinds, "what kind of host this is"),
	ROW("extends", FILE, ANY, NULL, NULL,
	    "another profile that this one adds to: maps merge, lists replace, null removes"),
	ROW("description", TEXT, ANY, NULL, NULL, "what this profile is for, in your words"),
	ROW("purpose", WORD, BM, "run", WORDS("run", "develop", "containers", "desktop"),
	    "which components are wanted at all"),
	ROW("purpose", WORD, DK | K8, "containers",
	    WORDS("run", "develop", "containers", "desktop"), "which components are wanted at all"),
	ROW("gpus", GPUS, ANY, "auto", NULL,
	    "the host's own GPUs, or a list of names or PCI ids when building an image"),

	ROW("driver", MAP, ANY, NULL, NULL, "the NVIDIA driver"),
	ROW("driver.branch", BRANCH, ANY, NULL, NULL,
	    "driver branch, like \"580\"; left out: what suits the GPUs best"),
	ROW("driver.version", VERSION, ANY, NULL, NULL,
	    "exact driver version, like \"580.126.20\""),
	ROW("driver.modules", WORD, ANY, "auto", WORDS("auto", "open", "proprietary", "none"),
	    "kernel modules; none = user space only"),
	ROW("driver.source", WORD, ANY, "auto", WORDS("auto", "distro", "nvidia", "runfile"),
	    "the distribution's packages, NVIDIA's repository, or a .run installer"),
	ROW("driver.existing", WORD, ANY, "keep", WORDS("keep", "replace"),
	    "a driver that came by packages where a .run is asked for, or the other way round: "
	    "refuse, or take it away first"),
	ROW("driver.build", WORD, ANY, "auto", WORDS("auto", "dkms", "prebuilt"),
	    "compile modules by DKMS, or take the distribution's signed ones"),
	ROW("driver.headless", SWITCH, ANY, "auto", NULL,
	    "leave X server and OpenGL parts out; auto = unless purpose is desktop"),
	ROW("driver.persistence", BOOL, ANY, "true", NULL, "run the persistence daemon"),
	ROW("driver.nouveau", WORD, ANY, "auto", WORDS("auto", "blacklist", "leave"),
	    "keep nouveau off the GPUs; auto = when a kernel module is installed"),
	ROW("driver.nova-core", WORD, ANY, "auto", WORDS("auto", "blacklist", "leave"),
	    "keep nova_core off the GPUs; auto = when a kernel module is installed"),
	ROW("driver.module-options", PAIRS, ANY, NULL, NULL,
	    "options of the nvidia module, as modprobe.d takes them"),
	ROW("driver.features", WORDS, ANY, NULL, WORDS("gds", "confidential-computing", "hmm"),
	    "features that put demands on the driver"),
	ROW("driver.in-use", WORD, ANY, "next-boot", WORDS("next-boot", "stop", "refuse"),
	    "when processes hold the GPUs: switch at the next boot, stop the services, or refuse"),
	ROW("driver.signing", MAP, ANY, NULL, NULL, "own key that signs modules for Secure Boot"),
	ROW("driver.signing.key", PATH, ANY, NULL, NULL, "private key, PEM; readable by root only"),
	ROW("driver.signing.certificate", PATH, ANY, NULL, NULL,
	    "certificate that the firmware or the machine owner's list trusts, DER"),
	ROW("driver.runfile", MAP, ANY, NULL, NULL,
	    "the .run installer, when it is not the catalog's"),
	ROW("driver.runfile.url", URL, ANY, NULL, NULL, "where to get it"),
	ROW("driver.runfile.path", FILE, ANY, NULL, NULL, "a file that is there already"),
	ROW("driver.runfile.sha256", SHA256, ANY, NULL, NULL, "its SHA-256"),
	ROW("driver.runfile.md5", MD5, ANY, NULL, NULL, "its MD5, as a second opinion"),
	ROW("driver.runfile.verify", WORD, ANY, "sha256", WORDS("sha256", "none"),
	    "none runs a file that nobody vouches for"),

	ROW("fabric", MAP, ANY, NULL, NULL, "NVSwitch systems"),
	ROW("fabric.manager", SWITCH, ANY, "auto", NULL,
	    "fabric manager; auto = when there is an NVSwitch"),
	ROW("fabric.imex", SWITCH, ANY, "auto", NULL,
	    "multi-node NVLink; auto = on GB200 and GB300"),
	ROW("fabric.nvlsm", SWITCH, ANY, "auto", NULL,
	    "NVLink subnet manager; auto = on Blackwell HGX"),

	ROW("cuda", MAP, BM | DK, NULL, NULL, "CUDA on the host"),
	ROW("cuda.version", VERSIONS, BM | DK, NULL, NULL,
	    "one version, like \"12.8\", or a list of them side by side"),
	ROW("cuda.default", VERSION, BM | DK, NULL, NULL,
	    "the one /usr/local/cuda points to; left out: the newest"),
	ROW("cuda.install", WORD, BM | DK, "auto", WORDS("auto", "none", "runtime", "toolkit"),
	    "auto = toolkit to develop, runtime libraries to run when a version is named"),
	ROW("cuda.source", WORD, BM | DK, "auto", WORDS("auto", "distro", "nvidia", "runfile"),
	    "auto = where the driver comes from"),
	ROW("cuda.cudnn", CHOICE, BM | DK, "none", NULL, "cuDNN"),
	ROW("cuda.nccl", CHOICE, BM | DK, "none", NULL, "NCCL"),
	ROW("cuda.compat", BOOL, BM | DK, "false", NULL,
	    "forward-compatibility package, for a toolkit newer than the driver"),
	ROW("cuda.environment", BOOL, BM | DK, "true", NULL,
	    "PATH and library path for every shell and service"),
	ROW("cuda.runfile", LIST, BM | DK, NULL, NULL,
	    ".run installers that are not the catalog's"),
	ROW("cuda.runfile[].version", VERSION, BM | DK, NULL, NULL, "the CUDA version it brings"),
	ROW("cuda.runfile[].url", URL, BM | DK, NULL, NULL, "where to get it"),
	ROW("cuda.runfile[].path", FILE, BM | DK, NULL, NULL, "a file that is there already"),
	ROW("cuda.runfile[].sha256", SHA256, BM | DK, NULL, NULL, "its SHA-256"),
	ROW("cuda.runfile[].md5", MD5, BM | DK, NULL, NULL, "its MD5, as a second opinion"),
	ROW("cuda.runfile[].verify", WORD, BM | DK, "sha256", WORDS("sha256", "none"),
	    "none runs a file that nobody vouches for"),

	ROW("container-toolkit", MAP, ANY, NULL, NULL, "NVIDIA Container Toolkit"),
	ROW("container-toolkit.version", VERSION, ANY, NULL, NULL,
	    "exact version; left out: the newest safe one"),
	ROW("container-toolkit.channel", WORD, ANY, "stable", WORDS("stable", "experimental"),
	    "which of NVIDIA's repositories"),
	ROW("container-toolkit.packages", WORD, ANY, "whole", WORDS("whole", "base"),
	    "base = nvidia-ctk and CDI only, for engines that use nothing else"),
	ROW("container-toolkit.mode", WORD, ANY, "auto",
	    WORDS("auto", "legacy", "cdi", "jit-cdi", "csv"),
	    "how the runtime puts GPUs into a container"),
	ROW("container-toolkit.cdi", SWITCH, ANY, "auto", NULL,
	    "keep a CDI specification by nvidia-cdi-refresh"),
	ROW("container-toolkit.no-cgroups", SWITCH, ANY, "auto", NULL,
	    "leave cgroups alone; auto = for rootless engines"),
	ROW("container-toolkit.unprivileged-envvar", BOOL, ANY, "true", NULL,
	    "NVIDIA_VISIBLE_DEVICES gives GPUs to unprivileged containers; false hardens shared "
	    "nodes"),
	ROW("container-toolkit.volume-mounts", BOOL, ANY, "false", NULL,
	    "GPUs asked for by volume mounts, for a hardened device plugin"),
	ROW("container-toolkit.dev-char-links", SWITCH, ANY, "auto", NULL,
	    "udev rule for /dev/char links, against GPUs lost after daemon-reload"),

	ROW("engine", WORD, DK, "docker", WORDS("docker", "containerd", "crio", "podman"),
	    "the container engine"),
	ROW("docker", MAP, DK, NULL, NULL, "Docker"),
	ROW("docker.install", WORD, DK, "auto", WORDS("auto", "distro", "none"),
	    "auto = the distribution's docker.io when there is no Docker"),
	ROW("docker.default-runtime", BOOL, DK, "false", NULL, "make nvidia the default runtime"),
	ROW("docker.runtime-name", NAME, DK, "nvidia", NULL, "name of the runtime"),
	ROW("docker.runtime-path", PATH, DK, NULL, NULL,
	    "program of the runtime; left out: nvidia-container-runtime"),
	ROW("docker.cdi", SWITCH, DK, "auto", NULL,
	    "enable CDI; auto = where the version has it and does not enable it by itself"),
	ROW("docker.config", PATH, DK, NULL, NULL,
	    "daemon.json, when it cannot be found by itself"),
	ROW("docker.replace", BOOL, DK, "false", NULL, "overwrite settings that contradict ours"),
	ROW("docker.restart", WORD, DK, "auto", WORDS("auto", "never"),
	    "auto = reload where that is enough, else restart"),
	ROW("containerd", MAP, DK | K8, NULL, NULL, "containerd"),
	ROW("containerd.install", WORD, DK | K8, "auto", WORDS("auto", "distro", "none"),
	    "auto = the distribution's when there is none"),
	ROW("containerd.default-runtime", BOOL, DK | K8, "false", NULL,
	    "make nvidia the default runtime"),
	ROW("containerd.runtime-name", NAME, DK | K8, "nvidia", NULL,
	    "name of the runtime handler"),
	ROW("containerd.runtime-path", PATH, DK | K8, NULL, NULL,
	    "program of the runtime; left out: nvidia-container-runtime"),
	ROW("containerd.cdi", SWITCH, DK | K8, "auto", NULL, "enable CDI; auto = by version"),
	ROW("containerd.config", PATH, DK | K8, NULL, NULL,
	    "config.toml, when it cannot be found by itself"),
	ROW("containerd.replace", BOOL, DK | K8, "false", NULL,
	    "overwrite settings that contradict ours"),
	ROW("containerd.restart", WORD, DK | K8, "auto", WORDS("auto", "never"),
	    "restart the service when its configuration changes"),
	ROW("crio", MAP, DK | K8, NULL, NULL, "CRI-O"),
	ROW("crio.default-runtime", BOOL, DK | K8, "false", NULL,
	    "make nvidia the default runtime"),
	ROW("crio.runtime-name", NAME, DK | K8, "nvidia", NULL, "name of the runtime handler"),
	ROW("crio.runtime-path", PATH, DK | K8, NULL, NULL,
	    "program of the runtime; left out: nvidia-container-runtime"),
	ROW("crio.replace", BOOL, DK | K8, "false", NULL,
	    "overwrite settings that contradict ours"),
	ROW("crio.restart", WORD, DK | K8, "auto", WORDS("auto", "never"),
	    "restart the service when its configuration changes"),
	ROW("podman", MAP, DK, NULL, NULL, "Podman"),
	ROW("podman.install", WORD, DK, "auto", WORDS("auto", "distro", "none"),
	    "auto = the distribution's when there is none"),

	ROW("kubernetes", MAP, K8, NULL, NULL, "the Kubernetes node and what the cluster needs"),
	ROW("kubernetes.engine", WORD, K8, "containerd",
	    WORDS("containerd", "crio", "k3s", "rke2", "k0s"),
	    "the node's container engine or distribution"),
	ROW("kubernetes.version", VERSION, K8, NULL, NULL,
	    "version of the cluster, like \"1.35\"; left out: that of the kubelet found"),
	ROW("kubernetes.features", WORDS, K8, NULL, WORDS("dra"),
	    "features that put demands on the node: NVIDIA's DRA driver"),
	ROW("kubernetes.node-name", NAME, K8, NULL, NULL,
	    "name of this node; left out: the host name"),
	ROW("kubernetes.owner", WORD, K8, "gpuprov", WORDS("gpuprov", "gpu-operator"),
	    "who runs device plugin and exporter; never both"),
	ROW("kubernetes.cluster", WORD, K8, "leave", WORDS("leave", "apply"),
	    "apply = also put the manifests into the cluster, with kubectl"),
	ROW("kubernetes.kubeconfig", PATH, K8, NULL, NULL,
	    "for kubectl; left out: its own default"),
	ROW("kubernetes.context", TEXT, K8, NULL, NULL,
	    "context in that file; left out: its current one"),
	ROW("kubernetes.rollout-timeout", COUNT, K8, "300", NULL,
	    "seconds that the pods have to become ready"),
	ROW("kubernetes.namespace", NAME, K8, "nvidia-gpu", NULL,
	    "namespace of all that gpuprov creates"),
	ROW("kubernetes.set", VERSION, K8, NULL, NULL,
	    "tested set of component versions, named by its gpu-operator release; left out: the "
	    "newest"),
	ROW("kubernetes.image-prefix", IMAGE, K8, NULL, NULL,
	    "registry and path in front of every image, for mirrors"),
	ROW("kubernetes.pull-secrets", NAMES, K8, NULL, NULL, "image pull secrets"),
	ROW("kubernetes.runtime-class", NAME, K8, "nvidia", NULL, "name of the RuntimeClass"),
	ROW("kubernetes.node-selector", PAIRS, K8, NULL, NULL, "labels of the nodes with GPUs"),
	ROW("kubernetes.tolerations", FREE, K8, NULL, NULL,
	    "tolerations of the DaemonSets; left out: nvidia.com/gpu"),
	ROW("kubernetes.device-plugin", PART, K8, NULL, NULL, "the device plugin"),
	ROW("kubernetes.device-plugin.enabled", BOOL, K8, "true", NULL, "run it"),
	ROW("kubernetes.device-plugin.version", VERSION, K8, NULL, NULL,
	    "version; left out: that of the set"),
	ROW("kubernetes.device-plugin.mig-strategy", WORD, K8, "none",
	    WORDS("none", "single", "mixed"), "how MIG devices are offered"),
	ROW("kubernetes.device-plugin.sharing", MAP, K8, NULL, NULL, "several pods on one GPU"),
	ROW("kubernetes.device-plugin.sharing.kind", WORD, K8, "none",
	    WORDS("none", "time-slicing", "mps"), "how they share"),
	ROW("kubernetes.device-plugin.sharing.replicas", COUNT, K8, NULL, NULL,
	    "how many share one GPU"),
	ROW("kubernetes.device-plugin.sharing.rename", BOOL, K8, "false", NULL,
	    "offer them as nvidia.com/gpu.shared"),
	ROW("kubernetes.device-plugin.sharing.fail-multiple", BOOL, K8, "true", NULL,
	    "refuse pods that ask for more than one share"),
	ROW("kubernetes.device-plugin.resources", FREE, K8, NULL, NULL,
	    "requests and limits of its container"),
	ROW("kubernetes.gpu-feature-discovery", PART, K8, NULL, NULL,
	    "labels that tell which GPUs a node has"),
	ROW("kubernetes.gpu-feature-discovery.enabled", BOOL, K8, "true", NULL, "run it"),
	ROW("kubernetes.dcgm-exporter", PART, K8, NULL, NULL, "metrics for Prometheus"),
	ROW("kubernetes.dcgm-exporter.enabled", BOOL, K8, "true", NULL, "run it"),
	ROW("kubernetes.dcgm-exporter.version", TEXT, K8, NULL, NULL,
	    "image tag without flavour, like 4.5.3-4.8.2; left out: that of the set"),
	ROW("kubernetes.dcgm-exporter.port", COUNT, K8, "9400", NULL, "port of its Service"),
	ROW("kubernetes.dcgm-exporter.service-monitor", BOOL, K8, "false", NULL,
	    "a ServiceMonitor for the Prometheus operator"),
	ROW("kubernetes.dcgm-exporter.memory", QUANTITY, K8, "512Mi", NULL, "memory limit"),
	ROW("kubernetes.dcgm-exporter.resources", FREE, K8, NULL, NULL,
	    "requests and limits of its container"),
	ROW("kubernetes.test-pod", PART, K8, NULL, NULL, "the vectorAdd pod that verify can run"),
	ROW("kubernetes.test-pod.enabled", BOOL, K8, "true", NULL, "emit it"),

	ROW("apt", MAP, ANY, NULL, NULL, "package installation"),
	ROW("apt.mirror", URL, ANY, NULL, NULL,
	    "mirror of the distribution, for entries that gpuprov adds"),
	ROW("apt.security-mirror", URL, ANY, NULL, NULL, "mirror of its security archive"),
	ROW("apt.nvidia-mirror", URL, ANY, NULL, NULL,
	    "mirror of NVIDIA's CUDA repository, one level above <distro>/<arch>"),
	ROW("apt.container-toolkit-mirror", URL, ANY, NULL, NULL,
	    "mirror of the container toolkit's repository, one level above stable/deb"),
	ROW("apt.keyring", FILE, ANY, NULL, NULL,
	    "keyring of a mirror that signs with a key of its own"),
	ROW("apt.key-fingerprint", KEY_ID, ANY, NULL, NULL,
	    "fingerprint of that key; anything else is refused"),
	ROW("apt.proxy", URL, ANY, NULL, NULL, "proxy; left out: as apt is configured"),
	ROW("apt.hold", BOOL, ANY, "false", NULL,
	    "hold the driver and the container toolkit at the planned version"),
	ROW("apt.pin", BOOL, ANY, "true", NULL,
	    "keep the driver on its branch by NVIDIA's pinning package"),
	ROW("apt.existing-sources", WORD, ANY, "keep", WORDS("keep", "replace"),
	    "entries of the same repositories that are wrong: refuse, or replace them"),
	ROW("apt.remove", NAMES, ANY, NULL, NULL, "packages that may be removed"),
	ROW("apt.recommends", BOOL, ANY, "false", NULL, "install recommended packages too"),
	ROW("apt.lock-timeout", COUNT, ANY, "120", NULL, "seconds to wait for apt's locks"),

	ROW("downloads", MAP, ANY, NULL, NULL, ".run installers and other files from NVIDIA"),
	ROW("downloads.mirror", URL, ANY, NULL, NULL,
	    "in place of NVIDIA's server, with the same paths beneath it"),
	ROW("downloads.proxy", URL, ANY, NULL, NULL, "proxy; left out: from the environment"),
	ROW("downloads.parallel", COUNT, ANY, "4", NULL, "how many at a time"),

	ROW("paths", MAP, ANY, NULL, NULL, "where things go"),
	ROW("paths.cuda", PATH, BM | DK, "/usr/local", NULL,
	    "where .run toolkits go: cuda-12.8 beneath it"),
	ROW("paths.cache", PATH, ANY, "/var/cache/gpuprov", NULL, "downloaded files"),

	ROW("reboot", WORD, ANY, "ask", WORDS("ask", "never", "auto"),
	    "when a change needs a reboot: say so, leave it at that, or do it and go on"),
	ROW("on-failure", WORD, ANY, "stop", WORDS("stop", "rollback"),
	    "when it cannot be proved afterwards: leave it for repair, or put it back"),
	ROW("report", PATH, ANY, NULL, NULL,
	    "also write the outcome of each run, as JSON, to this file"),

	ROW("verify", MAP, ANY, NULL, NULL, "how far the proof goes"),
	ROW("verify.run", BOOL, ANY, "false", NULL, "launch a kernel on every GPU"),
	ROW("verify.pytorch", PATH, BM | DK, NULL, NULL,
	    "Python that has torch: ask it for the GPUs"),
	ROW("verify.container-image", IMAGE, DK | K8, NULL, NULL, "run nvidia-smi in this image"),
	{ .path = NULL },
};
/* clang-format on */

unsigned schema_kind_bit(const char *kind)
{
	for (unsigned i = 0; schema_kinds[i]; i++)
		if (str_eq(kind, schema_kinds[i]))
			return 1u << i;
	return ~0u;
}

const struct schema_row *schema_find(const char *path, unsigned kinds)
{
	for (const struct schema_row *row = schema_table; row->path; row++)
		if ((row->kinds & kinds) && str_eq(row->path, path))
			return row;
	return NULL;
}

const char *schema_path(struct arena *a, const char *path)
{
	auto_buf struct buf b = BUF_TEXT;

	if (!strchr(path, '['))
		return path;
	for (const char *p = path; *p; p++) {
		buf_addc(&b, *p);
		if (*p == '[')
			p += strcspn(p, "]") - 1;
	}
	return arena_str(a, buf_str(&b));
}

const char *schema_type_help(enum schema_type type)
{
	switch (type) {
	case SCHEMA_MAP:
		return "a map";
	case SCHEMA_PART:
		return "a map, or true or false";
	case SCHEMA_LIST:
		return "a list of maps";
	case SCHEMA_WORD:
		return "a word";
	case SCHEMA_WORDS:
		return "a list of words";
	case SCHEMA_BOOL:
		return "true or false";
	case SCHEMA_SWITCH:
		return "auto, true or false";
	case SCHEMA_BRANCH:
		return "a driver branch, like \"580\"";
	case SCHEMA_VERSION:
		return "a version: digits and dots";
	case SCHEMA_VERSIONS:
		return "a version, or a list of versions";
	case SCHEMA_CHOICE:
		return "none, auto or a version";
	case SCHEMA_COUNT:
		return "a whole number";
	case SCHEMA_GPUS:
		return "auto, or a list of GPU names and PCI ids";
	case SCHEMA_URL:
		return "a URL: https://, http:// or file:///";
	case SCHEMA_PATH:
		return "an absolute path";
	case SCHEMA_FILE:
		return "a path, relative to the profile or absolute";
	case SCHEMA_SHA256:
		return "a SHA-256: 64 hex digits";
	case SCHEMA_MD5:
		return "an MD5: 32 hex digits";
	case SCHEMA_KEY_ID:
		return "an OpenPGP fingerprint: 40 hex digits";
	case SCHEMA_NAME:
		return "a name: letters, digits, '.', '_' and '-'";
	case SCHEMA_NAMES:
		return "a list of names";
	case SCHEMA_IMAGE:
		return "a container image";
	case SCHEMA_QUANTITY:
		return "a Kubernetes quantity, like 500m or 1Gi";
	case SCHEMA_TEXT:
		return "text";
	case SCHEMA_PAIRS:
		return "a map of names to texts";
	case SCHEMA_FREE:
		return "any value, handed on as it is";
	}
	return "";
}
