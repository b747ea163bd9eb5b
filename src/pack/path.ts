// Path: the names that files of a pack may have.
//
// A pack is read on every system, so a path is spelt with letters that mean themselves everywhere:
// no backslash, drive, device stream, control character or Unicode look-alike, and no step that is
// empty, `.` or `..` or ends in a dot (which Windows drops). Such a path cannot leave its pack.

import { PACK_LIMITS } from "../base/mod.ts";

export const MANIFEST_PATH = "kernels.json";
export const SIGNATURE_PATH = "kernels.json.sig";

/** One step, as a regular expression's source, so that the published schema can say it too. */
const STEP = "[A-Za-z0-9_@+-](?:[A-Za-z0-9._@+-]*[A-Za-z0-9_@+-])?";
export const PLAIN_PATH = new RegExp(`^${STEP}(?:/${STEP})*$`);

/** Whether `path` is a plain path inside a pack. */
export function isPlainPath(path: string): boolean {
  return path.length <= PACK_LIMITS.pathBytesMax && PLAIN_PATH.test(path);
}
