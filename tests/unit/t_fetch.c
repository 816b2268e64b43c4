/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads, against a mirror on loopback that misbehaves on purpose (tests/lib/mirror.py). */
#include "sys/fetch.h"

#include "base/str.h"
#include "scratch.h"
#include "sys/hash.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static struct {
	struct scratch s;
	pid_t mirror;
	char *http, *https, *ca; /* "http://localhost:N" */
	char sha256[HASH_HEX];
	char *bytes;
	size_t size;
} t;

enum { SIZE = 300000 };

static void start_mirror(void)
{
	auto_free char *text = NULL;
	char *space;

	t.mirror = fork();
	if (t.mirror == 0) {
		execl("tests/lib/mirror.py", "mirror.py", t.s.base, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		struct timespec tick = { .tv_nsec = 20000000 };

		mem_free(steal(text));
		text = scratch_get(&t.s, "ports");
		if (*text != '(')
			break;
		nanosleep(&tick, NULL);
	}
	space = strchr(text, ' ');
	if (!space || *text == '(') {
		puts("Bail out! the mirror does not start");
		_exit(1);
	}
	*space = '\0';
	space[1 + strcspn(space + 1, "\n")] = '\0';
	t.http = mem_printf("http://localhost:%s", text);
	t.https = mem_printf("https://localhost:%s", space + 1);
	t.ca = mem_printf("%s/ca.pem", t.s.base);
}

static void init(void)
{
	scratch_init(&t.s);
	t.bytes = mem_alloc(SIZE + 1);
	for (int i = 0; i < SIZE; i++)
		t.bytes[i] = (char)('a' + i % 7919 % 26);
	t.size = SIZE;
	hash_bytes(t.bytes, t.size, t.sha256);
	scratch_put(&t.s, "f", t.bytes);
	scratch_put(&t.s, "g", "another");
	start_mirror();
}

struct one {
	const char *how; /* "https ok" */
	const char *second;
	bool unpinned, no_size, wrong, keep_part, offline;
	const char *md5;
	unsigned stall_s;
};

static const char *url_of(struct arena *a, const char *how)
{
	if (str_starts(how, "https "))
		return arena_printf(a, "%s/%s/f", t.https, how + 6);
	if (str_starts(how, "http "))
		return arena_printf(a, "%s/%s/f", t.http, how + 5);
	if (str_starts(how, "file "))
		return arena_printf(a, "file://%s/%s", t.s.base, how + 5);
	return how;
}

/* Fetch one file as o/f; the error in e. */
static int get(const struct one *o, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct fetch_job job = { .ca = t.ca, .pause_ms = 5, .stall_s = o->stall_s };
	struct fetch_file *f = list_push(&a, &job.files);

	unlinkat(t.s.root_fd, "o/f", 0);
	if (!o->keep_part)
		unlinkat(t.s.root_fd, "o/f.part", 0);
	*f = (struct fetch_file){ .path = "o/f", .name = "the file", .md5 = o->md5 };
	f->sha256 = o->unpinned ? NULL :
		    o->wrong ? "0000000000000000000000000000000000000000000000000000000000000000" :
			       t.sha256;
	f->size = o->no_size || o->unpinned ? 0 : t.size;
	job.most = o->unpinned || o->no_size ? 1 << 24 : 0;
	list_add(&a, &f->urls, url_of(&a, o->how));
	if (o->second)
		list_add(&a, &f->urls, url_of(&a, o->second));
	t.s.sys.offline = o->offline;
	return real_fetch(&t.s.sys, &job, NULL, e);
}

static bool is_right(void)
{
	auto_free char *got = scratch_get(&t.s, "root/o/f");

	return str_eq(got, t.bytes) && faccessat(t.s.root_fd, "o/f.part", F_OK, 0) != 0;
}

static void good(const char *name, struct one o)
{
	auto_err e = { 0 };
	int rc = get(&o, &e);

	ok(rc == 0 && is_right(), "%s", name);
	if (rc)
		tap_show("error", e.text);
}

static void bad(const char *name, struct one o, enum code code)
{
	auto_err e = { 0 };
	int rc = get(&o, &e);

	ok(rc == -1 && e.code == code && faccessat(t.s.root_fd, "o/f", F_OK, 0) != 0, "%s: %s",
	   name, e.text ? e.text : "taken");
}

/* How many requests of the mirror's log hold the text; the log is emptied. */
static int requests(const char *text)
{
	auto_free char *log = scratch_get(&t.s, "requests");
	int n = 0;

	for (const char *at = log; *text && (at = strstr(at, text)); at += strlen(text))
		n++;
	unlinkat(t.s.fd, "requests", 0);
	return n;
}

static void right_ways(void)
{
	good("https", (struct one){ .how = "https ok" });
	good("https without ranges", (struct one){ .how = "https plain" });
	good("http, pinned", (struct one){ .how = "http ok" });
	good("file:, pinned", (struct one){ .how = "file f" });
	good("file:, not pinned", (struct one){ .how = "file f", .unpinned = true });
	good("size not known", (struct one){ .how = "https ok", .no_size = true });
	good("not pinned, by https", (struct one){ .how = "https ok", .unpinned = true });
	good("redirected to https", (struct one){ .how = "http toredirect" });
	good("the second address", (struct one){ .how = "https status/404", .second = "https ok" });
	good("the second when the first has other bytes",
	     (struct one){ .how = "https html", .second = "https ok" });
	good("after two refusals with Retry-After", (struct one){ .how = "https later/2" });
	good("after two lost connections", (struct one){ .how = "https drop/2" });
}

static void resuming(void)
{
	requests("");
	good("cut off, it goes on", (struct one){ .how = "https cut/100000" });
	ok(requests("bytes=100000-") == 1, "from where it was");
	good("cut off without a length, it goes on",
	     (struct one){ .how = "https cutlength/50000" });
	requests("");
	scratch_put(&t.s, "root/o/f.part", "");
	{
		auto_free char *half = mem_strdup(t.bytes);

		half[SIZE / 2] = '\0';
		scratch_put(&t.s, "root/o/f.part", half);
		good("a part of an earlier run",
		     (struct one){ .how = "https ok", .keep_part = true });
		ok(requests("bytes=150000-") == 1, "is gone on from");
		half[7] = '!';
		scratch_put(&t.s, "root/o/f.part", half);
		good("a part with wrong bytes",
		     (struct one){ .how = "https ok", .keep_part = true });
		ok(requests("f -") == 1, "is thrown away");
		scratch_put(&t.s, "root/o/f.part", half);
		good("a part, without ranges",
		     (struct one){ .how = "https plain", .keep_part = true });
		scratch_put(&t.s, "root/o/f.part", t.bytes);
		good("a part that is whole", (struct one){ .how = "https ok", .keep_part = true });
	}
	requests("");
	bad("the file changes meanwhile", (struct one){ .how = "https changed" }, GP_HASH_MISMATCH);
	good("the server answers another range",
	     (struct one){ .how = "https wrongrange", .second = "https ok" });
}

static void refusals(void)
{
	bad("other bytes than pinned", (struct one){ .how = "https ok", .wrong = true },
	    GP_HASH_MISMATCH);
	bad("a page instead of the file", (struct one){ .how = "https html" }, GP_DOWNLOAD_FAILED);
	bad("a page, size not known", (struct one){ .how = "https html", .no_size = true },
	    GP_HASH_MISMATCH);
	bad("more bytes than it has", (struct one){ .how = "https endless" }, GP_HASH_MISMATCH);
	bad("bytes without end", (struct one){ .how = "https endless", .unpinned = true },
	    GP_HASH_MISMATCH);
	bad("another MD5 than published",
	    (struct one){ .how = "https ok", .md5 = "00000000000000000000000000000001" },
	    GP_HASH_MISMATCH);
	bad("http, not pinned", (struct one){ .how = "http ok", .unpinned = true }, GP_NOT_PINNED);
	bad("another protocol", (struct one){ .how = "ftp://localhost/f" }, GP_BAD_VALUE);
	bad("redirected to http", (struct one){ .how = "https tohttp" }, GP_DOWNLOAD_FAILED);
	bad("redirected to file:", (struct one){ .how = "https tofile" }, GP_DOWNLOAD_FAILED);
	bad("redirected for ever", (struct one){ .how = "https toloop" }, GP_DOWNLOAD_FAILED);
	bad("404", (struct one){ .how = "https status/404" }, GP_DOWNLOAD_FAILED);
	bad("500 for ever", (struct one){ .how = "https status/500" }, GP_DOWNLOAD_FAILED);
	ok(requests("status/500") == 5, "was tried five times");
	bad("slow for ever", (struct one){ .how = "https slow", .stall_s = 1 }, GP_DOWNLOAD_FAILED);
	bad("nobody listens", (struct one){ .how = "https://localhost:1/f" }, GP_DOWNLOAD_FAILED);
	bad("offline", (struct one){ .how = "https ok", .offline = true }, GP_NOT_IN_CACHE);
}

static void certificates(void)
{
	auto_free char *ip = mem_printf("https://127.0.0.1:%s/ok/f", strrchr(t.https, ':') + 1);
	auto_free char *ours = steal(t.ca);

	requests("");
	bad("a certificate nobody vouches for", (struct one){ .how = "https ok" },
	    GP_DOWNLOAD_FAILED);
	t.ca = steal(ours);
	bad("a certificate of another name", (struct one){ .how = ip }, GP_DOWNLOAD_FAILED);
	ok(requests("/f") == 0, "neither was asked for anything");
}

static void secrets(void)
{
	auto_err e = { 0 };
	struct one o = { .how = "https://user:s3cret@localhost:1/f?token=s3cret" };
	int rc = get(&o, &e);

	ok(rc == -1 && !strstr(e.text, "s3cret") && strstr(e.text, "localhost:1/f"),
	   "no password in what is said: %s", e.text);
}

static long long seen;
static void on_event(void *ctx, const struct fetch_event *ev)
{
	(void)ctx;
	if (ev->total == SIZE + 7 && ev->done <= ev->total)
		seen++;
}

static void several(void)
{
	auto_arena struct arena a = { 0 };
	struct fetch_job job = { .ca = t.ca, .pause_ms = 300 };
	struct fetch_listener listener = { on_event, NULL };
	struct fetch_file *f;
	char sha256[HASH_HEX];
	auto_err e = { 0 };

	hash_bytes("another", 7, sha256);
	f = list_push(&a, &job.files);
	*f = (struct fetch_file){ .path = "m/f", .name = "f", .sha256 = t.sha256, .size = SIZE };
	list_add(&a, &f->urls, arena_printf(&a, "%s/later/1/f", t.https));
	f = list_push(&a, &job.files);
	*f = (struct fetch_file){ .path = "m/g", .name = "g", .sha256 = sha256, .size = 7 };
	list_add(&a, &f->urls, arena_printf(&a, "%s/later/1/g", t.https));
	t.s.sys.offline = false;
	ok(real_fetch(&t.s.sys, &job, &listener, &e) == 0, "two files at once");
	ok(seen > 0, "progress over both is told");
	requests("");
	ok(real_fetch(&t.s.sys, &job, NULL, &e) == 0 && requests("/f") == 0,
	   "what is there is not fetched again");
}

static const char big_sha256[] = "0000000000000000000000000000000000000000000000000000000000000001";

/* More bytes than any disk of these tests has. */
static void no_room(void)
{
	auto_arena struct arena a = { 0 };
	struct fetch_job job = { .ca = t.ca };
	struct fetch_file *f = list_push(&a, &job.files);
	auto_err e = { 0 };
	int rc;

	*f = (struct fetch_file){
		.path = "n/f", .name = "f", .sha256 = big_sha256, .size = 1ULL << 60
	};
	list_add(&a, &f->urls, arena_printf(&a, "%s/ok/f", t.https));
	requests("");
	rc = real_fetch(&t.s.sys, &job, NULL, &e);
	ok(rc == -1 && e.code == GP_NO_SPACE, "a disk that is too small: %s", e.text);
	ok(requests("/f") == 0, "is seen before anything is asked for");
}

/* Requests of six files that each answer after a while, `at_a_time`: how many overlapped. */
static int overlapping(unsigned at_a_time)
{
	auto_arena struct arena a = { 0 };
	struct fetch_job job = { .ca = t.ca, .pause_ms = 5, .parallel = at_a_time };
	auto_free char *log = NULL;
	int most = 0;
	auto_err e = { 0 };

	requests("");
	for (int i = 0; i < 6; i++) {
		struct fetch_file *f = list_push(&a, &job.files);

		f->path = arena_printf(&a, "p%u/%d", at_a_time, i);
		f->name = "f";
		f->sha256 = t.sha256;
		f->size = SIZE;
		list_add(&a, &f->urls, arena_printf(&a, "%s/pause/f?%d", t.https, i));
	}
	if (real_fetch(&t.s.sys, &job, NULL, &e))
		tap_show("error", e.text);
	log = scratch_get(&t.s, "most");
	sscanf(log, "%d", &most);
	unlinkat(t.s.fd, "most", 0);
	return most;
}

static void parallel(void)
{
	int one = overlapping(1), three = overlapping(3), usual = overlapping(0);

	ok(one == 1, "one at a time (%d at once)", one);
	ok(three == 3, "three at a time (%d at once)", three);
	ok(usual == 4, "four where nothing is said (%d at once)", usual);
}

/* For the bench: fetch one file into a folder, and nothing else. */
static int fetch_one(char **argv)
{
	auto_arena struct arena a = { 0 };
	auto_err e = { 0 };
	struct fetch_job job = { 0 };
	struct fetch_file *f = list_push(&a, &job.files);
	struct sys cache = { 0 };
	int rc;

	*f = (struct fetch_file){ .path = "f", .name = "f", .sha256 = argv[2] };
	list_add(&a, &f->urls, argv[1]);
	rc = sys_real_open(argv[3], &cache, &e) || real_fetch(&cache, &job, NULL, &e);
	if (rc)
		fprintf(stderr, "%s\n", e.text);
	if (cache.ops)
		sys_real_close(&cache);
	return rc;
}

/* So large that most of it is hashed in a thread. */
static void large(void)
{
	char md5[HASH_HEX];
	struct hash *h = hash_begin(HASH_MD5);

	t.size = 13000001;
	mem_free(t.bytes);
	t.bytes = mem_alloc(t.size + 1);
	for (size_t i = 0; i < t.size; i++)
		t.bytes[i] = (char)('a' + i * i / 77 % 25);
	hash_bytes(t.bytes, t.size, t.sha256);
	hash_add(h, t.bytes, t.size);
	hash_end(h, md5);
	scratch_put(&t.s, "f", t.bytes);
	good("large", (struct one){ .how = "https ok" });
	good("large, with its MD5", (struct one){ .how = "https ok", .md5 = md5 });
	bad("large, with another MD5",
	    (struct one){ .how = "https ok", .md5 = "00000000000000000000000000000000" },
	    GP_HASH_MISMATCH);
	bad("large, with another hash", (struct one){ .how = "https ok", .wrong = true },
	    GP_HASH_MISMATCH);
	good("large, cut off, it goes on", (struct one){ .how = "https cut/9000000" });
	good("large, cut off before the thread", (struct one){ .how = "https cut/1000000" });
	good("large, after two lost connections", (struct one){ .how = "https drop/2" });
	bad("large, it changes on the way", (struct one){ .how = "https changed", .wrong = true },
	    GP_HASH_MISMATCH);
	bad("too large", (struct one){ .how = "https endless", .unpinned = true },
	    GP_HASH_MISMATCH);
	{
		auto_free char *half = mem_strdup(t.bytes);

		half[6000000] = '\0';
		scratch_put(&t.s, "root/o/f.part", half);
		good("large, a part of an earlier run",
		     (struct one){ .how = "https ok", .keep_part = true });
		half[7] = '!';
		scratch_put(&t.s, "root/o/f.part", half);
		good("large, a part with wrong bytes",
		     (struct one){ .how = "https ok", .keep_part = true });
	}
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return fetch_one(argv);
	init();
	right_ways();
	resuming();
	refusals();
	certificates();
	secrets();
	several();
	parallel();
	no_room();
	large();
	kill(t.mirror, SIGTERM);
	waitpid(t.mirror, NULL, 0);
	scratch_release(&t.s);
	mem_free(t.bytes);
	mem_free(t.http);
	mem_free(t.https);
	mem_free(t.ca);
	return done_testing();
}
