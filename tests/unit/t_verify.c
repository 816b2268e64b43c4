/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of verify, each with a root on which it holds and one on which it does not. */
#include "scratch.h"

#include "base/str.h"
#include "parsing.h"
#include "verify/verify.h"

#define LIB "root/usr/lib/x86_64-linux-gnu/"

/* A plan with postconditions, a host and a root to look at. */
struct proof {
	struct scratch s;
	struct arena a;
	struct plan plan;
	struct facts facts;
	const struct profile *profile;
};

static void proof_init(struct proof *p)
{
	*p = (struct proof){ 0 };
	scratch_init(&p->s);
	plan_init(&p->plan, &p->a);
	p->facts.os.arch = "amd64";
	p->facts.live = true;
}

static void proof_release(struct proof *p)
{
	scratch_release(&p->s);
	arena_release(&p->a);
}
#define auto_proof __attribute__((cleanup(proof_release))) struct proof

static void package(struct proof *p, const char *name, const char *version)
{
	*list_push(&p->a, &p->facts.packages) = (struct fact_package){
		.name = name, .arch = "amd64", .version = version, .status = "installed"
	};
}

static struct fact_kernel *kernel(struct proof *p, const char *release, const char *nvidia)
{
	struct fact_kernel *k = list_push(&p->a, &p->facts.kernels);

	*k = (struct fact_kernel){ .release = release, .image = true, .nvidia = nvidia };
	return k;
}

/* "RESULT evidence" of one check; "" when there is no such check. */
static const char *says(struct proof *p, const char *id)
{
	static const char *const words[] = { "PASS", "FAIL", "DEFERRED", "N/A" };
	struct verify_subject what = {
		.plan = &p->plan, .profile = p->profile, .facts = &p->facts, .sys = &p->s.sys
	};
	auto_err e = { 0 };
	verdicts v = { 0 };

	if (verify_all(&what, &p->a, &v, &e))
		return arena_printf(&p->a, "error: %s", e.text);
	list_each (&v, one)
		if (str_eq(one->id, id))
			return arena_printf(&p->a, "%s %s", words[one->result], one->evidence);
	return "";
}

static void holds(struct proof *p, const char *id, const char *head, const char *part,
		  const char *what)
{
	const char *got = says(p, id);

	if (!ok(str_starts(got, head) && strstr(got, part), "%s", what))
		tap_show("got", got);
}

static void test_agree(void)
{
	auto_proof p;

	proof_init(&p);
	plan_post(&p.plan, "driver.libcuda", "library", "libcuda.so.1", "580", NULL);
	holds(&p, "driver.one-version", "N/A", "no NVIDIA library", "nothing to compare");
	scratch_put(&p.s, LIB "libcuda.so.580.178.04", "x");
	scratch_link(&p.s, "libcuda.so.580.178.04", LIB "libcuda.so.1");
	scratch_put(&p.s, LIB "libnvidia-ml.so.580.178.04", "x");
	scratch_link(&p.s, "libnvidia-ml.so.580.178.04", LIB "libnvidia-ml.so.1");
	holds(&p, "driver.one-version", "PASS", "libnvidia-ml.so.1 is of 580.178.04",
	      "libraries of one version");
	scratch_put(&p.s, "root/sys/module/nvidia/version", "580.178.04\n");
	holds(&p, "driver.one-version", "PASS", "module 580.178.04 is loaded",
	      "and the module that is loaded");
	scratch_put(&p.s, "root/sys/module/nvidia/version", "570.211.01\n");
	holds(&p, "driver.one-version", "FAIL", "module 570.211.01 is loaded",
	      "another module is loaded: driver/library version mismatch");
}

