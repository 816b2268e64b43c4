/* SPDX-License-Identifier: Apache-2.0 */
/* The table of codes: unique, titled, each with an exit status of the contract. */
#include "base/code.h"

#include "base/str.h"
#include "tap.h"

static bool known_status(enum status s)
{
	switch (s) {
	case STATUS_OK:
	case STATUS_FAILED:
	case STATUS_PENDING:
	case STATUS_NO_PLAN:
	case STATUS_UNSUPPORTED:
	case STATUS_MISMATCH:
	case STATUS_STALE:
	case STATUS_USAGE:
	case STATUS_PROFILE:
	case STATUS_NETWORK:
	case STATUS_INTERNAL:
	case STATUS_LOCKED:
	case STATUS_ROOT:
		return true;
	}
	return false;
}

static void test_table(void)
{
	unsigned twice = 0, untitled = 0, strange = 0, in_rules = 0, lost = 0;

	for (unsigned i = 0; i < code_count; i++) {
		const struct code_row *row = &code_table[i];

		for (unsigned j = 0; j < i; j++)
			twice += row->code == code_table[j].code;
		untitled += str_empty(row->title);
		strange += !known_status(row->status) || row->status == STATUS_OK;
		in_rules += row->code >= GP_RULE && row->code < GP_RULE + 100;
		in_rules += row->code >= GP_SYMPTOM && row->code < GP_SYMPTOM + 100;
		lost += code_status(row->code) != row->status ||
			!str_eq(code_title(row->code), row->title);
	}
	ok(code_count > 0, "there are codes");
	ok(!twice, "each number once");
	ok(!untitled, "each has a title");
	ok(!strange, "each ends with a status of the contract, and none with success");
	ok(!in_rules, "none lies in the range of rules or of symptoms");
	ok(!lost, "each is found");
}

static void test_status(void)
{
	ok(code_status(GP_BAD_VALUE) == STATUS_PROFILE, "a bad profile ends with 65");
	ok(code_status(GP_LOCKED) == STATUS_LOCKED, "a lock with 75");
	ok(code_status(GP_NEEDS_ROOT) == STATUS_ROOT, "lack of root with 77");
	ok(code_status(GP_UNKNOWN_OPTION) == STATUS_USAGE, "wrong usage with 64");
	ok(code_status(GP_RULE + 21) == STATUS_NO_PLAN, "a rule of the catalog with 3");
	ok(code_status(GP_RULE + 67) == STATUS_NO_PLAN, "the last rule too");
	ok(code_status(GP_SYMPTOM + 1) == STATUS_MISMATCH, "a symptom with 5");
	ok(code_status((enum code)9999) == STATUS_INTERNAL, "an unknown code is a bug");
	ok(code_status(GP_NONE) == STATUS_INTERNAL, "no code is a bug");
	ok(!code_title((enum code)9999), "an unknown code has no title");
}

int main(void)
{
	test_table();
	test_status();
	return done_testing();
}
