//! Images made of a few files, without a builder and without a registry.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err::File;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::command::{self, CommandError};
use crate::hex::hex;
use crate::place::Place;

const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\ncontroller:x:1000:1000:controller:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ncontroller:x:1000:\n";

/// An image with nothing in it but some files, and the users root and controller (1000).
#[derive(Clone, Debug)]
pub struct Image {
    /// Its full name, such as `docker.io/fustli/flow-manager:latest`.
    pub name: String,
    /// Its files.
    pub files: Vec<ImageFile>,
    /// The user that it runs as.
    pub user: String,
    /// What it runs.
    pub entrypoint: Vec<String>,
}

/// A file of an image; it may be executed by all.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// Where it is in the image, without the leading slash.
    pub path: String,
    /// Where it is on this machine.
    pub source: PathBuf,
}

/// An image that could not be made or imported.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file could not be read or written.
    #[error("cannot make the image: {0}")]
    Io(#[from] io::Error),
    /// The container runtime refused it.
    #[error("cannot import the image: {0}")]
    Import(#[from] CommandError),
}

impl Image {
    /// An image of one static program, run as `user`.
    #[must_use]
    pub fn of_program(name: &str, source: &Path, user: &str) -> Self {
        let program = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entrypoint = vec![format!("/{program}")];
        let files = vec![ImageFile { path: program, source: source.to_owned() }];
        Self { name: name.to_owned(), files, user: user.to_owned(), entrypoint }
    }

    /// An image of the program `factory`, which stands beside this one.
    pub(crate) fn factory(name: &str) -> io::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("factory");
        Ok(Self::of_program(name, &program, "1000"))
    }

    /// Imports it into the container runtime of the lab whose state is at `place`.
    pub(crate) fn import_at(&self, place: &Place) -> Result<(), ImageError> {
        let archive = place.state().join("images").join(format!("{}.tar", digest(self.name.as_bytes())));
        self.write(File::create(&archive)?)?;
        let mut import = Command::new(place.program("ctr"));
        import.args(["--namespace=k8s.io", "images", "import", "--local"]).arg(&archive);
        command::run(&mut import)?;
        Ok(fs_err::remove_file(archive)?)
    }

    /// Writes it as an archive of the kind that `docker save` makes.
    fn write(&self, archive: impl Write) -> io::Result<()> {
        let layer = self.layer()?;
        let config = serde_json::to_vec(&self.config(&digest(&layer)))?;
        let config_name = format!("{}.json", digest(&config));
        let manifest = json!([{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]);
        let mut archive = Builder::new(archive);
        append(&mut archive, &config_name, 0o644, &config)?;
        append(&mut archive, "layer.tar", 0o644, &layer)?;
        append(&mut archive, "manifest.json", 0o644, &serde_json::to_vec(&manifest)?)?;
        archive.into_inner()?.flush()
    }

    fn layer(&self) -> io::Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        append(&mut layer, "etc/passwd", 0o644, PASSWD.as_bytes())?;
        append(&mut layer, "etc/group", 0o644, GROUP.as_bytes())?;
        for file in &self.files {
            append(&mut layer, &file.path, 0o755, &fs_err::read(&file.source)?)?;
        }
        layer.into_inner()
    }

    fn config(&self, layer: &str) -> Value {
        json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"User": self.user, "Entrypoint": self.entrypoint},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        })
    }
}

/// Same files, same archive: no times, no owners but root.
fn append(archive: &mut Builder<impl Write>, path: &str, mode: u32, data: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(u64::try_from(data.len()).map_err(io::Error::other)?);
    header.set_mode(mode);
    archive.append_data(&mut header, path, data)
}

fn digest(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read;

    fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let read = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
            let (mut entry, mut data) = (entry.unwrap(), Vec::new());
            entry.read_to_end(&mut data).unwrap();
            (entry.path().unwrap().display().to_string(), data)
        };
        tar::Archive::new(archive).entries().unwrap().map(read).collect()
    }

    #[test]
    fn the_archive_holds_a_layer_and_a_configuration_that_names_it() {
        let program = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(program.path(), "ELF").unwrap();
        let mut archive = Vec::new();
        Image::of_program("example.invalid/x:1", program.path(), "1000").write(&mut archive).unwrap();
        let outer = entries(&archive);
        let manifest: Value = serde_json::from_slice(&outer["manifest.json"]).unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], "example.invalid/x:1");
        let config: Value = serde_json::from_slice(&outer[manifest[0]["Config"].as_str().unwrap()]).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", digest(&outer["layer.tar"])));
        let layer = entries(&outer["layer.tar"]);
        assert_eq!(
            layer[config["config"]["Entrypoint"][0].as_str().unwrap().trim_start_matches('/')],
            b"ELF"
        );
        assert!(layer["etc/passwd"].ends_with(b"controller:x:1000:1000:controller:/:/sbin/nologin\n"));
    }
}
