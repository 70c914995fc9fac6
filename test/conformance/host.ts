/**
 * The program that runs scenarios: node host.js <implementation> <subject> <result file> <scenario name>...
 * The names are encoded as parts of a URL. Writes a line of JSON for each scenario: [name, transcript].
 */
import { openSync, writeSync } from 'node:fs';
import { load } from './implementations.js';
import { runScenario } from './run-scenario.js';
import { type Implementation, type Subject, scenarioOf } from './scenario.js';

const [implementation, subjectName, resultFile, ...names] = process.argv.slice(2) as [
  Implementation,
  ...string[],
];
if (!subjectName || !resultFile)
  throw new Error('Usage: host <implementation> <subject> <result file> <names>');

// Opened now: a scenario may leave this process without the right, or the descriptors, to open it.
const results = openSync(resultFile, 'a');
const cp = await load(implementation);
const { subject } = (await import(`./scenarios/${subjectName}.js`)) as { subject: Subject };
for (const name of names.map(decodeURIComponent)) {
  const transcript = await runScenario(scenarioOf(subject, name).run, implementation, cp);
  writeSync(results, `${JSON.stringify([name, transcript])}\n`);
}

// Whatever a scenario left behind must not keep a process that ran many; ones that are run alone end by themselves.
// By SIGKILL: process.exit() can hang in Node 24 and 26, which joins a compiler thread of V8 that waits for a collection
// by the joining thread.
if (names.length > 1) process.kill(process.pid, 'SIGKILL');