static void test_modules(void)
{
	auto_proof p;
	struct fact_kernel *k;

	proof_init(&p);
	plan_post(&p.plan, "driver.module.6.8", "module", "6.8", "580", NULL);
	plan_post(&p.plan, "driver.loaded", "loaded", "nvidia", "580", NULL)->needs = "boot";
	k = kernel(&p, "6.8", "580.178.04");
	k->flavour = "open";
	holds(&p, "driver.signer.6.8", "DEFERRED", "Secure Boot", "Secure Boot is not known");
	p.facts.secure_boot.enabled = TRI_NO;
	holds(&p, "driver.signer.6.8", "N/A", "off", "Secure Boot is off");
	p.facts.secure_boot.enabled = TRI_YES;
	holds(&p, "driver.signer.6.8", "FAIL", "not signed", "an unsigned module");
	k->signer = "node key";
	holds(&p, "driver.signer.6.8", "FAIL", "not enrolled", "a key that nobody enrolled");
	list_add(&p.a, &p.facts.secure_boot.keys, "node key");
	holds(&p, "driver.signer.6.8", "PASS", "enrolled", "a key that is enrolled");
	holds(&p, "driver.flavour", "PASS", "open", "one flavour");
	kernel(&p, "6.9", "580.178.04")->flavour = "proprietary";
	holds(&p, "driver.flavour", "FAIL", "6.9 has proprietary", "two flavours");
	holds(&p, "kernel.nouveau-out", "PASS", "not loaded", "nouveau is out");
	list_add(&p.a, &p.facts.modules, "nouveau");
	holds(&p, "kernel.nouveau-out", "FAIL", "nouveau is loaded", "nouveau is in");
	list_push(&p.a, &p.facts.gpus)->address = "0000:01:00.0";
	p.facts.gpus.at[0].driver = "nova_core";
	holds(&p, "kernel.nova-core-out", "FAIL", "0000:01:00.0", "nova_core holds a GPU");
}

static void test_gpus(void)
{
	auto_proof p;

	proof_init(&p);
	plan_post(&p.plan, "driver.loaded", "loaded", "nvidia", "580", NULL)->needs = "boot";
	plan_post(&p.plan, "gpu.count", "gpus", "nvidia", "2", NULL)->needs = "gpu";
	list_push(&p.a, &p.facts.gpus)->address = "0000:3b:00.0";
	list_push(&p.a, &p.facts.gpus)->address = "0000:86:00.0";
	holds(&p, "gpu.count", "DEFERRED", "not loaded", "no driver yet");
	holds(&p, "gpu.nodes", "DEFERRED", "not loaded", "no devices yet");
	list_add(&p.a, &p.facts.modules, "nvidia");
	scratch_put(&p.s, "root/proc/driver/nvidia/gpus/0000:3b:00.0/information", "x");
	scratch_put(&p.s, "root/var/log/kern.log",
		    "NVRM: Xid (PCI:0000:3b:00): 13, fine again\n"
		    "NVRM: Xid (PCI:0000:86:00): 79, GPU has fallen off the bus.\n");
	holds(&p, "gpu.count", "FAIL", "missing: 0000:86:00.0 (NVRM: Xid (PCI:0000:86:00): 79",
	      "a lost GPU is named with its Xid");
	scratch_put(&p.s, "root/proc/driver/nvidia/gpus/0000:86:00.0/information", "x");
	holds(&p, "gpu.count", "PASS", "sees 2", "all there");
	scratch_put(&p.s, "root/dev/x", "");
	mkfifoat(p.s.root_fd, "dev/nvidiactl", 0600);
	mkfifoat(p.s.root_fd, "dev/nvidia0", 0600);
	mkfifoat(p.s.root_fd, "dev/nvidia1", 0600);
	holds(&p, "gpu.nodes", "FAIL", "not there: /dev/nvidia-uvm", "no uvm: cuInit() would fail");
	mkfifoat(p.s.root_fd, "dev/nvidia-uvm", 0600);
	holds(&p, "gpu.nodes", "PASS", "2 of /dev/nvidiaN", "all devices");
	holds(&p, "driver.persistence", "N/A", "not installed", "no persistence daemon");
	scratch_put(&p.s, "root/usr/bin/nvidia-persistenced", "x");
	holds(&p, "driver.persistence", "FAIL", "does not run", "it does not run");
}

