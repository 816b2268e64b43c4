/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links /dev/char/MAJOR:MINOR of the GPUs' devices. systemd looks devices up there when it applies
 * a container's rules anew; without them the container loses its GPUs («Failed to initialize NVML:
 * Unknown Error»).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct sys;

/*
 * The device nodes that are there, "dev/nvidia0", and those of them without a link. An image has
 * none.
 */
int devchar_look(const struct sys *sys, struct arena *a, strs *ret_nodes, strs *ret_missing,
		 struct err *e);
