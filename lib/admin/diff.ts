import type { Delta, PoolView, WorkerRow } from './messages.js';

export interface Look {
  readonly pools: readonly PoolView[];
  readonly workers: ReadonlyMap<string, WorkerRow>;
}

/** What has changed from one look to the next. */
export function changesBetween(
  earlier: Look,
  later: Look,
): Pick<Required<Delta>, 'pools' | 'workers' | 'gone'> {
  const pools = later.pools.flatMap((pool, index) => {
    const changed = changedFields(earlier.pools[index], pool);
    return changed === undefined ? [] : { ...changed, index };
  });
  const workers = [...later.workers].flatMap(([key, row]) => {
    const changed = changedFields(earlier.workers.get(key), row);
    return changed === undefined ? [] : { ...changed, key };
  });
  const gone = [...earlier.workers.keys()].filter((key) => !later.workers.has(key));
  return { pools, workers, gone };
}

/** All of them when there was none before; undefined when none differs. */
function changedFields<Row extends object>(earlier: Row | undefined, later: Row): Partial<Row> | undefined {
  if (earlier === undefined) return later;
  let changed: Partial<Row> | undefined;
  for (const field of Object.keys(later) as (keyof Row)[]) {
    if (earlier[field] === later[field]) continue;
    changed ??= {};
    changed[field] = later[field];
  }
  return changed;
}
