/* SPDX-License-Identifier: Apache-2.0 */
/* What a host is: the JSON form, and questions to it. Gathering is gather.c. */
#include "facts.h"

#include "base/str.h"
#include "catalog.h"

#include <ctype.h>
#include <string.h>

static const struct rec_row os_rows[] = {
	REC_ROW(struct fact_os, id, REC_STR, "distribution, as os-release names it"),
	REC_ROW(struct fact_os, version, REC_STR, "release"),
	REC_ROW(struct fact_os, codename, REC_STR, "code name"),
	REC_ROW(struct fact_os, name, REC_STR, "pretty name"),
	REC_ROW(struct fact_os, arch, REC_STR, "architecture, as dpkg names it"),
	REC_END,
};

static const struct rec_row gpu_rows[] = {
	REC_ROW(struct fact_gpu, address, REC_STR, "PCI address"),
	REC_ROW(struct fact_gpu, vendor, REC_STR, "PCI vendor id"),
	REC_ROW(struct fact_gpu, device, REC_STR, "PCI device id"),
	REC_ROW(struct fact_gpu, subsystem, REC_STR, "PCI subsystem"),
	REC_ROW(struct fact_gpu, class_id, REC_STR, "PCI class"),
	REC_ROW(struct fact_gpu, driver, REC_STR, "kernel driver bound to it"),
	REC_ROW(struct fact_gpu, mig, REC_TRI, "MIG mode is on"),
	REC_ROW(struct fact_gpu, window, REC_TRI, "it has a memory window, BAR1"),
	REC_END,
};

static const struct rec_row kernel_rows[] = {
	REC_ROW(struct fact_kernel, release, REC_STR, "kernel release"),
	REC_ROW(struct fact_kernel, running, REC_BOOL, "it is the running one"),
	REC_ROW(struct fact_kernel, next, REC_BOOL, "the next boot starts it"),
	REC_ROW(struct fact_kernel, compiler, REC_STR, "major version of the gcc that built it"),
	REC_ROW(struct fact_kernel, signer, REC_STR, "signer of its NVIDIA module"),
	REC_ROW(struct fact_kernel, made_by, REC_STR, "where its NVIDIA module comes from"),
	REC_ROW(struct fact_kernel, headers, REC_BOOL, "its headers are installed"),
	REC_ROW(struct fact_kernel, image, REC_BOOL, "it can be booted"),
	REC_ROW(struct fact_kernel, nvidia, REC_STR, "version of its NVIDIA module"),
	REC_ROW(struct fact_kernel, flavour, REC_STR, "open or proprietary"),
	REC_ROW(struct fact_kernel, failed, REC_STR, "log of a build of it that failed"),
	REC_ROW(struct fact_kernel, initramfs, REC_STR, "fresh, or stale: older than modprobe.d"),
	REC_END,
};

static const struct rec_row secure_boot_rows[] = {
	REC_ROW(struct fact_secure_boot, enabled, REC_TRI, "Secure Boot is on"),
	REC_ROW(struct fact_secure_boot, mok_usable, REC_TRI,
		"keys can be enrolled at the console"),
	REC_ROW(struct fact_secure_boot, keys, REC_STRS, "enrolled keys"),
	REC_ROW(struct fact_secure_boot, own_key, REC_STR, "the key that DKMS signs with"),
	REC_END,
};

static const struct rec_row platform_rows[] = {
	REC_ROW(struct fact_platform, virt, REC_STR, "virtual machine"),
	REC_ROW(struct fact_platform, container, REC_STR, "container"),
	REC_ROW(struct fact_platform, cloud, REC_STR, "cloud"),
	REC_ROW(struct fact_platform, systemd, REC_TRI, "systemd is the init"),
	REC_END,
};

