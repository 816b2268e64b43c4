/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as text for people, and as JUnit's XML for test runners. */
#include "render/render.h"

#include "base/str.h"
#include "render/priv.h"

#include <string.h>

enum { KINDS = VERDICT_NA + 1 };

static const struct {
	const char *word, *colour;
} looks[KINDS] = {
	[VERDICT_PASS] = { "PASS    ", "32" },
	[VERDICT_FAIL] = { "FAIL    ", "1;31" },
	[VERDICT_DEFERRED] = { "DEFERRED", "33" },
	[VERDICT_NA] = { "N/A     ", "2" },
};

static const char *what_it_needs(const char *needs)
{
	static const struct {
		const char *needs, *text;
	} words[] = {
		{ "gpu", "needs a GPU to prove" },
		{ "daemon", "needs the daemon to run to prove" },
		{ "root", "needs root to prove" },
		{ "image", "needs an image of a container to prove" },
		{ "cluster", "needs the cluster to prove" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(words[i].needs, needs))
			return words[i].text;
	return "needs a boot to prove";
}

static void show_verdict(const struct verdict *v, unsigned wide, const struct style *style,
			 struct buf *ret)
{
	unsigned indent = 13 + wide;

	buf_addc(ret, ' ');
	add_coloured(style, looks[v->result].colour, looks[v->result].word, ret);
	buf_addf(ret, "  %-*s  ", (int)wide, v->id);
	if (v->result == VERDICT_DEFERRED) {
		auto_buf struct buf text = BUF_TEXT;

		buf_addf(&text, "%s; %s", v->evidence, what_it_needs(v->needs));
		render_wrapped(buf_str(&text), indent, indent, style, ret);
	} else {
		render_wrapped(v->evidence, indent, indent, style, ret);
	}
}

void render_verdicts(const verdicts *v, const struct style *style, struct buf *ret)
{
	unsigned wide = 0, count[KINDS] = { 0 };

	list_each (v, one) {
		unsigned n = (unsigned)strlen(one->id);

		wide = n > wide ? n : wide;
		count[one->result]++;
	}
	list_each (v, one)
		show_verdict(one, wide, style, ret);
	buf_addf(ret, "\n%u passed, %u failed", count[VERDICT_PASS], count[VERDICT_FAIL]);
	if (count[VERDICT_DEFERRED])
		buf_addf(ret, ", %u deferred", count[VERDICT_DEFERRED]);
	buf_adds(ret, ".\n");
}

/* ---- JUnit ---- */

/* Text of an attribute or an element; what XML 1.0 cannot hold becomes a question mark. */
static void add_xml(const char *s, struct buf *ret)
{
	for (; s && *s; s++)
		switch (*s) {
		case '&':
			buf_adds(ret, "&amp;");
			break;
		case '<':
			buf_adds(ret, "&lt;");
			break;
		case '>':
			buf_adds(ret, "&gt;");
			break;
		case '"':
			buf_adds(ret, "&quot;");
			break;
		case '\n':
		case '\t':
			buf_addc(ret, ' ');
			break;
		default:
			buf_addc(ret, (unsigned char)*s < 0x20 ? '?' : *s);
		}
}

static void add_case(const struct verdict *v, struct buf *ret)
{
	bool skipped = v->result == VERDICT_DEFERRED || v->result == VERDICT_NA;

	buf_adds(ret, "    <testcase classname=\"gpuprov.verify\" name=\"");
	add_xml(v->id, ret);
	buf_adds(ret, "\">\n");
	if (v->result == VERDICT_FAIL || skipped) {
		buf_addf(ret, "      <%s message=\"", skipped ? "skipped" : "failure");
		add_xml(v->evidence, ret);
		if (v->result == VERDICT_DEFERRED) {
			buf_adds(ret, "; ");
			add_xml(what_it_needs(v->needs), ret);
		}
		buf_adds(ret, "\"/>\n");
	} else {
		buf_adds(ret, "      <system-out>");
		add_xml(v->evidence, ret);
		buf_adds(ret, "</system-out>\n");
	}
	buf_adds(ret, "    </testcase>\n");
}

void render_junit(const verdicts *v, struct buf *ret)
{
	unsigned count[KINDS] = { 0 };

	list_each (v, one)
		count[one->result]++;
	buf_adds(ret, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	buf_addf(ret,
		 "  <testsuite name=\"gpuprov verify\" tests=\"%zu\" failures=\"%u\" errors=\"0\" "
		 "skipped=\"%u\">\n",
		 v->n, count[VERDICT_FAIL], count[VERDICT_DEFERRED] + count[VERDICT_NA]);
	list_each (v, one)
		add_case(one, ret);
	buf_adds(ret, "  </testsuite>\n</testsuites>\n");
}
