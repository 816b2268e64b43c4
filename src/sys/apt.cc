/* SPDX-License-Identifier: Apache-2.0 */
/* The back end that talks to libapt-pkg, built once for each ABI: indexes and installing. */
#include "sys/apt_session.hh"

#include <apt-pkg/acquire-item.h>
#include <apt-pkg/acquire.h>
#include <apt-pkg/algorithms.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/error.h>
#include <apt-pkg/fileutl.h>
#include <apt-pkg/indexfile.h>
#include <apt-pkg/init.h>
#include <apt-pkg/install-progress.h>
#include <apt-pkg/metaindex.h>
#include <apt-pkg/packagemanager.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/pkgsystem.h>
#include <apt-pkg/sourcelist.h>
#include <apt-pkg/strutl.h>
#include <apt-pkg/update.h>

#include <algorithm>
#include <memory>

namespace backend
{

Complaints::Complaints()
{
	text_.limit = 1 << 20;
}

Complaints::~Complaints()
{
	buf_release(&text_);
}

void Complaints::add(const char *where, const std::string &words)
{
	apt_fault_add(&text_, where, words.c_str());
}

bool Complaints::none() const
{
	return text_.len == 0;
}

const char *Complaints::text() const
{
	return none() ? "libapt gave no reason" : buf_str(&text_);
}

std::vector<std::string> drain_errors(const Session &s)
{
	std::vector<std::string> serious;

	while (!_error->empty()) {
		std::string one;

		if (_error->PopMessage(one))
			serious.push_back(one);
		else if (s.sink.note)
			s.sink.note(s.sink.ctx, one.c_str());
	}
	return serious;
}

bool indexes_absent(Session &s, bool all)
{
	bool any = false;

	for (metaIndex *meta : *s.cache.GetSourceList()) {
		auto files = meta->GetIndexFiles();
		bool here = std::any_of(files->begin(), files->end(),
					[](pkgIndexFile *f) { return f->Exists(); });

		if (!here && !all)
			return true;
		any |= here;
	}
	return all && !any;
}

int failed(const Session &s, code c, const char *doing, const Complaints &why)
{
	drain_errors(s);
	apt_fault_set(s.e, c, doing, why.text());
	return -1;
}

int failed(const Session &s, code c, const char *doing)
{
	Complaints why;

	for (const std::string &one : drain_errors(s))
		why.add(nullptr, one);
	return failed(s, c, doing, why);
}

} // namespace backend

namespace
{

using namespace backend;

/* With the default pulse of half a second, updating the smallest repository takes half a second. */
constexpr int PULSE_US = 20000;

std::string folder(const char *path)
{
	return std::string(path) + "/";
}

/*
 * Index targets other than Packages (DEP-11, Contents, translations) cost time and are read by
 * nobody.
 */
void only_packages()
{
	_config->Set("Acquire::Languages", "none");
	const Configuration::Item *top = _config->Tree("Acquire::IndexTargets::deb");

	for (const Configuration::Item *i = top ? top->Child : nullptr; i; i = i->Next)
		if (i->Tag != "Packages")
			_config->Set(i->FullTag() + "::DefaultEnabled", "false");
}

/*
 * For an image: Dir plus DPkg::Chroot-Directory. RootDir looks simpler but dpkg then never runs (it
 * ends with 100). Set before pkgInitConfig, or this machine's own apt.conf.d leaks into the image.
 */
void point_at_root(const apt_job &job)
{
	std::string root = job.root;

	if (root == "/")
		return;
	_config->Set("Dir", root + "/");
	_config->Set("Dir::State::status", root + "/var/lib/dpkg/status");
	_config->Set("DPkg::Chroot-Directory", root + "/");
}

void private_folders(const apt_job &job)
{
	if (job.sources) {
		_config->Set("Dir::Etc::sourcelist", "/dev/null");
		_config->Set("Dir::Etc::sourceparts", folder(job.sources));
	}
	if (job.status)
		_config->Set("Dir::State::status", job.status);
	if (job.preferences) {
		_config->Set("Dir::Etc::preferences", "/dev/null");
		_config->Set("Dir::Etc::preferencesparts", folder(job.preferences));
	}
	/* Ours pins what is installed: a plan that was made says what comes in its place. */
	_config->Set("Dir::Ignore-Files-Silently::", "^gpuprov-held$");
	if (job.lists)
		_config->Set("Dir::State::lists", folder(job.lists));
	if (job.caches) {
		_config->Set("Dir::Cache::pkgcache", folder(job.caches) + "pkgcache.bin");
		_config->Set("Dir::Cache::srcpkgcache", folder(job.caches) + "srcpkgcache.bin");
	}
}

int start(Session &s)
{
	point_at_root(s.job);
	if (!pkgInitConfig(*_config))
		return failed(s, GP_APT_BROKEN, "reading apt's configuration");
	point_at_root(s.job);
	private_folders(s.job);
	only_packages();
	/* Read when the depcache is built; set later it has no effect. */
	_config->Set("APT::Install-Recommends", s.job.recommends);
	_config->Set("APT::Install-Suggests", false);
	if (s.job.proxy) {
		_config->Set("Acquire::http::Proxy", s.job.proxy);
		_config->Set("Acquire::https::Proxy", s.job.proxy);
	}
	/* Unattended: keep the user's conffiles, take defaults otherwise; never ask. */
	_config->Set("Dpkg::Options::", "--force-confdef");
	_config->Set("Dpkg::Options::", "--force-confold");
	/* On a pseudo-terminal, a script that reads /dev/tty waits for ever; see setsid(). */
	_config->Set("Dpkg::Use-Pty", false);
	_config->Set("quiet", 2);
	if (!pkgInitSystem(*_config, _system))
		return failed(s, GP_APT_BROKEN, "starting libapt");
	if (!s.cache.BuildSourceList())
		return failed(s, GP_APT_BROKEN, "reading apt's sources");
	return 0;
}

/* ---- indexes ---- */

struct Fetching : public pkgAcquireStatus {
	const Session &s;
	apt_event_kind kind;
	Complaints failures;

