// Record: an object whose only names are its own, so that a tensor may be called `__proto__`.

/** Not a literal with `__proto__: null`: engines keep those as hash tables, three times as slow. */
function Bare(): void {}
Bare.prototype = Object.create(null);

export function newRecord<Value>(): Record<string, Value> {
  return new (Bare as unknown as new () => Record<string, Value>)();
}