static void test_fabric(void)
{
	auto_proof p;

	proof_init(&p);
	plan_post(&p.plan, "package.fm", "package", "nvidia-fabricmanager-550", "550", NULL);
	holds(&p, "fabric.version", "FAIL", "not installed", "no fabric manager");
	package(&p, "nvidia-fabricmanager-550", "550.163.01-1");
	holds(&p, "fabric.version", "FAIL", "no driver beside it", "no driver");
	scratch_put(&p.s, LIB "libcuda.so.550.127.08", "x");
	scratch_link(&p.s, "libcuda.so.550.127.08", LIB "libcuda.so.1");
	holds(&p, "fabric.version", "FAIL", "550.163.01, driver 550.127.08", "another version");
	p.facts.packages.at[0].version = "550.127.08-1";
	holds(&p, "fabric.version", "PASS", "550.127.08", "the same version");
}

static void test_cuda(void)
{
	auto_proof p;

	proof_init(&p);
	p.facts.live = false;
	plan_post(&p.plan, "package.cuda", "package", "cuda-toolkit-12-8", "12.8", NULL);
	holds(&p, "cuda.nvcc.12.8", "FAIL", "is not there", "no nvcc");
	holds(&p, "cuda.default", "FAIL", "is not there", "no default");
	holds(&p, "cuda.linker.12.8", "FAIL", "libcudart.so.12", "not for the linker");
	scratch_put(&p.s, "root/usr/local/cuda-12.8/bin/nvcc", "x");
	holds(&p, "cuda.nvcc.12.8", "FAIL", "does not tell", "an nvcc without a version");
	scratch_put(
		&p.s, "root/usr/local/cuda-12.8/version.json",
		"{\n \"cuda\" : {\n \"name\" : \"CUDA SDK\",\n \"version\" : \"12.8.1\"\n }\n}");
	holds(&p, "cuda.nvcc.12.8", "PASS", "12.8.1", "an nvcc of the right version");
	scratch_put(&p.s, "root/usr/local/cuda-12.8/version.json",
		    "{\"cuda\" : {\"name\" : \"CUDA SDK\", \"version\" : \"12.4.1\"}}");
	holds(&p, "cuda.nvcc.12.8", "FAIL", "12.4.1", "of another version");
	scratch_put(&p.s, "root/etc/alternatives/x", "");
	scratch_link(&p.s, "/etc/alternatives/cuda", "root/usr/local/cuda");
	scratch_link(&p.s, "/usr/local/cuda-12.8", "root/etc/alternatives/cuda");
	holds(&p, "cuda.default", "PASS", "/usr/local/cuda-12.8", "the default, over two links");
	scratch_put(&p.s, "root/etc/ld.so.conf.d/cuda.conf",
		    "# none\n/usr/local/cuda-12.8/targets/x86_64-linux/lib\n");
	holds(&p, "cuda.linker.12.8", "FAIL", "libcudart.so.12", "a folder without the library");
	scratch_put(&p.s, "root/usr/local/cuda-12.8/targets/x86_64-linux/lib/libcudart.so.12", "x");
	holds(&p, "cuda.linker.12.8", "PASS", "cuda.conf names", "found by the linker");
}

