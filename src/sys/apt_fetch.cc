/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back end: packages downloaded ahead of libapt, which has one connection for each host. They
 * are put where libapt looks for them; what is not there then, it downloads itself, and it says why
 * something cannot be had.
 */
#include "sys/apt_session.hh"

#include <apt-pkg/acquire-item.h>
#include <apt-pkg/acquire.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/error.h>
#include <apt-pkg/fileutl.h>
#include <apt-pkg/hashes.h>
#include <apt-pkg/netrc.h>
#include <apt-pkg/packagemanager.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/proxy.h>
#include <apt-pkg/strutl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

using namespace backend;

/* As in the manual page of apt.conf. */
constexpr int RETRIES = 3, TIMEOUT_S = 30;
/* Ours in the folder of partial downloads: whole, and with the hash of the index. */
const char *const WHOLE = ".whole";

class Fd
{
	int fd_;

      public:
	explicit Fd(int fd) : fd_(fd)
	{
	}
	~Fd()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	Fd(const Fd &) = delete;
	Fd &operator=(const Fd &) = delete;
	int get() const
	{
		return fd_;
	}
};

struct File {
	std::string uri, name, whole, sha256, proxy;
	unsigned long long size;
	bool has_proxy;
};

/* ---- what apt is configured to do ---- */

/* For https, what is not said of it is as for http. */
std::string setting(const std::string &scheme, const std::string &what)
{
	std::string said = _config->Find("Acquire::" + scheme + "::" + what);

	return said.empty() && scheme == "https" ? _config->Find("Acquire::http::" + what) : said;
}

bool is_set(const URI &uri, const char *what)
{
	return !setting(uri.Access, what).empty() ||
	       !setting(uri.Access, uri.Host + "::" + what).empty();
}

/* What is asked of the download, and what only libapt's own methods know how to do. */
bool is_for_us(const URI &uri)
{
	static const char *const theirs[] = { "Dl-Limit",    "AllowRedirect",   "SslCert", "SslKey",
					      "IssuerCert",  "SslForceVersion", "CrlFile", "CaPath",
					      "Verify-Peer", "Verify-Host" };

	if (uri.Access != "http" && uri.Access != "https")
		return false;
	/* One connection for each kind of source is what somebody wanted. */
	if (_config->Find("Acquire::Queue-Mode") == "access")
		return false;
	return std::none_of(std::begin(theirs), std::end(theirs),
			    [&](const char *what) { return is_set(uri, what); });
}

std::string ca_file(const URI &uri)
{
	std::string of_host = setting("https", uri.Host + "::CaInfo");

	return of_host.empty() ? setting("https", "CaInfo") : of_host;
}

/* auth.conf and its folder; they are for root alone, so they are read before rights are given up.
 */
std::vector<std::unique_ptr<FileFd>> open_netrc()
{
	std::vector<std::string> paths =
		GetListOfFilesInDir(_config->FindDir("Dir::Etc::netrcparts"), "conf", true, true);
	std::vector<std::unique_ptr<FileFd>> files;

	paths.push_back(_config->FindFile("Dir::Etc::netrc"));
	for (const std::string &path : paths) {
		auto file = std::make_unique<FileFd>();

		if (RealFileExists(path) && file->Open(path, FileFd::ReadOnly))
			files.push_back(std::move(file));
	}
	return files;
}

void add_login(const std::vector<std::unique_ptr<FileFd>> &netrc, URI &uri)
{
	for (const std::unique_ptr<FileFd> &file : netrc)
		if (file->Seek(0))
			MaybeAddAuth(*file, uri);
}

/* The port that libapt takes where none is said; libcurl would take another. */
unsigned default_port(const URI &proxy)
{
	if (proxy.Access == "https")
		return 443;
	return proxy.Access.compare(0, 5, "socks") == 0 ? 1080 : 80;
}

/* *ret is "" for a direct way; false when the environment is to say. */
bool find_proxy(const std::vector<std::unique_ptr<FileFd>> &netrc, const URI &uri, std::string &ret)
{
	URI asked = uri;

	AutoDetectProxy(asked);
	std::string said = setting(uri.Access, "Proxy::" + uri.Host);

	if (said.empty())
		said = setting(uri.Access, "Proxy");
	if (said.empty())
		return false;
	URI proxy(said);

	ret.clear();
	if (said == "DIRECT" || proxy.Host.empty())
		return true;
	add_login(netrc, proxy);
	if (!proxy.Port)
		proxy.Port = default_port(proxy);
	ret = proxy;
	return true;
}

