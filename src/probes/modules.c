/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded kernel modules that drive or block an NVIDIA GPU, and which driver is loaded. */
#include "probes/probe.h"

#include "base/str.h"
#include "sys/sys.h"

#include <string.h>

/* "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build ..." */
static void learn_loaded(const struct sys *sys, struct facts *f)
{
	const char *line = probe_line(sys, f, "proc/driver/nvidia/version");
	const char *version = probe_line(sys, f, "sys/module/nvidia/version");

	if (!version && !line)
		return;
	f->driver.loaded = version;
	if (line)
		f->driver.loaded_flavour =
			strstr(line, "Open Kernel Module") ? "open" : "proprietary";
	if (!version) {
		struct piece rest = PIECE(line), word;

		while (str_word(&rest, &word) && !f->driver.loaded) {
			const char *text = arena_strn(f->a, word.at, word.len);

			if (strchr(text, '.') && *text >= '0' && *text <= '9')
				f->driver.loaded = text;
		}
	}
	fact_from(f, "driver.loaded", "sys/module/nvidia/version, proc/driver/nvidia/version");
}

static int run(const struct sys *sys, struct facts *f, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct piece rest, line, word;
	bool there;

	if (!sys->live) {
		fact_unknown(f, "modules", "an image is not running");
		return 0;
	}
	if (sys_read_if(sys, "proc/modules", &b, &there, e))
		return err_ctx(e, "listing loaded modules");
	if (!there) {
		fact_unknown(f, "modules", "there is no /proc/modules");
		return 0;
	}
	fact_from(f, "modules", "proc/modules");
	rest = (struct piece){ buf_str(&b), b.len };
	while (str_line(&rest, &line))
		if (str_word(&line, &word) &&
		    (piece_starts(word, "nvidia") || piece_starts(word, "nouveau") ||
		     piece_starts(word, "nova")))
			list_add(f->a, &f->modules, arena_strn(f->a, word.at, word.len));
	learn_loaded(sys, f);
	return 0;
}

const struct probe probe_modules = { "modules", PROBE_NORMAL, run };
