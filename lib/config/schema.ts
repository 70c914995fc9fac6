import { createRequire } from 'node:module';
import os from 'node:os';
import type { InferInput, InferOutput, MetadataAction } from 'valibot';
import type { Logger } from '../events/logger.js';
import { maxGraceMs } from '../guard/policy.js';
import type { OutputLine } from '../worker/output.js';

type Valibot = typeof import('valibot');
export type PoolSchema = ReturnType<typeof makeSchema>;
/** What the schema takes; the generated `PoolOptions` are the same, with a docstring for each key. */
export type Input = InferInput<PoolSchema>;
/** What has been checked; keys whose default follows from others may still be missing. */
export type Checked = InferOutput<PoolSchema>;

/** What types and checks can't say about a key. */
export interface Notes {
  /** What the key means, in Markdown. */
  readonly about: string;
  /** The default in words. */
  readonly otherwise?: string;
  /** The default follows from other keys; `relations.ts` fills it in. */
  readonly isDerived?: boolean;
  /** What it may be, in words. */
  readonly allowed?: string;
  /** Its type, in TypeScript. */
  readonly type?: string;
  /** It may hold secrets, or is more than a value, and `pool.config()` leaves it out. */
  readonly isSecret?: boolean;
}

export const maxSize = 10_000;
export const maxTimeoutMs = 300_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let schema: PoolSchema | undefined;

export function poolSchema(): PoolSchema {
  schema ??= makeSchema(loadValibot());
  return schema;
}

/** When the first pool is made, and not before: a program without pools doesn't pay for it. */
export function loadValibot(): Valibot {
  return createRequire(import.meta.url)('valibot');
}

/*
 * Each key's type, range, default and meaning stand here, and nowhere else. `npm run docs:config` writes them into
 * `pool-options.ts` and `docs/configuration.md`.
 */