static void test_containers(void)
{
	auto_proof p;

	proof_init(&p);
	plan_post(&p.plan, "package.toolkit", "package", "nvidia-container-toolkit", NULL, NULL);
	holds(&p, "containers.toolkit", "FAIL", "not installed", "no toolkit");
	package(&p, "nvidia-container-toolkit", "1.19.1-1");
	package(&p, "nvidia-container-toolkit-base", "1.19.1-1");
	holds(&p, "containers.toolkit", "PASS", "1.19.1-1", "one version");
	package(&p, "libnvidia-container1", "1.16.2-1");
	holds(&p, "containers.toolkit", "FAIL", "libnvidia-container1 1.16.2-1", "two versions");
	holds(&p, "containers.cdi", "N/A", "no CDI spec", "no spec");
	scratch_put(&p.s, "root/etc/cdi/nvidia.yaml",
		    "devices:\n- name: \"0\"\n  containerEdits:\n    deviceNodes:\n"
		    "    - path: /dev/nvidia0\ncontainerEdits:\n  mounts:\n"
		    "  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04\n"
		    "    containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04\n");
	holds(&p, "containers.cdi", "FAIL", "libcuda.so.580.178.04, which is not there",
	      "a spec older than the driver");
	scratch_put(&p.s, LIB "libcuda.so.580.178.04", "x");
	holds(&p, "containers.cdi", "FAIL", "/dev/nvidia0, which is not there", "a lost device");
	scratch_put(&p.s, "root/dev/nvidia0", "");
	holds(&p, "containers.cdi", "PASS", "1 devices and 1 files", "a spec that fits");
	p.facts.live = false;
	holds(&p, "containers.cdi", "DEFERRED", "an image has no devices", "half of it, offline");
}

/* ---- a cluster that answers what it is told to ---- */

static const char *node, *pods, *metrics;
static struct sys_ops told;

static int tell(const struct sys *s, const struct sys_cmd *cmd, struct sys_done *ret, struct err *e)
{
	const char *said = NULL;

	(void)s;
	(void)e;
	for (const char *const *arg = cmd->argv; *arg; arg++) {
		if (str_starts(*arg, "/api/v1/nodes/gpu-node"))
			said = node;
		if (str_starts(*arg, "/api/v1/pods?") && strstr(*arg, "spec.nodeName%3Dgpu-node"))
			said = pods;
		if (str_ends(*arg, "pods/dcgm-x:9400/proxy/metrics"))
			said = metrics;
	}
	*ret = (struct sys_done){ .status = said ? 0 : 1, .output = BUF_TEXT, .errors = BUF_TEXT };
	buf_adds(&ret->output, said ? said : "");
	buf_adds(cmd->apart ? &ret->errors : &ret->output,
		 said ? "" : "Error from server (NotFound): nothing of that name");
	return 0;
}

#define NODE(n) "{\"status\": {\"allocatable\": {\"nvidia.com/gpu\": \"" n "\"}}}"
#define POD(ready)                                                                                 \
	"{\"items\": [{\"metadata\": {\"namespace\": \"nvidia-gpu\", \"name\": \"dcgm-x\"}, "      \
	"\"status\": {\"conditions\": [{\"type\": \"Ready\", \"status\": \"" ready "\"}]}}]}"

static void a_cluster(struct proof *p, struct parsed *profile, const char *text)
{
	proof_init(p);
	told = *p->s.sys.ops;
	told.run = tell;
	p->s.sys.ops = &told;
	parse(profile, text, strlen(text));
	ok(profile->rc == 0, "the profile of this test is good");
	p->profile = &profile->profile;
	p->plan.header.kind = "k8s";
	p->facts.host = "GPU-Node";
	for (int i = 0; i < 2; i++)
		*list_push(&p->a, &p->facts.gpus) = (struct fact_gpu){ .driver = "nvidia" };
	node = pods = metrics = NULL;
}

