/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets out of text: whatever the format, nothing of one is left, and what is none stays. */
#include "redact.h"

#include "base/str.h"
#include "tap.h"

#include <string.h>

/* "S3cr" stands in every secret here. */
static const char *const with[] = {
	"http://user:S3cr3t@proxy.example:8080/",
	"Acquire::http::Proxy \"http://u:S3cr%40t@proxy.example:8080\";",
	"deb https://S3crToken@apt.example/ stable main",
	"deb [signed-by=/k.gpg] https://u:S3cr@t@apt.example/ ./",
	"GET https://x.example/a?token=S3cr3t&b=1",
	"{\"auths\": {\"r.example\": {\"auth\": \"S3crdXNlcg==\"}}}",
	"{\"auths\":{\"r.example\":{\"auth\":\"S3cr\\\"S3cr\"}}}",
	"{\"content\": \"{\\n  \\\"auth\\\": \\\"S3cr3t\\\"\\n}\"}",
	"{\"content\": \"machine x login y password S3cr3t\\nother\"}",
	"{\"args\": \"--registry-token S3cr3t --debug\"}",
	"password = \"S3cr3t with blanks\"",
	"password: S3cr3t with S3cr blanks\nnext: 1",
	"password: |\n  S3cr1\n  S3cr2\nnext: 1",
	"  password:\n    S3cr1\n  next: 1",
	"identitytoken = 'S3cr3t'",
	"Authorization: Bearer S3cr3t",
	"X-Auth-Token: S3cr3t",
	"Environment=\"HTTPS_PROXY=http://a:S3cr@p.example\" \"NGC_API_KEY=S3cr3t\"",
	"export AWS_SECRET_ACCESS_KEY=S3cr3t",
	"machine apt.example login me password S3cr3t",
	"dockerd --token S3cr3t -H fd://",
	"dockerd --token=S3cr3t -H fd://",
	"-----BEGIN RSA PRIVATE KEY-----\nS3cr\nS3cr\n-----END RSA PRIVATE KEY-----\n",
	"-----BEGIN PRIVATE KEY-----\nS3cr without an end",
	"using nvapi-S3crS3crS3crS3crS3cr now",
	"\"tokens\": [\n \"S3cr1\",\n \"S3cr2\"\n]",
	"proxy_pass_credentials=S3cr3t",
	"cookie: S3cr=1; S3cr=2",
};

static const char *const without[] = {
	"http://mirror.example/ubuntu/ noble main",
	"Secure Boot: on",
	"{\"auths\": {}}",
	"NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.",
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc\n-----END PGP PUBLIC KEY BLOCK-----",
	"author: somebody@host.example",
	"nvidia-container-runtime = \"/usr/bin/nvidia-container-runtime\"",
	"password:\nnext: 1",
	"",
};

int main(void)
{
	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++) {
		auto_buf struct buf b = BUF_TEXT, again = BUF_TEXT;
		unsigned n = redact(with[i], strlen(with[i]), &b);

		ok(n > 0 && !strstr(buf_str(&b), "S3cr"), "nothing is left of secret %zu", i);
		if (strstr(buf_str(&b), "S3cr"))
			printf("# %s\n", buf_str(&b));
		redact(buf_str(&b), b.len, &again);
		ok(!strstr(buf_str(&again), "S3cr"), "and nothing the second time");
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
		auto_buf struct buf b = BUF_TEXT;
		unsigned n = redact(without[i], strlen(without[i]), &b);

		ok(n == 0 && str_eq(buf_str(&b), without[i]), "what is no secret stays: %zu", i);
	}
	return done_testing();
}
