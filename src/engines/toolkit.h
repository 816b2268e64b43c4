/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container toolkit on a host: its settings, as an edit of its config.toml, and what the CDI
 * specifications say that it, or somebody by hand, has made. Pure: texts in, texts out.
 */
#pragma once

#include "edit/edit.h"
#include "plan.h"

#define TOOLKIT_CONFIG "/etc/nvidia-container-runtime/config.toml"
#define TOOLKIT_CDI_SERVICE "nvidia-cdi-refresh.service"
#define TOOLKIT_CDI_PATH "nvidia-cdi-refresh.path"
#define TOOLKIT_CDI_ENV "etc/nvidia-container-toolkit/nvidia-cdi-refresh.env"
#define TOOLKIT_CDI_SPEC "/var/run/cdi/nvidia.yaml"
#define TOOLKIT_UDEV_RULE "etc/udev/rules.d/71-nvidia-dev-char.rules"
#define TOOLKIT_DEV_CHAR "dev/char/195:255" /* of /dev/nvidiactl, which every driver makes */

/*
 * Settings as a step of kind `toolkit` has them, each an argument "KEY = VALUE" in the spelling of
 * TOML, with a dotted key: `set` writes it, `leave` only changes another value, because leaving it
 * out means the same. The edit refuses what is not as it should be; close it.
 */
struct edit *toolkit_edit(const struct plan_step *s, const char *text, size_t len, struct arena *a);
/* Does the text say all of that already? What cannot be read does not. */
bool toolkit_says(const struct plan_step *s, const char *text, size_t len, struct arena *a);

/* A CDI specification, as far as it is about what a host has. */
struct toolkit_spec {
	const char *driver; /* version in the name of libcuda; NULL = it names none */
	strs devices;       /* nodes: "dev/nvidia0" */
	strs files;         /* of the host, that are mounted: "usr/lib/..." */
	strs names;         /* of its devices: "0", "all" */
};
void toolkit_read_spec(const char *text, struct arena *a, struct toolkit_spec *ret);

/* Where the refresh service writes, by its environment file; text may be NULL. */
const char *toolkit_spec_path(const char *env, struct arena *a);
