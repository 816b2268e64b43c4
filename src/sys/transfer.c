/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, and nothing of it outside. */
#include "sys/transfer.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/real_priv.h"

#define CURL_DISABLE_TYPECHECK /* its macros do not go through a table of functions */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* Found when it is needed: a program that downloads nothing starts without it. */
#define CURL_CALLS(X)                                                                              \
	X(curl_global_init)                                                                        \
	X(curl_easy_init)                                                                          \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_strerror)                                                                      \
	X(curl_easy_cleanup)                                                                       \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)                                                                     \
	X(curl_multi_init)                                                                         \
	X(curl_multi_add_handle)                                                                   \
	X(curl_multi_remove_handle)                                                                \
	X(curl_multi_perform)                                                                      \
	X(curl_multi_poll)                                                                         \
	X(curl_multi_info_read)                                                                    \
	X(curl_multi_strerror)                                                                     \
	X(curl_multi_cleanup)

static struct {
#define X(name) __typeof__(&(name)) name;
	CURL_CALLS(X)
#undef X
} lib;

struct transfers {
	CURLM *multi;
};

enum stop { STOP_NONE, STOP_TOO_LARGE, STOP_WRONG_RANGE, STOP_DISK };

struct transfer {
	struct transfers *of;
	CURL *easy;
	struct curl_slist *headers;
	struct part *part;
	char *url;
	char message[CURL_ERROR_SIZE];
	unsigned long long most, asked_from, range_from;
	CURLcode result;
	enum stop stop;
	int disk_errno;
	bool ended, resumed, begun, has_range;
};

static bool find_library(void)
{
	void *so;

	if (lib.curl_easy_init)
		return true;
	so = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return false;
#define X(name)                                                                                    \
	if (!(lib.name = (__typeof__(lib.name))dlsym(so, #name)))                                  \
		return false;
	CURL_CALLS(X)
#undef X
	return lib.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct transfers *transfers_open(struct err *e)
{
	struct transfers *t;

	if (!find_library()) {
		err_set(e, GP_LIBRARY_MISSING,
			"libcurl.so.4 is not installed, so nothing can be downloaded");
		err_way(e, "install it: apt-get install libcurl4");
		err_way(e, "download the file by hand and name it in the profile");
		return NULL;
	}
	t = mem_alloc(sizeof(*t));
	t->multi = lib.curl_multi_init();
	return t;
}

void transfers_close(struct transfers *t)
{
	lib.curl_multi_cleanup(t->multi);
	mem_free(t);
}

int transfers_work(struct transfers *t, int ms, struct err *e)
{
	int running = 0, left = 0;
	CURLMcode rc = lib.curl_multi_poll(t->multi, NULL, 0, ms, NULL);
	CURLMsg *m;

	if (rc == CURLM_OK)
		rc = lib.curl_multi_perform(t->multi, &running);
	if (rc != CURLM_OK)
		return err_set(e, GP_DOWNLOAD_FAILED, "downloading: %s",
			       lib.curl_multi_strerror(rc));
	while ((m = lib.curl_multi_info_read(t->multi, &left))) {
		struct transfer *one = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		lib.curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&one);
		one->result = m->data.result;
		one->ended = true;
	}
	return 0;
}

/* ---- what arrives ---- */

/* "Content-Range: bytes 100-199/200": where the bytes that follow begin. */
static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
	static const char range[] = "content-range: bytes ", etag[] = "etag: \"";
	struct transfer *t = ctx;
	auto_free char *line = mem_printf("%.*s", (int)(size * n), bytes);

	line[strcspn(line, "\r\n")] = '\0';
	if (str_starts(line, "HTTP/")) {
		t->has_range = false; /* of another answer, before a redirection */
	} else if (strncasecmp(line, range, sizeof(range) - 1) == 0) {
		char *from = line + sizeof(range) - 1;

		from[strcspn(from, "-")] = '\0';
		t->has_range = str_to_u64(from, &t->range_from);
	} else if (strncasecmp(line, etag, sizeof(etag) - 1) == 0) {
		mem_free(t->part->etag); /* a weak one begins with W/ and is not taken */
		t->part->etag = mem_strdup(line + sizeof(etag) - 2);
	}
	return size * n;
}

/* The first bytes decide whether the server goes on where we are, or starts over. */
static bool begin(struct transfer *t)
{
	long status = 0;
	auto_err ignored = { 0 };

	t->begun = true;
	if (!t->asked_from)
		return true;
	lib.curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 206 && t->has_range && t->range_from == t->part->have) {
		t->resumed = true;
		return true;
	}
	if (status == 206) {
		t->stop = STOP_WRONG_RANGE;
		return false;
	}
	if (str_starts(t->url, "file:")) {
		t->resumed = true; /* libcurl itself goes on from there */
		return true;
	}
	if (part_restart(t->part, &ignored)) {
		t->stop = STOP_DISK;
		t->disk_errno = EIO;
		return false;
	}
	return true;
}

static size_t on_data(char *bytes, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;

	if (!t->begun && !begin(t))
		return 0;
	if (len > t->most || t->part->have > t->most - len) {
		t->stop = STOP_TOO_LARGE;
		return 0;
	}
	if (part_add(t->part, bytes, len)) {
		t->stop = STOP_DISK;
		t->disk_errno = errno;
		return 0;
	}
	return len;
}

/* ---- starting ---- */

/*
 * What is begun by http may be redirected to https (to http only where that is `plain`), and
 * nothing else to anywhere else. Old libcurl (before 7.85) knows the protocols as bits only.
 */
static void set_protocols(struct transfer *t, bool plain)
{
	enum { OLD_PROTOCOLS = 181, OLD_REDIR_PROTOCOLS = 182 };
	const long http = 1, https = 2, file = 1 << 10;
	bool is_file = str_starts(t->url, "file:"), is_http = str_starts(t->url, "http:");
	const char *first = is_file ? "file" : is_http ? "http,https" : "https";
	const char *then = is_http && plain ? "http,https" : "https";

	if (lib.curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, first) == CURLE_OK &&
	    lib.curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, then) == CURLE_OK)
		return;
	lib.curl_easy_setopt(t->easy, (CURLoption)OLD_PROTOCOLS,
			     is_file ? file :
			     is_http ? http | https :
				       https);
	lib.curl_easy_setopt(t->easy, (CURLoption)OLD_REDIR_PROTOCOLS,
			     is_http && plain ? http | https : https);
}