function makeSchema(v: Valibot) {
  const { optional, pipe, strictObject: group } = v;
  const note = <T>(
    about: string,
    notes: Omit<Notes, 'about'> = {},
  ): MetadataAction<T, Notes & Record<string, unknown>> => v.metadata({ about, ...notes });
  const whole = (from: number, to: number) => pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));
  const wholeOrNever = (from: number) =>
    pipe(
      v.number(),
      v.check((value) => Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY),
      v.minValue(from),
      v.maxValue(Number.POSITIVE_INFINITY),
    );
  const never = Number.POSITIVE_INFINITY;
  const event = (about: string) => optional(pipe(v.boolean(), note(about)), true);

  return group({
    command: pipe(
      v.string(),
      v.minLength(1),
      note(
        "The program, as for `spawn`: `'python3'`, `process.execPath`, or any program that speaks `docs/protocol.md`.",
        { allowed: 'the name of a program' },
      ),
    ),
    args: optional(
      pipe(
        v.custom<readonly string[]>(
          (args) => Array.isArray(args) && args.every((arg) => typeof arg === 'string'),
        ),
        note('Its arguments.', {
          allowed: 'a list of strings',
          type: 'readonly string[]',
          otherwise: 'none',
        }),
      ),
      () => [],
    ),
    cwd: optional(
      pipe(
        v.string(),
        note('The folder in which the workers run.', {
          allowed: 'the path of a folder',
          otherwise: "the host's",
        }),
      ),
    ),
    env: optional(
      pipe(
        v.custom<NodeJS.ProcessEnv>((env) => typeof env === 'object' && env !== null && !Array.isArray(env)),
        note(
          "The workers' environment. The folder of the Python SDK is put on its `PYTHONPATH`. `pool.config()` leaves it out, since it may hold secrets.",
          {
            allowed: 'an object of strings',
            type: 'NodeJS.ProcessEnv',
            otherwise: "the host's",
            isSecret: true,
          },
        ),
      ),
    ),
    name: optional(
      pipe(
        v.string(),
        v.regex(/^[\w.-]{1,64}$/),
        note('What the pool is called in labels and events.', {
          allowed: '1 to 64 letters of A to Z, digits, `_`, `.` and `-`',
        }),
      ),
      'default',
    ),
    size: optional(pipe(whole(1, maxSize), note('Workers.', { otherwise: 'the number of processors' })), () =>
      os.availableParallelism(),
    ),
    concurrency: optional(
      pipe(
        whole(1, 10_000),
        note(
          'Requests that a worker has at a time. More than one saves a round trip between them; Python runs sync handlers one after another all the same, unless `serve(threads=…)` says otherwise.',
        ),
      ),
      1,
    ),
    maxQueue: optional(
      pipe(whole(0, 10_000_000), note('Requests that may wait. More are refused with a `QueueFullError`.')),
      10_000,
    ),
    startTimeoutMs: optional(
      pipe(
        whole(100, hourMs),
        note("From a worker's start to its hello. Loading a model counts, when it is done before `serve`."),
      ),
      30_000,
    ),
    cancelGraceMs: optional(
      pipe(
        whole(100, hourMs),
        note(
          "A worker that still hasn't answered so long after its request was cancelled is replaced, unless it has an older request for which somebody waits.",
        ),
      ),
      5000,
    ),
    maxRequests: optional(
      pipe(
        wholeOrNever(1),
        note('A worker is replaced after so many requests; while another is being replaced it takes more.'),
      ),
      never,
    ),
    maxAgeMs: optional(pipe(wholeOrNever(1), note('A worker is replaced at this age.')), never),
    maxRssBytes: optional(
      pipe(wholeOrNever(1), note('A worker is replaced when its resident memory is above this. Linux only.')),
      never,
    ),
    shutdown: optional(
      pipe(
        group({
          graceMs: optional(
            pipe(
              whole(5000, 300_000),
              note('How long requests in flight may take when the pool or a worker is shut down.'),
            ),
            30_000,
          ),
        }),
        note('How the pool ends.'),
      ),
      {},
    ),
    heartbeat: optional(
      pipe(
        group({
          enabled: optional(pipe(v.boolean(), note('Whether workers are pinged at all.')), true),
          intervalMs: optional(
            pipe(whole(1000, 60_000), note('From one ping of a worker to the next.')),
            5000,
          ),
          timeoutMs: optional(
            pipe(
              whole(5000, maxTimeoutMs),
              note(
                'A worker that leaves as many pings in a row unanswered as fit into this time is `unresponsive`, and replaced. It has then been silent for up to one `intervalMs` less. At least `misses` × `intervalMs`.',
                { otherwise: '`misses` × `intervalMs`, so 15000', isDerived: true },
              ),
            ),
          ),
          misses: optional(
            pipe(
              whole(1, 100),
              note('How many pings in a row a worker must leave unanswered to be `unresponsive`.', {
                otherwise: '3, or as many as fit into `timeoutMs`',
                isDerived: true,
              }),
            ),
          ),
          stalledMs: optional(
            pipe(
              wholeOrNever(1000),
              note(
                'A worker that answers no ping but burns processor time, as when a C extension holds the GIL, is `stalled` after this long. At least `timeoutMs`. For a request with its own `timeoutMs`, that one counts instead.',
              ),
            ),
            300_000,
          ),
        }),
        note('How the pool finds out that a worker hangs.'),
      ),
      {},
    ),
    restart: optional(
      pipe(
        group({
          minHealthy: optional(
            pipe(
              whole(0, maxSize - 1),
              note('Workers that stay ready during a rolling restart. Less than `size`.', {
                otherwise: 'one less than `size`',
                isDerived: true,
              }),
            ),
          ),
          backoffMs: optional(
            pipe(
              whole(10, hourMs),
              note(
                'The wait after a failed start, or a second crash in a row. It doubles each time, and up to half of it is cut off at random.',
              ),
            ),
            100,
          ),
          maxBackoffMs: optional(
            pipe(whole(10, dayMs), note('Where the doubling ends. At least `backoffMs`.')),
            5000,
          ),
          maxFailedStarts: optional(
            pipe(
              whole(1, 100),
              note('Failed starts in a row after which a slot is `failed` and not tried again.'),
            ),
            3,
          ),
        }),
        note('How workers are replaced.'),
      ),
      {},
    ),
    watchdog: optional(
      pipe(
        v.boolean(),
        note(
          'Starts a script beside each worker that ends it when the host is gone: see `docs/watchdog.md`.',
        ),
      ),
      false,
    ),
    telemetry: optional(
      pipe(
        group({
          worker: event('Events of workers: their start, readiness, health, replacement and end.'),
          heartbeat: event('Events of pings, with their latency.'),
          cleanup: event('Events of what was done to be sure that nothing of a worker is left.'),
          request: event('Events of requests.'),
          keeper: event('Events of the keeper.'),
          alert: event('Alerts.'),
        }),
        note('Which events are published on `node:diagnostics_channel`; see `docs/telemetry.md`.'),
      ),
      {},
    ),
    guard: optional(
      pipe(
        group({
          containment: optional(
            pipe(
              v.picklist(['tree', 'process']),
              note('What dies with the host: a worker and all its descendants, or the worker alone.'),
            ),
            'tree',
          ),
          graceMs: optional(
            pipe(
              whole(0, maxGraceMs),
              note(
                'Above 0, workers get a SIGTERM when the host dies, and this much time before SIGKILL. Those that use an SDK end at once all the same; the time is for what they have started, and for other workers.',
              ),
            ),
            0,
          ),
        }),
        note('How the workers are guarded, as for `spawn`.', {
          allowed: 'an object with `containment`, `graceMs`: workers are always guarded',
          type: 'GuardOptions',
        }),
      ),
      {},
    ),
    logger: optional(
      pipe(
        v.custom<Logger>(isLogger),
        note(
          'Where the pool writes what happens to its workers, and what they print: pino, or what has the same methods. Lines about a process have its `pool`, `worker`, `pid` and a `reason`. What `telemetry` switches off is logged all the same. `pool.config()` leaves it out.',
          {
            allowed: 'an object with the methods `debug`, `info`, `warn` and `error`',
            type: 'Logger',
            otherwise: 'no log',
            isSecret: true,
          },
        ),
      ),
    ),
    onOutput: optional(
      pipe(
        v.custom<(line: OutputLine) => void>((listener) => typeof listener === 'function'),
        note('Gets each line that a worker prints or logs. What it throws is an uncaught exception.', {
          allowed: 'a function',
          type: '(line: OutputLine) => void',
          otherwise: "`logger`, or this process's stderr, with the worker's number",
        }),
      ),
    ),
  });
}

const logMethods = ['debug', 'info', 'warn', 'error'];

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return logMethods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
