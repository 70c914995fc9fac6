import test from 'ava';
import { isShellOfOneCommand } from '../../lib/cli/windows-command.js';

for (const line of [
  String.raw`C:\Windows\system32\cmd.exe /c ""C:\Program Files\nodejs\procguard.cmd" run -- tool"`,
  String.raw`"C:\Windows\system32\cmd.exe" /d /s /c "procguard run -- tool"`,
  'cmd /D /E:ON /C procguard run tool',
  'CMD.EXE /cprocguard run tool',
]) {
  test(`a shell that ends with its command: ${line}`, (t) => t.true(isShellOfOneCommand(line)));
}

for (const line of [
  '',
  'cmd',
  String.raw`"C:\Windows\system32\cmd.exe" `,
  'cmd.exe /k procguard run -- tool /c',
  'cmd.exe /d /k vcvars.bat',
  'powershell.exe -Command procguard run',
  String.raw`"C:\tools\mycmd.exe" /c x`,
  String.raw`C:\node\node.exe C:\cmd.exe /c x`,
]) {
  test(`not such a shell: ${JSON.stringify(line)}`, (t) => t.false(isShellOfOneCommand(line)));
}
