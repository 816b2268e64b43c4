/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a driver away that a .run installed, whole or half. */
#pragma once

#include "base/err.h"

struct sys;

/*
 * Take the driver away that a .run installed: by its own uninstaller, after which nothing of its
 * record may be left; when it was cut off or has no uninstaller, by the record alone.
 */
int driver_take_away(const struct sys *sys, const char *version, struct err *e);
/* By the record alone, and the mark with it. */
int driver_clear(const struct sys *sys, const char *version, struct err *e);
