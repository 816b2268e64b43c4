/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for other engines, made from a profile: Kubernetes manifests, values for Helm, user data
 * for cloud-init. Pure: the same profile and catalog give the same bytes.
 */
#pragma once

#include "base/diag.h"
#include "base/str.h"
#include "catalog.h"
#include "emit/template.h"
#include "profile/profile.h"

/* Where a template comes from, when not from the program itself. */
struct emit_door {
	/* *ret_there tells whether there is one in place of the one built in. */
	int (*read)(void *ctx, const char *name, struct buf *ret, bool *ret_there, struct err *e);
	void *ctx;
};

struct emit {
	const struct profile *profile;
	const struct catalog *catalog;
	const struct emit_door *door; /* NULL = only what is built in */
	struct diags *diags;          /* refusals and warnings */
	struct arena *a;

	/* Of the first boot: how gpuprov gets there. NULL = not said. */
	const char *deb;      /* URL, or path on the new host */
	const char *sha256;   /* of that package */
	const char *platform; /* whose limits of size hold */
};

/*
 * Append the text to ret. Returns 0 also when the profile was refused: then diags has errors and
 * nothing was appended. -1 is a template that cannot be used.
 */
int emit_k8s(struct emit *em, struct buf *ret, struct err *e);
int emit_helm_values(struct emit *em, struct buf *ret, struct err *e);
int emit_cloud_init(struct emit *em, struct buf *ret, struct err *e);
/* Refuses what em->platform would not take; `size` is before the cloud encodes it. */
void emit_check_user_data(struct emit *em, size_t size, bool packed);
int emit_shell(struct emit *em, struct buf *ret, struct err *e);

/* Used by the parts. */

/* Fill one template and append it. */
int emit_part(struct emit *em, const char *name, enum template_language language,
	      const struct holes *holes, struct buf *ret, struct err *e);
