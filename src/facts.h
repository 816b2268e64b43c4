/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host is. A value: gathered by the probes or read from a JSON file, const afterwards, an
 * input of the solver on any machine. Strings that are NULL and lists that are empty mean "there is
 * none", unless `notes` says that the fact is unknown, and why.
 */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "base/rec.h"
#include "base/str.h"

#include <stdbool.h>

struct sys;

/* Files here tell of installations that were begun and did not come to their end. */
#define FACT_INSTALLING "var/lib/gpuprov/installing"

/* What enables NVIDIA's fabric manager. */
#define FABRIC_LINK "etc/systemd/system/multi-user.target.wants/nvidia-fabricmanager.service"

#define FACTS_SCHEMA "gpuprov.facts/1"

struct fact_os {
	const char *id;       /* os-release ID: debian, ubuntu */
	const char *version;  /* VERSION_ID: "12", "24.04"; NULL on sid */
	const char *codename; /* bookworm, noble */
	const char *name;     /* PRETTY_NAME */
	const char *arch;     /* dpkg's name: amd64, arm64 */
};

struct fact_gpu {
	const char *address;   /* 0000:3b:00.0; NULL when the profile or --gpu named it */
	enum tri mig;          /* MIG mode is on */
	enum tri window;       /* the firmware gave it a memory window (BAR1) */
	const char *vendor;    /* 10de */
	const char *device;    /* 1eb8, lower case as in sysfs */
	const char *subsystem; /* 10de:12a2 */
	const char *class_id;  /* 030200: class, subclass, interface */
	const char *driver;    /* kernel driver bound to it */
};

struct fact_kernel {
	const char *release; /* 6.1.0-56-amd64 */
	bool running;
	bool next;             /* the boot loader will start it; by default the newest image */
	const char *compiler;  /* gcc major that built it: "12"; NULL = unknown */
	const char *signer;    /* of the NVIDIA module */
	const char *made_by;   /* of the NVIDIA module: dkms, package, other */
	bool headers;          /* its headers are there, so a module can be built for it */
	bool image;            /* /boot has it, so it can be booted */
	const char *nvidia;    /* version of the NVIDIA module installed for it */
	const char *flavour;   /* open or proprietary, by the module's licence */
	const char *failed;    /* log of a DKMS build for it that failed; NULL = none */
	const char *initramfs; /* "fresh", "stale" (older than modprobe.d), NULL = it has none */
};

struct fact_package {
	const char *name, *arch, *version;
	const char *status; /* "installed", "half-configured", ...; as dpkg writes the third word */
	bool held;
	const char *source;
	const char *origin; /* where the installed version came from, as candidates name it */
};

struct fact_dpkg {
	strs unfinished;  /* packages that are neither installed nor gone */
	bool interrupted; /* dpkg left a journal of its own */
	strs foreign;     /* foreign architectures */
};

/* One repository entry: one URI, one suite. */
struct fact_source {
	const char *file; /* where it is written */
	const char *uri;  /* without userinfo, with a trailing slash */
	const char *suite;
	strs components;
	const char *signed_by; /* as written: a path, a fingerprint, or the key itself */
	bool trusted;          /* trusted=yes: apt checks nothing */
	const char *origin;    /* of its Release file; NULL = not fetched yet */
};

/* A file that gpuprov may own or that decides what it does. */
struct fact_file {
	const char *path;
	const char *state;   /* file, directory, link, other */
	const char *content; /* small text files */
	const char *sha256;
};

struct fact_mount {
	const char *path;
	long long free_bytes;
	bool read_only;
};

struct fact_secure_boot {
	enum tri enabled;
	enum tri mok_usable; /* shim is there, so keys can be enrolled at the console */
	strs keys;           /* the kernel accepts: common names of their subjects */
	const char *own_key; /* that DKMS signs with here: its common name; NULL = none */
};

/* Where this system runs. */
struct fact_platform {
	const char *virt; /* none, kvm, vmware, microsoft, xen, wsl, ... as systemd-detect-virt */
	const char *container; /* docker, lxc, systemd-nspawn, ...; NULL = none */
	const char *cloud;     /* aws, gcp, azure, ...; NULL = none known */
	enum tri systemd;      /* it is the init that runs (or that would boot) */
};

/* The NVIDIA driver that is installed, as a whole. */
struct fact_driver {
	const char *version; /* of the user space; NULL = none */
	const char *flavour; /* open, proprietary; NULL = no module */
	const char *origin;  /* distro, nvidia, runfile, container, unknown */
	const char *loaded;  /* version of the module in the kernel now */
	const char *loaded_flavour;
	strs marks; /* files that tell of a .run installation */
};

/* A CUDA toolkit or a set of its libraries. */
struct fact_cuda {
	const char *version; /* 12.8; with the update where it is known: 12.8.1 */
	const char *path;    /* /usr/local/cuda-12.8 */
	const char *origin;  /* distro, nvidia, runfile, unknown */
	bool toolkit;        /* nvcc is there */
	bool linked;         /* /usr/local/cuda points to it */
};