	Fetching(const Session &session, apt_event_kind k) : s(session), kind(k)
	{
	}
	bool MediaChange(std::string, std::string) override
	{
		return false;
	}
	void Fail(pkgAcquire::ItemDesc &item) override
	{
		/* Idle or done: an optional index that the repository does not have. */
		if (item.Owner->Status == pkgAcquire::Item::StatIdle ||
		    item.Owner->Status == pkgAcquire::Item::StatDone)
			return;
		/* A file that was given up because another one failed says nothing. */
		if (!item.Owner->ErrorText.empty())
			failures.add(("'" + item.Description + "'").c_str(), item.Owner->ErrorText);
	}
	bool Pulse(pkgAcquire *owner) override
	{
		pkgAcquireStatus::Pulse(owner);
		apt_event ev = {};

		ev.kind = kind;
		ev.what = "";
		ev.done = static_cast<long long>(CurrentBytes);
		ev.total = static_cast<long long>(TotalBytes);
		ev.rate = static_cast<long long>(CurrentCPS);
		s.sink.event(s.sink.ctx, &ev);
		return true;
	}
};

/*
 * An update that was cut off while it put its files in place leaves some of them in partial/, and
 * an InRelease that is newer than the lists it stands for. libapt takes the old lists for its own
 * then, until the repository changes; where there is none it fetches all.
 */
void distrust_torn_lists()
{
	const std::string lists = _config->FindDir("Dir::State::lists");

	if (!DirectoryExists(lists + "partial/") ||
	    GetListOfFilesInDir(lists + "partial/", false).empty())
		return;
	for (const std::string &path : GetListOfFilesInDir(lists, false))
		if (!APT::String::Endswith(path, "/lock"))
			RemoveFile("distrust_torn_lists", path);
}

int fetch_indexes(Session &s)
{
	static const char doing[] = "fetching the package indexes";
	Fetching status(s, APT_EV_INDEX);
	std::string lists = _config->FindDir("Dir::State::lists") + "lock";

	/* ListUpdate() takes this lock itself, and would not wait for it. */
	if (!s.job.lists && lock_or_wait(s, doing, { lists }, [] { return true; }))
		return -1;
	distrust_torn_lists();
	bool ok = ListUpdate(status, *s.cache.GetSourceList(), PULSE_US);

	/*
	 * Neither the return value nor the error stack is enough: a refused connection is only a
	 * warning, a bad signature over a good old list is one too. Any failed item is a failure,
	 * and its text is the truth: the stack says "is not signed" of every fault of a signature.
	 */
	if (!status.failures.none())
		return failed(s, GP_BAD_INDEX, doing, status.failures);
	if (!ok)
		return failed(s, GP_BAD_INDEX, doing);
	drain_errors(s);
	s.sink.fetched(s.sink.ctx);
	return 0;
}

/* ---- installing ---- */

struct Installing : public APT::Progress::PackageManager {
	const Session &s;
	Complaints reasons;

