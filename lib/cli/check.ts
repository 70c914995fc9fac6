/** One thing that was looked at. `weaker`: there is a fallback; `missing`: a promise can't be kept. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'weaker' | 'missing';
  readonly message: string;
  /** What to do about it; undefined: nothing. */
  readonly remedy?: string;
}
