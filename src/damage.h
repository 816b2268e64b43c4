/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the driver's packages compared with what dpkg unpacked. */
#pragma once

#include "facts.h"

/*
 * Fills facts.damaged, a line each: "usr/bin/nvidia-smi of nvidia-smi is gone". Reads every file of
 * those packages, so only who looks for faults asks for it.
 */
int damage_look(const struct sys *sys, struct facts *io, struct err *e);
