{
  "variables": {
    "sanitize%": "",
    # In a checkout a warning is an error; a user's newer compiler may warn of what ours doesn't know yet.
    "warnings": "<!(node -p \"require('node:fs').existsSync('.git') ? '-Werror' : '-Wno-error'\")"
  },
  "target_defaults": {
    "cflags": ["-Wall", "-Wextra", "<(warnings)", "-fvisibility=hidden"],
    "cflags_cc": ["-std=c++17"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "include_dirs": ["native"],
    # What Node's own settings say of these would win over plain "xcode_settings".
    "target_conditions": [
      ["OS=='mac'", {
        "xcode_settings": {
          "MACOSX_DEPLOYMENT_TARGET": "11.0",
          "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
          "CLANG_CXX_LIBRARY": "libc++",
          "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
          "WARNING_CFLAGS": ["-Wall", "-Wextra", "<(warnings)"]
        }
      }]
    ],
    "conditions": [
      ["sanitize!=''", {
        "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g", "-O1"],
        "ldflags": ["-fsanitize=<(sanitize)"]
      }]
    ]
  },
  "targets": [
    {
      "target_name": "procguard",
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "conditions": [
        ["OS=='linux'", {
          # The spawner and the keeper's thread outlive a Worker that has loaded the addon: its code must stay.
          "ldflags": ["-Wl,-z,nodelete"],
          "dependencies": ["procguard-keeper", "procguard-run"],
          "sources": [
            "native/addon.cc",
            "native/guarded_process.cc",
            "native/loop_watch.cc",
            "native/node_handle.cc",
            "native/sample_job.cc",
            "native/snapshot_job.cc",
            "native/posix/detached_thread.cc",
            "native/posix/keeper_record.cc",
            "native/posix/slot_pool.cc",
            "native/linux/adopted_children.cc",
            "native/linux/cgroup.cc",
            "native/linux/child.cc",
            "native/linux/exec.cc",
            "native/linux/exit_watch.cc",
            "native/linux/exports.cc",
            "native/linux/guard_state.cc",
            "native/linux/identity.cc",
            "native/linux/keeper_process.cc",
            "native/linux/kernel.cc",
            "native/linux/launch.cc",
            "native/linux/process_table.cc",
            "native/linux/procfs.cc",
            "native/linux/sample.cc",
            "native/linux/sighting.cc",
            "native/linux/spawner.cc",
            "native/linux/tree_use.cc"
          ]
        }, "OS=='win'", {
          "defines": ["_WIN32_WINNT=0x0A00", "WIN32_LEAN_AND_MEAN", "NOMINMAX", "UNICODE"],
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/std:c++17"] } },
          "sources": [
            "native/addon.cc",
            "native/loop_watch.cc",
            "native/sample_job.cc",
            "native/snapshot_job.cc",
            "native/windows/command_line.cc",
            "native/windows/disabled.cc",
            "native/windows/environment_block.cc",
            "native/windows/exit_watch.cc",
            "native/windows/exports.cc",
            "native/windows/guarded_process.cc",
            "native/windows/ipc_peer.cc",
            "native/windows/job.cc",
            "native/windows/launch.cc",
            "native/windows/node_handle.cc",
            "native/windows/pipe_pair.cc",
            "native/windows/process_table.cc",
            "native/windows/program_search.cc",
            "native/windows/sample.cc",
            "native/windows/stdio_block.cc",
            "native/windows/wide_text.cc"
          ]
        }, "OS=='mac'", {
          "dependencies": ["procguard-keeper"],
          "sources": [
            "native/addon.cc",
            "native/guarded_process.cc",
            "native/loop_watch.cc",
            "native/node_handle.cc",
            "native/sample_job.cc",
            "native/snapshot_job.cc",
            "native/posix/detached_thread.cc",
            "native/posix/keeper_record.cc",
            "native/posix/slot_pool.cc",
            "native/darwin/adopted_children.cc",
            "native/darwin/child.cc",
            "native/darwin/disabled.cc",
            "native/darwin/exit_watch.cc",
            "native/darwin/exports.cc",
            "native/darwin/guard_state.cc",
            "native/darwin/identity.cc",
            "native/darwin/inherited.cc",
            "native/darwin/keeper_process.cc",
            "native/darwin/launch.cc",
            "native/darwin/launch_as.cc",
            "native/darwin/process_events.cc",
            "native/darwin/process_table.cc",
            "native/darwin/processes.cc",
            "native/darwin/program_search.cc",
            "native/darwin/reap.cc",
            "native/darwin/sample.cc",
            "native/darwin/started_with.cc",
            "native/darwin/tree_use.cc",
            "native/darwin/usage.cc"
          ]
        }, { "type": "none" }]
      ]
    },
    {
      "target_name": "procguard-keeper",
      "conditions": [
        ["OS=='linux'", {
          "type": "executable",
          "sources": [
            "native/keeper/main.cc",
            "native/keeper/cgroup.cc",
            "native/keeper/processes.cc",
            "native/linux/procfs.cc"
          ],
          "cflags_cc": ["-Os", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
          "ldflags": ["-Wl,--as-needed", "-Wl,-z,now"]
        }, "OS=='mac'", {
          "type": "executable",
          "sources": [
            "native/darwin/keeper/host_watch.cc",
            "native/darwin/keeper/main.cc",
            "native/darwin/keeper/trees.cc",
            "native/darwin/process_events.cc",
            "native/darwin/processes.cc",
            "native/darwin/started_with.cc"
          ],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["$(inherited)", "-fno-threadsafe-statics"] },
          # Node's own setting of it is in the configuration, too.
          "configurations": { "Release": { "xcode_settings": { "GCC_OPTIMIZATION_LEVEL": "s" } } }
        }, { "type": "none" }]
      ]
    },
    {
      "target_name": "procguard-run",
      "conditions": [
        ["OS=='linux'", {
          "type": "executable",
          "sources": [
            "native/run/main.cc",
            "native/run/no_runtime.cc",
            "native/run/parent.cc",
            "native/run/signals.cc",
            "native/run/tree.cc",
            "native/linux/cgroup.cc",
            "native/linux/identity.cc",
            "native/linux/keeper_process.cc",
            "native/linux/kernel.cc",
            "native/linux/launch.cc",
            "native/linux/procfs.cc"
          ],
          "cflags_cc": ["-Os", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffunction-sections"],
          "ldflags": ["-Wl,--as-needed", "-Wl,--gc-sections", "-Wl,-z,now"]
        }, { "type": "none" }]
      ]
    }
  ]
}
