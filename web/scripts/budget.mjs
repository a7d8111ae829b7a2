/** Fails when the first load is too heavy, or when the viewer is part of it. Reads what `npm run build` left. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 150;
const DIST = new URL("../dist/", import.meta.url);

const read = (name) => readFileSync(new URL(name, DIST));
const manifest = JSON.parse(read(".vite/manifest.json").toString());

/** The entry and everything that a browser fetches with it, without being asked for by code. */
function firstLoad(entry) {
  const chunks = new Set();
  const visit = (key) => {
    if (chunks.has(key)) return;
    chunks.add(key);
    for (const next of manifest[key].imports ?? []) visit(next);
  };
  visit(entry);
  return [...chunks];
}

const chunks = firstLoad("index.html");
const files = new Set(["index.html"]);
for (const key of chunks) {
  files.add(manifest[key].file);
  for (const style of manifest[key].css ?? []) files.add(style);
}

let total = 0;
for (const file of files) {
  const size = gzipSync(read(file), { level: 9 }).length / 1000;
  total += size;
  console.log(`${size.toFixed(1).padStart(8)} kB gzip  ${file}`);
}
console.log(`${total.toFixed(1).padStart(8)} kB gzip  first load, of ${BUDGET_KB} allowed`);

/** three.js and Spark write these names into strings, which no minifier changes. */
const isViewer = (file) => /WebGLRenderer|SparkRenderer/.test(read(file).toString());

const wrong = [];
if (total > BUDGET_KB)
  wrong.push(`The first load has ${total.toFixed(1)} kB; make it smaller than ${BUDGET_KB}.`);
for (const file of files) {
  if (file.endsWith(".js") && isViewer(file)) {
    wrong.push(
      `${file} holds three.js or Spark: import src/viewer dynamically, and only its types statically.`,
    );
  }
}
const lazy = chunks.flatMap((key) => manifest[key].dynamicImports ?? []).flatMap(firstLoad);
if (!lazy.some((key) => isViewer(manifest[key].file))) {
  wrong.push("The page does not load src/viewer by a dynamic import any more: how does it show a scene?");
}
for (const line of wrong) console.error(line);
process.exit(wrong.length === 0 ? 0 : 1);
