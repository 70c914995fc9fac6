/** Where a value came from. */
export type Origin =
  | { readonly source: 'option' }
  | {
      readonly source: 'environment';
      readonly variable: string;
      /** As it was written. */
      readonly text: string;
    }
  | { readonly source: 'default' };

/** A value of a pool that is in force, and where it came from. */
export interface Setting<T> {
  readonly value: T;
  /** The constructor's options, an environment variable, or nobody: the default. */
  readonly source: Origin['source'];
  /** The name of the environment variable that set it. */
  readonly variable?: string;
}
