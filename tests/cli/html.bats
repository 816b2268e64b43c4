#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# plan --format html and dot: a page for a review, opened in a real browser; a graph for Graphviz.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	hosts=$BATS_TEST_DIRNAME/../hosts
	write_profile p.yaml 'driver: {nouveau: blacklist}'
	measure=$BATS_TEST_DIRNAME/../lib/page.py
}

page() {
	gpuprov plan --facts "$hosts/$1.json" --format html "${2:-p.yaml}"
	cp out page.html
}

browser() {
	command -v chromium >/dev/null || skip "there is no chromium"
	python3 "$measure" "$@"
}

@test "the page holds summary, drawing, steps, reasons, file, proof and the JSON itself" {
	page t4x2-bookworm
	ends_with 0
	says "Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'"
	python3 - page.html <<-'EOF'
		import html.parser, json, sys
		class Page(html.parser.HTMLParser):
		    def __init__(self):
		        super().__init__()
		        self.tags, self.text, self.json, self.into = [], "", "", False
		    def handle_starttag(self, tag, attrs):
		        self.tags.append(tag)
		        self.into |= ("id", "json") in attrs
		        for name, value in attrs:
		            assert not name.startswith("on"), (tag, name)
		            assert name not in ("src", "action") and not (value or "").startswith("http"), (tag, value)
		    def handle_endtag(self, tag):
		        self.into &= tag != "pre"
		    def handle_data(self, data):
		        self.text += data
		        if self.into:
		            self.json += data
		page = Page()
		page.feed(open(sys.argv[1], encoding="utf-8").read())
		plan = json.loads(page.json)
		assert plan["schema"] == "gpuprov.plan/1"
		for step in plan["steps"]:
		    assert step["what"] in page.text, step["what"]
		    for reason in step["reasons"]:
		        assert reason["text"] in page.text, reason
		for wanted in ("2 x Tesla T4", "A reboot is needed", "+ blacklist nouveau", "What will be proved", "Left out"):
		    assert wanted in page.text, wanted
		assert page.tags.count("rect") == len(plan["steps"]), page.tags
		assert "script" not in page.tags and "img" not in page.tags, page.tags
	EOF
}

@test "a page of no plan has the refusals with their ways out, exit 3" {
	write_profile p.yaml 'driver: {branch: "580", source: distro}'
	page t4x2-bookworm
	ends_with 3
	says "There is no plan."
	says "error GP1007"
	says "<li>"
	complains "error[GP1007]"
}

@test "a page is of one host" {
	mkdir many
	cp "$hosts/t4x2-bookworm.json" many/
	gpuprov plan --facts many --format html p.yaml
	ends_with 64
	complains "--format html shows the plan of one host"
}

@test "what changes in a file is shown line by line" {
	python3 - "$hosts/t4x2-bookworm.json" <<-'EOF'
		import json, sys
		facts = json.load(open(sys.argv[1]))
		facts.setdefault("files", []).append({"path": "etc/modprobe.d/gpuprov-nouveau.conf", "state": "file",
		    "content": "# Written by gpuprov: nouveau must not claim the NVIDIA GPUs.\nblacklist novueau\n",
		    "sha256": "0" * 64})
		json.dump(facts, open("f.json", "w"))
	EOF
	gpuprov plan --facts f.json --format html p.yaml
	ends_with 0
	says "<summary>what changes</summary>"
	says "<b>  # Written by gpuprov: nouveau must not claim the NVIDIA GPUs.</b>"
	says "<b class=n>- blacklist novueau</b>"
	says "<b class=p>+ blacklist nouveau</b>"
}

@test "nothing that comes from outside becomes markup" {
	name='"><img src=x onerror=alert(1)>&.yaml'
	cp p.yaml "$name"
	sed 's#"name": "Debian GNU/Linux 12 (bookworm)"#"name": "</title><script>alert(2)</script>"#; s#"6.1.0-56-amd64"#"6.1<b onclick=x>\\u001b[31m\\u202e"#g' \
		"$hosts/t4x2-bookworm.json" >f.json
	gpuprov plan --facts f.json --format html "$name"
	cp out page.html
	says "&lt;img src=x onerror=alert(1)&gt;"
	says "6.1&lt;b onclick=x&gt;"
	if grep -E '<img|<script|<b on|'$'\e' page.html; then return 1; fi
	gpuprov plan --facts f.json --format dot "$name"
	if grep $'\e' out; then return 1; fi
}

