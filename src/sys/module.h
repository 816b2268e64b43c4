/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel module says of itself: read from the .ko file, without loading it. */
#pragma once

#include "sys/sys.h"

/* The bytes of a module that is not compressed. -1 with `e` when it is no module. */
int module_parse(const void *bytes, size_t len, const char *name, struct arena *a,
		 struct sys_module *ret, struct err *e);

/* sys_module() of the real world: also .ko.xz, .ko.zst and .ko.gz. */
int real_module(const struct sys *s, const char *path, struct arena *a, struct sys_module *ret,
		struct err *e);
