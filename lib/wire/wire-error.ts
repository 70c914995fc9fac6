export type WireErrorCode =
  | 'header_too_large'
  | 'header_too_small'
  | 'body_too_large'
  | 'not_json'
  | 'not_object'
  | 'parts_mismatch'
  | 'truncated'
  | 'too_deep'
  | 'line_too_long'
  | 'bad_marker'
  | 'malformed'
  | 'wrong_version'
  | 'out_of_turn';

/** The other side, or a message that was to be sent, breaks the protocol. After one, a connection can't be read on. */
export class WireError extends Error {
  readonly code: WireErrorCode;

  constructor(code: WireErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WireError';
    this.code = code;
  }
}
