/* SPDX-License-Identifier: Apache-2.0 */
/* One file read into a tree, without looking at what the keys mean. */
#pragma once

#include "profile/profile.h"

/* 0, or -1 after complaints; then the tree holds what could be read. */
int profile_read(const char *file, const char *bytes, size_t len, struct arena *a,
		 struct profile *ret, struct diags *diags);
