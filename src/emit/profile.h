/* SPDX-License-Identifier: Apache-2.0 */
/* A commented profile that fits a host: what `gpuprov init` writes. */
#pragma once

#include "catalog.h"
#include "facts.h"

/* A key that is written out because the host needs it so: "driver.source", "nvidia". */
struct setting {
	const char *path, *value;
};

typedef LIST(struct setting) settings;

/* What the engines that are there say about the kind of host. */
const char *emit_kind(const struct facts *f);

/* The text. `kind` is one of schema_kinds; the settings are written instead of the defaults. */
void emit_profile(const struct facts *f, const struct catalog *c, const char *kind,
		  const settings *set, struct arena *a, struct buf *ret);
