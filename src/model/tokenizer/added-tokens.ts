// Added tokens: texts that are one token each, whatever merges would make of them. A tree of their
// characters finds the longest at each place, so hostile lists cost no more than their longest entry.

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Marks a text's structure, such as its end: not shown when tokens become text. */
  readonly special: boolean;
}

/** A stretch of text, or a token that stands for itself. */
export type Section =
  | { readonly text: string; readonly first: boolean }
  | { readonly token: AddedToken };

interface Node {
  readonly next: Map<number, Node>;
  token: AddedToken | undefined;
}

export class AddedTokens {
  readonly #root: Node = { next: new Map(), token: undefined };
  readonly byId = new Map<number, AddedToken>();

  constructor(tokens: readonly AddedToken[]) {
    for (const token of tokens) {
      this.byId.set(token.id, token);
      let node = this.#root;
      for (let i = 0; i < token.content.length; i++) {
        const unit = token.content.charCodeAt(i);
        const known = node.next.get(unit);
        const next: Node = known ?? { next: new Map(), token: undefined };
        if (known === undefined) node.next.set(unit, next);
        node = next;
      }
      node.token ??= token;
    }
  }

  /** Cuts `text` at every added token: the leftmost, and of those the longest. */
  split(text: string): readonly Section[] {
    if (text === "") return [];
    if (this.byId.size === 0) return [{ text, first: true }];
    const sections: Section[] = [];
    let from = 0;
    for (let at = 0; at < text.length;) {
      const token = this.#longestAt(text, at);
      if (token === undefined) {
        at++;
        continue;
      }
      if (at > from) sections.push({ text: text.slice(from, at), first: from === 0 });
      sections.push({ token });
      at += token.content.length;
      from = at;
    }
    if (from < text.length) sections.push({ text: text.slice(from), first: from === 0 });
    return sections;
  }

  #longestAt(text: string, at: number): AddedToken | undefined {
    let longest: AddedToken | undefined;
    let node: Node | undefined = this.#root;
    for (let i = at; node !== undefined; i++) {
      longest = node.token ?? longest;
      node = i < text.length ? node.next.get(text.charCodeAt(i)) : undefined;
    }
    return longest;
  }
}
