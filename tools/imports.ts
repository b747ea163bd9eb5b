// Imports: what a source file imports, read from its text. Shared by the checks on `src`.

/** Every specifier that `text` imports, re-exports, or loads with a call of import(). */
export function importsOf(text: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^;"']*?from\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...text.matchAll(pattern)].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** `text` with its comments blanked, lines kept, so that prose about a name is not a use of it. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, (comment) =>
    comment.replaceAll(/[^\n]/g, " "),
  );
}