static const struct rec_row driver_rows[] = {
	REC_ROW(struct fact_driver, version, REC_STR, "version of the user space"),
	REC_ROW(struct fact_driver, flavour, REC_STR, "open or proprietary"),
	REC_ROW(struct fact_driver, origin, REC_STR, "where it came from"),
	REC_ROW(struct fact_driver, loaded, REC_STR, "version of the loaded module"),
	REC_ROW(struct fact_driver, loaded_flavour, REC_STR, "flavour of the loaded module"),
	REC_ROW(struct fact_driver, marks, REC_STRS, "marks of a .run installation"),
	REC_END,
};

static const struct rec_row cuda_rows[] = {
	REC_ROW(struct fact_cuda, version, REC_STR, "version"),
	REC_ROW(struct fact_cuda, path, REC_STR, "path"),
	REC_ROW(struct fact_cuda, origin, REC_STR, "where it came from"),
	REC_ROW(struct fact_cuda, toolkit, REC_BOOL, "nvcc is there"),
	REC_ROW(struct fact_cuda, linked, REC_BOOL, "it is the default"),
	REC_END,
};

static const struct rec_row engine_rows[] = {
	REC_ROW(struct fact_engine, name, REC_STR, "engine"),
	REC_ROW(struct fact_engine, version, REC_STR, "version"),
	REC_ROW(struct fact_engine, variant, REC_STR, "rootless or snap"),
	REC_ROW(struct fact_engine, package, REC_STR, "its package"),
	REC_ROW(struct fact_engine, program, REC_STR, "its binary"),
	REC_ROW(struct fact_engine, config, REC_STR, "the file it reads"),
	REC_ROW(struct fact_engine, args, REC_STR, "arguments of the daemon"),
	REC_ROW(struct fact_engine, running, REC_TRI, "it is running"),
	REC_ROW(struct fact_engine, knows_nvidia, REC_TRI, "it knows the runtime nvidia"),
	REC_ROW(struct fact_engine, default_nvidia, REC_TRI, "nvidia is its default runtime"),
	REC_ROW(struct fact_engine, cdi, REC_TRI, "CDI is enabled"),
	REC_ROW(struct fact_engine, cgroup_driver, REC_STR, "cgroup driver, of containerd"),
	REC_ROW(struct fact_engine, containers, REC_INT, "running containers, -1 = unknown"),
	REC_END,
};

static const struct rec_row kubelet_rows[] = {
	REC_ROW(struct fact_kubelet, version, REC_STR, "version"),
	REC_ROW(struct fact_kubelet, cgroup_driver, REC_STR, "cgroup driver"),
	REC_ROW(struct fact_kubelet, endpoint, REC_STR, "container runtime endpoint"),
	REC_END,
};

static const struct rec_row holder_rows[] = {
	REC_ROW(struct fact_holder, name, REC_STR, "program"),
	REC_ROW(struct fact_holder, pid, REC_INT, "process"),
	REC_ROW(struct fact_holder, unit, REC_STR, "its unit"),
	REC_END,
};

static const struct rec_row candidate_rows[] = {
	REC_ROW(struct fact_candidate, name, REC_STR, "package"),
	REC_ROW(struct fact_candidate, version, REC_STR, "version apt would install"),
	REC_ROW(struct fact_candidate, origin, REC_STR, "origin"),
	REC_ROW(struct fact_candidate, suite, REC_STR, "suite"),
	REC_ROW(struct fact_candidate, transitional, REC_BOOL, "empty, on the way to another"),
	REC_END,
};

static const struct rec_row pin_rows[] = {
	REC_ROW(struct fact_pin, file, REC_STR, "file"),
	REC_ROW(struct fact_pin, package, REC_STR, "packages"),
	REC_ROW(struct fact_pin, pin, REC_STR, "pin"),
	REC_ROW(struct fact_pin, priority, REC_STR, "priority"),
	REC_END,
};

static const struct rec_row key_rows[] = {
	REC_ROW(struct fact_key, file, REC_STR, "keyring"),
	REC_ROW(struct fact_key, fingerprint, REC_STR, "fingerprint"),
	REC_END,
};