static void ask_for_the_rest(struct transfer *t)
{
	auto_free char *range = mem_printf("%llu-", t->part->have);
	auto_free char *condition = NULL;

	t->asked_from = t->part->have;
	if (!t->asked_from)
		return;
	lib.curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	if (!t->part->etag)
		return;
	condition = mem_printf("If-Range: %s", t->part->etag);
	t->headers = lib.curl_slist_append(t->headers, condition);
}

static void set_options(struct transfer *t, const struct transfer_job *job)
{
	CURL *c = t->easy;

	lib.curl_easy_setopt(c, CURLOPT_URL, job->url);
	lib.curl_easy_setopt(c, CURLOPT_PRIVATE, (char *)t);
	lib.curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->message);
	lib.curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	lib.curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	lib.curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	lib.curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	lib.curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	lib.curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
	lib.curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	lib.curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	lib.curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	lib.curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1024L);
	lib.curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)job->stall_s);
	lib.curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	lib.curl_easy_setopt(c, CURLOPT_USERAGENT, "gpuprov/" VERSION);
	if (job->proxy)
		lib.curl_easy_setopt(c, CURLOPT_PROXY, job->proxy);
	if (job->ca)
		lib.curl_easy_setopt(c, CURLOPT_CAINFO, job->ca);
	if (job->separate)
		lib.curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set_protocols(t, job->plain);
	ask_for_the_rest(t);
	if (t->headers)
		lib.curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
}

struct transfer *transfer_start(struct transfers *of, const struct transfer_job *job,
				struct part *part, struct err *e)
{
	struct transfer *t;
	CURL *easy = lib.curl_easy_init();

