/** Fails when the first load is too heavy, or when the viewer is part of it. Reads what `npm run build` left. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 150;
const DIST = new URL("../dist/", import.meta.url);
const VIEWER = /(^|\/)(three|@sparkjsdev|src\/viewer)(\/|$)/;

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

const wrong = [];
if (total > BUDGET_KB)
  wrong.push(`The first load has ${total.toFixed(1)} kB; make it smaller than ${BUDGET_KB}.`);
const code = [...files].filter((file) => file.endsWith(".js")).map((file) => [file, read(file).toString()]);
for (const [file, text] of code) {
  // Both write their names into strings that no minifier changes.
  if (text.includes("WebGLRenderer") || text.includes("SparkRenderer")) {
    wrong.push(
      `${file} holds three.js or Spark: import src/viewer dynamically, and only its types statically.`,
    );
  }
}
const lazy = chunks.flatMap((key) => manifest[key].dynamicImports ?? []);
if (!lazy.some((key) => VIEWER.test(key)))
  wrong.push("No dynamic import of src/viewer is left: where does it load?");
for (const line of wrong) console.error(line);
process.exit(wrong.length === 0 ? 0 : 1);