	explicit Installing(const Session &session) : s(session)
	{
	}
	bool StatusChanged(std::string package, unsigned int done, unsigned int total,
			   std::string action) override
	{
		apt_event ev = {};

		(void)package;
		ev.kind = APT_EV_INSTALL;
		ev.what = action.c_str();
		ev.done = done;
		ev.total = total;
		s.sink.event(s.sink.ctx, &ev);
		return true;
	}
	/*
	 * The only place that has dpkg's own words; the error stack says no more than "error code
	 * (1)".
	 */
	void Error(std::string package, unsigned int, unsigned int, std::string message) override
	{
		reasons.add(package.c_str(), message);
	}
	/* Told even when dpkg then answers itself, as the options from start() make it do. */
	void ConffilePrompt(std::string file, unsigned int, unsigned int, std::string) override
	{
		s.sink.note(s.sink.ctx,
			    (file + " is kept as it is; see dpkg-dist beside it").c_str());
	}
};

int download(Session &s, pkgPackageManager &pm, pkgRecords &records)
{
	Fetching status(s, APT_EV_DOWNLOAD);
	pkgAcquire fetcher(&status);
	Complaints why;

	std::string archives = _config->FindDir("Dir::Cache::Archives");

	if (lock_or_wait(s, "locking the folder of downloaded packages", { archives + "lock" },
			 [&] { return fetcher.GetLock(archives); }))
		return -1;
	if (fetch_ahead(s, pm, records))
		return -1;
	if (!pm.GetArchives(&fetcher, s.cache.GetSourceList(), &records))
		return failed(s, GP_DOWNLOAD_FAILED, "preparing the downloads");
	fetcher.Run(PULSE_US);
	/* Run() itself says "continue" even when every file was wrong. */
	for (auto i = fetcher.ItemsBegin(); i != fetcher.ItemsEnd(); ++i)
		if ((*i)->Status != pkgAcquire::Item::StatDone || !(*i)->Complete)
			why.add((*i)->DescURI().c_str(), (*i)->ErrorText);
	return why.none() ? 0 : failed(s, GP_DOWNLOAD_FAILED, "downloading packages", why);
}

int install_locked(Session &s)
{
	pkgRecords records(*s.cache.GetPkgCache());
	std::unique_ptr<pkgPackageManager> pm(_system->CreatePM(s.cache.GetDepCache()));
	Installing progress(s);

	if (download(s, *pm, records))
		return -1;
	_system->UnLockInner();
	pkgPackageManager::OrderResult result = pm->DoInstall(&progress);

	if (!progress.reasons.none())
		return failed(s, GP_DPKG_FAILED, "installing packages", progress.reasons);
	if (result != pkgPackageManager::Completed)
		return failed(s, GP_DPKG_FAILED, "installing packages");
	drain_errors(s);
	return 0;
}

int lock(Session &s)
{
	std::string dpkg = std::string(s.job.root) + "/var/lib/dpkg/";

	return lock_or_wait(s, "taking dpkg's lock", { dpkg + "lock-frontend", dpkg + "lock" },
			    [] { return _system->Lock(); });
}

int install(Session &s)
{
	if (lock(s))
		return -1;
	int rc = resolve(s);

	if (!rc)
		rc = s.sink.approve(s.sink.ctx, s.e);
	if (!rc)
		rc = install_locked(s);
	_system->UnLock(true);
	return rc;
}

/* One small file, outside of any repository. What it is worth, the caller finds out. */
int fetch_file(Session &s)
{
	static const char doing[] = "fetching a file";
	Fetching status(s, APT_EV_DOWNLOAD);
	pkgAcquire fetcher(&status);
	Complaints why;

	auto item =
		std::make_unique<pkgAcqFile>(&fetcher, s.job.fetch_uri, HashStringList(), 0,
					     s.job.fetch_uri, s.job.fetch_uri, "", s.job.fetch_to);
	fetcher.Run(PULSE_US);
	if (item->Status == pkgAcquire::Item::StatDone && item->Complete)
		return 0;
	why.add(("'" + std::string(s.job.fetch_uri) + "'").c_str(), item->ErrorText);
	return failed(s, GP_DOWNLOAD_FAILED, doing, why);
}

int run_verb(Session &s)
{
	if (start(s))
		return -1;
	if (s.job.refresh == APT_FETCH_LISTS ||
	    (s.job.refresh == APT_FETCH_ABSENT && indexes_absent(s, /* all= */ false)))
		if (fetch_indexes(s))
			return -1;
	switch (s.job.verb) {
	case APT_RESOLVE:
		return resolve(s);
	case APT_UPDATE:
		return 0;
	case APT_INSTALL:
		return install(s);
	case APT_FETCH:
		return fetch_file(s);
	case APT_CANDIDATES:
		return candidates(s);
	}
	return -1;
}

int run(const apt_job *job, const apt_sink *sink, err *e)
{
	Session s = { *job, *sink, e, {} };

	try {
		return run_verb(s);
	} catch (const std::exception &x) {
		return err_set(e, GP_APT_BROKEN, "libapt failed: %s", x.what());
	}
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

} // namespace

extern "C" __attribute__((visibility("default"))) const apt_backend gpuprov_apt_backend = {
	APT_BACKEND_VERSION,
	"libapt-pkg " TEXT(APT_PKG_MAJOR) "." TEXT(APT_PKG_MINOR),
	run,
};
