/** The smallest sample that at least `share` (0 to 1) of all samples do not exceed. */
export function quantile(samples: number[], share: number): number {
  if (samples.length === 0) throw new RangeError('A quantile needs at least one sample');
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] as number;
}

export const p50 = (samples: number[]) => quantile(samples, 0.5);
export const p99 = (samples: number[]) => quantile(samples, 0.99);