@test "in a browser, at the width of a phone and of a desk, light and dark: nothing is wrong with it" {
	page t4x2-bookworm
	browser page.html 390
	browser page.html 1100 dark
}

@test "in a browser, on a phone: exact packages with versions, origins and sizes" {
	"$O/unit/t_terminal" page <"$BATS_TEST_DIRNAME/../screens/plan.json" >page.html
	for text in 535.309.01-1~deb12u1 bookworm/non-free nvidia-modprobe 530.30.02-1 "needed by libcuda1"; do
		grep -qF "$text" page.html || { echo "expected $text"; return 1; }
	done
	browser page.html 360
	browser page.html 1100 dark
}

@test "in a browser: plans of other kinds, on a phone" {
	for pair in "workstation rtx4090-noble" "docker docker-noble" "hgx h100x8-noble"; do
		page "${pair#* }" "$BATS_TEST_DIRNAME/../../profiles/${pair% *}.yaml"
		ends_with 0
		browser page.html 390 >said || { echo "$pair"; cat said; return 1; }
	done
}

@test "in a browser: a page of refusals" {
	write_profile p.yaml 'driver: {branch: "580", source: distro}'
	page t4x2-bookworm
	browser page.html 360
}

@test "in a browser: the compatibility matrix, with this host marked" {
	gpuprov compat --matrix --format html --facts "$hosts/installed-bookworm.json"
	ends_with 0
	cp out matrix.html
	# The row of the host's driver, 535, and no other.
	python3 - matrix.html <<-'EOF'
		import re, sys
		rows = re.findall(r"<tr.*?</tr>", open(sys.argv[1]).read(), re.S)
		marked = [re.search(r"<th[^>]*>(.*?)</th>", r, re.S).group(1) for r in rows if re.search(r'class="[^"]*here', r)]
		assert marked and all("535" in re.sub("<.*?>", "", m) for m in marked), marked
	EOF
	browser matrix.html 390
}

@test "what is wrong with a page is noticed" {
	page t4x2-bookworm
	for wrong in 's/max-width:34rem/width:900px;min-width:900px/' 's/font:1rem/font:.5rem/' \
		's/--dim:#57606a/--dim:#c0c8d0/; s#</body>#<img src=x></body>#'; do
		sed "$wrong" page.html >wrong.html
		! cmp -s page.html wrong.html || { echo "no change by $wrong"; return 1; }
		! browser wrong.html 390 >said || { echo "not noticed: $wrong"; return 1; }
	done
}

@test "the graph for Graphviz has all steps and needs, and names are quoted" {
	gpuprov plan --facts "$hosts/t4x2-bookworm.json" --format dot p.yaml
	ends_with 0
	cp out plan.dot
	gpuprov plan --facts "$hosts/t4x2-bookworm.json" --json p.yaml
	python3 - plan.dot out <<-'EOF'
		import json, re, sys
		dot, plan = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))
		name = r'"((?:[^"\\]|\\.)*)"'
		nodes = re.findall(rf"^\t{name} \[label={name}, color=\"#[0-9a-f]{{6}}\"\];$", dot, re.M)
		edges = re.findall(rf"^\t{name} -> {name};$", dot, re.M)
		ids = [s["id"] for s in plan["steps"]]
		assert [n[0] for n in nodes] == ids, nodes
		wanted = {(need, s["id"]) for s in plan["steps"] for need in s.get("needs", []) if need in ids}
		assert set(edges) == wanted, edges
		lines = dot.splitlines()
		assert lines[0] == "digraph plan {" and lines[-1] == "}" and len(lines) == 4 + len(nodes) + len(edges)
	EOF
}
