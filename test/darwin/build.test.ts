import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';
import { readMachO } from './mach-o.js';

// Downloads Zig, and compiles its library of C++ for two chips, when it runs for the first time.
const firstBuildMs = 20 * 60_000;

for (const chip of ['arm64', 'x64'] as const) {
  test.serial(`the guard of macOS compiles for ${chip} without warnings, and links`, async (t) => {
    t.timeout(firstBuildMs);
    await promisify(execFile)('bash', [join(ROOT, 'scripts/build-darwin.sh'), chip], {
      timeout: firstBuildMs,
    });
    const addon = readMachO(join(ROOT, `prebuilds/darwin-${chip}/procguard.node`));
    const keeper = readMachO(join(ROOT, `prebuilds/darwin-${chip}/procguard-keeper`));
    t.like(addon, { chip, kind: 'library', minimum: '11.0' });
    t.like(keeper, { chip, kind: 'program', minimum: '11.0' });
    // Nothing has to be installed besides.
    for (const { libraries } of [addon, keeper]) t.deepEqual(libraries, ['/usr/lib/libSystem.B.dylib']);
    t.true(addon.exported.includes('_napi_register_module_v1'));
    t.deepEqual(
      addon.fromLoader.filter((name) => !/^_(napi|uv)_/.test(name)),
      [],
    );
    t.true(addon.fromLoader.length > 0);
    t.deepEqual(keeper.fromLoader, []);
    // Apple's chips run nothing that isn't signed, be it by nobody in particular.
    if (chip === 'arm64') t.deepEqual([addon.isSigned, keeper.isSigned], [true, true]);
  });
}
