/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target on the files named, one TAP line each: the corpus as a plain test. */
#include "base/buf.h"
#include "fuzz.h"
#include "tap.h"

/* The input alone on the heap, so that a sanitizer sees the byte behind it. */
static void run(const struct buf *b)
{
	uint8_t *exact = malloc(b->len ? b->len : 1);

	if (!exact)
		abort();
	memcpy(exact, buf_str(b), b->len);
	LLVMFuzzerTestOneInput(exact, b->len);
	free(exact);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		auto_buf struct buf b = BUF_TEXT;
		FILE *f = fopen(argv[i], "rb");
		char some[4096];
		size_t n;

		while (f && (n = fread(some, 1, sizeof(some), f)) > 0)
			buf_add(&b, some, n);
		if (f)
			fclose(f);
		printf("# %s\n", argv[i]); /* before, for the one that aborts */
		fflush(stdout);
		run(&b);
		ok(f != NULL, "%s", argv[i]);
	}
	return done_testing();
}
