import { readArguments, UsageError } from './arguments.js';
import { benchHeartbeat } from './heartbeat.js';
import { benchKill } from './kill.js';
import { Report } from './report.js';
import { benchRequests } from './requests.js';
import { benchRun } from './run-command.js';
import { benchScale } from './scale.js';
import { benchSpawn } from './spawn.js';
import { benchTelemetry } from './telemetry.js';

const USAGE = `usage: npm run bench -- <name> [--json] [--quick]

  spawn      how long a spawn blocks the event loop, and how long until the child's exit is seen
  kill       how long after the host's SIGKILL its children and grandchildren are dead
  requests   how long a request takes to a worker and back, and how many go through, beside other ways
  scale      what 10 to 1000 workers cost the host: their start, its event loop, its memory, and each request
  run        what procguard run adds to the start of a command, and what stays in memory
  heartbeat  what pings cost the host, idle workers and calls, beside the same pool without them
  telemetry  what all of telemetry costs calls

  --json     print one JSON object a line instead of tables
  --quick    a short form that shows that the bench works; its figures mean little

exit code: 0, or 1 when a process survived or the bench failed, or 2 for a wrong name or option`;

const BENCHES = {
  spawn: benchSpawn,
  kill: benchKill,
  requests: benchRequests,
  scale: benchScale,
  run: benchRun,
  heartbeat: benchHeartbeat,
  telemetry: benchTelemetry,
};

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  try {
    const request = readArguments(argv, Object.keys(BENCHES));
    if (request === 'help') {
      console.log(USAGE);
      return 0;
    }
    if (process.platform !== 'linux') throw new Error('The benches measure Linux only: they read its /proc');
    const bench = BENCHES[request.name as keyof typeof BENCHES];
    const report = new Report(request.name, request.json);
    return (await bench(request, report)) ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    console.error(error);
    return 1;
  }
}
