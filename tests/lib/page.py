#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# page.py HTML WIDTH [dark]: open a page in a real headless Chromium and say what is wrong with it.
"""
A copy of the page, with a script that measures it, is opened; the page itself has no script. Problems:
anything on the console, anything wider than the window, boxes or texts that overlap or leave what holds
them, letters too small to read, too little contrast between text and ground.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MEASURE = r"""
function lum(c) {
  const v = c.match(/[\d.]+/g).slice(0, 3).map(x => x / 255).map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2];
}
function ground(e) {  // what is half transparent is mixed with what is behind it
  if (!e) return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18,18,18)' : 'rgb(255,255,255)';
  const c = getComputedStyle(e).backgroundColor.match(/[\d.]+/g).map(Number), alpha = c.length > 3 ? c[3] : 1;
  if (alpha === 1) return `rgb(${c})`;
  const behind = ground(e.parentElement).match(/[\d.]+/g).map(Number);
  return `rgb(${[0, 1, 2].map(i => c[i] * alpha + behind[i] * (1 - alpha))})`;
}
function measure() {
  const bad = [], root = document.documentElement;
  for (const d of document.querySelectorAll('details')) d.open = true;
  if (root.scrollWidth > innerWidth) bad.push('the page is ' + root.scrollWidth + ' wide, the window ' + innerWidth);
  const blocks = [...document.body.children].filter(e => e.getBoundingClientRect().height);
  blocks.forEach((e, i) => {
    const r = e.getBoundingClientRect(), n = blocks[i + 1] && blocks[i + 1].getBoundingClientRect();
    if (r.right > innerWidth + 1) bad.push('out of the window: ' + e.className + e.tagName);
    if (n && n.top < r.bottom - 1) bad.push('overlap: ' + e.tagName + ' and ' + blocks[i + 1].tagName);
  });
  const boxes = [...document.querySelectorAll('svg rect')].map(e => e.getBoundingClientRect());
  boxes.forEach((r, i) => { if (i && r.top < boxes[i - 1].bottom) bad.push('boxes overlap: ' + i); });
  document.querySelectorAll('svg g').forEach(g => {
    const t = g.querySelector('text').getBoundingClientRect(), r = g.querySelector('rect').getBoundingClientRect();
    if (t.left < r.left || t.right > r.right || t.top < r.top || t.bottom > r.bottom)
      bad.push('text leaves its box: ' + g.textContent);
    if (t.height < 9) bad.push('too small to read: ' + g.textContent);
  });
  for (const e of document.querySelectorAll('p,li,td,b,span,pre,summary,h1,h2')) {
    if (!e.getClientRects().length) continue;
    const s = getComputedStyle(e);
    if (parseFloat(s.fontSize) < 12) bad.push('too small to read: ' + e.tagName);
    const a = lum(s.color), b = lum(ground(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push('contrast ' + ratio.toFixed(1) + ': ' + e.tagName + '.' + e.className);
  }
  return {bad: [...new Set(bad)], width: innerWidth, steps: document.querySelectorAll('.s').length,
          foreign: document.querySelectorAll('img,iframe,object,embed,form,link:not([rel=icon])').length,
          dark: matchMedia('(prefers-color-scheme: dark)').matches};
}
addEventListener('load', () => { document.title = 'MEASURED ' + JSON.stringify(measure()); });
"""

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--enable-logging=stderr", "--virtual-time-budget=2000"]


def main():
    page, width, dark = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["dark"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        text = page.read_text(encoding="utf-8")
        without = re.sub(r"<meta http-equiv=Content-Security-Policy [^>]*>", "", text)
        copy.write_text(without.replace("</body>", f"<script>{MEASURE}</script></body>"), encoding="utf-8")
        # A window cannot be as narrow as a phone everywhere; a frame can.
        frame = Path(folder) / "frame.html"
        frame.write_text("<!DOCTYPE html><title>x</title><body style='margin:0'>"
                         f"<iframe src=page.html style='border:0;width:{width}px;height:4000px'></iframe>"
                         "<script>addEventListener('load', () => setTimeout(() => { document.title = "
                         "document.querySelector('iframe').contentDocument.title }, 300))</script>", encoding="utf-8")
        color = ["--blink-settings=preferredColorScheme=0"] if dark else []
        done = subprocess.run(["chromium", *FLAGS, *color, "--allow-file-access-from-files",
                               f"--user-data-dir={folder}/data", "--window-size=1300,4000", "--dump-dom",
                               frame.as_uri()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)
        alone = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={folder}/data", "--dump-dom", page.resolve().as_uri()],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    found = re.search(r"<title>MEASURED (.*?)</title>", done.stdout)
    assert found, "the page was not measured: " + done.stdout[:300] + done.stderr[-500:]
    result = json.loads(found.group(1).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    bad = result["bad"] + [line for line in alone.stderr.splitlines() if "CONSOLE" in line]
    if result["width"] != width:
        bad.append(f"the frame is {result['width']} wide, not {width}")
    if result["foreign"]:
        bad.append(f"{result['foreign']} elements that do not belong into it")
    if dark and not result["dark"]:
        bad.append("it was not dark")
    print("\n".join(bad))
    sys.exit(1 if bad else 0)


main()
