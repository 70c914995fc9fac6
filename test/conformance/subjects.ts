import type { Subject } from './scenario.js';
import { subject as asyncContext } from './scenarios/async-context.js';
import { subject as cluster } from './scenarios/cluster.js';
import { subject as environment } from './scenarios/environment.js';
import { subject as events } from './scenarios/events.js';
import { subject as exec } from './scenarios/exec.js';
import { subject as execa } from './scenarios/execa.js';
import { subject as failures } from './scenarios/failures.js';
import { subject as fork } from './scenarios/fork.js';
import { subject as handles } from './scenarios/handles.js';
import { subject as identity } from './scenarios/identity.js';
import { subject as ipc } from './scenarios/ipc.js';
import { subject as limits } from './scenarios/limits.js';
import { subject as nodeClass } from './scenarios/node-class.js';
import { subject as options } from './scenarios/options.js';
import { subject as pathSearch } from './scenarios/path-search.js';
import { subject as references } from './scenarios/references.js';
import { subject as shell } from './scenarios/shell.js';
import { subject as signals } from './scenarios/signals.js';
import { subject as stdio } from './scenarios/stdio.js';
import { subject as workers } from './scenarios/workers.js';

/** All subjects, by the names of their files. */
export const subjects: Record<string, Subject> = {
  events,
  failures,
  'path-search': pathSearch,
  options,
  environment,
  identity,
  stdio,
  signals,
  shell,
  exec,
  fork,
  ipc,
  handles,
  references,
  'async-context': asyncContext,
  'node-class': nodeClass,
  limits,
  workers,
  cluster,
  execa,
};