static const struct rec_row dpkg_rows[] = {
	REC_ROW(struct fact_dpkg, unfinished, REC_STRS, "half-installed packages"),
	REC_ROW(struct fact_dpkg, interrupted, REC_BOOL, "dpkg was interrupted"),
	REC_ROW(struct fact_dpkg, foreign, REC_STRS, "foreign architectures"),
	REC_END,
};

static const struct rec_row package_rows[] = {
	REC_ROW(struct fact_package, name, REC_STR, "package"),
	REC_ROW(struct fact_package, arch, REC_STR, "architecture"),
	REC_ROW(struct fact_package, version, REC_STR, "version"),
	REC_ROW(struct fact_package, status, REC_STR, "dpkg's status"),
	REC_ROW(struct fact_package, held, REC_BOOL, "on hold"),
	REC_ROW(struct fact_package, source, REC_STR, "source package"),
	REC_ROW(struct fact_package, origin, REC_STR, "where it came from"),
	REC_END,
};

static const struct rec_row source_rows[] = {
	REC_ROW(struct fact_source, file, REC_STR, "file"),
	REC_ROW(struct fact_source, uri, REC_STR, "URI"),
	REC_ROW(struct fact_source, suite, REC_STR, "suite"),
	REC_ROW(struct fact_source, components, REC_STRS, "components"),
	REC_ROW(struct fact_source, signed_by, REC_STR, "key"),
	REC_ROW(struct fact_source, trusted, REC_BOOL, "apt checks nothing"),
	REC_ROW(struct fact_source, origin, REC_STR, "Origin of its Release file"),
	REC_END,
};

static const struct rec_row file_rows[] = {
	REC_ROW(struct fact_file, path, REC_STR, "path"),
	REC_ROW(struct fact_file, state, REC_STR, "what is there"),
	REC_ROW(struct fact_file, content, REC_STR, "text of a small file"),
	REC_ROW(struct fact_file, sha256, REC_STR, "hash"),
	REC_END,
};

static const struct rec_row mount_rows[] = {
	REC_ROW(struct fact_mount, path, REC_STR, "mount point"),
	REC_ROW(struct fact_mount, free_bytes, REC_INT, "free for root"),
	REC_ROW(struct fact_mount, read_only, REC_BOOL, "read-only"),
	REC_END,
};

static const struct rec_row note_rows[] = {
	REC_ROW(struct fact_note, fact, REC_STR, "fact"),
	REC_ROW(struct fact_note, from, REC_STR, "how it was learnt"),
	REC_ROW(struct fact_note, unknown, REC_STR, "why it is unknown"),
	REC_END,
};

#define OBJ(m, r, h)                                                                               \
	{                                                                                          \
		.name = #m, .type = REC_OBJ, .offset = offsetof(struct facts, m), .rows = (r),     \
		.help = (h)                                                                        \
	}
#define ROWS(m, r, T, h)                                                                           \
	{                                                                                          \
		.name = #m, .type = REC_LIST, .offset = offsetof(struct facts, m), .rows = (r),    \
		.size = sizeof(T), .help = (h)                                                     \
	}

