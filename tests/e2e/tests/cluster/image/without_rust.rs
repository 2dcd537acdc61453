//! The route for those without Rust. Its compiler's image is out of a lab's reach: something stands in for that.

use super::guide::commands_of;
use super::registry::shell;

/// The section of the guide.
pub(crate) const HEADING: &str = "Without Rust";

/// Makes a root file system of the programs that the Makefile runs, with a cargo that only pretends to build.
const COMPILER: &str = r#"
base=/run/compiler
rm -rf $base /run/rootfs
mkdir -p $base/bin $base/usr/bin $base/tmp
for program in bash make install touch find rm mkdir sed git; do
  file=$(readlink -f "$(command -v $program)")
  cp "$file" $base/bin/$program
  for library in $(ldd "$file" | grep -oE '/[^ ]+'); do
    install -D "$library" "$base$library"
  done
done
ln -s bash $base/bin/sh
ln -s ../../bin/bash $base/usr/bin/bash
cat > $base/bin/cargo <<'CARGO'
#!/bin/bash
case $1 in
run) echo CERTIFICATES ;;
build) install -D -m 755 /dev/stdin target/x86_64-unknown-linux-gnu/release/flow-manager <<< PROGRAM ;;
esac
CARGO
chmod +x $base/bin/cargo
"#;

#[tokio::test]
async fn its_builder_writes_the_files_that_the_image_is_made_of() {
    let [build] = commands_of(HEADING).try_into().unwrap();
    let build = build
        .replace("nerdctl build", "nerdctl build --build-context rust:1.95.0-bookworm=/run/compiler")
        .replace("dest=docker/flow-manager/rootfs", "dest=/run/rootfs");
    let list = "find /run/rootfs/linux/amd64 -type f -not -newermt @0 -printf '%m %P\\n' | LC_ALL=C sort -k2";
    let files = shell(&format!("{COMPILER}\n{build}\n{list}")).await.unwrap();
    let expected =
        ["644 etc/group", "644 etc/passwd", "644 etc/ssl/certs/ca-certificates.crt", "755 flow-manager"];
    assert_eq!(files.lines().collect::<Vec<_>>(), expected);
}
