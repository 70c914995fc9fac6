<#
.SYNOPSIS
Ends one worker, with its descendants, when its host is gone. For Windows PowerShell 5.1 and PowerShell 7.

.DESCRIPTION
    powershell -NoProfile -ExecutionPolicy Bypass -File watchdog.ps1 -WorkerId PID -HostId PID [-GraceSeconds 3] [-Launch]

It waits for the two processes themselves and needs no pipe. Windows has no SIGTERM: a worker has the grace to notice by
itself, from the end of its pipes, that the host is gone. See docs/watchdog.md.

With -Launch it starts itself anew, outside of the job in which Node ends its children. Once that one watches, it prints
"watching", its id and its start as a file time, and returns.

Exit codes: 0 it has left with its worker or has ended it, 1 something survived, 69 it can't watch.
#>
param(
  [Parameter(Mandatory = $true)][ValidateRange(1, 2147483647)][int] $WorkerId,
  [Parameter(Mandatory = $true)][ValidateRange(1, 2147483647)][int] $HostId,
  [ValidateRange(1, 300)][int] $GraceSeconds = 3,
  # File times; what a launched watchdog knows the two by.
  [long] $WorkerStart = 0,
  [long] $HostStart = 0,
  # The name of an event that a launched watchdog sets once it watches.
  [string] $Ready = '',
  [switch] $Launch
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Stop-Watching([string] $Reason) {
  [Console]::Error.WriteLine("procguard-watchdog: $Reason")
  exit 69
}

# The process of that id, or nothing. While its handle is open, nobody else gets the id.
function Open-Process([int] $Id) {
  try {
    $process = [System.Diagnostics.Process]::GetProcessById($Id)
    $null = $process.Handle
    if ($process.HasExited) { return $null }
    return $process
  } catch {
    return $null
  }
}

function Get-Start([System.Diagnostics.Process] $Process) {
  return $Process.StartTime.ToFileTimeUtc()
}

# Something that WaitAny takes.
function Get-WaitHandle([System.Diagnostics.Process] $Process) {
  $ended = New-Object System.Threading.ManualResetEvent $false
  $ended.SafeWaitHandle = New-Object Microsoft.Win32.SafeHandles.SafeWaitHandle($Process.Handle, $false)
  return $ended
}

# The descendants that live, parents first. A child is no older than its parent: an id that is used again has a younger owner.
function Get-Descendants([int] $RootId, [long] $RootStart) {
  $children = @{}
  foreach ($entry in Get-CimInstance -ClassName Win32_Process -Property ProcessId, ParentProcessId, CreationDate) {
    if ($null -eq $entry.CreationDate) { continue }
    $parent = [int] $entry.ParentProcessId
    if (-not $children.ContainsKey($parent)) { $children[$parent] = @() }
    $children[$parent] += @{ Id = [int] $entry.ProcessId; Start = $entry.CreationDate.ToFileTimeUtc() }
  }
  $found = @()
  $seen = @{ $RootId = $true }
  $next = @(@{ Id = $RootId; Start = $RootStart })
  while ($next.Count -gt 0) {
    $level = @()
    foreach ($parent in $next) {
      if (-not $children.ContainsKey($parent.Id)) { continue }
      foreach ($child in $children[$parent.Id]) {
        # The two sources of a start differ by less than a microsecond.
        if ($seen.ContainsKey($child.Id) -or $child.Start + 10 -lt $parent.Start) { continue }
        $seen[$child.Id] = $true
        $level += $child
      }
    }
    $found += $level
    $next = $level
  }
  return , $found
}

# Through the handle, which is that of the process whose start was looked at.
function Stop-Verified([int] $Id, [long] $Start) {
  $process = Open-Process $Id
  if ($null -eq $process) { return }
  try {
    if ([Math]::Abs((Get-Start $process) - $Start) -le 10) { $process.Kill() }
  } catch {
    # It has ended meanwhile, or may not be ended: the next look tells.
  } finally {
    $process.Dispose()
  }
}

$worker = Open-Process $WorkerId
if ($null -eq $worker) { exit 0 }
$workerStarted = Get-Start $worker
$hostProcess = Open-Process $HostId
if ($WorkerStart -ne 0) {
  if ($workerStarted -ne $WorkerStart) { exit 0 }
  if ($null -ne $hostProcess -and (Get-Start $hostProcess) -ne $HostStart) { $hostProcess = $null }
} else {
  if ($null -eq $hostProcess) { Stop-Watching "host $HostId is gone, and nothing proves who process $WorkerId is" }
  $entry = Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $WorkerId" -Property ParentProcessId
  if ($null -eq $entry -or [int] $entry.ParentProcessId -ne $HostId -or (Get-Start $hostProcess) -gt $workerStarted) {
    Stop-Watching "process $WorkerId is no child of host $HostId"
  }
}

if ($Launch) {
  $name = "Local\procguard-watchdog-$([Guid]::NewGuid())"
  $isReady = New-Object System.Threading.EventWaitHandle($false, [System.Threading.EventResetMode]::ManualReset, $name)
  # A child of a child leaves Node's job by itself. It needs a console, if a hidden one: PowerShell ends at once without.
  $arguments = @(
    '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', "`"$PSCommandPath`"",
    '-WorkerId', $WorkerId, '-HostId', $HostId, '-GraceSeconds', $GraceSeconds,
    '-WorkerStart', $workerStarted, '-HostStart', (Get-Start $hostProcess), '-Ready', $name
  )
  $program = [System.Diagnostics.Process]::GetCurrentProcess().MainModule.FileName
  $launched = Start-Process -FilePath $program -ArgumentList $arguments -WindowStyle Hidden -PassThru
  $null = $launched.Handle
  $news = [System.Threading.WaitHandle[]] @($isReady, (Get-WaitHandle $launched))
  $first = [System.Threading.WaitHandle]::WaitAny($news, 30000)
  if ($first -eq 0) {
    [Console]::Out.WriteLine("watching $($launched.Id) $(Get-Start $launched)")
    exit 0
  }
  if ($first -eq 1) { Stop-Watching "the watchdog ended with exit code $($launched.ExitCode) before it watched" }
  try { $launched.Kill() } catch { }
  Stop-Watching 'the watchdog did not watch within 30 seconds'
}

# Whoever has launched it may be gone by now, and the event with him.
if ($Ready -ne '') {
  try { $null = [System.Threading.EventWaitHandle]::OpenExisting($Ready).Set() } catch { }
}

if ($null -ne $hostProcess) {
  $ends = [System.Threading.WaitHandle[]] @((Get-WaitHandle $worker), (Get-WaitHandle $hostProcess))
  if ([System.Threading.WaitHandle]::WaitAny($ends) -eq 0 -and -not $hostProcess.HasExited) { exit 0 }
}

try { $null = $worker.CloseMainWindow() } catch { }
$null = $worker.WaitForExit($GraceSeconds * 1000)
for ($look = 0; $look -lt 10; $look++) {
  $left = Get-Descendants $WorkerId $workerStarted
  if ($worker.HasExited -and $left.Count -eq 0) { exit 0 }
  if (-not $worker.HasExited) { try { $worker.Kill() } catch { } }
  foreach ($process in $left) { Stop-Verified $process.Id $process.Start }
  $null = $worker.WaitForExit(500)
  Start-Sleep -Milliseconds 100
}
[Console]::Error.WriteLine("procguard-watchdog: process $WorkerId of the dead host $HostId, or a descendant, could not be ended")
exit 1
