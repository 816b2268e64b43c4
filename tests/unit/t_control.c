/* SPDX-License-Identifier: Apache-2.0 */
/* Debian control files: stanzas, fields, folded values, comments. */
#include "base/control.h"

#include "tap.h"

static void test_stanzas(void)
{
	struct piece rest =
		PIECE("\n\n \nPackage: a\nVersion: 1\n\n\t\n\nPackage: b\n\nPackage: c");
	struct piece s = { 0 };

	ok(control_stanza(&rest, &s) && piece_eq(s, "Package: a\nVersion: 1"),
	   "blank lines before the first are skipped");
	ok(control_stanza(&rest, &s) && piece_eq(s, "Package: b"), "several part two stanzas");
	ok(control_stanza(&rest, &s) && piece_eq(s, "Package: c"), "the last needs no newline");
	ok(!control_stanza(&rest, &s) && !s.len, "no more");
	rest = PIECE("");
	ok(!control_stanza(&rest, &s), "nothing has no stanza");
	rest = PIECE("\n \n\t\n");
	ok(!control_stanza(&rest, &s), "blank lines alone neither");
}

static void get(const char *stanza, const char *field, const char *want, const char *what)
{
	ok(piece_eq(control_get(PIECE(stanza), field), want), "%s", what);
}

static void test_fields(void)
{
	const char *s = "Package: libcuda1\n"
			"status:install ok installed\n"
			"Empty:\n"
			"VERSION:   535.309.01-1~deb12u1  \r\n"
			"Depends: a, b\n"
			"Description: short\n"
			" long line\n"
			"\ttabbed\n"
			" .\n"
			"Last: x";

	get(s, "Package", "libcuda1", "a field");
	get(s, "Status", "install ok installed", "names are compared without case");
	get(s, "version", "535.309.01-1~deb12u1", "values are trimmed, CR too");
	get(s, "Empty", "", "a field without a value");
	get(s, "Absent", "", "a field that is not there");
	get(s, "Pack", "", "the beginning of a name is not the name");
	get(s, "Package-Type", "", "nor is a longer one");
	get(s, "Description", "short\n long line\n\ttabbed\n .", "a folded value");
	get(s, "Last", "x", "the field after it, without a newline");
	get(s, "long line", "", "a continued line is no field");
	get("", "Package", "", "an empty stanza");
	get("Package", "Package", "", "a line without a colon");
	get(": x\n", "Package", "", "a line without a name");
	get("A: 1\nA: 2\n", "A", "1", "the first of two");
}

static void test_folded(void)
{
	get("Suites:\n bookworm\n bookworm-updates\nX: y\n", "Suites",
	    "bookworm\n bookworm-updates", "a value that begins on the next line");
	get("X: y\n Suites: no\nSuites: yes\n", "Suites", "yes",
	    "a field name in a continued line does not count");
}

static void test_comments(void)
{
	get("# Package: no\nPackage: yes\n", "Package", "yes", "a comment before a field");
	get("A: 1\n# between\nB: 2\n", "A", "1", "a comment after a value does not belong to it");
	get("A: 1\n# between\nB: 2\n", "B", "2", "nor does it hide what follows");
}

/* Cut anywhere, the text never yields a value that is not in it, and every walk ends. */
static void test_cut(void)
{
	const char *text =
		"# c\nTypes: deb\nURIs: x\n  y\n\nTypes: deb-src\nSigned-By:\n -----BEGIN\n";
	size_t n = strlen(text);
	unsigned outside = 0, stanzas = 0;

	for (size_t len = 0; len <= n; len++) {
		struct piece rest = { text, len }, s;

		while (control_stanza(&rest, &s)) {
			struct piece v = control_get(s, "URIs");

			stanzas++;
			outside += s.at < text || s.at + s.len > text + len;
			outside += v.len && (v.at < s.at || v.at + v.len > s.at + s.len);
		}
	}
	ok(!outside && stanzas > n, "pieces stay within the text, wherever it is cut");
}

int main(void)
{
	test_stanzas();
	test_fields();
	test_folded();
	test_comments();
	test_cut();
	return done_testing();
}
