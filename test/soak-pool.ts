/** npm run soak:pool -- [calls] [seed]: calls to a pool in chaos; exits with 1 unless each settles exactly once. */
import { randomUUID } from 'node:crypto';
import { runChaos } from './pool/chaos.js';

const [calls = '100000', seed = randomUUID()] = process.argv.slice(2);
console.log(`${calls} calls, seed ${seed}`);
const report = await runChaos({ calls: Number(calls), seed });
console.log(report);
if (report.unsettled > 0 || report.wrongAnswers > 0) process.exitCode = 1;
