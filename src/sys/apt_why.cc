/* SPDX-License-Identifier: Apache-2.0 */
/* The back end that talks to libapt-pkg: why a set of packages does not exist, in words. */
#include "sys/apt_session.hh"

#include <apt-pkg/depcache.h>

#include <map>
#include <memory>

namespace
{

using Ver = pkgCache::VerIterator;
using Dep = pkgCache::DepIterator;

std::string name_of(Ver const &v)
{
	return std::string(v.ParentPkg().Name()) + " " + v.VerStr();
}

/* "libcuda1 (= 535.309.01-1)" */
std::string target_of(Dep const &d)
{
	std::string text = d.TargetPkg().Name();

	if (d.TargetVer())
		text += std::string(" (") + d.CompType() + " " + d.TargetVer() + ")";
	return text;
}

class Search
{
	pkgDepCache &dep;
	std::map<unsigned long, Ver> seen; /* every version that would have to be there */
	std::string text;

	void cause(const std::string &one)
	{
		text += (text.empty() ? "" : "; ") + one;
	}

	/* The resolver takes a candidate away when it gives up on it; then the policy knows. */
	Ver on_offer(pkgCache::PkgIterator const &p)
	{
		Ver v = dep.GetCandidateVersion(p);

		return v.end() ? dep.GetPolicy().GetCandidateVer(p) : v;
	}

	/* The version that satisfies this alternative: the one on offer, or the one that stays. */
	Ver chosen(Dep const &d)
	{
		std::unique_ptr<pkgCache::Version *[]> targets(d.AllTargets());

		for (pkgCache::Version **t = targets.get(); *t; t++) {
			Ver v(dep, *t);
			pkgCache::PkgIterator p = v.ParentPkg();

			if (on_offer(p) == v || p.CurrentVer() == v)
				return v;
		}
		return Ver(dep);
	}

	std::string offer(Dep const &d)
	{
		Ver have = on_offer(d.TargetPkg());

		if (have.end())
			return std::string(d.TargetPkg().Name()) + " is in no repository";
		return name_of(have) + " is on offer";
	}

	/* One group of alternatives, "a | b", of a version that is reached by `path`. */
	void group(Dep first, Dep last, const std::string &path)
	{
		std::string needs, offers;

		for (Dep d = first;; ++d) {
			Ver v = chosen(d);

			if (!v.end()) {
				go(v, path + " needs " + target_of(d) + ", ");
				return;
			}
			needs += (needs.empty() ? "" : " | ") + target_of(d);
			offers += (offers.empty() ? "" : ", ") + offer(d);
			if (d == last)
				break;
		}
		cause(path + " needs " + needs + ", but " + offers);
	}

	void go(Ver const &v, const std::string &path)
	{
		pkgCache::PkgIterator p = v.ParentPkg();

		if (!seen.emplace(v->ID, v).second || p.CurrentVer() == v)
			return;
		if (!p.CurrentVer().end() && p->SelectedState == pkgCache::State::Hold)
			cause(path + "but " + name_of(p.CurrentVer()) + " is held");
		for (Dep d = v.DependsList(); !d.end();) {
			Dep first, last;

			d.GlobOr(first, last);
			if (first.IsCritical() && !first.IsNegative())
				group(first, last, path + name_of(v));
		}
	}

	/* What cannot go: it is needed as well, or the system does not run without it. */
	bool stays(Ver const &v)
	{
		pkgCache::PkgIterator p = v.ParentPkg();

		return seen.count(v->ID) ||
		       (p.CurrentVer() == v &&
			(p->Flags & (pkgCache::Flag::Essential | pkgCache::Flag::Important)) != 0);
	}

	void conflicts_of(Ver const &v)
	{
		for (Dep d = v.DependsList(); !d.end(); ++d) {
			if (!d.IsCritical() || !d.IsNegative())
				continue;
			std::unique_ptr<pkgCache::Version *[]> targets(d.AllTargets());

			for (pkgCache::Version **t = targets.get(); *t; t++)
				if (stays(Ver(dep, *t)))
					cause(name_of(v) + " conflicts with " +
					      name_of(Ver(dep, *t)) + ", which cannot go");
		}
	}

      public:
	explicit Search(pkgDepCache &cache) : dep(cache)
	{
	}

	std::string run(const std::vector<Ver> &asked)
	{
		for (Ver const &v : asked)
			go(v, "");
		for (auto const &one : seen)
			conflicts_of(one.second);
		return text;
	}
};

} // namespace

std::string backend::why_not(pkgDepCache &dep, const std::vector<pkgCache::VerIterator> &asked)
{
	return Search(dep).run(asked);
}