	if (!easy) {
		err_set(e, GP_INTERNAL, "libcurl does not start");
		return NULL;
	}
	/* Without a pin and without the server's word, nothing says that the rest belongs to it. */
	if ((!part->sha256 || (!job->pinned && !part->etag)) && part_restart(part, e)) {
		lib.curl_easy_cleanup(easy);
		return NULL;
	}
	t = mem_alloc(sizeof(*t));
	t->of = of;
	t->easy = easy;
	t->part = part;
	t->url = mem_strdup(job->url);
	t->most = job->most;
	set_options(t, job);
	lib.curl_multi_add_handle(of->multi, easy);
	return t;
}

bool transfer_ended(const struct transfer *t)
{
	return t->ended;
}

bool transfer_resumed(const struct transfer *t)
{
	return t->resumed;
}

void transfer_cancel(struct transfer *t)
{
	lib.curl_multi_remove_handle(t->of->multi, t->easy);
	lib.curl_easy_cleanup(t->easy);
	lib.curl_slist_free_all(t->headers);
	mem_free(t->url);
	mem_free(t);
}

/* ---- how it ended ---- */

void url_shown(const char *url, struct buf *ret)
{
	const char *host = strstr(url, "://");
	size_t scheme = host ? (size_t)(host + 3 - url) : 0;
	const char *rest = url + scheme;
	size_t n = strcspn(rest, "?#"), name = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', name);

	str_escape(ret, url, scheme);
	if (at) {
		n -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	str_escape(ret, rest, n);
}

static bool passes(CURLcode result, long status)
{
	switch ((int)result) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	case CURLE_HTTP_RETURNED_ERROR:
		return status == 408 || status == 429 || (status >= 500 && status != 501);
	default:
		return false;
	}
}

static void add_ways(const struct transfer *t, long status, struct err *e)
{
	if (t->result == CURLE_PEER_FAILED_VERIFICATION || t->result == CURLE_SSL_CACERT_BADFILE) {
		err_way(e, "look whether the clock is right and ca-certificates is installed");
		err_way(e, "behind a proxy that opens TLS, add its certificate to the system's");
	} else if (status == 404 || status == 403) {
		err_way(e, "give another address, or a local file, in the profile");
	} else {
		err_way(e, "look at the network, and at the proxy if there is one");
	}
}

static int say_end(const struct transfer *t, long status, struct err *e)
{
	auto_buf struct buf shown = BUF_TEXT;

	url_shown(t->url, &shown);
	if (t->stop == STOP_TOO_LARGE) {
		err_set(e, GP_HASH_MISMATCH, "'%s' is not the file: it has more than %llu bytes",
			buf_str(&shown), t->most);
		err_way(e, "use another mirror");
		return -1;
	}
	if (t->stop == STOP_DISK)
		return err_errno(e, t->disk_errno, "writing what '%s' gives into the cache",
				 buf_str(&shown));
	if (t->stop == STOP_WRONG_RANGE || status == 416)
		return err_set(e, GP_DOWNLOAD_FAILED, "'%s' gives another part than was asked for",
			       buf_str(&shown));
	if (t->result == CURLE_HTTP_RETURNED_ERROR)
		err_set(e, GP_DOWNLOAD_FAILED, "'%s' answers %ld", buf_str(&shown), status);
	else
		err_set(e, GP_DOWNLOAD_FAILED, "'%s': %s", buf_str(&shown),
			t->message[0] ? t->message : lib.curl_easy_strerror(t->result));
	add_ways(t, status, e);
	return -1;
}

int transfer_finish(struct transfer *t, struct transfer_end *ret, struct err *e)
{
	auto_err ignored = { 0 }; /* restarting failed: then the next write says so */
	curl_off_t wait = 0;
	long status = 0;
	int rc;

	lib.curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	lib.curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
	ret->retry_after_s = wait > 0 && wait < 86400 ? (unsigned)wait : 0;
	ret->may_pass = passes(t->result, status);
	/* Nothing can go on from a part that the server knows nothing of. */
	if (t->stop == STOP_WRONG_RANGE || t->stop == STOP_TOO_LARGE || status == 416) {
		ret->may_pass = t->stop != STOP_TOO_LARGE || t->asked_from;
		rc = part_restart(t->part, &ignored);
	}
	rc = t->result == CURLE_OK ? 0 : say_end(t, status, e);
	transfer_cancel(t);
	return rc;
}