/* A container engine or Kubernetes distribution. */
struct fact_engine {
	const char *name;    /* docker, containerd, crio, podman, k3s, rke2, k0s */
	const char *version; /* 28.2.0 */
	const char *variant; /* NULL, rootless, snap */
	const char *package; /* docker.io, docker-ce, containerd.io; NULL = not by dpkg */
	const char *program; /* path of its binary */
	const char *config;  /* the file the daemon reads; also when it is not there yet */
	const char *args;    /* of the running daemon, or of its unit */
	enum tri running;
	enum tri knows_nvidia; /* its configuration has a runtime or handler nvidia */
	enum tri default_nvidia;
	enum tri cdi;
	/* How containers' cgroups are made, as its file says: systemd, cgroupfs; NULL = unknown. */
	const char *cgroup_driver;
	long long containers; /* that a restart would stop; -1 = unknown */
};

struct fact_kubelet {
	const char *version;
	const char *cgroup_driver; /* systemd, cgroupfs */
	const char *endpoint;      /* container runtime endpoint */
};

/* A process that holds a GPU. */
struct fact_holder {
	const char *name;
	long long pid;
	const char *unit; /* its systemd unit; NULL = none */
};

/* What apt would install now, for names that matter. */
struct fact_candidate {
	const char *name, *version;
	const char *origin; /* Debian, Ubuntu, NVIDIA: Origin of the Release file, else its site */
	const char *suite;
	bool transitional; /* an empty package on the way to another */
};

/* An entry of apt's preferences. */
struct fact_pin {
	const char *file, *package, *pin, *priority;
};

/* A key that apt would trust for some repository. */
struct fact_key {
	const char *file;
	const char *fingerprint;
};

/* How a fact was learnt, or why it is unknown. */
struct fact_note {
	const char *fact; /* "gpus", "secure_boot.enabled" */
	const char *from;
	const char *unknown;
};

struct facts {
	const char *schema;
	const char *host;
	bool live;          /* the running system; false for an image */
	const char *kernel; /* running kernel; NULL for an image */
	struct fact_os os;
	struct fact_platform platform;
	const char *glibc; /* version of libc6 */
	const char *gcc;   /* version of the default gcc; NULL = none */
	LIST(struct fact_gpu) gpus;
	LIST(struct fact_gpu) switches; /* NVSwitch devices */
	LIST(struct fact_kernel) kernels;
	struct fact_secure_boot secure_boot;
	strs modules; /* loaded modules that matter: nvidia*, nouveau, nova* */
	struct fact_driver driver;
	LIST(struct fact_cuda) cudas;
	LIST(struct fact_engine) engines;
	struct fact_kubelet kubelet;
	LIST(struct fact_holder) holders;
	strs services; /* units that run and matter: nvidia-persistenced, nvidia-fabricmanager, ...
			*/
	struct fact_dpkg dpkg;
	LIST(struct fact_package) packages; /* those that matter here */
	LIST(struct fact_candidate) candidates;
	LIST(struct fact_pin) pins;
	LIST(struct fact_key) keys;
	LIST(struct fact_source) sources;
	const char *proxy;       /* apt's, without userinfo */
	const char *lock_holder; /* "apt-get (4711)": who holds dpkg's lock; NULL = nobody */
	LIST(struct fact_file) files;
	LIST(struct fact_mount) mounts;
	strs damaged; /* files of the driver's packages; only doctor looks: damage.h */
	LIST(struct fact_note) notes;
	struct arena *a;
};

extern const struct rec_row facts_rows[];

/* Run every probe. Fails only when nothing can be said at all (the root is not a system). */
int facts_gather(const struct sys *sys, struct arena *a, struct facts *ret, struct err *e);

/* The same, with the probes of these names only. */
int facts_gather_some(const struct sys *sys, const char *const *names, struct arena *a,
		      struct facts *ret, struct err *e);

/* From JSON; refuses another schema. `what` names the text in messages. */
int facts_read(const char *text, size_t len, const char *what, struct arena *a, struct facts *ret,
	       struct err *e);
void facts_write(const struct facts *f, struct buf *ret);

/* Used by the probes. */
void fact_from(struct facts *f, const char *fact, const char *from);
void fact_unknown(struct facts *f, const char *fact, const char *why);
/* Secrets in a URI stay where they are: "https://user:pw@host/" becomes "https://host/". */
const char *fact_uri(struct arena *a, struct piece uri);

/* Why a fact is unknown; NULL when it is known. */
const char *facts_unknown(const struct facts *f, const char *fact);

const struct fact_package *facts_package(const struct facts *f, const char *name);
bool facts_installed(const struct facts *f, const char *name); /* fully, not half */
/* A package of the driver, by its name; CUDA and the container toolkit are not. */
bool fact_of_driver(const char *package);
const struct fact_file *facts_file(const struct facts *f, const char *path);
/* What a kubelet calls this node unless it is told otherwise; NULL = the name is not known. */
const char *facts_node_name(const struct facts *f, struct arena *a);
/* Of the places that were measured the nearest one above it; NULL = none was. */
const struct fact_mount *facts_mount(const struct facts *f, const char *path);
const struct fact_engine *facts_engine(const struct facts *f, const char *name);
const struct fact_candidate *facts_candidate(const struct facts *f, const char *name);

/* "debian 12 (bookworm), linux 6.1.0-56-amd64, 2 x Tesla T4": the first line of a plan. */
struct catalog;
void facts_summary(const struct facts *f, const struct catalog *c, struct buf *ret);
/* "2 x Tesla T4, 1 x NVIDIA L40S" */
void facts_gpu_names(const struct facts *f, const struct catalog *c, struct buf *ret);
