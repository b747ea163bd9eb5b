// Version: this runtime's own, which packs name in their window. A test holds it to package.json.

export const VERSION = "0.1.0";