/* ---- what is to be downloaded ---- */

std::vector<File> list_files(pkgAcquire &look)
{
	std::vector<std::unique_ptr<FileFd>> netrc = open_netrc();
	std::vector<File> files;

	for (auto i = look.UriBegin(); i != look.UriEnd(); ++i) {
		HashStringList hashes = i->Owner->GetExpectedHashes();
		const HashString *sha256 = hashes.find("SHA256");
		URI uri(i->URI);

		if (!sha256 || !i->Owner->FileSize || !is_for_us(uri))
			continue;
		std::string name(flNotDir(i->Owner->DestFile)); /* a view from libapt 3 on */
		File file = { "",   name, name + WHOLE, sha256->HashValue(), "", i->Owner->FileSize,
			      false };

		file.has_proxy = find_proxy(netrc, uri, file.proxy);
		add_login(netrc, uri);
		file.uri = uri;
		files.push_back(file);
	}
	return files;
}

/* ---- downloading ---- */

/* As apt's own methods: not as root, and not longer than whoever asked is there. */
[[noreturn]] void fetch_as_sandbox(const Session &s, const std::vector<File> &files, int partial)
{
	std::vector<apt_file> all;
	std::string ca;

	for (const File &f : files) {
		all.push_back({ f.uri.c_str(), f.name.c_str(), f.whole.c_str(), f.sha256.c_str(),
				f.has_proxy ? f.proxy.c_str() : nullptr, f.size });
		if (f.uri.compare(0, 6, "https:") == 0 && ca.empty())
			ca = ca_file(URI(f.uri));
	}
	apt_files ahead = {};

	ahead.at = all.data();
	ahead.n = all.size();
	ahead.folder = partial;
	ahead.tries = static_cast<unsigned>(_config->FindI("Acquire::Retries", RETRIES) + 1);
	ahead.stall_s = static_cast<unsigned>(_config->FindI("Acquire::http::Timeout", TIMEOUT_S));
	ahead.ca = ca.empty() ? nullptr : ca.c_str();
	if (!DropPrivileges())
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	s.sink.fetch(s.sink.ctx, &ahead);
	_exit(0);
}

/* From the folder that the sandbox may write into to that of root, as libapt does it. */
bool take_over(int partial, int archives, const File &file)
{
	Fd fd(openat(partial, file.whole.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
	struct stat st = {};

	return fd.get() >= 0 && fstat(fd.get(), &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_nlink == 1 && static_cast<unsigned long long>(st.st_size) == file.size &&
	       fchown(fd.get(), 0, 0) == 0 && fchmod(fd.get(), 0644) == 0 &&
	       renameat(partial, file.whole.c_str(), archives, file.name.c_str()) == 0;
}

/* How many of them are there then. */
size_t fetch(const Session &s, const std::vector<File> &files, const std::string &folder)
{
	Fd archives(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	Fd partial(
		openat(archives.get(), "partial", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	size_t there = 0;

	if (partial.get() < 0)
		return 0;
	pid_t child = fork();

	if (child == 0)
		fetch_as_sandbox(s, files, partial.get());
	if (child < 0)
		return 0;
	while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
	}
	for (const File &file : files)
		there += take_over(partial.get(), archives.get(), file);
	return there;
}

} // namespace

int backend::fetch_ahead(Session &s, pkgPackageManager &pm, pkgRecords &records)
{
	pkgAcquire look;

	if (!pm.GetArchives(&look, s.cache.GetSourceList(), &records))
		return failed(s, GP_DOWNLOAD_FAILED, "preparing the downloads");
	std::vector<File> files = list_files(look);

	drain_errors(s);
	if (files.empty())
		return 0;
	/* It was tried often enough: libapt's turn is for what it says of it. */
	if (fetch(s, files, _config->FindDir("Dir::Cache::Archives")) < files.size())
		_config->Set("Acquire::Retries", 0);
	return 0;
}
