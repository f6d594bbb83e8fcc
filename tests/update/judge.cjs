// Judges edited credentials files by the parser of the AWS SDK for JavaScript: reads cases, a list of [before, after, set, removed], and prints in how many of them it
// finds what was set, and all else that it knew before.
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { isDeepStrictEqual } = require("node:util");
const { loadSharedConfigFiles } = require("@smithy/core/config");

const isOwn = (name) => name.trim().replace(/^["']|["']$/g, "").trim() === "a";

(async () => {
  const folder = mkdtempSync(join(tmpdir(), "judge-"));
  const filepath = join(folder, "file");
  const read = async (text) => {
    writeFileSync(filepath, text);
    return (await loadSharedConfigFiles({ filepath, configFilepath: join(folder, "none"), ignoreCache: true })).credentialsFile;
  };
  try {
    const cases = JSON.parse(require("node:fs").readFileSync(0));
    let right = 0;
    for (const [before, after, wanted, removed] of cases) {
      const [old, found] = [await read(before), await read(after)];
      const ours = {};
      const others = {};
      for (const [name, keys] of Object.entries(old)) {
        if (isOwn(name)) Object.assign(ours, keys);
        else others[name] = keys;
      }
      // It knows keys in one spelling only.
      for (const key of Object.keys(ours)) if (removed.includes(key.toLowerCase()) || key.toLowerCase() in wanted) delete ours[key];
      const { a, ...rest } = found;
      if (isDeepStrictEqual({ ...a }, { ...ours, ...wanted }) && isDeepStrictEqual(rest, others)) right += 1;
      else if (process.env.SHOW) console.error(JSON.stringify([before, after, found]));
    }
    console.log(right);
  } finally {
    rmSync(folder, { recursive: true });
  }
})();
