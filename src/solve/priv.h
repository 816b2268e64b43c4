/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the solver share.
 *
 * The driver is chosen by trying: every driver that could be had (a source, a branch, a flavour of
 * kernel modules) is a choice; the rules say what is wrong with it; the first choice in order of
 * preference that no rule refuses is taken. When all are refused, the same trial with one setting
 * of the profile changed finds the ways out, so that each of them leads to a plan.
 */
#pragma once

#include "distros/distro.h"
#include "profile/profile.h"
#include "solve/solve.h"

enum driver_origin { FROM_DISTRO, FROM_NVIDIA, FROM_RUNFILE };
enum driver_flavour { FLAVOUR_NONE, FLAVOUR_PROPRIETARY, FLAVOUR_OPEN };

/* A kind of GPU the plan is for. */
struct target {
	const struct fact_gpu *fact;
	const struct record *gpu;  /* NULL: an id the catalog does not know */
	const struct record *arch; /* NULL: likewise */
	const char *name;
};

/* What the profile asks of driver and CUDA. */
struct asks {
	const char *source, *modules, *branch, *version, *build;
	strs cudas; /* versions */
};

/* A driver that could be had. */
struct choice {
	enum driver_origin origin;
	enum driver_flavour flavour;
	const char *branch;
	const char *version; /* exact, when it is known; NULL = the newest of the branch */
	const char *newest;  /* what rules compare: the version, else the newest known */
	const char *world;   /* whose package names: key of `role` records; NULL = no packages */
	const struct record *known; /* its `branch` record; NULL = a branch the catalog lacks */
	const char *lacking;        /* why this source does not have it; NULL = it has */
	bool prebuilt;              /* modules come compiled and signed */
	int rank;
};

/* The kernel modules that have to be made trusted for Secure Boot. */
enum signing { SIGN_NOT_NEEDED, SIGN_PREBUILT, SIGN_OWN_KEY, SIGN_ENROLLED };

/* How much is said of refusals: all; what a trial of a way out needs; the bare refusals. */
enum solve_depth { DEPTH_FULL, DEPTH_TRIAL, DEPTH_BARE };

struct solving {
	enum solve_depth depth;
	const struct profile *profile;
	const struct facts *facts;
	const struct catalog *catalog;
	const struct distro *distro;
	struct plan *plan;
	struct arena *a;

	/* Only whether something is refused is asked; what would be said goes nowhere. */
	bool quiet;
	const unsigned *overlook; /* rules that are not asked then, ends with 0; NULL = none */
	size_t refusals;
	struct diag unread;

	/* Decided along the way. */
	LIST(struct fact_gpu) gpus; /* the GPUs to provision for */
	LIST(struct target) targets;
	const char *gpu_names;        /* for sentences: "2 x Tesla T4" */
	const struct record *release; /* `distro` record of the host; NULL = not known */
	const char *newest_dated;     /* the newest branch with an end of life in the catalog */
	struct asks asks;
	struct choice choice;
	const char *within; /* what the packages' version must lie within */
	bool modules;       /* kernel modules are installed */
	enum signing signing;
	const char *purpose;
	const char *cuda_install; /* none, runtime, toolkit */
	bool cuda_packages;       /* toolkits come as packages of NVIDIA */
};

