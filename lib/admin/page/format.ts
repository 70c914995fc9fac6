const nothing = '–';
const grouped = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return grouped.format(value);
}

export function rate(value: number): string {
  if (value >= 100) return grouped.format(Math.round(value));
  return value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1);
}

/** A short time: `4.2 ms`, `310 ms`, `1.2 s`. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return nothing;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return value < 60_000 ? `${(value / 1000).toFixed(1)} s` : duration(value);
}

/** A long time: `8s`, `4m 05s`, `3h 12m`, `6d 4h`. */
export function duration(ms: number | null): string {
  if (ms === null) return nothing;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return `${hours}h ${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** Of one core. */
export function percent(share: number | null): string {
  return share === null ? nothing : `${(share * 100).toFixed(0)} %`;
}

export function bytes(value: number | null): string {
  if (value === null) return nothing;
  const megabytes = value / 1e6;
  if (megabytes >= 10_000) return `${(megabytes / 1000).toFixed(1)} GB`;
  return `${megabytes.toFixed(megabytes < 100 ? 1 : 0)} MB`;
}

export function timeOfDay(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB');
}

export function orNothing(value: number | string | null): string {
  return value === null ? nothing : String(value);
}