static void test_cluster(void)
{
	auto_proof p;
	auto_parsed profile = { 0 };

	a_cluster(&p, &profile, "version: 1\nkind: k8s\n");
	holds(&p, "kubernetes.allocatable", "DEFERRED", "no kubectl", "nobody to ask with");
	scratch_put(&p.s, "root/usr/bin/kubectl", "x");
	holds(&p, "kubernetes.allocatable", "DEFERRED", "knows no cluster", "no credentials");
	scratch_put(&p.s, "root/root/.kube/config", "x");
	holds(&p, "kubernetes.allocatable", "FAIL", "knows no", "a node that is not one");
	node = "{\"status\": {\"allocatable\": {\"cpu\": \"4\"}}}";
	holds(&p, "kubernetes.allocatable", "FAIL", "Insufficient nvidia.com/gpu", "no plugin");
	node = NODE("1");
	holds(&p, "kubernetes.allocatable", "FAIL", "offers 1 nvidia.com/gpu, 2 expected of 2 GPUs",
	      "a GPU is lost on the way");
	node = NODE("2");
	holds(&p, "kubernetes.allocatable", "PASS", "2 expected", "all of them");
	pods = "{\"items\": []}";
	holds(&p, "kubernetes.device-plugin", "FAIL", "no pod of nvidia-device-plugin", "none");
	pods = POD("False");
	holds(&p, "kubernetes.device-plugin", "FAIL", "not ready", "one that waits");
	pods = POD("True");
	holds(&p, "kubernetes.device-plugin", "PASS", "nvidia-gpu/dcgm-x is ready", "one at work");
	holds(&p, "kubernetes.metrics", "FAIL", "does not answer", "an exporter without an answer");
	metrics = "# HELP nothing\n";
	holds(&p, "kubernetes.metrics", "FAIL", "no metric of a GPU", "an empty answer");
	metrics = "DCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} 31\n";
	holds(&p, "kubernetes.metrics", "PASS", "answers with metrics", "metrics");
	p.facts.live = false;
	holds(&p, "kubernetes.allocatable", "DEFERRED", "an image", "an image is no node");
}

static void test_shares(void)
{
	auto_proof p;
	auto_parsed profile = { 0 };

	a_cluster(&p, &profile,
		  "version: 1\nkind: k8s\nkubernetes:\n  device-plugin:\n    sharing: {kind: "
		  "time-slicing, replicas: 4}\n  dcgm-exporter: false\n");
	scratch_put(&p.s, "root/usr/bin/kubectl", "x");
	scratch_put(&p.s, "root/root/.kube/config", "x");
	node = NODE("2");
	holds(&p, "kubernetes.allocatable", "FAIL", "8 expected", "shares are not offered");
	node = NODE("8");
	holds(&p, "kubernetes.allocatable", "PASS", "8 expected", "four shares of each");
	ok(!*says(&p, "kubernetes.metrics"), "no exporter, no check of it");
	p.facts.gpus.at[0].mig = TRI_YES;
	holds(&p, "kubernetes.allocatable", "N/A", "MIG", "slices are another matter");
}

static void test_login(void)
{
	auto_proof p;
	struct plan_step *file;

	proof_init(&p);
	told = *p.s.sys.ops;
	told.run = tell;
	p.s.sys.ops = &told;
	file = plan_add(&p.plan, "file", "cuda-path", OP_KEEP, "/etc/profile.d/x.sh");
	step_arg(&p.plan, file, "content", "# x\nCUDA_HOME=/opt/cuda\nexport CUDA_HOME\n");
	holds(&p, "cuda.login", "DEFERRED", "cannot be asked", "no shell");
	scratch_put(&p.s, "root/bin/sh", "x");
	holds(&p, "cuda.login", "FAIL", "does not find nvcc", "a shell that does not find it");
}

static void test_unknown(void)
{
	auto_proof p;

	proof_init(&p);
	plan_post(&p.plan, "x", "wishful", "thinking", NULL, NULL);
	holds(&p, "x", "error", "no check of kind 'wishful'", "a kind without a check is a bug");
}

int main(void)
{
	test_agree();
	test_modules();
	test_gpus();
	test_fabric();
	test_cuda();
	test_containers();
	test_cluster();
	test_shares();
	test_login();
	test_unknown();
	return done_testing();
}
