/** The version of docs/protocol.md that this package speaks. */
export const protocolVersion = 1;

export const maxHeaderBytes = 2 ** 26;
export const maxBodyBytes = 2 ** 30;

/** Of a control line, its `\n` included. */
export const maxLineBytes = 65_536;

/** Of a header or a control line; the object itself is the first level. */
export const maxDepth = 100;
