/** Files as they are dropped or chosen, folders opened, each with the path that it will have. */

/** @typedef {{ file: File, path: string }} Dropped */

/** What nobody wants to publish: hidden files, and what an unfinished download leaves. */
const LEFT_OUT = /^\.|~$|\.(part|crdownload|download|tmp|filepart)$/i;
const FILES_MAX = 5000;

/**
 * @param {FileSystemEntry[]} entries files and folders
 * @returns {Promise<Dropped[]>}
 */
export async function opened(entries) {
  /** @type {Dropped[]} */
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

/**
 * @param {FileList | File[]} files
 * @returns {Dropped[]}
 */
export function chosen(files) {
  return [...files].filter((file) => !LEFT_OUT.test(file.name)).map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/**
 * @param {FileSystemEntry} entry
 * @param {Dropped[]} found
 */
async function walk(entry, found) {
  if (LEFT_OUT.test(entry.name) || found.length >= FILES_MAX) return;
  if (entry.isFile) {
    const file = await new Promise((/** @type {(file: File) => void} */ resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, '') });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    const some = await new Promise((/** @type {(entries: FileSystemEntry[]) => void} */ resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inner of some) await walk(inner, found);
  }
}

/**
 * What a file's name says: `Firefox-142.0.pkg` is version 142.0.
 *
 * @param {string} path
 */
export function versionOf(path) {
  const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.(tar\.)?[a-z0-9]{1,5}$/i, '');
  return /[-_ ]v?(\d+(?:\.\d+)*(?:[-+.~]?(?:rc|beta|alpha|b)?\d+)*)(?=$|[-_ ])/i.exec(stem)?.[1] ?? '';
}