/* Refuse: the plan does not exist because of this. */
struct diag *refuse(struct solving *s, enum code code, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
struct diag *warn(struct solving *s, enum code code, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same in the name of rule Rnn. */
struct diag *by_rule(struct solving *s, enum severity severity, unsigned rule, const char *path,
		     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void why(struct solving *s, struct diag *d, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void way(struct solving *s, struct diag *d, const char *set, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Where a setting was written, for reasons. */
struct span *place(struct solving *s, const char *path);

/* A life that has ended by the catalog's date; an end that is only a month ends with it. */
bool has_ended(const struct solving *s, const char *eol);
bool branch_lives(const struct solving *s, const struct record *branch);
/* Of the driver that is there: Ubuntu's packages for servers; compiled by DKMS. */
bool has_server_driver(const struct solving *s);
bool has_dkms_driver(const struct solving *s);
/* A container that runs: its kernel and modules are those of its host. */
bool in_container(const struct solving *s);
/* An architecture that NVIDIA makes drivers for, and the catalog knows of. */
bool known_arch(const struct solving *s);
bool on_data_center(const struct solving *s);
const char *origin_word(enum driver_origin origin);
const char *flavour_word(enum driver_flavour flavour);
/* What the driver is called where the origin matters: "debian 12's own 535". */
const char *choice_name(struct solving *s, const struct choice *c);

/* The `role` record for a part of the driver; NULL when that world has no such part. */
const struct record *role_of(const struct solving *s, const char *world, const char *role,
			     const char *branch);
/* What NVSwitches and NVLink across hosts take besides the driver: R47, R49. */
struct fabric {
	bool manager, nvlsm, imex;
	bool switches, rack, sxm; /* what speaks for it */
};

struct fabric fabric_of(const struct solving *s);

/* Of the cluster, or else of the kubelet; NULL = not known. */
const char *cluster_version(const struct solving *s);
/* The set of parts that the profile names, else the newest; NULL = there is none of that name. */
const struct record *tested_set(const struct solving *s);
/* A part's version in it; NULL = it has no such part. */
const char *tested_version(struct solving *s, const struct record *set, const char *part);
/* The node is to be fit for NVIDIA's DRA driver. */
bool wants_dra(const struct solving *s);

/* ---- rules ---- */

struct rule {
	unsigned number;
	void (*check)(struct solving *s, const struct choice *c);
};

/* What is wrong with a choice, and with the rest; both end with .check NULL. */
extern const struct rule rules_driver[], rules_cuda[], rules_host[], rules_k8s[];
void rules_run(struct solving *s, const struct rule *rules, const struct choice *c);

/* ---- in this order; each returns false when what follows makes no sense any more ---- */

bool solve_gpus(struct solving *s);
bool solve_driver(struct solving *s);
void solve_packages(struct solving *s);
void solve_kernel_side(struct solving *s);
void solve_room(struct solving *s);

void solve_at(enum solve_depth depth, const struct profile *profile, const struct facts *facts,
	      const struct catalog *catalog, struct arena *a, struct plan *ret);

/* ---- ways out ---- */

/* Is there a driver that no rule refuses? */
bool any_choice(struct solving *s);
/* Give each of these refusals of the driver the ways out that the rules would take. */
void find_ways(struct solving *s, struct diags *refusals);
/* Keep the ways out that lead to a plan, or at least end their own refusal and bring no other;
 * of warnings those that end it. */
void check_ways(struct solving *s);

/*
 * The step that provides a repository: "distro", "nvidia-cuda" or "nvidia-container-toolkit"; NULL
 * when it is there already, or when it was refused. `path` is the key that asks for it.
 */
const char *repo_for(struct solving *s, const char *which, const strs *components,
		     const char *path);

/* The same for NVIDIA's own repositories. */
const char *vendor_repo(struct solving *s, const char *which, const char *path);

/* A file of our own: added, changed, or kept as it is. */
struct plan_step *solve_file(struct solving *s, const char *name, const char *path,
			     const char *content);

/* How a step works with apt: through which proxy, how long it waits for locks. */
void step_apt(struct solving *s, struct plan_step *step);

/* ---- what is wanted of packages ---- */

struct wanted {
	const char *package;
	const char *within; /* version head, or NULL */
	const char *rule, *why;
	struct span *at;
};

struct wants {
	LIST(struct wanted) list;
	strs components;              /* of the distribution's archive */
	strs replaced;                /* installed packages that these replace */
	bool distro, nvidia, toolkit; /* which repositories it takes */
};

void want_role(struct solving *s, struct wants *w, const char *world, const char *role,
	       const char *rule, const char *path);
void want_package(struct solving *s, struct wants *w, const char *package, const char *within,
		  const char *rule, struct span *at, const char *reason);
/* What keeps them there: apt's preferences before they are installed, holds afterwards. */
void solve_pin(struct solving *s, const struct wants *w);
void solve_hold(struct solving *s, const struct wants *w);
/* The compiler that kernel modules for this kernel take, where it is not the default one. */
void want_compiler(struct solving *s, struct wants *w, const struct fact_kernel *k);
void want_cuda(struct solving *s, struct wants *w);
/* Manifests in the cluster, after everything that the node itself needs. */
void solve_cluster(struct solving *s);
/* Container toolkit and engine, where the profile is about containers. */
void solve_containers(struct solving *s, struct wants *w);

/* ---- one source for a driver: what came another way goes first ---- */

/* "driver.existing: replace" was said, so R31 is no refusal. Comes before the packages. */
void solve_switch(struct solving *s);
/* Names of the packages the installed driver consists of, with blanks between. */
const char *driver_packages(const struct solving *s);
bool driver_is_packaged(const struct solving *s);
#define SWITCH_PACKAGES "packages:other-driver"
#define SWITCH_RUNFILE "driver-away:nvidia"

/* What the toolkit is set up for. */
struct toolkit_ask {
	const char *version;              /* of the toolkit that is installed in the end */
	const char *name;                 /* of the engine; NULL = none is asked for */
	const struct fact_engine *engine; /* NULL = it is not there yet */
};
/* Its settings, the CDI specification, links for devices. */
void solve_toolkit(struct solving *s, const struct toolkit_ask *ask);

/* ---- .run files: the driver (false when there is no plan), CUDA toolkits ---- */

bool solve_driver_runfile(struct solving *s, struct wants *w);
void solve_cuda_runfile(struct solving *s);

/* Which toolkit is the default, and how it is found; after the steps that install them. */
void solve_cuda_default(struct solving *s);