const struct rec_row facts_rows[] = {
	REC_ROW(struct facts, schema, REC_STR, "format of this file"),
	REC_ROW(struct facts, host, REC_STR, "host name"),
	REC_ROW(struct facts, live, REC_BOOL, "the running system, not an image"),
	REC_ROW(struct facts, kernel, REC_STR, "running kernel"),
	OBJ(os, os_rows, "operating system"),
	OBJ(platform, platform_rows, "where it runs"),
	REC_ROW(struct facts, glibc, REC_STR, "version of the C library"),
	REC_ROW(struct facts, gcc, REC_STR, "version of the default compiler"),
	ROWS(gpus, gpu_rows, struct fact_gpu, "NVIDIA GPUs on PCI"),
	ROWS(switches, gpu_rows, struct fact_gpu, "NVSwitch devices on PCI"),
	ROWS(kernels, kernel_rows, struct fact_kernel, "installed kernels"),
	OBJ(secure_boot, secure_boot_rows, "Secure Boot"),
	REC_ROW(struct facts, modules, REC_STRS, "loaded kernel modules that matter"),
	OBJ(driver, driver_rows, "the installed NVIDIA driver"),
	ROWS(cudas, cuda_rows, struct fact_cuda, "CUDA installations"),
	ROWS(engines, engine_rows, struct fact_engine, "container engines"),
	OBJ(kubelet, kubelet_rows, "kubelet"),
	ROWS(holders, holder_rows, struct fact_holder, "processes that hold a GPU"),
	REC_ROW(struct facts, services, REC_STRS, "services that run and matter"),
	OBJ(dpkg, dpkg_rows, "state of dpkg"),
	ROWS(packages, package_rows, struct fact_package, "packages that matter"),
	ROWS(candidates, candidate_rows, struct fact_candidate, "what apt would install"),
	ROWS(pins, pin_rows, struct fact_pin, "apt preferences"),
	ROWS(keys, key_rows, struct fact_key, "keys that apt trusts"),
	REC_ROW(struct facts, proxy, REC_STR, "apt's proxy"),
	REC_ROW(struct facts, lock_holder, REC_STR, "who holds dpkg's lock"),
	ROWS(sources, source_rows, struct fact_source, "apt sources"),
	ROWS(files, file_rows, struct fact_file, "files that matter"),
	ROWS(mounts, mount_rows, struct fact_mount, "file systems"),
	REC_ROW(struct facts, damaged, REC_STRS,
		"files of the driver that are not as they were unpacked"),
	ROWS(notes, note_rows, struct fact_note, "how facts were learnt, or why they are unknown"),
	REC_END,
};

static struct fact_note *note_of(struct facts *f, const char *fact)
{
	struct fact_note *n;

	list_each (&f->notes, it)
		if (str_eq(it->fact, fact))
			return it;
	n = list_push(f->a, &f->notes);
	n->fact = fact;
	return n;
}

void fact_from(struct facts *f, const char *fact, const char *from)
{
	note_of(f, fact)->from = from;
}

void fact_unknown(struct facts *f, const char *fact, const char *why)
{
	note_of(f, fact)->unknown = why;
}

const char *fact_uri(struct arena *a, struct piece uri)
{
	const char *text = arena_strn(a, uri.at, uri.len);
	const char *host = strstr(text, "://");
	const char *slash_at, *at;
	const char *end = str_ends(text, "/") ? "" : "/";

	if (!host)
		return arena_printf(a, "%s%s", text, end);
	host += 3;
	slash_at = strchr(host, '/');
	at = memchr(host, '@', slash_at ? (size_t)(slash_at - host) : strlen(host));
	if (!at)
		return arena_printf(a, "%s%s", text, end);
	return arena_printf(a, "%.*s%s%s", (int)(host - text), text, at + 1, end);
}

const char *facts_unknown(const struct facts *f, const char *fact)
{
	list_each (&f->notes, n)
		if (str_eq(n->fact, fact))
			return n->unknown;
	return NULL;
}

int facts_read(const char *text, size_t len, const char *what, struct arena *a, struct facts *ret,
	       struct err *e)
{
	*ret = (struct facts){ .a = a };
	if (rec_read(text, len, what, facts_rows, ret, a, e)) {
		err_way(e, "make a new one on that host: gpuprov facts --json");
		return -1;
	}
	ret->a = a;
	if (str_eq(ret->schema, FACTS_SCHEMA))
		return 0;
	err_set(e, GP_BAD_FACTS, "%s: schema is '%s', this program reads %s", what,
		ret->schema ? ret->schema : "missing", FACTS_SCHEMA);
	err_way(e, "use a gpuprov of the same age on both machines");
	return -1;
}

void facts_write(const struct facts *f, struct buf *ret)
{
	struct jw j = { .out = ret };

	rec_write(&j, facts_rows, f);
	buf_addc(ret, '\n');
}

