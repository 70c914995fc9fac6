/** The program of a Worker that runs one scenario and posts its transcript. */
import { parentPort, workerData } from 'node:worker_threads';
import { load } from './implementations.js';
import { runScenario } from './run-scenario.js';
import { type Implementation, type Subject, scenarioOf } from './scenario.js';

const { implementation, subjectName, name } = workerData as Record<string, string>;
const cp = await load(implementation as Implementation);
const { subject } = (await import(`./scenarios/${subjectName}.js`)) as { subject: Subject };
parentPort?.postMessage(
  await runScenario(scenarioOf(subject, name as string).run, implementation as Implementation, cp),
);
