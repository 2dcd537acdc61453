//! Draws what the documents of the control law show: `docs/control` is written anew.

mod document;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = document::folder();
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    for file in document::files()? {
        fs_err::write(folder.join(file.name), file.text)?;
    }
    Ok(())
}
