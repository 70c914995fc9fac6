<#
.SYNOPSIS
Ends one worker, with its descendants, when its host is gone. For Windows PowerShell 5.1 and PowerShell 7.

.DESCRIPTION
    powershell -NoProfile -ExecutionPolicy Bypass -File watchdog.ps1 -WorkerId PID -HostId PID [-GraceSeconds 3] [-Launch]

It waits for the two processes themselves and needs no pipe. Windows has no SIGTERM: a worker has the grace to notice by
itself, from the end of its pipes, that the host is gone. See docs/watchdog.md.

With -Launch it starts itself anew, outside of the job in which Node ends its children. Once that one watches, it prints
"watching", its id and its start as a file time, and returns.

Exit codes: 0 it has left with its worker or has ended it, 1 something survived or couldn't be looked for, 69 it can't watch.
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

# Where another version of PowerShell started all this, its modules stand first there, and this one refuses to load them.
$env:PSModulePath = "$PSHOME\Modules"
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Stop-Watching([string] $Reason) {
  [Console]::Error.WriteLine("procguard-watchdog: $Reason")
  exit 69
}

# PowerShell itself would end with 1.
trap { Stop-Watching $_.Exception.Message }

# For what nobody can be told any more.
function Write-Log([string] $Message) {
  [Console]::Error.WriteLine("procguard-watchdog: $Message")
  # A source of its own would have to be registered by an administrator.
  try { [System.Diagnostics.EventLog]::WriteEntry('Application', "procguard-watchdog: $Message", 'Error') } catch { }
}

# The process of that id, or nothing: it is gone. Throws where it can't be opened. While its handle is open, nobody else gets
# the id.
function Open-Process([int] $Id) {
  try {
    $process = [System.Diagnostics.Process]::GetProcessById($Id)
    # As methods: a property that throws is $null to PowerShell, and no error.
    $null = $process.get_Handle()
    if ($process.get_HasExited()) { return $null }
    return $process
  } catch [System.ArgumentException], [System.InvalidOperationException] {
    # The second is that of a process that ended before it was opened.
    return $null
  } catch {
    throw "process $Id can't be opened: $($_.Exception.Message)"
  }
}

function Get-Start([System.Diagnostics.Process] $Process) {
  return $Process.get_StartTime().ToFileTimeUtc()
}

# Something that WaitAny takes.
function Get-WaitHandle([System.Diagnostics.Process] $Process) {
  $ended = New-Object System.Threading.ManualResetEvent $false
  $ended.SafeWaitHandle = New-Object Microsoft.Win32.SafeHandles.SafeWaitHandle($Process.Handle, $false)
  return $ended
}

function Get-Living([hashtable] $Tree) {
  foreach ($process in $Tree.Values) {
    if (-not $process.HasExited) { $process }
  }
}

# Adds the descendants that live to the tree, which holds processes by their ids. Returns how many can't be opened.
function Add-Descendants([hashtable] $Tree) {
  $properties = 'ProcessId', 'ParentProcessId', 'CreationDate'
  $entries = foreach ($entry in Get-CimInstance -ClassName Win32_Process -Property $properties -OperationTimeoutSec 5) {
    if ($null -eq $entry.CreationDate) { continue }
    $start = $entry.CreationDate.ToFileTimeUtc()
    @{ Id = [int] $entry.ProcessId; ParentId = [int] $entry.ParentProcessId; Start = $start }
  }
  $starts = @{}
  foreach ($id in $Tree.Keys) { $starts[$id] = Get-Start $Tree[$id] }
  $refused = 0
  # Parents first. The two sources of a start differ by less than a microsecond.
  foreach ($entry in $entries | Sort-Object { $_.Start }) {
    $parentStart = $starts[$entry.ParentId]
    # A child is no older than its parent: an id that is used again has a younger owner.
    if ($null -eq $parentStart -or $entry.Start + 10 -lt $parentStart -or $starts.ContainsKey($entry.Id)) { continue }
    $starts[$entry.Id] = $entry.Start
    try {
      $process = Open-Process $entry.Id
    } catch {
      $refused++
      continue
    }
    if ($null -ne $process -and [Math]::Abs((Get-Start $process) - $entry.Start) -le 10) { $Tree[$entry.Id] = $process }
  }
  return $refused
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
  $entry = Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $WorkerId" -OperationTimeoutSec 20
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
  # A host that is ending closes its handles, and ends its jobs by that, a moment before its own end can be seen.
  if ([System.Threading.WaitHandle]::WaitAny($ends) -eq 0 -and -not $hostProcess.WaitForExit(1000)) { exit 0 }
}

try { $null = $worker.CloseMainWindow() } catch { }
$null = $worker.WaitForExit($GraceSeconds * 1000)
# Before the look for descendants: WMI may take its time, or not answer.
try { $worker.Kill() } catch { }
# All that were ever found: while their handles are open, their ids tell also what they started before they ended.
$tree = @{ $WorkerId = $worker }
for ($look = 0; $look -lt 10; $look++) {
  # Counted before the look: one that ends meanwhile may have started another that the look doesn't show.
  $livedBefore = @(Get-Living $tree).Count
  try {
    $refused = Add-Descendants $tree
    $problem = ''
  } catch {
    $refused = 1
    $problem = ": $($_.Exception.Message)"
  }
  $living = @(Get-Living $tree)
  if ($livedBefore + $living.Count + $refused -eq 0) { exit 0 }
  foreach ($process in $living) { try { $process.Kill() } catch { } }
  [System.Threading.Thread]::Sleep(500)
}
Write-Log "process $WorkerId of the dead host $HostId, or a descendant, could not be ended$problem"
exit 1
