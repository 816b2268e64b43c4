/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of the libapt pipe share: words for changes, how two sets differ. */
#include "sys/apt.h"

#include "base/str.h"
#include "tap.h"

static void add(struct apt_answer *a, const char *name, const char *arch, const char *version)
{
	struct apt_package *p = list_push(a->a, &a->packages);

	p->name = name;
	p->arch = arch;
	p->version = version;
}

static void test_words(void)
{
	for (int i = APT_NEW; i <= APT_REMOVE; i++)
		ok(apt_change_named(apt_change_word((enum apt_change)i)) == (enum apt_change)i,
		   "'%s' is read back", apt_change_word((enum apt_change)i));
	ok(apt_change_named("nonsense") == APT_NEW, "an unknown word is new");
}

static void test_diff(void)
{
	auto_arena struct arena a = { 0 };
	struct apt_answer plan = { .a = &a }, now = { .a = &a }, none = { .a = &a };
	static const char *const want[] = {
		"a: 1 in the plan, unchanged now", "b: not in the plan, 2 now",
		"c: 1 in the plan, 2 now",         "d: removed in the plan, 1 now",
		"f: 1 in the plan, unchanged now", "f: not in the plan, 1 now",
		"z: not in the plan, removed now",
	};
	strs got = { 0 };

	apt_answer_diff(&none, &none, &a, &got);
	ok(!got.n, "nothing and nothing");
	add(&plan, "a", "amd64", "1");
	add(&now, "b", "amd64", "2");
	add(&plan, "c", "amd64", "1");
	add(&now, "c", "amd64", "2");
	add(&plan, "d", "amd64", NULL);
	add(&now, "d", "amd64", "1");
	add(&plan, "e", "amd64", "1");
	add(&now, "e", "amd64", "1");
	add(&plan, "f", "amd64", "1");
	add(&now, "f", "i386", "1");
	add(&now, "z", "amd64", NULL);
	apt_answer_diff(&plan, &plan, &a, &got);
	ok(!got.n, "a set and itself");
	apt_answer_diff(&plan, &now, &a, &got);
	ok(got.n == sizeof(want) / sizeof(*want), "each package that differs");
	for (size_t i = 0; i < got.n && i < sizeof(want) / sizeof(*want); i++)
		is(got.at[i], want[i], want[i]);
	got.n = 0;
	apt_answer_diff(&none, &now, &a, &got);
	ok(got.n == now.packages.n, "everything is new");
	got.n = 0;
	apt_answer_diff(&plan, &none, &a, &got);
	ok(got.n == plan.packages.n, "everything is gone");
}

int main(void)
{
	test_words();
	test_diff();
	return done_testing();
}
