/** `850ms`, `12s`, `3m20s`, `5h03m`, `2d04h`. */
export function formatAge(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${twoDigits(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h${twoDigits(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86_400)}d${twoDigits(Math.floor(s / 3600) % 24)}h`;
}

/** `512 KB`, `45.2 MB`, `1.3 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}

const twoDigits = (value: number) => String(value).padStart(2, '0');