const struct fact_package *facts_package(const struct facts *f, const char *name)
{
	list_each (&f->packages, p)
		if (str_eq(p->name, name))
			return p;
	return NULL;
}

bool facts_installed(const struct facts *f, const char *name)
{
	const struct fact_package *p = facts_package(f, name);

	return p && str_eq(p->status, "installed");
}

const struct fact_file *facts_file(const struct facts *f, const char *path)
{
	list_each (&f->files, it)
		if (str_eq(it->path, path))
			return it;
	return NULL;
}

const char *facts_node_name(const struct facts *f, struct arena *a)
{
	auto_buf struct buf b = BUF_TEXT;

	for (const char *c = f->host; c && *c; c++)
		buf_addc(&b, (char)tolower((unsigned char)*c));
	return f->host ? arena_str(a, buf_str(&b)) : NULL;
}

const struct fact_mount *facts_mount(const struct facts *f, const char *path)
{
	const struct fact_mount *best = NULL;

	list_each (&f->mounts, m) {
		size_t n = str_eq(m->path, "/") ? 0 : strlen(m->path);

		if (strncmp(path, m->path, n) != 0 || (n && path[n] && path[n] != '/'))
			continue;
		if (!best || str_eq(best->path, "/") || n > strlen(best->path))
			best = m;
	}
	return best;
}

const struct fact_engine *facts_engine(const struct facts *f, const char *name)
{
	list_each (&f->engines, it)
		if (str_eq(it->name, name))
			return it;
	return NULL;
}

const struct fact_candidate *facts_candidate(const struct facts *f, const char *name)
{
	list_each (&f->candidates, it)
		if (str_eq(it->name, name))
			return it;
	return NULL;
}

bool fact_of_driver(const char *package)
{
	static const char *const heads[] = { "nvidia-",
					     "libnvidia-",
					     "libcuda1",
					     "libnvcuvid1",
					     "libnvoptix1",
					     "cuda-drivers",
					     "linux-modules-nvidia-",
					     "xserver-xorg-video-nvidia" };
	static const char *const others[] = { "nvidia-container",      "libnvidia-container",
					      "nvidia-docker",         "nvidia-cuda-",
					      "nvidia-cudnn",          "nvidia-profiler",
					      "nvidia-visual-profiler" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (str_starts(package, others[i]))
			return false;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (str_starts(package, heads[i]))
			return true;
	return false;
}

void facts_gpu_names(const struct facts *f, const struct catalog *c, struct buf *ret)
{
	const char *comma = "";

	for (size_t i = 0; i < f->gpus.n; i++) {
		const char *device = f->gpus.at[i].device;
		size_t before = 0, count = 0;

		for (size_t j = 0; j < f->gpus.n; j++) {
			bool same = str_eq(device, f->gpus.at[j].device);

			before += same && j < i;
			count += same;
		}
		if (before)
			continue;
		buf_addf(ret, "%s%zu x %s", comma, count, catalog_gpu_name(c, device));
		comma = ", ";
	}
}

void facts_summary(const struct facts *f, const struct catalog *c, struct buf *ret)
{
	buf_addf(ret, "%s %s", f->os.id, f->os.version ? f->os.version : f->os.codename);
	if (f->os.version && f->os.codename)
		buf_addf(ret, " (%s)", f->os.codename);
	buf_addf(ret, ", %s", f->os.arch);
	if (f->kernel)
		buf_addf(ret, ", linux %s", f->kernel);
	else if (!f->live)
		buf_adds(ret, ", an image that is not running");
	if (f->secure_boot.enabled == TRI_YES)
		buf_adds(ret, ", secure boot on");
	buf_adds(ret, ", ");
	if (f->gpus.n)
		facts_gpu_names(f, c, ret);
	else
		buf_adds(ret, facts_unknown(f, "gpus") ? "GPUs unknown" : "no NVIDIA GPU");
}
