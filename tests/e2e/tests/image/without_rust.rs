//! The route for those without Rust. Its compiler's image is out of a lab's reach: something stands in for that.

use crate::registry::shell;

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
    let build = "buildctl build --frontend dockerfile.v0 \
      --local context=. --local dockerfile=docker/flow-manager --opt filename=Dockerfile.build \
      --local compiler=/run/compiler --opt context:rust:1.95.0-bookworm=local:compiler \
      --output type=local,dest=/run/rootfs";
    let list = "find /run/rootfs/linux/amd64 -type f -printf '%m %T@ %P\\n' | LC_ALL=C sort -k3";
    let files = shell(&format!("{COMPILER}\n{build}\n{list}")).await.unwrap();
    let time = shell("git log -1 --format=%ct").await.unwrap();
    let expected = [
        "644 TIME etc/group",
        "644 TIME etc/passwd",
        "644 TIME etc/ssl/certs/ca-certificates.crt",
        "755 TIME flow-manager",
    ];
    let expected = expected.map(|line| line.replace("TIME", &format!("{}.0000000000", time.trim())));
    assert_eq!(files.lines().collect::<Vec<_>>(), expected);
}
