/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: headers of .run files. What is taken describes ranges inside the file. */
#include "fuzz.h"
#include "runfile/runfile.h"

#include <stdlib.h>

static void inside(long long from, long long len, size_t size)
{
	if (from < 0 || len < 0 || (size_t)from > size || (size_t)len > size - (size_t)from)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	auto_buf struct buf shown = BUF_TEXT;
	struct runfile r = { 0 };

	if (runfile_parse((const char *)data, size, size, &a, &r, &e)) {
		if (!e.code || r.compression)
			abort();
		return 0;
	}
	if (!r.compression || e.code)
		abort();
	inside(r.payload, r.payload_len, size);
	inside(r.sums_from, r.sums_len, size);
	inside(r.decompressor, r.decompressor_len, size);
	list_each (&r.options, option)
		if (!runfile_knows(&r, *option))
			abort();
	runfile_show(&r, &shown);
	return 0;
}
