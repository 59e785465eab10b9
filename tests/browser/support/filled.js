// A data folder with many packages, made by the program `catalog` (catalog.rs) before its node starts.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PROGRAM } from "./node.js";

/**
 * A folder with `data` in it. `ODS_CATALOG` names one that was made already, by who had time before; it stays as it is.
 * @param {number} packages
 */
export async function filled(packages) {
  const folder = mkdtempSync(join(tmpdir(), "ods-many-"));
  const made = process.env.ODS_CATALOG;
  if (made && existsSync(made)) cpSync(made, join(folder, "data"), { recursive: true });
  else {
    const [code] = await once(spawn(join(dirname(PROGRAM), "examples/catalog"), [join(folder, "data"), String(packages)], { stdio: "inherit" }), "exit");
    if (code !== 0) throw new Error("`cargo build --example catalog` makes the program that fills the catalog");
  }
  return folder;
}

/** The path of a package, as `catalog` names them. @param {number} index */
export const packageName = (index) => `package-${String(index).padStart(6, "0")}.pkg`;
